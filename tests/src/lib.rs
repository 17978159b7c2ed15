//! Makes test data from formulas (weights, chips, checkpoints, models), runs the program, and
//! compares with the goldens of the original. No Python needed.

pub mod cc;
pub mod detgen;
pub mod face;
pub mod golden;
pub mod models;
pub mod naive;
pub mod networks;
pub mod npy;
pub mod program;
pub mod raster;
pub mod safe;
pub mod safetensors;
pub mod schema;
pub mod segment;
pub mod torch;

use std::io::Write;
use std::path::{Path, PathBuf};

/// Finds a file of the shared data: beside the workspace, or under `SPECTRALGPT_SHARED`.
///
/// Returns `None`, and says so, where the data are not: a test then has nothing to compare with.
pub fn shared(file: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("SPECTRALGPT_SHARED").map_or(beside, PathBuf::from);
    let path = folder.join(file);
    if path.exists() {
        return Some(path);
    }
    skipped(&format!("shared data not found ({file})"));
    None
}

/// Finds the ONNX Runtime with OpenVINO that `make build/openvino/ready` installs.
///
/// Returns `None`, and says so, where it is not.
pub fn openvino() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/openvino/lib");
    let pythons = std::fs::read_dir(python).into_iter().flatten().flatten();
    let libraries = pythons.flat_map(|python| {
        let capi = python.path().join("site-packages/onnxruntime/capi");
        std::fs::read_dir(capi).into_iter().flatten().flatten().map(|entry| entry.path())
    });
    let is_it = |path: &PathBuf| path.to_string_lossy().contains("/libonnxruntime.so.");
    let found = libraries.filter(is_it).find_map(|path| path.canonicalize().ok());
    if found.is_none() {
        skipped("no ONNX Runtime with OpenVINO; make build/openvino/ready installs one");
    }
    found
}

/// Says, past the test runner's capture, that a test has nothing to do here.
pub fn skipped(why: &str) {
    tell(&format!("skipped: {why}"));
}

/// Prints a line past the test runner's capture.
pub fn tell(line: &str) {
    // A closed stderr loses a remark, nothing else.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Tells whether the long versions of tests run: `make test-full`.
pub fn full() -> bool {
    std::env::var_os("SPECTRALGPT_FULL").is_some()
}
