//! Every task from checkpoint to georeferenced output, through the program.

#![allow(clippy::unwrap_used, reason = "a failed test says enough")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "classes read as f32")]

use std::path::{Path, PathBuf};

use conformance::face::{self, Case};
use conformance::networks::{self, Network};
use conformance::raster::{self, Read, TWELVE};
use conformance::{detgen, full, golden, models, program, shared};
use serde_json::Value;
use spectralgpt_core::geometry::Size;

const AUTOENCODER: Network = Network::Autoencoder { side: 128, decoder_depth: 1 };

/// Converts a checkpoint of one block (or `depth`) for a task.
fn model(folder: &Path, network: Network, depth: usize, options: &[&str]) -> String {
    let checkpoint = folder.join("model.pth");
    networks::checkpoint(&checkpoint, network, depth);
    let model = folder.join("model.onnx").to_str().unwrap().to_owned();
    let arguments = [&["convert", checkpoint.to_str().unwrap(), &model], options].concat();
    program::done(&arguments);
    model
}

/// Writes a tile of the original's generator, (row, column, band), as a raster.
fn scene(path: &Path, size: Size, tile: &[u16], bands: &[&str]) -> String {
    let (count, width) = (bands.len(), size.width as usize);
    let rows = raster::by_row(tile, width, count);
    raster::write_u16(path, size, bands, &rows, None);
    path.to_str().unwrap().to_owned()
}

/// Predicts and returns the outputs and the report.
fn predict(model: &str, inputs: &[&str], map: &Path, options: &[&str]) -> (Vec<Read>, Value) {
    let output = map.to_str().unwrap();
    let arguments =
        [&["predict", model], inputs, &["-o", output, "--json", "--overwrite"], options].concat();
    let report: Value = serde_json::from_str(&program::done(&arguments).out).unwrap();
    let paths = report["outputs"].as_array().unwrap().iter();
    let read = |path: &Value| raster::read(Path::new(path.as_str().unwrap()));
    (paths.map(read).collect(), report)
}

#[test]
fn changes_are_those_of_the_originals_script() {
    for depth in if full() { vec![1, 12] } else { vec![1] } {
        let Some(golden) = golden::load(&format!("predict_oscd_d{depth}_mask")) else { return };
        let folder = tempfile::tempdir().unwrap();
        let model = model(folder.path(), Network::Change, depth, &[]);
        let before = detgen::raw_u16("oscd1", 12, 128, 128, 200, 3800);
        let mut after = detgen::raw_u16("oscd2", 12, 128, 128, 150, 3000);
        detgen::flip(&mut after, 12, 128, 40..90, 20..100);
        let mut case = Case::new(Path::new(&model), Size::square(128), &TWELVE, Vec::new());
        case.dates = [&before, &after].map(|tile| raster::by_row(tile, 128, 12)).to_vec();
        for face in face::all() {
            golden.check_pixels(&face.predict(&case).unwrap()[0].pixels, 16);
        }
        let path = folder.path().join("before.tif");
        let before = scene(&path, Size::square(128), &before, &TWELVE);
        let map = folder.path().join("map.tif");
        let one = program::run(&["predict", &model, &before, "-o", map.to_str().unwrap()]);
        assert_eq!(one.code, Some(2), "{}", one.err);
        assert!(one.err.contains("takes 2 rasters"), "{}", one.err);
        let other = folder.path().join("other.tif");
        let tile = detgen::raw_u16("other", 12, 100, 128, 200, 3800);
        let other = scene(&other, Size::new(128, 100), &tile, &TWELVE);
        let (cut, _) = predict(&model, &[&before, &other], &map, &[]);
        let hidden = cut[0].pixels.iter().map(|class| *class == 255.0);
        assert!(hidden.eq((0..128 * 128).map(|at| at >= 128 * 100)), "common ground is mapped");
    }
}

#[test]
fn scenes_are_classified_once_per_step() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), Network::Classify, 1, &["--profile", "eurosat-canonical"]);
    let tile = detgen::raw_u16("scene", 12, 130, 200, 200, 3800);
    let scene = scene(&folder.path().join("scene.tif"), Size::new(200, 130), &tile, &TWELVE);
    let map = folder.path().join("map.tif");
    let unknown = program::run(&["predict", &model, &scene, "-o", map.to_str().unwrap()]);
    assert_eq!(unknown.code, Some(3));
    assert!(unknown.err.contains("--dn-offset -1000"), "{}", unknown.err);
    let emit = ["--dn-offset", "0", "--emit", "classes,scores"];
    let (outputs, report) = predict(&model, &[&scene], &map, &emit);
    // 64-pixel footprints: four across, three down, the last ones mirrored.
    assert_eq!((outputs[0].size, &report["chips"]), (Size::new(4, 3), &12.into()));
    let place = [600_000.0, 640.0, 0.0, 5_400_000.0, 0.0, -640.0];
    assert_eq!(outputs[0].geotransform, Some(place));
    for (at, class) in outputs[0].pixels.iter().enumerate() {
        let scores: Vec<f32> = outputs[1].pixels.iter().skip(at).step_by(12).copied().collect();
        assert_eq!(scores.len(), 10);
        assert!(scores.iter().all(|score| *score <= scores[*class as usize]));
        assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    let window = [&emit[..], &["--window", "70,0,60,130"]].concat();
    let (part, _) = predict(&model, &[&scene], &map, &window);
    assert_eq!(part[0].size, Size::new(2, 3));
    assert_eq!(part[0].geotransform.unwrap()[0], 600_640.0);
    let column = |read: &Read, col: usize, width: usize| -> Vec<f32> {
        read.pixels.iter().skip(col).step_by(width).copied().collect()
    };
    assert_eq!(column(&part[1], 0, 2), column(&outputs[1], 1, 4));
}

#[test]
fn labels_are_independent_of_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--task", "multilabel"];
    let model = model(folder.path(), Network::Classify, 1, &options);
    let tile = detgen::raw_u16("scene", 12, 120, 240, 200, 3800);
    let scene = scene(&folder.path().join("scene.tif"), Size::new(240, 120), &tile, &TWELVE);
    let map = folder.path().join("map.tif");
    let emit = ["--dn-offset", "0", "--emit", "scores,classes"];
    let (outputs, _) = predict(&model, &[&scene], &map, &emit);
    assert_eq!((outputs[0].size, outputs[0].pixels.len()), (Size::new(2, 1), 20));
    let labels = outputs[0].pixels.iter().map(|score| f32::from(*score >= 0.5));
    assert!(labels.eq(outputs[1].pixels.iter().copied()));
}

#[test]
fn features_lie_on_the_grid_of_patches() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), AUTOENCODER, 1, &[]);
    let tile = detgen::raw_u16("scene", 12, 130, 203, 200, 3800);
    let scene = scene(&folder.path().join("scene.tif"), Size::new(203, 130), &tile, &TWELVE);
    let map = folder.path().join("features.tif");
    let (outputs, _) = predict(&model, &[&scene], &map, &["--emit", "features,chip-features"]);
    let shapes = outputs.iter().map(|read| (read.size, read.pixels.len() / read.size.pixels()));
    assert!(shapes.eq([(Size::new(26, 17), 768), (Size::new(2, 2), 768)]));
    let place = outputs[0].geotransform.unwrap();
    assert_eq!((place[0], place[1], place[5]), (600_000.0, 80.0, -80.0));
    // The chip's feature is the mean of its patches'.
    let first = |feature: usize| -> f32 {
        let map = &outputs[0].pixels[feature * 26 * 17..];
        (0..256).map(|at| map[at / 16 * 26 + at % 16]).sum::<f32>() / 256.0
    };
    for feature in [0, 100, 767] {
        assert!((first(feature) - outputs[1].pixels[feature * 4]).abs() < 1e-4);
    }
    let (again, _) = predict(&model, &[&scene], &map, &["--batch", "3", "--threads", "1"]);
    assert!(again[0].pixels == outputs[0].pixels);
}

#[test]
fn a_reconstruction_is_in_digital_numbers_and_its_error_too() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), AUTOENCODER, 1, &["--task", "reconstruct"]);
    let size = Size::new(128, 128);
    let tile = detgen::raw_u16("scene", 12, 128, 128, 1200, 3800);
    let scene = scene(&folder.path().join("scene.tif"), size, &tile, &TWELVE);
    let map = folder.path().join("map.tif");
    let emit = ["--emit", "reconstruction,anomaly"];
    let (outputs, _) = predict(&model, &[&scene], &map, &emit);
    for (at, anomaly) in outputs[1].pixels.iter().enumerate() {
        let error = |band: usize| {
            outputs[0].pixels[band * size.pixels() + at] - f32::from(tile[at * 12 + band])
        };
        let expected = ((0..12).map(|band| error(band).powi(2)).sum::<f32>() / 12.0).sqrt();
        assert!((anomaly - expected).abs() <= 1e-3 * expected.max(1.0), "{anomaly} {expected}");
    }
    // An offset of the digital numbers changes neither.
    let (shifted, _) =
        predict(&model, &[&scene], &map, &[&emit[..], &["--dn-offset", "-1000"]].concat());
    let close = |(a, b): (&f32, &f32)| (a - b).abs() < 0.01;
    assert!(shifted[0].pixels.iter().zip(&outputs[0].pixels).all(close));
}

#[test]
fn five_dates_give_five_maps_and_five_feature_rasters_on_one_grid() {
    let days = ["07-11", "07-31", "08-20", "08-30", "09-09"];
    let name = |day: &&str| {
        format!("data/03_eolearn_slovenia_multitemporal/eolearn_svn_2015-{day}_L1C_13band.tif")
    };
    let Some(dates) = days.iter().map(|day| shared(&name(day))).collect::<Option<Vec<PathBuf>>>()
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let model = models::segment(folder.path(), 1, 0.25);
    let mut arguments = vec!["predict".into(), model.into_os_string()];
    arguments.extend(dates.iter().map(|date| date.clone().into_os_string()));
    let maps = folder.path().join("maps");
    arguments.extend(["-o".into(), maps.clone().into_os_string()]);
    arguments.extend(["--emit".into(), "classes,features".into()]);
    program::done(&arguments);
    let read = |date: &PathBuf, end: &str| {
        raster::read(&maps.join(format!("{}{end}", date.file_stem().unwrap().to_str().unwrap())))
    };
    let place = raster::read(&dates[0]).geotransform.unwrap();
    for date in &dates {
        let (map, features) = (read(date, ".tif"), read(date, ".features.tif"));
        assert_eq!((map.size, features.size), (Size::new(100, 101), Size::new(13, 13)));
        assert_eq!(features.pixels.len(), 192 * 13 * 13);
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-3;
        assert!(map.geotransform.unwrap().iter().zip(&place).all(near));
        assert!((features.geotransform.unwrap()[1] - 8.0 * place[1]).abs() < 1e-9);
    }
}
