//! Times the line around a network that does nothing: chips per second from file to file.
//!
//! Prints the median and range of several runs in one process; 2 threads, overlap 0, warm cache.
//! `cargo bench -p conformance --bench throughput -- WORD` measures those that have the word.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has nothing to say")]
#![allow(clippy::print_stdout, reason = "its output is the result")]

use std::path::Path;

use conformance::{detgen, models, raster};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::model::Model;
use spectralgpt_core::model::profile::Profile;
use spectralgpt_core::options::Options;
use spectralgpt_core::progress::Silent;
use spectralgpt_core::scene::Predictor;

/// As wide as a Sentinel-2 tile; a quarter of its height.
const SIZE: Size = Size::new(10_980, 2700);
const RUNS: usize = 15;

/// Writes a scene of SegMunich's bands.
fn scene(path: &Path, creation: &[&str]) {
    let (width, height) = (SIZE.width as usize, SIZE.height as usize);
    let pixels = detgen::raw_u16("throughput", 10, height, width, 200, 3800);
    let rows = raster::by_row(&pixels, width, 10);
    raster::write_u16_as(path, SIZE, &raster::SEGMUNICH, &rows, creation);
}

/// Writes a model that hands on its first channels as the scores of as many classes.
fn model(path: &Path, classes: u32) {
    let mut manifest = models::profile_manifest(&Profile::named("segmunich").unwrap());
    manifest.classes = models::plain_manifest(classes, 0).classes;
    manifest.outputs[0].channels = classes;
    models::save(path, &manifest, |graph, chip| {
        let channels = (0..i64::from(classes)).map(|class| class % 12).collect();
        let indices = graph.ints(&[classes as usize], channels);
        graph.gather(chip, indices, 1)
    });
}

/// Measures a model of so many classes on a scene with those creation options.
fn measure(name: &str, creation: &[&str], classes: u32) {
    if std::env::args().skip(1).any(|word| !word.starts_with('-') && !name.contains(&word)) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [input, network, map] =
        ["scene.tif", "model.onnx", "map.tif"].map(|name| folder.path().join(name));
    scene(&input, creation);
    model(&network, classes);
    let mut options = Options::default();
    options.overlap = Some(0);
    options.threads = 2;
    options.overwrite = true;
    let predictor = Predictor::new(Model::open(&network).unwrap(), options).unwrap();
    let mut rates: Vec<f64> = (0..=RUNS)
        .map(|_| predictor.predict(&[input.to_str().unwrap()], &map, &mut Silent).unwrap())
        .map(|report| report.chips_per_second())
        .skip(1)
        .collect();
    rates.sort_by(f64::total_cmp);
    let (least, median, most) = (rates[0], rates[RUNS / 2], rates[RUNS - 1]);
    println!("{name:<40} {median:7.0} chips/s [{least:.0}-{most:.0}]");
}

fn main() {
    let plain = ["COMPRESS=NONE", "TILED=NO", "INTERLEAVE=BAND"];
    let tiled = ["COMPRESS=NONE", "TILED=YES", "INTERLEAVE=BAND"];
    let deflate = ["COMPRESS=DEFLATE", "TILED=YES", "INTERLEAVE=BAND"];
    measure("no-op, 1 channel, uncompressed", &plain, 1);
    measure("no-op, 1 channel, uncompressed, tiled", &tiled, 1);
    measure("no-op, 1 channel, tiled deflate", &deflate, 1);
    measure("no-op, 13 classes, uncompressed", &plain, 13);
}
