//! Makes test data from formulas: weights, chips, checkpoints. No file and no Python needed.

pub mod detgen;
pub mod segment;
pub mod torch;

use std::path::{Path, PathBuf};

/// Finds a file of the shared data: beside the workspace, or under `SPECTRALGPT_SHARED`.
///
/// Returns `None`, and says so, where the data are not: a test then has nothing to compare with.
#[allow(clippy::print_stdout, reason = "a skipped test must say that it was skipped")]
pub fn shared(file: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("SPECTRALGPT_SHARED").map_or(beside, PathBuf::from);
    let path = folder.join(file);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: shared data not found");
    None
}
