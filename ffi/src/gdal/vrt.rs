//! Writes virtual rasters that run a model when they are read.

use std::ffi::c_char;

use spectralgpt_core::live::vrt::{self, Form, Kind};
use spectralgpt_core::options::Options;
use spectralgpt_core::raster::gdal::GdalApi;

use crate::boundary;
use crate::error::sgpt_error;
use crate::options::sgpt_options;
use crate::status::sgpt_status;

/// Writes a virtual raster of a map that no file holds: GDAL runs the model when it reads one, where
/// `sgpt_gdal_register` was called or GDAL finds the plugin. `model` is a model file or a built-in
/// one's name; `inputs` are `inputs_len` file names, UTF-8, one per date; `output` is the file to
/// write. `kind` is "processed" (GDAL 3.9 and newer), "pixel-function" (3.4 and newer), or "auto";
/// NULL: "auto", by the GDAL here. Of `options`, NULL for the defaults, those count that pixels
/// depend on, and whether the file is replaced. Nothing is inferred.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_live_vrt(
    model: *const c_char,
    inputs: *const *const c_char,
    inputs_len: usize,
    output: *const c_char,
    kind: *const c_char,
    options: *const sgpt_options,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let (model, output) = (caller.path("model", model)?, caller.path("output", output)?);
            let inputs = caller.texts("inputs", inputs, inputs_len)?;
            let kind = caller.optional_text("kind", kind)?;
            let kind = kind.map_or(Ok(Kind::default()), str::parse)?;
            let defaults = Options::default();
            let options = caller.optional(options).map_or(&defaults, |options| &options.0);
            let form = Form { kind, ..Form::default() };
            vrt::write(GdalApi::find()?, model, &inputs, output, form, options)
        })
    }
}
