//! What `bench` and `doctor` measure and say; the networks that ours is measured against.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::ffi::OsStr;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;

use conformance::networks::{self, Network};
use conformance::{detgen, golden, models, naive, program};
use serde_json::Value;
use spectralgpt_core::checkpoint::{Checkpoint, Weights};
use spectralgpt_core::convert::{ConvertOptions, convert};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::onnx::{Graph, write};
use spectralgpt_core::runtime::session::{Session, SessionOptions};

/// Runs the program with a cache folder of its own; returns what it printed, and said.
fn run<S: AsRef<OsStr>>(cache: &Path, arguments: &[S]) -> (Option<i32>, String, String) {
    let mut command = Command::new(program::path());
    let output = command.args(arguments).env("XDG_CACHE_HOME", cache).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn json<S: AsRef<OsStr>>(cache: &Path, arguments: &[S]) -> Value {
    let (code, out, err) = run(cache, arguments);
    assert_eq!(code, Some(0), "{err}");
    serde_json::from_str(&out).unwrap()
}

/// Writes the network of a checkpoint that `build` makes, and runs it on the goldens' chip.
fn infer(checkpoint: &Path, output: &str, build: fn(&dyn Weights) -> Graph) -> Vec<f32> {
    let weights = Checkpoint::open(checkpoint).unwrap();
    let path = checkpoint.with_extension("naive.onnx");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    write(&build(&weights), &weights, &[], &mut file).unwrap();
    drop(file);
    run_on_chip(&path, output)
}

fn run_on_chip(model: &Path, output: &str) -> Vec<f32> {
    let session = Session::open(model, &SessionOptions::default()).unwrap();
    let chip = detgen::image("input", 12, 128, 128);
    session.run(&[&chip], &[output]).unwrap().swap_remove(0).values
}

#[test]
fn what_ours_is_measured_against_computes_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = models::checkpoint(folder.path(), 1, 1.0);
    let logits = infer(&checkpoint, "logits", naive::segment);
    let Some(golden) = golden::load("segment_base128_d1_logits") else { return };
    golden.check(&logits);
    let checkpoint = folder.path().join("mae.pth");
    networks::checkpoint(&checkpoint, Network::Autoencoder { side: 128, decoder_depth: 1 }, 1);
    let theirs = infer(&checkpoint, "patch_features", naive::embed);
    let model = checkpoint.with_extension("onnx");
    convert(&checkpoint, &model, &ConvertOptions::default()).unwrap();
    let ours = run_on_chip(&model, "patch_features");
    let largest = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(ours.len() == theirs.len() && largest < 1e-4, "{largest}");
}

#[test]
fn bench_measures_every_way_and_a_peer_in_one_run() {
    let cache = tempfile::tempdir().unwrap();
    // A peer is whatever answers as ours does: here, ours.
    let own = program::path().display();
    let peer =
        format!("peer={own} serve predict --input {{input}} --output {{output}} --overlap 64");
    let found = json(cache.path(), &["bench", "--rounds", "2", "--json", "--peer", &peer]);
    let rounds = &found["rounds"];
    assert_eq!(rounds["used"].as_u64().unwrap() + rounds["rejected"].as_u64().unwrap(), 2);
    let variants = found["variants"].as_array().unwrap();
    let (peer, ours) = variants.split_first().unwrap();
    assert_eq!((&peer["name"], &ours[0]["name"]), (&"peer".into(), &"fp32".into()));
    assert!(peer["chips"].as_f64() > ours[0]["chips"].as_f64());
    for way in ours {
        let number = |key: &str| way[key].as_f64().unwrap_or(f64::NAN);
        assert!(number("peak_rss_bytes") > 1e6 && number("chips") > 1.0, "{way}");
        let stages = ["reading", "normalising", "inferring", "blending", "writing"].map(number);
        assert!(stages.iter().all(|seconds| *seconds > 0.0), "{way}");
        let share = way["share_outside_inference"]["median"].as_f64().unwrap();
        let seconds = way["seconds"]["median"].as_f64().unwrap();
        assert!((0.0..1.0).contains(&share) && number("inferring") < seconds, "{way}");
        assert_eq!(way["ratios"][0]["against"], "peer");
    }
    let accuracy = &ours[0]["accuracy"];
    assert_eq!(accuracy["agreement"], 1.0, "the first is what the others are compared with");
    assert_eq!(accuracy["largest_score_difference"], 0.0);
    assert!(found["products"][0]["flop_per_second"].as_f64().unwrap() > 1e8);
}

#[test]
fn bench_compares_overlaps_and_areas() {
    let cache = tempfile::tempdir().unwrap();
    let scene = cache.path().join("scene.tif");
    spectralgpt_core::demo::write_scene(&scene, 5, Size::new(420, 300)).unwrap();
    let common = ["bench", "--rounds", "1", "--json", "--input", scene.to_str().unwrap()];
    let found = json(cache.path(), &[&common[..], &["--overlaps", "0,32,64"]].concat());
    let of = |key: &str| -> Vec<Option<f64>> {
        found["overlaps"].as_array().unwrap().iter().map(|one| one[key].as_f64()).collect()
    };
    let chips: Vec<f64> = of("chips").into_iter().flatten().collect();
    assert!(chips.is_sorted() && chips[0] < chips[2], "{chips:?}");
    assert_eq!(of("seam_disagreement")[0], None, "without overlap no pixel is in two chips");
    assert!(of("seam_disagreement")[2].is_some());
    let same = of("agreement_with_last");
    assert!(same[0] < same[2] && same[2] == Some(1.0), "{same:?}");

    let found = json(cache.path(), &[&common[..], &["--scaling"]].concat());
    let parts = found["parts"].as_array().unwrap();
    let areas: Vec<_> = parts.iter().map(|part| part["area"].as_f64().unwrap()).collect();
    assert_eq!(areas, [16.0, 4.0, 16.0, 4.0, 1.0]);
    assert_eq!((&parts[0]["chips"], &parts[4]["chips"]), (&2.0.into(), &15.0.into()));
}

#[test]
fn what_cannot_be_measured_says_why() {
    let cache = tempfile::tempdir().unwrap();
    for (arguments, code, words) in [
        (&["bench", "/nowhere.onnx"][..], 4, "/nowhere.onnx"),
        (&["bench", "--input", "/nowhere.tif", "--rounds", "1"], 3, "/nowhere.tif"),
        (&["bench", "--device", "cuda", "--rounds", "1"], 4, "CUDA"),
        (&["bench", "--peer", "sleep"], 2, "NAME=COMMAND"),
        (&["bench", "--peer", "silent=true"], 4, "'silent' ended"),
    ] {
        let (found, _, err) = run(cache.path(), arguments);
        assert!(found == Some(code) && err.contains(words), "{arguments:?}: {found:?} {err}");
    }
}

#[test]
fn doctor_measures_and_later_runs_know() {
    let cache = tempfile::tempdir().unwrap();
    let found = json(cache.path(), &["doctor", "--json"]);
    let ways = found["speed"].as_array().unwrap();
    assert!(ways[0]["seconds"].as_f64().unwrap() > 0.0 && ways[0]["precision"] == "fp32");
    let file = cache.path().join("spectralgpt/speed.json");
    let mut record: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(&record["measured"], &found["speed"]);
    let mut faster = ways[0].clone();
    faster["precision"] = "bf16".into();
    faster["seconds"] = (ways[0]["seconds"].as_f64().unwrap() / 5.0).into();
    record["measured"] = serde_json::json!([ways[0], faster]);
    std::fs::write(&file, record.to_string()).unwrap();
    let map = cache.path().join("map.tif");
    let scene = cache.path().join("scene.tif");
    spectralgpt_core::demo::write_scene(&scene, 5, Size::new(140, 130)).unwrap();
    let (scene, map) = (scene.to_str().unwrap(), map.to_str().unwrap());
    let predict = ["predict", "builtin:landcover", scene, "-o", map, "--provider", "ort"];
    let (code, _, err) = run(cache.path(), &predict);
    let has_amx = spectralgpt_core::runtime::processor::has_amx();
    assert_eq!((code, err.contains("about 5.0 times as fast")), (Some(0), has_amx), "{err}");
}
