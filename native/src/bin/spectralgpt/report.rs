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
    let mut object = done.to_json();
    object["input"] = input.into();
    object
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
