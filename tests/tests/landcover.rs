//! The built-in land cover model maps landscapes that it was not trained on.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::path::{Path, PathBuf};

use conformance::{program, raster};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::landscape::{BANDS, Class, Landscape, NO_TRUTH};
use spectralgpt_core::model::Model;
use spectralgpt_core::model::profile::Profile;

const SIZE: Size = Size::new(300, 210);

/// First of the seeds that no training saw.
const UNSEEN: u64 = 950_000_100;

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/landcover.onnx")
}

/// Maps a landscape with the program.
fn map(landscape: &Landscape, folder: &Path) -> Vec<u8> {
    let (scene, map) = (folder.join("scene.tif"), folder.join("map.tif"));
    let width = SIZE.width as usize;
    let row = |row: usize| (0..BANDS.len()).map(move |band| (band, row * width));
    let pixels: Vec<u16> = (0..SIZE.height as usize)
        .flat_map(row)
        .flat_map(|(band, first)| landscape.band(band)[first..first + width].iter().copied())
        .collect();
    raster::write_u16(&scene, SIZE, &BANDS, &pixels, Some(0.0));
    let model = model();
    let [model, scene, map] = [&model, &scene, &map].map(|path| path.to_str().unwrap());
    let offset = landscape.dn_offset().to_string();
    let options = ["-q", "--overwrite", "--dn-offset", &offset];
    program::done(&[&["predict", model, scene, "-o", map], &options[..]].concat());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "classes are bytes")]
    let bytes = raster::read(Path::new(map)).pixels.into_iter().map(|value| value as u8).collect();
    bytes
}

#[test]
fn its_classes_are_the_landscapes_and_it_is_small() {
    let opened = Model::open(&model()).unwrap();
    assert_eq!(opened.manifest().classes, Profile::named("landcover").unwrap().classes(7));
    assert_eq!(opened.manifest().classes.len(), Class::ALL.len());
    assert!(std::fs::metadata(model()).unwrap().len() <= 8 << 20);
}

#[test]
fn unseen_landscapes_are_mapped_nine_times_in_ten() {
    let folder = tempfile::tempdir().unwrap();
    let (mut right, mut known) = (0, 0);
    for seed in UNSEEN..UNSEEN + 4 {
        let landscape = Landscape::new(seed, SIZE);
        for (given, &truth) in map(&landscape, folder.path()).into_iter().zip(landscape.truth()) {
            assert_eq!(given == NO_TRUTH, truth == NO_TRUTH, "no data where there is none");
            known += usize::from(truth != NO_TRUTH);
            right += usize::from(truth != NO_TRUTH && given == truth);
        }
    }
    let share = right as f64 / known as f64;
    assert!(share >= 0.9, "{share}");
}
