//! Tells which library this is.

use std::ffi::{CStr, c_char};

/// Counts incompatible changes of this header; a program compares it with `sgpt_abi_version`.
pub const SGPT_ABI_VERSION: u32 = 1;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("the version holds a NUL"),
    };

/// Returns the library's version as text, for example "0.1.0".
///
/// The text is static and never freed.
#[unsafe(no_mangle)]
pub extern "C" fn sgpt_version() -> *const c_char {
    VERSION.as_ptr()
}

/// Returns the ABI number of the loaded library, `SGPT_ABI_VERSION` of the header it was built with.
#[unsafe(no_mangle)]
pub extern "C" fn sgpt_abi_version() -> u32 {
    SGPT_ABI_VERSION
}
