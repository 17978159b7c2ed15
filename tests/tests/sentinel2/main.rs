//! Sentinel-2 data as they come: products, their parts, their zips, loose files, through the program.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]
#![allow(clippy::cast_possible_truncation, reason = "made numbers are small")]

mod dates;
mod errors;
mod faces;
mod grids;
mod items;
mod maps;
mod masks;
mod names;
mod real;
mod series;
mod stacks;

use std::path::{Path, PathBuf};

use conformance::{models, program};
use spectralgpt_core::model::manifest::{Channel, Manifest, Normalisation};

/// Scales each chip: no offset matters.
const MIN_MAX: Normalisation = Normalisation::ChipMinMax { epsilon: 0.0 };

/// Scales by constants: the offset must be known.
fn z_score(bands: usize) -> Normalisation {
    Normalisation::ZScore { mean: vec![3500.0; bands], std: vec![900.0; bands] }
}

/// Writes a model of four classes, each of which likes other bands.
fn model(folder: &Path, bands: &[&str], normalisation: Normalisation) -> PathBuf {
    let manifest = Manifest {
        channels: bands.iter().map(|band| Channel::Band((*band).to_owned())).collect(),
        processing_level: Some("L2A".into()),
        profile: Some("test".into()),
        normalisation,
        ..models::plain_manifest(4, 0)
    };
    let path = folder.join("model.onnx");
    let count = bands.len();
    models::save(&path, &manifest, |graph, chip| {
        let weight = |at: usize| ((at * 7 + at / count) % 11) as f32 - 5.0;
        let weights = (0..4 * count).map(weight).collect();
        let weight = graph.floats("weight", &[4, count, 1, 1], weights);
        let bias = graph.floats("bias", &[4], vec![0.0, 0.1, -0.1, 0.2]);
        graph.conv(chip, weight, bias, 1)
    });
    path
}

/// Maps and returns the file's bytes.
fn map(model: &Path, input: &str, options: &[&str]) -> Vec<u8> {
    let file = model.with_file_name("map.tif");
    predict(model, &[input], &file, options);
    std::fs::read(file).unwrap()
}

/// Maps rasters, one per date, and returns what was logged.
fn predict(model: &Path, inputs: &[&str], file: &Path, options: &[&str]) -> String {
    let (model, file) = (model.to_str().unwrap(), file.to_str().unwrap());
    program::done(&[&["predict", model], inputs, &["-o", file, "--overwrite"], options].concat())
        .err
}

/// Maps what cannot be mapped and returns the exit code and the words.
fn refused(model: &Path, inputs: &[&str], options: &[&str]) -> (Option<i32>, String) {
    let file = model.with_file_name("refused.tif");
    let (model, output) = (model.to_str().unwrap(), file.to_str().unwrap());
    let run = program::run(&[&["predict", model], inputs, &["-o", output], options].concat());
    assert!(!file.exists());
    (run.code, run.err)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
