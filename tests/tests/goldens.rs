//! Our segmentation against what the original PyTorch code gave, from checkpoint to label codes.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "classes read as f32")]

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use conformance::face::{self, Case};
use conformance::golden::{self, Golden};
use conformance::raster::SEGMUNICH;
use conformance::segment::segment_tensors;
use conformance::torch::{self, Wrap};
use conformance::{detgen, full, models, raster};
use serde_json::Value;
use spectralgpt_core::checkpoint::Checkpoint;
use spectralgpt_core::convert::{ConvertOptions, convert};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::model::Model;
use spectralgpt_core::model::manifest::Manifest;
use spectralgpt_core::model::profile::Profile;
use spectralgpt_core::normalise::Normaliser;
use spectralgpt_core::onnx::write;
use spectralgpt_core::runtime::session::{Session, SessionOptions};
use spectralgpt_core::spectralgpt::{Choices, Config, build};

/// The inner stages: name, channels, side, and the sub-sampling of the golden arrays.
const STAGES: [(&str, usize, usize, usize, usize); 10] = [
    ("fused", 768, 16, 4, 1),
    ("conv0", 256, 128, 16, 8),
    ("conv1", 512, 64, 16, 4),
    ("conv2", 1024, 32, 16, 2),
    ("conv3", 2048, 16, 32, 1),
    ("ppm", 256, 16, 8, 1),
    ("fpn2", 256, 32, 8, 2),
    ("fpn3", 256, 64, 8, 4),
    ("fpn4", 256, 128, 8, 8),
    ("fuse_all", 256, 128, 8, 8),
];

/// Returns every `channels`-th channel and every `pixels`-th row and column of a map.
fn sampled(map: &[f32], side: usize, channels: usize, pixels: usize) -> Vec<f32> {
    let planes = map.chunks_exact(side * side).step_by(channels);
    let rows = planes.flat_map(|plane| plane.chunks_exact(side).step_by(pixels));
    rows.flat_map(|row| row.iter().copied().step_by(pixels)).collect()
}

fn infer(model: &Path, outputs: &[&str]) -> Vec<Vec<f32>> {
    let session = Session::open(model, &SessionOptions::default()).unwrap();
    let tensors = session.run(&[&detgen::image("input", 12, 128, 128)], outputs).unwrap();
    tensors.into_iter().map(|tensor| tensor.values).collect()
}

/// Writes the model with its inner stages as outputs.
fn with_stages(checkpoint: &Path) -> PathBuf {
    let weights = Checkpoint::open(checkpoint).unwrap();
    let config = Config::read(&weights, &Choices::default()).unwrap();
    let path = checkpoint.with_extension("stages.onnx");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    write(&build(&config, true), &weights, &[], &mut file).unwrap();
    path
}

/// Checks the class of every pixel where the original's own margin lets a class be told.
fn check_classes(golden: &Golden, logits: &[f32], tolerance: f32) {
    let pixels = golden.array.values.len();
    let mut decided = Vec::new();
    for (at, theirs) in golden.array.values.iter().enumerate() {
        let scores: Vec<f32> = logits.iter().skip(at).step_by(pixels).copied().collect();
        let best = scores.iter().copied().fold(f32::MIN, f32::max);
        let near = |class: f32| best - scores[class as usize] < 2.0 * tolerance;
        let ours = scores.iter().position(|score| *score == best).unwrap() as f32;
        decided.push(if near(*theirs) { *theirs } else { ours });
    }
    golden.check_pixels(&decided, 0);
}

#[test]
fn logits_and_every_stage_of_the_head_are_the_originals() {
    let deep = if full() { vec![1, 2, 12] } else { vec![1, 2] };
    for depth in deep {
        let name = |what: &str| format!("segment_base128_d{depth}_{what}");
        let Some(logits) = golden::load(&name("logits")) else { return };
        let folder = tempfile::tempdir().unwrap();
        let model = models::segment(folder.path(), depth, 1.0);
        let ours = infer(&model, &["logits"]).swap_remove(0);
        logits.check(&ours);
        check_classes(&golden::load(&name("argmax")).unwrap(), &ours, logits.tolerance);
        if depth != 1 {
            continue;
        }
        let names = STAGES.map(|(stage, ..)| golden::output(stage));
        let stages = infer(&with_stages(&model.with_extension("pth")), &names);
        for ((stage, channels, side, every, pixels), map) in STAGES.into_iter().zip(stages) {
            assert_eq!(map.len(), channels * side * side, "{stage}");
            golden::load(&name(stage)).unwrap().check(&sampled(&map, side, every, pixels));
        }
    }
}

/// Compares where the shared data are not: other weights, another input, sub-sampled.
#[test]
fn a_small_model_gives_what_the_formulas_give_in_double_precision() {
    let golden: Value = serde_json::from_str(include_str!("../golden/segment_small.json")).unwrap();
    let expected: Vec<f32> = serde_json::from_value(golden["values"].clone()).unwrap();
    let [every, tolerance] = ["every", "tolerance"].map(|key| golden[key].as_f64().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("small.pth");
    let tensors = segment_tensors(1, 0.25, 13, "own");
    torch::write(&checkpoint, &tensors, Wrap::Flat).unwrap();
    let model = checkpoint.with_extension("onnx");
    convert(&checkpoint, &model, &ConvertOptions::default()).unwrap();
    let session = Session::open(&model, &SessionOptions::default()).unwrap();
    let chip = detgen::image("own", 12, 128, 128);
    let logits = session.run(&[&chip], &["logits"]).unwrap().swap_remove(0).values;
    let ours: Vec<f32> = logits.into_iter().step_by(every as usize).collect();
    assert!(ours.len() == expected.len() && ours.len() > 500);
    let errors = ours.iter().zip(&expected).map(|(ours, theirs)| f64::from((ours - theirs).abs()));
    let largest = errors.inspect(|error| assert!(*error <= tolerance)).fold(0.0, f64::max);
    conformance::tell(&format!("small golden: {largest:.2e} of {tolerance:.0e}"));
}

/// A raw tile of the original's preparation, (row, column, band) turned to the bands named, whose
/// places in the tile are given.
fn raw_tile(tile: &[u16], bands: usize, places: &[usize]) -> Vec<f32> {
    let band = |place: &usize| tile.iter().skip(*place).step_by(bands).map(|dn| f32::from(*dn));
    places.iter().flat_map(band).collect()
}

/// Normalises a raw tile as a profile says.
fn prepared(profile: &str, tile: &[f32]) -> Vec<f32> {
    let manifest = models::profile_manifest(&Profile::named(profile).unwrap());
    let normaliser = Normaliser::new(&manifest, 0.0).unwrap();
    let pixels = (manifest.footprint_px as usize).pow(2);
    let mut input = vec![f32::NAN; 12 * 128 * 128];
    raster::normalise(&normaliser, tile, &vec![1; pixels], &mut input);
    input
}

#[test]
fn the_networks_input_is_the_originals() {
    let all: Vec<usize> = (0..12).collect();
    let Some(golden) = golden::load("prep_segmunich") else { return };
    let tile = detgen::raw_u16("segmunich", 10, 128, 128, 200, 3800);
    golden.check(&prepared("segmunich", &raw_tile(&tile, 10, &all[..10])));
    let tile = detgen::raw_u16("eurosat", 13, 64, 64, 200, 3800);
    // The profile asks for the file's bands in its order, the eleventh left out.
    let places = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12];
    let input = prepared("eurosat-stock", &raw_tile(&tile, 13, &places));
    golden::load("prep_eurosat_eval128").unwrap().check(&input);
    assert!(input == prepared("eurosat-canonical", &raw_tile(&tile, 13, &places)));
    let tile = detgen::raw_u16("bigearthnet", 12, 120, 120, 0, 6000);
    let input = prepared("bigearthnet", &raw_tile(&tile, 12, &all));
    golden::load("prep_bigearthnet_eval128").unwrap().check(&input);
    let manifest = models::profile_manifest(&Profile::named("bigearthnet").unwrap());
    let manifest = Manifest { chip_px: 120, resize_px: None, ..manifest };
    let mut bytes = vec![f32::NAN; 12 * 120 * 120];
    let bands = raw_tile(&tile, 12, &all);
    let normaliser = Normaliser::new(&manifest, 0.0).unwrap();
    raster::normalise(&normaliser, &bands, &[1; 120 * 120], &mut bytes);
    let by_pixel = |at: usize| (bytes[at % 12 * 14400 + at / 12] * 255.0).round();
    let bytes: Vec<f32> = (0..12 * 120 * 120).map(by_pixel).collect();
    golden::load("prep_bigearthnet_uint8").unwrap().check_pixels(&bytes, 0);
    for (date, low, span) in [(1, 200, 3800), (2, 150, 3000)] {
        let mut tile = detgen::raw_u16(&format!("oscd{date}"), 12, 128, 128, low, span);
        if date == 2 {
            detgen::flip(&mut tile, 12, 128, 40..90, 20..100);
        }
        let input = prepared("oscd", &raw_tile(&tile, 12, &all));
        let some: Vec<f32> =
            [0, 3, 6, 9].iter().flat_map(|c| &input[c * 16384..][..16384]).copied().collect();
        golden::load(&format!("prep_oscd_{date}")).unwrap().check(&some);
    }
}

#[test]
fn every_face_gives_the_label_codes_of_the_originals_script() {
    for depth in if full() { vec![1, 12] } else { vec![1] } {
        let Some(golden) = golden::load(&format!("predict_segmunich_d{depth}_codes")) else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let model = models::segment(folder.path(), depth, 1.0);
        let raw = detgen::raw_u16("segmunich", 10, 128, 128, 200, 3800);
        let rows = raster::by_row(&raw, 128, 10);
        let case = Case::new(&model, Size::square(128), &SEGMUNICH, rows);
        let manifest = Model::open(&model).unwrap().manifest().clone();
        let code = |class: &f32| -> f32 {
            let name = &manifest.classes[*class as usize].name;
            name.split(' ').next().unwrap().parse().unwrap()
        };
        for face in face::all() {
            let classes = face.predict(&case).unwrap().swap_remove(0).pixels;
            golden.check_pixels(&classes.iter().map(code).collect::<Vec<_>>(), 16);
        }
    }
}
