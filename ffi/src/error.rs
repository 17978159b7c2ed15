//! Says why a call failed.

use std::ffi::{CString, c_char};

use crate::boundary;
use crate::status::{SGPT_OK, sgpt_status};

/// Says why a call failed: a number to branch on, and words for a person. Immutable; any thread may
/// look at it.
#[derive(Debug)]
pub struct sgpt_error {
    pub(crate) status: sgpt_status,
    pub(crate) message: CString,
}

/// Returns the number of an error, the one that the call returned; `SGPT_OK` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_error_status(error: *const sgpt_error) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe { boundary::look(error, SGPT_OK, |error| error.status) }
}

/// Returns an error's words, UTF-8: what was given, what was needed, what to do. They name options
/// as the command line does. The text belongs to the error and lives as long; "" for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_error_message(error: *const sgpt_error) -> *const c_char {
    // SAFETY: the caller keeps to ABI.md.
    unsafe { boundary::look(error, c"".as_ptr(), |error| error.message.as_ptr()) }
}

/// Frees an error; NULL is nothing to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_error_free(error: *mut sgpt_error) {
    // SAFETY: the caller keeps to ABI.md.
    unsafe { boundary::free(error) }
}

/// Frees a text that a function gave through a `..._out` argument; NULL is nothing to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_text_free(text: *mut c_char) {
    // SAFETY: the caller keeps to ABI.md.
    unsafe { boundary::free_text(text) }
}
