//! Says what a run would do before it does it.

use std::ffi::c_char;

use spectralgpt_core::options::Options;
use spectralgpt_core::preview::preview;
use spectralgpt_core::raster::gdal::GdalApi;

use crate::boundary;
use crate::error::sgpt_error;
use crate::model::sgpt_model;
use crate::options::sgpt_options;
use crate::status::sgpt_status;

/// Opens the raster files of a run and describes it as JSON: `inputs` (`name`, and `bands`: the
/// `name` that the model needs, its `number` in the raster from 1), `dn_offset`, `window` (`column`,
/// `row`, `width`, `height`), `chips`, `chip_px`, `overlap_px`. `inputs` are `inputs_len` file
/// names, UTF-8, one per date; `options` are those of the run, NULL for the defaults. No network is
/// loaded. `json_out` gets the text; free it with `sgpt_text_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_preview_files(
    model: *const sgpt_model,
    inputs: *const *const c_char,
    inputs_len: usize,
    options: *const sgpt_options,
    json_out: *mut *mut c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.out("json_out", json_out)?;
            let manifest = caller.shared("model", model)?.0.manifest();
            let inputs = caller.texts("inputs", inputs, inputs_len)?;
            let defaults = Options::default();
            let options = caller.optional(options).map_or(&defaults, |options| &options.0);
            out.give_text(&preview(GdalApi::find()?, manifest, &inputs, options)?.to_string());
            Ok(())
        })
    }
}
