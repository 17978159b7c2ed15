//! Says what a VRT calls its model and its rasters.

use std::fmt::Display;
use std::path::Path;

use crate::error::{Error, Result};
use crate::model::BUILTIN;

/// Returns what a VRT calls the model, wherever it is opened.
///
/// # Errors
/// - Model: there is no folder to begin at.
/// - Usage: the name is not UTF-8.
pub(super) fn model(model: &Path) -> Result<String> {
    if model == Path::new(BUILTIN) {
        return Ok(BUILTIN.to_owned());
    }
    let wrong =
        |error| Error::model(format!("the model '{}' cannot be read: {error}", model.display()));
    utf8(&std::path::absolute(model).map_err(wrong)?)
}

/// Returns what a VRT calls a raster: a file by its whole path, anything else as GDAL was given it.
pub(super) fn source(input: &str) -> String {
    let path = Path::new(input).exists().then(|| std::path::absolute(input).ok()).flatten();
    path.and_then(|path| path.to_str().map(str::to_owned)).unwrap_or_else(|| input.to_owned())
}

/// Returns a whole path as it is seen from the folder of `vrt`; a built-in model stays what it is.
///
/// # Errors
/// - Usage: it is no file here.
/// - Io: a folder cannot be looked up.
pub(super) fn relative(name: &str, vrt: &Path) -> Result<String> {
    let path = Path::new(name);
    if name == BUILTIN {
        return Ok(name.to_owned());
    }
    let apart = |why: &dyn Display| {
        Error::usage(format!(
            "'{name}' cannot be named relative to '{}': {why}; leave out --relative",
            vrt.display()
        ))
    };
    let Some(file) = path.file_name().filter(|_| path.is_absolute() && path.exists()) else {
        return Err(apart(&"it is not a file of this machine"));
    };
    // A link keeps its name, but the folders must be the real ones: '..' goes up from these.
    let real = |path: &Path| {
        let whole = std::path::absolute(path);
        let folder = whole.and_then(|path| path.parent().unwrap_or(&path).canonicalize());
        folder.map_err(|error| Error::file("look up the folder of", path, &error))
    };
    let there = pathdiff::diff_paths(real(path)?.join(file), real(vrt)?);
    utf8(&there.ok_or_else(|| apart(&"there is no way between them"))?)
}

fn utf8(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Error::usage(format!("the name '{}' is not UTF-8; rename it", path.display()))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test says enough")]
mod tests {
    use super::*;

    #[test]
    fn a_relative_name_goes_through_real_folders() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::write(at("a/scene.tif"), "").unwrap();
        std::os::unix::fs::symlink(at("a/b"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("a/scene.tif"), at("named.tif")).unwrap();
        let seen = |file: &str, vrt: &str| relative(at(file).to_str().unwrap(), &at(vrt)).unwrap();
        assert_eq!(seen("a/scene.tif", "a/live.vrt"), "scene.tif");
        assert_eq!(seen("a/scene.tif", "live.vrt"), "a/scene.tif");
        assert_eq!(seen("a/scene.tif", "link/live.vrt"), "../scene.tif");
        assert_eq!(seen("named.tif", "link/live.vrt"), "../../named.tif");
        assert_eq!(relative(BUILTIN, &at("live.vrt")).unwrap(), BUILTIN);
        for name in ["/vsis3/bucket/scene.tif", "NETCDF:scene.nc:b", "/nowhere/scene.tif"] {
            let refused = relative(name, &at("live.vrt")).unwrap_err();
            assert!(refused.message().contains("leave out --relative"), "{refused}");
        }
    }
}
