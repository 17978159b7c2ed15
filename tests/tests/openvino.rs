//! Runs on an ONNX Runtime with OpenVINO: who computes, in what, and the same bytes however it is cut.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::networks::{self, Network};
use conformance::raster::SEGMUNICH;
use conformance::{detgen, full, golden, models, openvino, program, raster, skipped};
use serde_json::Value;
use spectralgpt_core::convert::{ConvertOptions, convert};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::runtime::processor;
use spectralgpt_core::runtime::provider::Precision;
use spectralgpt_core::runtime::session::{Session, SessionOptions};

const OPENVINO: &str = "OpenVINOExecutionProvider";

/// A model, a scene of six chips and the library.
struct Bench {
    folder: tempfile::TempDir,
    library: PathBuf,
    model: PathBuf,
    scene: PathBuf,
}

impl Bench {
    fn new() -> Option<Self> {
        let library = openvino()?;
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = models::checkpoint(folder.path(), 2, 0.25);
        let model = checkpoint.with_extension("onnx");
        program::done(&["convert".as_ref(), checkpoint.as_os_str(), model.as_os_str()]);
        let scene = folder.path().join("scene.tif");
        let raw = detgen::raw_u16("openvino", 10, 217, 301, 200, 3800);
        raster::write_u16(&scene, Size::new(301, 217), &SEGMUNICH, &raw, None);
        Some(Self { folder, library, model, scene })
    }

    fn run(&self, name: &str, options: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(program::path())
            .arg("predict")
            .args([&self.model, &self.scene])
            .arg("-o")
            .arg(self.map(name))
            .args(["--emit", "scores", "--json", "--overwrite"])
            .args(options)
            .env("SPECTRALGPT_ORT_LIBRARY", &self.library)
            .env("XDG_CACHE_HOME", self.folder.path())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    fn map(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Predicts; returns the report and the map's bytes.
    fn predict(&self, options: &[&str]) -> (Value, Vec<u8>) {
        let (code, out, err) = self.run("map.tif", options);
        assert_eq!(code, Some(0), "{options:?}: {err}");
        (serde_json::from_str(&out).unwrap(), std::fs::read(self.map("map.tif")).unwrap())
    }
}

#[test]
fn the_same_bytes_for_any_threads_batch_and_window() {
    let Some(bench) = Bench::new() else { return };
    let precisions: &[&str] = if processor::has_amx() { &["fp32", "bf16"] } else { &["fp32"] };
    for precision in precisions {
        let predict =
            |more: &[&str]| bench.predict(&[&["--precision", precision, "-j", "2"], more].concat());
        let (report, whole) = predict(&[]);
        assert_eq!(
            (&report["provider"], &report["precision"]),
            (&OPENVINO.into(), &(*precision).into())
        );
        assert_eq!(report["fallback_nodes"], 0);
        assert!(predict(&[]).1 == whole, "{precision}: twice");
        let (_, alone) = bench.predict(&["--precision", precision, "-j", "1"]);
        assert!(alone == whole, "{precision}: one thread");
        assert!(predict(&["--batch", "4"]).1 == whole, "{precision}: batch");
        let all = raster::read(&bench.map("map.tif"));
        predict(&["--window", "37,50,200,140"]);
        let part = raster::read(&bench.map("map.tif"));
        for (row, line) in part.pixels.chunks_exact(200).take(140).enumerate() {
            assert_eq!(line, &all.pixels[(row + 50) * 301 + 37..][..200], "{precision}: window");
        }
    }
}

#[test]
fn scores_are_those_of_the_plain_runtime_and_bf16_says_what_it_is() {
    let Some(bench) = Bench::new() else { return };
    let read = |options: &[&str]| {
        bench.predict(options);
        raster::read(&bench.map("map.tif")).pixels
    };
    let (plain, openvino) = (read(&["--provider", "ort"]), read(&[]));
    let largest =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest(&plain, &openvino) < 1e-4);
    let (code, out, err) = bench.run("fast.tif", &["--precision", "fastest"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(0));
    if !processor::has_amx() {
        assert!(report["precision"] == "fp32" && err.contains("no AMX"), "{err}");
        return;
    }
    assert!(report["precision"] == "bf16" && err.contains("bf16"), "{err}");
    let sidecar = std::fs::read_to_string(bench.map("fast.tif.aux.xml")).unwrap();
    assert!(sidecar.contains(r#"<MDI key="SPECTRALGPT_PRECISION">bf16"#), "{sidecar}");
    let fast = raster::read(&bench.map("fast.tif")).pixels;
    let off = largest(&fast, &plain);
    assert!(off > 1e-5 && off < 0.3, "{off}");
}

#[test]
fn a_precision_that_is_not_there_is_refused_in_words() {
    let Some(bench) = Bench::new() else { return };
    let refused = |options: &[&str], words: &str| {
        let (code, _, err) = bench.run("map.tif", options);
        assert!(code == Some(2) && err.contains(words), "{options:?}: {err}");
    };
    refused(&["--precision", "bf16", "--provider", "ort"], "--provider openvino");
    refused(&["--provider", "openvino", "--device", "cuda"], "--device cpu");
    if !processor::has_amx() {
        refused(&["--precision", "bf16"], "bfloat16");
    }
}

/// Runs a network of published widths and depth on the goldens' chips; returns the pixels whose
/// class is not the original's.
fn disagreement(library: &Path, network: &str, precision: Precision) -> Option<f64> {
    let golden = golden::load(&format!("{network}_base128_d12_argmax"))?;
    let folder = tempfile::tempdir().unwrap();
    let (checkpoint, dates) = match network {
        "segment" => (models::checkpoint(folder.path(), 12, 1.0), 1),
        _ => {
            let checkpoint = folder.path().join("change.pth");
            networks::checkpoint(&checkpoint, Network::Change, 12);
            (checkpoint, 2)
        }
    };
    let model = checkpoint.with_extension("onnx");
    convert(&checkpoint, &model, &ConvertOptions::default()).unwrap();
    let library = Some(library.to_owned());
    let options = SessionOptions { precision, threads: 2, library, ..SessionOptions::default() };
    let session = Session::open(&model, &options).unwrap();
    assert_eq!(session.report().provider, OPENVINO);
    let chips = [detgen::image("input", 12, 128, 128), detgen::second_date()];
    let chips: Vec<&[f32]> = chips.iter().take(dates).map(Vec::as_slice).collect();
    let scores = &session.run(&chips, &[]).unwrap()[0];
    let best = |at: usize| {
        let scores = scores.values.iter().skip(at).step_by(128 * 128).enumerate();
        scores.max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0))).unwrap().0
    };
    let off =
        golden.array.values.iter().enumerate().filter(|(at, theirs)| best(*at) as f32 != **theirs);
    let share = off.count() as f64 / golden.array.values.len() as f64;
    conformance::tell(&format!(
        "{network}, {precision}: {:.2} % of the classes differ",
        100.0 * share
    ));
    Some(share)
}

/// The figures that docs/performance.md and the log of a change run state.
#[test]
fn bf16_costs_what_is_said_of_it() {
    if !full() {
        return skipped("full depth in bf16 is run by make test-full");
    }
    let Some(library) = openvino().filter(|_| processor::has_amx()) else { return };
    for (network, most) in [("segment", 0.03), ("change", 0.05)] {
        let share = |precision| disagreement(&library, network, precision);
        let (Some(full), Some(half)) = (share(Precision::Fp32), share(Precision::Bf16)) else {
            return;
        };
        assert!(full < 1e-3 && half > full && half < most, "{network}: {full} {half}");
    }
}
