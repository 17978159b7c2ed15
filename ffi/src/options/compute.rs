//! Says what computes, and with how much.

use std::ffi::c_char;

use spectralgpt_core::error::{Error, Result};

use super::sgpt_options;
use crate::boundary;
use crate::error::sgpt_error;
use crate::status::sgpt_status;

/// The most chips or threads that are believed to be meant.
const MOST: usize = 4096;

fn count(name: &str, number: usize) -> Result<usize> {
    if (1..=MOST).contains(&number) {
        return Ok(number);
    }
    Err(Error::usage(format!("'{name}' is {number}; give 1 to {MOST}")))
}

/// Sets how many chips are inferred together, from 1. Default: 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_batch(
    options: *mut sgpt_options,
    chips: usize,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.batch = count("chips", chips)?;
            Ok(())
        })
    }
}

/// Sets how many threads infer, and as many that read and normalise, from 1. Default: as many as the
/// process may use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_threads(
    options: *mut sgpt_options,
    threads: usize,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.threads = count("threads", threads)?;
            Ok(())
        })
    }
}

/// Sets how many bytes the process may hold. Default: 4 GiB, or half of what there is if that is
/// less.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_memory(
    options: *mut sgpt_options,
    bytes: u64,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.memory = bytes;
            Ok(())
        })
    }
}

/// Sets the hardware that computes: "auto", "cpu", "cuda", "cuda:N". Default: "auto".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_device(
    options: *mut sgpt_options,
    name: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.device = caller.text("name", name)?.parse()?;
            Ok(())
        })
    }
}

/// Sets who computes there: "auto", "ort", "openvino", "tensorrt". Default: "auto".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_provider(
    options: *mut sgpt_options,
    name: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.provider = caller.text("name", name)?.parse()?;
            Ok(())
        })
    }
}

/// Sets the network's arithmetic: "fp32", "bf16", "fp16", "fastest". Default: "fp32".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_precision(
    options: *mut sgpt_options,
    name: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.precision = caller.text("name", name)?.parse()?;
            Ok(())
        })
    }
}

/// Sets the ONNX Runtime library, a file; the first one used is the process's for good. Default:
/// SPECTRALGPT_ORT_LIBRARY, else searched beside this library, in Python environments, on the
/// system.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_onnxruntime(
    options: *mut sgpt_options,
    path: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.library = Some(caller.path("path", path)?.to_owned());
            Ok(())
        })
    }
}
