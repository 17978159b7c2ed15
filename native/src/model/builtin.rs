//! Models that are part of the library.

use std::path::Path;

use crate::error::{Error, Result};

/// The name of the built-in land cover model, accepted wherever a model file is.
pub const BUILTIN: &str = "builtin:landcover";

const PREFIX: &str = "builtin:";

static LANDCOVER: &[u8] = include_bytes!("../../../models/landcover.onnx");

/// Returns the built-in model of that name, or `None` if it is not a built-in model's name.
///
/// # Errors
/// - Model: it begins like one, but there is none of that name.
pub(super) fn named(path: &Path) -> Result<Option<&'static [u8]>> {
    match path.to_str() {
        Some(BUILTIN) => Ok(Some(LANDCOVER)),
        Some(name) if name.starts_with(PREFIX) => Err(Error::model(format!(
            "there is no built-in model '{name}'; give {BUILTIN} or a file"
        ))),
        _ => Ok(None),
    }
}
