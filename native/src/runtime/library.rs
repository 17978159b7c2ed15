//! Identifies an ONNX Runtime library by opening it.

use std::ffi::{CStr, c_void};
use std::path::{Path, PathBuf};

use super::search::{Origin, Places, file_of};
use super::{OLDEST, REMEDY, disable_telemetry};
use crate::error::{Error, Result};

/// An ONNX Runtime library that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// The file, without links.
    pub path: PathBuf,
    /// Its version, as it says.
    pub version: String,
}

/// Opens a library for a moment and reads its version.
///
/// `path` is a file or a bare name that the loader looks up.
///
/// # Errors
/// - Model: missing, not a library, not ONNX Runtime, or older than [`OLDEST`].
pub fn inspect(path: &Path) -> Result<Library> {
    open(path).map(|opened| opened.library)
}

/// A library, mapped as long as this lives.
pub(super) struct Opened {
    pub(super) library: Library,
    _handle: libloading::Library,
}

/// Opens the best library that can be used.
///
/// # Errors
/// - Model: the named library cannot be used, or none was found; the words say where was looked.
pub(super) fn open_best(places: &Places) -> Result<Opened> {
    let mut reason = None;
    for candidate in places.candidates() {
        let error = match open(&candidate.path) {
            Ok(opened) => return Ok(opened),
            Err(error) => error.at(&candidate.origin.to_string()),
        };
        log::debug!("{error}");
        if candidate.origin != Origin::System {
            reason.get_or_insert(error);
        }
    }
    let (major, minor) = OLDEST;
    Err(reason.unwrap_or_else(|| {
        Error::model(format!(
            "no ONNX Runtime was found in {} or by the system's loader; {major}.{minor} or newer \
             is needed: {REMEDY}",
            places.searched(),
        ))
    }))
}

fn open(path: &Path) -> Result<Opened> {
    disable_telemetry();
    // SAFETY: runs the file's initialisers; that is what naming a library to load means.
    let handle = unsafe { libloading::Library::new(path) }.map_err(|error| {
        let given = path.display();
        let reason = std::error::Error::source(&error).map_or(error.to_string(), |e| e.to_string());
        Error::model(format!("ONNX Runtime cannot be loaded from '{given}': {reason}; {REMEDY}"))
    })?;
    let library = identify(path, &handle)?;
    Ok(Opened { library, _handle: handle })
}

fn identify(path: &Path, handle: &libloading::Library) -> Result<Library> {
    type Entry = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;
    let given = path.display();
    // SAFETY: every release of ONNX Runtime exports this function with this signature.
    let entry = unsafe { handle.get::<Entry>(b"OrtGetApiBase") }.map_err(|_| {
        Error::model(format!(
            "'{given}' is a library but not ONNX Runtime (no OrtGetApiBase in it); {REMEDY}"
        ))
    })?;
    // SAFETY: takes nothing and returns a static table or null.
    let version = unsafe { entry().as_ref() }.map(|base| {
        // SAFETY: takes nothing and returns a static string.
        unsafe { CStr::from_ptr((base.GetVersionString)()) }.to_string_lossy().into_owned()
    });
    let version = version.unwrap_or_default();
    if !is_new_enough(&version) {
        let (major, minor) = OLDEST;
        return Err(Error::model(format!(
            "'{given}' is ONNX Runtime {version}; {major}.{minor} or newer is needed: {REMEDY}"
        )));
    }
    let file = file_of(*entry as *const c_void).and_then(|name| std::fs::canonicalize(name).ok());
    Ok(Library { path: file.unwrap_or_else(|| path.to_path_buf()), version })
}

/// Reads `MAJOR.MINOR.PATCH` and compares it with [`OLDEST`].
fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    major == OLDEST.0 && minor >= OLDEST.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        for (version, enough) in
            [("1.17.0", true), ("1.100.2", true), ("1.9.1", false), ("2.0.0", false), ("", false)]
        {
            assert_eq!(is_new_enough(version), enough, "{version}");
        }
    }

    #[test]
    fn what_is_no_onnx_runtime_is_refused_in_words() {
        let words = |path: &str| inspect(Path::new(path)).unwrap_err().message().to_string();
        assert!(words("/nowhere/a.so").contains("No such file"));
        assert!(words("/proc/self/status").contains("/proc/self/status"));
        assert!(words("libm.so.6").contains("not ONNX Runtime"));
    }
}
