//! What `--json` prints: one object per raster.

use std::path::PathBuf;

use serde_json::{Value, json};
use spectralgpt_core::error::Error;
use spectralgpt_core::scene::SceneReport;

/// Describes a raster that was predicted, in one line.
pub(crate) fn success(input: &str, done: &SceneReport) -> String {
    describe(input, done).to_string()
}

/// Describes a raster that was predicted.
pub(crate) fn describe(input: &str, done: &SceneReport) -> Value {
    json!({
        "input": input,
        "outputs": paths(&done.outputs),
        "seconds": done.line.seconds,
        "chips": done.line.chips,
        "chips_skipped": done.line.chips_skipped,
        "chips_per_second": done.chips_per_second(),
        "provider": done.provider.provider,
        "precision": done.provider.precision.to_string(),
        "fallback_nodes": done.provider.fallback_nodes,
        "seam_disagreement": done.line.seam_disagreement,
        "peak_rss_bytes": done.peak_rss,
    })
}

/// Lists paths as text.
pub(crate) fn paths(files: &[PathBuf]) -> Vec<Value> {
    files.iter().map(|path| path.display().to_string().into()).collect()
}

/// Describes a raster that failed.
pub(crate) fn failure(input: &str, error: &Error) -> String {
    json!({
        "input": input,
        "error": { "code": error.kind().code(), "message": error.message() },
    })
    .to_string()
}
