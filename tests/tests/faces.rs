//! Every face gives every pixel what its model says, and refuses in the same words.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::path::Path;

use conformance::face::{self, Case, Face, Plane, Refusal};
use conformance::raster::SEGMUNICH;
use conformance::{detgen, full, models, raster};
use spectralgpt_core::geometry::{Size, Window};
use spectralgpt_core::model::BUILTIN;
use spectralgpt_core::model::manifest::Normalisation;
use spectralgpt_core::onnx::Graph;
use spectralgpt_core::tile::reflect;

/// Smaller than a chip, one pixel, one line, one past a chip, several chips; never square.
const SIZES: [(u32, u32); 5] = [(1, 1), (127, 128), (129, 67), (300, 1), (391, 277)];

/// Whole numbers below 251, so that sums over a box are exact in f32.
fn pattern(size: Size) -> Vec<u16> {
    let value = |at: u32| u16::from(((at * 7919 + at / size.width * 31) % 251).to_le_bytes()[0]);
    (0..size.width * size.height).map(value).collect()
}

/// Predicts one band with every face; checks that each gives the expected scores.
fn check(model: &Path, size: Size, change: impl Fn(&mut Case<'_>), expected: &[f32]) {
    let mut case = Case::new(model, size, &["B02"], pattern(size));
    case.emit = "scores";
    change(&mut case);
    for face in face::all() {
        let planes = face.predict(&case).unwrap();
        assert_eq!((planes.len(), planes[0].size), (1, size), "{}", face.name());
        assert!(planes[0].pixels == expected, "{}, {size}", face.name());
    }
}

#[test]
fn a_constant_model_is_exact_at_every_pixel() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("constant.onnx");
    let constants = [0.73, 300.1, -1.0 / 3.0];
    models::constant(&model, &constants);
    for (width, height) in SIZES {
        let size = Size::new(width, height);
        let expected: Vec<f32> = constants.iter().flat_map(|c| vec![*c; size.pixels()]).collect();
        check(&model, size, |_| {}, &expected);
    }
}

#[test]
fn a_box_sum_is_exact_to_the_edge() {
    let folder = tempfile::tempdir().unwrap();
    let radii = if full() { vec![1, 5, 20] } else { vec![5, 20] };
    for radius in radii {
        let model = folder.path().join(format!("box{radius}.onnx"));
        models::box_sum(&model, radius);
        for (width, height) in if full() { SIZES.to_vec() } else { SIZES[2..].to_vec() } {
            let size = Size::new(width, height);
            let expected = box_sums(&pattern(size), size, i64::from(radius));
            check(&model, size, |_| {}, &expected);
            let least = |case: &mut Case<'_>| {
                case.overlap = Some((2 * radius).next_multiple_of(8));
                case.batch = 3;
            };
            check(&model, size, least, &expected);
        }
    }
}

/// Sums boxes of the reflected raster, one axis after the other.
fn box_sums(pixels: &[u16], size: Size, radius: i64) -> Vec<f32> {
    let (width, height) = (size.width as usize, size.height as usize);
    let near = |at: usize, length: u32| {
        (-radius..=radius).map(move |by| reflect(at as i64 + by, length) as usize)
    };
    let mut across = vec![0u32; pixels.len()];
    for (at, sum) in across.iter_mut().enumerate() {
        let row = at / width * width;
        *sum = near(at % width, size.width).map(|col| u32::from(pixels[row + col])).sum();
    }
    let down = |at: usize| -> u32 {
        near(at / width, size.height).map(|row| across[row * width + at % width]).sum()
    };
    assert_eq!(across.len(), width * height);
    (0..pixels.len()).map(|at| down(at) as f32).collect()
}

/// A scene of thirteen bands of which the model needs ten, with a wedge of nodata.
fn scene(model: &Path) -> Case<'_> {
    const BANDS: [&str; 13] =
        ["B12", "B11", "B8A", "B10", "B08", "B07", "B06", "B05", "B04", "B03", "B02", "B01", "B09"];
    let size = Size::new(391, 277);
    let raw = detgen::raw_u16("scene", 13, 277, 391, 200, 3800);
    let mut pixels = raster::by_row(&raw, 391, 13);
    for (at, number) in pixels.iter_mut().enumerate() {
        let (row, col) = (at / 391 / 13, at % 391);
        if row + col < 150 || (200..240).contains(&row) && col > 300 {
            *number = 0;
        }
    }
    let mut case = Case::new(model, size, &BANDS, pixels);
    case.nodata = Some(0.0);
    case
}

#[test]
fn every_face_gives_every_output_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::segment(folder.path(), 1, 0.25);
    let mut case = scene(&model);
    case.emit = "classes,scores,confidence,entropy,disagreement,features,valid";
    let mut windows = vec![None, Some(Window::new(130, 95, Size::new(97, 101)))];
    if full() {
        windows.push(Some(Window::new(390, 276, Size::square(1))));
        windows.push(Some(Window::new(0, 0, Size::new(391, 1))));
    }
    for window in windows {
        case.window = window;
        let mut first: Option<Vec<Plane>> = None;
        for (face, (batch, threads)) in
            face::all().iter().zip([(1, 2), (2, 1), (3, 2)].into_iter().cycle())
        {
            (case.batch, case.threads) = (batch, threads);
            let planes = face.predict(&case).unwrap();
            assert_eq!(planes.len(), 7);
            let first = first.get_or_insert_with(|| planes.clone());
            assert!(*first == planes, "{}, {window:?}", face.name());
        }
        let valid = first.unwrap().pop().unwrap();
        assert!(window.is_some() || valid.pixels.contains(&0.0));
    }
}

#[test]
fn every_face_has_the_built_in_model() {
    let mut case = scene(Path::new(BUILTIN));
    (case.dn_offset, case.window) = (Some(0.0), Some(Window::new(3, 5, Size::new(203, 131))));
    let expected = face::Rust.predict(&case).unwrap();
    for face in face::all() {
        assert!(face.predict(&case).unwrap() == expected, "{}", face.name());
    }
}

/// Asks every face what it refuses.
fn refusals(case: &Case<'_>) -> Vec<(String, Refusal)> {
    let refused = |face: Box<dyn Face>| {
        let refusal = face.predict(case).err();
        (face.name(), refusal.unwrap_or_else(|| panic!("{} does it", face.name())))
    };
    face::all().into_iter().map(refused).collect()
}

#[test]
fn every_face_refuses_with_the_same_number_and_words() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::segment(folder.path(), 1, 0.25);
    let whole = scene(&model);
    let shifted = folder.path().join("shifted.onnx");
    let mut manifest = models::plain_manifest(1, 0);
    manifest.profile = Some("bigearthnet".into());
    manifest.normalisation = Normalisation::ZScore { mean: vec![0.0], std: vec![1.0] };
    models::save(&shifted, &manifest, |graph, chip| {
        let weight = graph.floats("weight", &[1, 1, 1, 1], vec![1.0]);
        graph.conv(chip, weight, Graph::ABSENT, 1)
    });
    let missing = folder.path().join("missing.onnx");
    let cases = [
        (Case { overlap: Some(30), ..whole.clone() }, 2, "give a multiple of 8"),
        (Case { emit: "classes,anomaly", ..whole.clone() }, 2, "not an output of a segment model"),
        (Case { emit: "classes,classes", ..whole.clone() }, 2, "asked for twice"),
        (
            Case { window: Some(Window::new(300, 0, Size::square(100))), ..whole.clone() },
            2,
            "inside",
        ),
        (Case { model: &shifted, ..whole.clone() }, 3, "--dn-offset -1000"),
        (Case { model: &missing, ..whole.clone() }, 4, "missing.onnx"),
        (
            Case { bands: &[&SEGMUNICH[..], &["x", "y", "B02"]].concat(), ..whole.clone() },
            3,
            "B02 is there more than once",
        ),
    ];
    for (case, number, words) in cases {
        for (face, (status, said)) in refusals(&case) {
            assert_eq!(status, number, "{face}: {said}");
            assert!(said.contains(words), "{face}: {said}");
        }
    }
}
