//! Says which pixels of files the network sees, and what is made of its scores.

use std::ffi::c_char;

use spectralgpt_core::options::thresholds;

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

/// Adds a raster of a time series, in order: all that is predicted is brought to the first one's grid,
/// and a pixel that is nodata in one is so in all. Each is then predicted by itself, with a session of
/// these options. Default: there is no series.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_add_series(
    options: *mut sgpt_options,
    input: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.series.push(caller.text("input", input)?.to_owned());
            Ok(())
        })
    }
}

/// Sets the scores from which on a multilabel model's labels are there, as in "0.4": one for all, or
/// one each in the model's order, separated by commas. Default: the model's own, 0.5 where it has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_threshold(
    options: *mut sgpt_options,
    numbers: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.thresholds = thresholds(caller.text("numbers", numbers)?)?;
            Ok(())
        })
    }
}
