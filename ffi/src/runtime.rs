//! Lists what can compute, chooses GDAL.

use std::ffi::c_char;

use spectralgpt_core::raster::gdal::GdalApi;
use spectralgpt_core::runtime::probe;

use crate::boundary;
use crate::error::sgpt_error;
use crate::options::sgpt_options;
use crate::status::sgpt_status;

/// Loads ONNX Runtime and lists its providers as JSON: `version`, `path`, `candidates` (`path`,
/// `origin`), `providers` (`name`, `built_in`, `trouble`: null if it computes here). `options` may
/// name the library; NULL: it is searched. `json_out` gets the text; free it with `sgpt_text_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_devices(
    options: *const sgpt_options,
    json_out: *mut *mut c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.out("json_out", json_out)?;
            let library = caller.optional(options).and_then(|options| options.0.library.as_deref());
            out.give_text(&probe::describe(library)?.to_string());
            Ok(())
        })
    }
}

/// Chooses the GDAL library that files are read and written with, for the whole process: a file or
/// a name for the loader. Fails if the process has another one loaded. Without this call: one that
/// the process has loaded, else SPECTRALGPT_GDAL_LIBRARY, else the system's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_gdal_use(
    path: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe { boundary::call(error_out, |caller| GdalApi::choose(caller.path("path", path)?)) }
}
