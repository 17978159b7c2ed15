//! Carries text over the border to C.

use std::ffi::{CStr, CString, c_char};
use std::path::Path;

use crate::error::{Error, Result};

/// Copies C's text; null is empty.
///
/// # Safety
/// `text` is null or ends with a NUL.
pub(super) unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Copies a list of C's texts that ends with a null; null is empty.
///
/// # Safety
/// `list` is null or such a list.
pub(super) unsafe fn texts(mut list: *const *mut c_char) -> Vec<String> {
    let mut copies = Vec::new();
    // SAFETY: the caller's promise; nothing is read past the null.
    unsafe {
        while !list.is_null() && !(*list).is_null() {
            copies.push(text(*list));
            list = list.add(1);
        }
    }
    copies
}

/// Gives C a text.
///
/// # Errors
/// - Usage: it holds a NUL.
pub(super) fn c_text(text: &str) -> Result<CString> {
    CString::new(text)
        .map_err(|_| Error::usage(format!("'{}' holds a NUL; leave it out", text.escape_default())))
}

/// Gives C a file name; GDAL takes UTF-8.
///
/// # Errors
/// - Usage: it is not UTF-8, or holds a NUL.
pub(super) fn c_path(path: &Path) -> Result<CString> {
    let name = path.to_str().ok_or_else(|| {
        Error::usage(format!("the file name '{}' is not UTF-8; rename it", path.display()))
    })?;
    c_text(name)
}

/// A list of texts for C, ended by a null.
pub(super) struct CTexts {
    pointers: Vec<*mut c_char>,
    _texts: Vec<CString>,
}

impl CTexts {
    /// Makes the list.
    ///
    /// # Errors
    /// - Usage: a text holds a NUL.
    pub(super) fn new<T: AsRef<str>>(texts: &[T]) -> Result<Self> {
        let texts = texts.iter().map(|text| c_text(text.as_ref())).collect::<Result<Vec<_>>>()?;
        let pointers = texts.iter().map(|text| text.as_ptr().cast_mut());
        let pointers = pointers.chain([std::ptr::null_mut()]).collect();
        Ok(Self { pointers, _texts: texts })
    }

    /// Lends the list to a C function that only reads it.
    pub(super) fn as_ptr(&self) -> *mut *mut c_char {
        self.pointers.as_ptr().cast_mut()
    }
}
