//! The one way in: every exported function passes its raw arguments through here.
//!
//! This is where `unsafe` has its reasons. An exported function is `unsafe` because it believes its
//! caller: a pointer is NULL or points to what ABI.md says. [`call`] takes that promise once and
//! hands the function a [`Caller`], whose methods then check what can be checked (NULL, alignment,
//! lengths, text) and name the argument that is wrong.

mod callback;

pub(crate) use callback::{Log, Read, Watcher, Write};

use std::ffi::{CStr, CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use spectralgpt_core::error::{Error, Result};

use crate::error::sgpt_error;
use crate::status::{SGPT_ERROR_PANIC, SGPT_OK, number, sgpt_status};

/// Stands for a caller who keeps to ABI.md.
#[derive(Clone, Copy)]
pub(crate) struct Caller(());

/// A place for a result; checked before work begins, written when all of it is done.
pub(crate) struct Out<T>(*mut T);

/// Runs the body of an exported function; what goes wrong becomes a number, and an object in
/// `error_out` unless that is NULL.
///
/// # Safety
/// Every pointer that `body` passes to [`Caller`], and `error_out`, is as ABI.md says.
pub(crate) unsafe fn call(
    error_out: *mut *mut sgpt_error,
    body: impl FnOnce(Caller) -> Result<()>,
) -> sgpt_status {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        injected();
        Log::must_be_outside()?;
        body(Caller(()))
    }));
    let (status, words) = match outcome {
        Ok(Ok(())) => return SGPT_OK,
        Ok(Err(error)) => (number(error.kind()), error.message().to_owned()),
        Err(panic) => (SGPT_ERROR_PANIC, defect(&*panic)),
    };
    if !error_out.is_null() {
        let message = CString::new(words.replace('\0', "\u{fffd}")).unwrap_or_default();
        // SAFETY: the caller promises room for a pointer there.
        unsafe { error_out.write(Box::into_raw(Box::new(sgpt_error { status, message }))) };
    }
    status
}

/// Runs the body of an exported function that changes `options`; the rest is as in [`call`].
///
/// # Safety
/// As [`call`]; `options` is as ABI.md says.
pub(crate) unsafe fn change<T>(
    options: *mut T,
    error_out: *mut *mut sgpt_error,
    body: impl FnOnce(Caller, &mut T) -> Result<()>,
) -> sgpt_status {
    // SAFETY: the caller's promise is passed on.
    unsafe { call(error_out, |caller| body(caller, caller.exclusive("options", options)?)) }
}

pub(crate) fn defect(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
    format!("the library gave up ({words}); this is a defect of it, please report it")
}

/// Panics if a test asks for it.
fn injected() {
    #[cfg(feature = "inject-panics")]
    assert!(std::env::var_os("SGPT_TEST_PANIC").is_none(), "a test asked for it");
}

/// Looks into an object; `otherwise` for NULL.
///
/// # Safety
/// `object` is NULL or points to a live object.
pub(crate) unsafe fn look<T, R>(
    object: *const T,
    otherwise: R,
    body: impl FnOnce(&T) -> R + std::panic::UnwindSafe,
) -> R {
    // SAFETY: the caller's promise is the same.
    let Some(object) = (unsafe { object.as_ref() }) else { return otherwise };
    let seen = catch_unwind(AssertUnwindSafe(|| {
        injected();
        body(object)
    }));
    seen.unwrap_or(otherwise)
}

/// Frees an object that [`Out::give`] handed out; a panic in there ends in the log.
///
/// # Safety
/// `object` is NULL, or was handed out and not freed yet.
pub(crate) unsafe fn free<T>(object: *mut T) {
    if object.is_null() {
        return;
    }
    // SAFETY: the caller promises that it comes from `Box::into_raw` and is freed once.
    let object = unsafe { Box::from_raw(object) };
    freed(|| drop(object));
}

/// Frees a text that [`Out::give_text`] handed out.
///
/// # Safety
/// As [`free`].
pub(crate) unsafe fn free_text(text: *mut c_char) {
    if text.is_null() {
        return;
    }
    // SAFETY: the caller promises that it comes from `CString::into_raw` and is freed once.
    let text = unsafe { CString::from_raw(text) };
    freed(|| drop(text));
}

fn freed(body: impl FnOnce()) {
    let freed = catch_unwind(AssertUnwindSafe(|| {
        injected();
        body();
    }));
    if let Err(panic) = freed {
        log::error!("{}", defect(&*panic));
    }
}

fn missing(name: &str) -> Error {
    Error::usage(format!("'{name}' is NULL, but is needed"))
}

impl Caller {
    /// Borrows an object.
    pub(crate) fn shared<'a, T>(self, name: &str, object: *const T) -> Result<&'a T> {
        // SAFETY: `call`'s caller promises NULL or a live object, for as long as the call lasts.
        unsafe { object.as_ref() }.ok_or_else(|| missing(name))
    }

    /// Borrows an object, or none.
    pub(crate) fn optional<'a, T>(self, object: *const T) -> Option<&'a T> {
        // SAFETY: as in `shared`.
        unsafe { object.as_ref() }
    }

    /// Borrows an object to change it.
    pub(crate) fn exclusive<'a, T>(self, name: &str, object: *mut T) -> Result<&'a mut T> {
        // SAFETY: as in `shared`; ABI.md lets one thread at a time use what is not const.
        unsafe { object.as_mut() }.ok_or_else(|| missing(name))
    }

    /// Borrows `len` values.
    pub(crate) fn array<'a, T>(self, name: &str, first: *const T, len: usize) -> Result<&'a [T]> {
        if len == 0 {
            return Ok(&[]);
        }
        check_array(name, first, len)?;
        // SAFETY: not NULL, aligned, no longer than an address space; the caller promises the rest.
        Ok(unsafe { std::slice::from_raw_parts(first, len) })
    }

    /// Borrows `len` values to write them.
    pub(crate) fn room<'a, T>(self, name: &str, first: *mut T, len: usize) -> Result<&'a mut [T]> {
        if len == 0 {
            return Ok(&mut []);
        }
        check_array(name, first, len)?;
        // SAFETY: as in `array`; ABI.md forbids that it overlaps anything else of the call.
        Ok(unsafe { std::slice::from_raw_parts_mut(first, len) })
    }

    fn bytes<'a>(self, name: &str, text: *const c_char) -> Result<&'a [u8]> {
        if text.is_null() {
            return Err(missing(name));
        }
        // SAFETY: the caller promises a NUL at its end.
        Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
    }

    /// Borrows text.
    pub(crate) fn text<'a>(self, name: &str, text: *const c_char) -> Result<&'a str> {
        let wrong = |_| Error::usage(format!("'{name}' is not UTF-8 text"));
        std::str::from_utf8(self.bytes(name, text)?).map_err(wrong)
    }

    /// Borrows text, or none.
    pub(crate) fn optional_text<'a>(
        self,
        name: &str,
        text: *const c_char,
    ) -> Result<Option<&'a str>> {
        if text.is_null() { Ok(None) } else { self.text(name, text).map(Some) }
    }

    /// Borrows `len` texts.
    pub(crate) fn texts<'a>(
        self,
        name: &str,
        first: *const *const c_char,
        len: usize,
    ) -> Result<Vec<&'a str>> {
        let texts = self.array(name, first, len)?.iter().enumerate();
        texts.map(|(index, text)| self.text(&format!("{name}[{index}]"), *text)).collect()
    }

    /// Borrows a path: any bytes.
    pub(crate) fn path<'a>(self, name: &str, path: *const c_char) -> Result<&'a Path> {
        match self.bytes(name, path)? {
            [] => Err(Error::usage(format!("'{name}' is an empty path"))),
            bytes => Ok(Path::new(OsStr::from_bytes(bytes))),
        }
    }

    /// Takes a place for a result.
    pub(crate) fn out<T>(self, name: &str, place: *mut T) -> Result<Out<T>> {
        if place.is_null() { Err(missing(name)) } else { Ok(Out(place)) }
    }

    /// Takes a place for a result that the caller may not want.
    pub(crate) fn optional_out<T>(self, place: *mut T) -> Out<T> {
        Out(place)
    }
}

/// Checks what can be seen of an array without touching it.
fn check_array<T>(name: &str, first: *const T, len: usize) -> Result<()> {
    if first.is_null() {
        return Err(missing(name));
    }
    if !first.is_aligned() {
        let needed = align_of::<T>();
        return Err(Error::usage(format!("'{name}' is not aligned to {needed} bytes")));
    }
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) if bytes <= isize::MAX.unsigned_abs() => Ok(()),
        _ => Err(Error::usage(format!("'{name}' cannot hold {len} values: no memory is so large"))),
    }
}

impl<T> Out<T> {
    /// Writes a result, if it is wanted.
    pub(crate) fn set(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: the caller promises room for a `T` there.
            unsafe { self.0.write(value) };
        }
    }
}

impl<T> Out<*mut T> {
    /// Hands out an object; [`free`] takes it back.
    pub(crate) fn give(self, object: T) {
        if !self.0.is_null() {
            self.set(Box::into_raw(Box::new(object)));
        }
    }
}

impl Out<*mut c_char> {
    /// Hands out text, NUL for NUL replaced; [`free_text`] takes it back.
    pub(crate) fn give_text(self, text: &str) {
        if !self.0.is_null() {
            let text = CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
            self.set(text.into_raw());
        }
    }
}
