//! Says which pixels of files the network sees.

use std::ffi::c_char;

use super::sgpt_options;
use crate::boundary;
use crate::error::sgpt_error;
use crate::status::sgpt_status;

/// Sets which pixels of files become nodata besides: "scl" (clouds, shadows, snow and ice by a
/// level-2A product's scene classification), "none", or a raster that is 0 or nodata there. Default:
/// "none".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_mask(
    options: *mut sgpt_options,
    mask: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.mask = caller.text("mask", mask)?.parse()?;
            Ok(())
        })
    }
}

/// Sets the pixels that the network sees of files: "model" (of the size that it was trained at;
/// rasters of others are resampled, and the map has the new ones) or "source". Default: "model".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_resolution(
    options: *mut sgpt_options,
    name: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.resolution = caller.text("name", name)?.parse()?;
            Ok(())
        })
    }
}
