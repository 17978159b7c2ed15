//! Writes products' bands as virtual rasters.

use std::ffi::c_char;

use spectralgpt_core::error::Error;
use spectralgpt_core::options::{Masked, Options};
use spectralgpt_core::raster::gdal::GdalApi;
use spectralgpt_core::sentinel2;

use crate::boundary;
use crate::error::sgpt_error;
use crate::options::sgpt_options;
use crate::status::sgpt_status;

/// Writes all bands of a Sentinel-2 product as one virtual raster, with their names, wavelengths and
/// offsets, on the grid of the finest. `product` is a product's folder, its zip, a file in it, GDAL's
/// name of a part of it, a folder of band files or a STAC item, UTF-8; `output` is the file to write,
/// which names the product's files by their whole paths. Of `options`, NULL for the defaults, the mask
/// counts ("none" or "scl"), and whether the file is replaced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_stack_vrt(
    product: *const c_char,
    output: *const c_char,
    options: *const sgpt_options,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let product = caller.text("product", product)?;
            let output = caller.path("output", output)?;
            let defaults = Options::default();
            let options = caller.optional(options).map_or(&defaults, |options| &options.0);
            let masked = match &options.mask {
                Masked::Nothing => false,
                Masked::Classes => true,
                Masked::Raster(name) => {
                    return Err(Error::usage(format!(
                        "a stack is masked by its own scene classification, not by '{name}'; give \
                         scl or none, and the raster to the run that reads the stack"
                    )));
                }
            };
            sentinel2::write(GdalApi::find()?, product, output, masked, options.overwrite)
        })
    }
}
