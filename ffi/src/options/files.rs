//! Says how files are written.

use std::ffi::c_char;

use super::sgpt_options;
use crate::boundary;
use crate::error::sgpt_error;
use crate::status::sgpt_status;

/// Sets the format of files: "GTiff", "COG". Default: "GTiff".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_format(
    options: *mut sgpt_options,
    name: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.format = caller.text("name", name)?.parse()?;
            Ok(())
        })
    }
}

/// Adds a creation option of the format, as in "COMPRESS=ZSTD". Default: tiled, deflate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_add_creation(
    options: *mut sgpt_options,
    option: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.creation.push(caller.text("option", option)?.to_owned());
            Ok(())
        })
    }
}

/// Sets whether a run into a file goes on with an interrupted one of the same request, and can be
/// gone on with: 1 or 0. Default: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_resume(
    options: *mut sgpt_options,
    on: i32,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.resume = on != 0;
            Ok(())
        })
    }
}

/// Sets whether existing files are replaced: 1 or 0. Default: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_overwrite(
    options: *mut sgpt_options,
    on: i32,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.overwrite = on != 0;
            Ok(())
        })
    }
}
