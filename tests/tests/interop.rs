//! Models go out to other programs and come in from them.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use conformance::golden::{self, Golden};
use conformance::raster::SEGMUNICH;
use conformance::{detgen, full, models, program, raster, tell};
use serde_json::{Value, json};
use spectralgpt_core::convert::{ConvertOptions, convert};
use spectralgpt_core::error::{Error, Kind};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::model::beside::data_path;
use spectralgpt_core::model::manifest::{Activation, Normalisation};
use spectralgpt_core::model::{BUILTIN, Model};
use spectralgpt_core::onnx::{WeightFormat, read_metadata};
use spectralgpt_core::runtime::session::{Session, SessionOptions};

fn run(model: &Path, input: &[f32]) -> Vec<f32> {
    let session = Session::open(model, &SessionOptions::default()).unwrap();
    session.run(&[input], &[]).unwrap().swap_remove(0).values
}

/// Converts generated weights of one block as the options say.
fn converted(folder: &Path, width: f64, change: impl FnOnce(&mut ConvertOptions)) -> PathBuf {
    let checkpoint = models::checkpoint(folder, 1, width);
    let mut options = ConvertOptions::default();
    change(&mut options);
    let model = folder.join("model.onnx");
    convert(&checkpoint, &model, &options).unwrap();
    model
}

fn refused(model: &Path) -> Error {
    let error = Model::open(model).unwrap_err();
    assert_eq!(error.kind(), Kind::Model, "{error}");
    error
}

#[test]
fn weights_beside_a_model_give_the_same_network_and_are_guarded() {
    let folder = tempfile::tempdir().unwrap();
    let input = detgen::image("input", 12, 128, 128);
    let whole = run(&converted(folder.path(), 0.25, |_| {}), &input);
    let model = converted(folder.path(), 0.25, |options| options.single_file_limit = Some(0));
    let data = data_path(&model);
    assert!(run(&model, &input) == whole);
    assert!(std::fs::metadata(&model).unwrap().len() < 200_000);
    Model::open(&model).unwrap();
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 3, "{names:?}");

    let (bytes, aside) = (std::fs::read(&data).unwrap(), folder.path().join("aside"));
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    std::fs::write(&data, damaged).unwrap();
    assert!(refused(&model).message().contains("not the one that the model was written with"));
    std::fs::write(&data, &bytes[1..]).unwrap();
    assert!(refused(&model).message().contains("are needed"));
    std::fs::rename(&data, &aside).unwrap();
    assert!(refused(&model).message().contains("model.onnx.data"));
    std::fs::write(&aside, &bytes).unwrap();
    symlink(&aside, &data).unwrap();
    assert!(refused(&model).message().contains("it is a link"));
    std::fs::remove_file(&data).unwrap();
    std::fs::hard_link(&aside, &data).unwrap();
    assert!(refused(&model).message().contains("hard links"));
    std::fs::remove_file(&data).unwrap();
    std::fs::create_dir(&data).unwrap();
    assert!(refused(&model).message().contains("not a plain file"));
    std::fs::remove_dir(&data).unwrap();
    std::fs::rename(&aside, &data).unwrap();
    let link = folder.path().join("link.onnx");
    symlink(&model, &link).unwrap();
    Model::open(&link).unwrap();
    let held = std::fs::read(&model).unwrap();
    let error = Model::from_bytes(held.into(), None).unwrap_err();
    assert!(error.message().contains("a model in memory cannot have"), "{error}");
}

#[test]
fn a_model_in_memory_is_the_model_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (input, options) = (detgen::image("input", 12, 128, 128), SessionOptions::default());
    let file = converted(folder.path(), 0.25, |_| {});
    let held = Model::from_bytes(std::fs::read(&file).unwrap().into(), None).unwrap();
    let session = held.load(&options).unwrap();
    assert!(session.run(&[&input], &[]).unwrap()[0].values == run(&file, &input));
    let error = Model::from_bytes([7; 300].into(), None).unwrap_err();
    assert!(error.kind() == Kind::Model && error.message().contains("memory:"), "{error}");
    let builtin = Model::open(Path::new(BUILTIN)).unwrap();
    assert_eq!(builtin.load(&options).unwrap().outputs()[0], "logits");
    assert!(refused(Path::new("builtin:other")).message().contains(BUILTIN));
}

/// Counts the pixels with the golden's class; returns that and the largest difference of logits.
fn nearness(logits: &Golden, classes: &Golden, ours: &[f32]) -> (usize, f32) {
    let pixels = classes.array.values.len();
    let differences = ours.iter().zip(&logits.array.values).map(|(a, b)| (a - b).abs());
    let best = |at: usize| {
        let scores: Vec<f32> = ours.iter().skip(at).step_by(pixels).copied().collect();
        let most = scores.iter().copied().fold(f32::MIN, f32::max);
        scores.iter().position(|score| *score == most).unwrap() as f32
    };
    let agree = (0..pixels).filter(|at| best(*at) == classes.array.values[*at]).count();
    (agree, differences.fold(0.0, f32::max))
}

#[test]
fn half_weights_halve_the_file_and_hardly_change_the_map() {
    for depth in if full() { vec![1, 2, 12] } else { vec![1, 2] } {
        let name = |what: &str| format!("segment_base128_d{depth}_{what}");
        let Some(logits) = golden::load(&name("logits")) else { return };
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = models::checkpoint(folder.path(), depth, 1.0);
        let model = checkpoint.with_extension("onnx");
        let mut options = ConvertOptions::default();
        options.weights = WeightFormat::Fp16;
        convert(&checkpoint, &model, &options).unwrap();
        let [half, full] = [&model, &checkpoint].map(|path| std::fs::metadata(path).unwrap().len());
        assert!(half < full * 51 / 100, "{half} of {full}");
        let ours = run(&model, &detgen::image("input", 12, 128, 128));
        let (agree, most) = nearness(&logits, &golden::load(&name("argmax")).unwrap(), &ours);
        tell(&format!("fp16 weights, depth {depth}: {most:.2e} at most, {agree} of 16384 classes"));
        assert!(most < 0.02 && agree > 16_300, "{most} {agree}");
    }
}

#[test]
fn a_portable_model_takes_digital_numbers_at_any_scale() {
    let folder = tempfile::tempdir().unwrap();
    let raw = detgen::raw_u16("segmunich", 10, 128, 128, 200, 3800);
    let rows = raster::by_row(&raw, 128, 10);
    let scene = folder.path().join("scene.tif");
    raster::write_u16(&scene, Size::square(128), &SEGMUNICH, &rows, None);
    let predicted = |model: &Path| {
        let map = folder.path().join("scores.tif");
        let [model, scene, map] =
            [model, &scene, &map].map(|path| path.to_str().unwrap().to_owned());
        program::done(&["predict", &model, &scene, "-o", &map, "--emit", "scores", "--overwrite"]);
        raster::read(Path::new(&map)).pixels
    };
    let line = predicted(&converted(folder.path(), 0.5, |_| {}));
    let model = converted(folder.path(), 0.5, |options| options.portable = true);
    let manifest = Model::open(&model).unwrap().manifest().clone();
    assert!(manifest.portable && manifest.normalisation == Normalisation::None);
    assert_eq!((manifest.channels.len(), &*manifest.outputs[0].name), (10, "scores"));
    let band = |band: usize| raw.iter().skip(band).step_by(10).map(|dn| f32::from(*dn));
    let numbers: Vec<f32> = (0..10).flat_map(band).collect();
    let divided: Vec<f32> = numbers.iter().map(|dn| dn / 255.0).collect();
    for scores in [run(&model, &numbers), run(&model, &divided), predicted(&model)] {
        let most = scores.iter().zip(&line).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        tell(&format!("portable against the line: {most:.2e}"));
        assert!(most < 1e-4, "{most}");
        assert!(classes(&scores) == classes(&line));
    }
    // What is constant in a chip is 0, not a division by it.
    assert!(run(&model, &vec![7.0; numbers.len()]).iter().all(|score| score.is_finite()));
    let keys = read_metadata(&model).unwrap().metadata;
    let expected = [("model_type", "\"Segmentor\""), ("tile_size", "128"), ("seg_thresh", "0.0")];
    for (key, value) in expected {
        assert_eq!(keys[key], value);
    }
}

fn classes(scores: &[f32]) -> Vec<usize> {
    let best = |at: usize| {
        let here = || scores.iter().skip(at).step_by(128 * 128);
        let most = here().copied().fold(f32::MIN, f32::max);
        here().position(|score| *score == most).unwrap()
    };
    (0..128 * 128).map(best).collect()
}

#[test]
fn models_that_depend_on_the_scale_are_not_made_portable() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = models::checkpoint(folder.path(), 1, 0.25);
    let model = folder.path().join("model.onnx");
    let [checkpoint, model] = [checkpoint, model].map(|path| path.to_str().unwrap().to_owned());
    let arguments = ["convert", &checkpoint, &model, "--portable", "--profile", "bigearthnet"];
    let outcome = program::run(&arguments);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.err.contains("--portable needs"), "{}", outcome.err);
}

#[test]
fn a_stac_item_lists_the_files_with_size_and_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let model = converted(folder.path(), 0.25, |options| {
        (options.stac, options.single_file_limit) = (true, Some(0));
    });
    let text = std::fs::read(folder.path().join("model.stac.json")).unwrap();
    let item: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((&item["type"], &item["geometry"]), (&json!("Feature"), &Value::Null));
    assert!(item["id"] == "model" && item["links"] == json!([]) && item.get("bbox").is_none());
    let properties = &item["properties"];
    assert!(properties.get("datetime") == Some(&Value::Null));
    for key in ["start_datetime", "end_datetime"] {
        assert!(
            properties[key].as_str().unwrap().ends_with("T23:59:59Z") || key.starts_with("start")
        );
    }
    let extensions = item["stac_extensions"].as_array().unwrap();
    assert!(extensions.iter().any(|url| url.as_str().unwrap().contains("/mlm/v1.5")));
    for key in ["mlm:name", "mlm:architecture", "mlm:tasks", "mlm:input", "mlm:output"] {
        assert!(!properties[key].is_null(), "{key}");
    }
    assert_eq!(item["assets"]["model"]["roles"], json!(["mlm:model"]));
    assert_eq!(item["assets"]["model"]["mlm:artifact_type"], "ONNX");
    for (asset, path) in [("model", model.clone()), ("weights", data_path(&model))] {
        let asset = &item["assets"][asset];
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(asset["href"], format!("./{name}"));
        assert_eq!(asset["file:size"], std::fs::metadata(&path).unwrap().len());
        let sum = std::process::Command::new("sha256sum").arg(&path).output().unwrap().stdout;
        assert_eq!(asset["file:checksum"], format!("1220{}", String::from_utf8_lossy(&sum[..64])));
    }
    let slug = |class: &Value| !class["name"].as_str().unwrap().contains(' ');
    assert!(
        properties["mlm:output"][0]["classification:classes"].as_array().unwrap().iter().all(slug)
    );
}

#[test]
fn anothers_segmentation_runs_here() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("foreign.onnx");
    models::foreign(&model, &[("model_type", "\"Segmentor\""), ("tiles_size", "128")]);
    let error = Model::open(&model).unwrap_err();
    assert!(error.kind() == Kind::Usage && error.message().contains("--activation"), "{error}");
    let opened = Model::open_with(&model, Some(Activation::None)).unwrap();
    assert_eq!(opened.manifest().chip_px, 128);
    // A description beside the model serves as well as one within it.
    models::foreign(&model, &[]);
    assert!(refused(&model).message().contains("does not describe itself"));
    let item = json!({ "properties": {
        "mlm:tasks": ["semantic-segmentation"],
        "mlm:input": [{ "bands": ["B02"], "value_scaling": [{ "type": "scale", "value": 100 }] }],
        "mlm:output": [{ "post_processing_function": { "expression": "softmax" } }],
    }});
    std::fs::write(folder.path().join("foreign.stac.json"), item.to_string()).unwrap();
    let size = Size::new(150, 130);
    let scene = folder.path().join("scene.tif");
    let pixels: Vec<u16> = (0..150 * 130).map(|at| at % 200).collect();
    raster::write_u16(&scene, size, &["B02"], &pixels, None);
    let map = folder.path().join("map.tif");
    program::done(&[
        "predict".as_ref(),
        model.as_os_str(),
        scene.as_os_str(),
        "-o".as_ref(),
        map.as_os_str(),
    ]);
    // The network's two scores are x and 1 - x, and x is the digital number by 100.
    let expected: Vec<f32> = pixels.iter().map(|dn| f32::from(u8::from(*dn < 50))).collect();
    assert!(raster::read(&map).pixels == expected);
}
