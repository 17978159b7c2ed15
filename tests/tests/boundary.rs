//! What crosses the C boundary without a network, also interpreted by Miri (`make miri`): objects
//! are made, told things, refused things and freed; nothing is lost, nothing read that is not there.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};

use spectralgpt::convert::{sgpt_convert_options_free, sgpt_convert_options_new};
use spectralgpt::error::{sgpt_error, sgpt_error_free, sgpt_error_message, sgpt_error_status};
use spectralgpt::log::{SGPT_LOG_DEBUG, SGPT_LOG_OFF, sgpt_log_set};
use spectralgpt::model::{sgpt_model_from_memory, sgpt_model_open};
use spectralgpt::options::compute::{sgpt_options_set_device, sgpt_options_set_threads};
use spectralgpt::options::{
    sgpt_options_free, sgpt_options_new, sgpt_options_set_bands, sgpt_options_set_emit,
    sgpt_options_set_window,
};
use spectralgpt::session::sgpt_session_new;
use spectralgpt::status::{SGPT_ERROR_MODEL, SGPT_ERROR_USAGE, SGPT_OK, sgpt_status};
use spectralgpt::version::{sgpt_abi_version, sgpt_version};
use spectralgpt::watch::{sgpt_cancel_free, sgpt_cancel_new, sgpt_cancel_request};

/// Makes a call that must end so; returns its words.
fn must(expected: sgpt_status, call: impl FnOnce(*mut *mut sgpt_error) -> sgpt_status) -> String {
    let mut error = null_mut();
    assert_eq!(call(&raw mut error), expected);
    assert_eq!(error.is_null(), expected == SGPT_OK);
    // SAFETY: an error of the call, or null, which these functions take too.
    unsafe {
        assert_eq!(sgpt_error_status(error), expected);
        let words = CStr::from_ptr(sgpt_error_message(error)).to_str().unwrap().to_owned();
        sgpt_error_free(error);
        words
    }
}

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

#[test]
fn options_take_what_is_right_and_refuse_the_rest() {
    let (mut options, mut others) = (null_mut(), null_mut());
    let (names, wrong, latin) = (c("classes,scores"), c("beauty"), c"caf\xe9");
    // SAFETY: everything lives until it is freed, once.
    unsafe {
        must(SGPT_OK, |e| sgpt_options_new(&raw mut options, e));
        must(SGPT_OK, |e| sgpt_convert_options_new(&raw mut others, e));
        must(SGPT_OK, |e| sgpt_options_set_emit(options, names.as_ptr(), e));
        must(SGPT_OK, |e| sgpt_options_set_bands(options, null(), e));
        must(SGPT_OK, |e| sgpt_options_set_window(options, 1, 2, 3, 4, e));
        let words = must(SGPT_ERROR_USAGE, |e| sgpt_options_set_emit(options, wrong.as_ptr(), e));
        assert!(words.contains("beauty"), "{words}");
        must(SGPT_ERROR_USAGE, |e| sgpt_options_set_emit(options, latin.as_ptr(), e));
        must(SGPT_ERROR_USAGE, |e| sgpt_options_set_emit(options, null(), e));
        must(SGPT_ERROR_USAGE, |e| sgpt_options_set_emit(null_mut(), names.as_ptr(), e));
        must(SGPT_ERROR_USAGE, |e| sgpt_options_set_threads(options, 0, e));
        must(SGPT_ERROR_USAGE, |e| sgpt_options_set_device(options, wrong.as_ptr(), e));
        assert_eq!(sgpt_options_set_threads(options, 0, null_mut()), SGPT_ERROR_USAGE);
        must(SGPT_ERROR_USAGE, |e| sgpt_options_new(null_mut(), e));
        let mut session = null_mut();
        must(SGPT_ERROR_USAGE, |e| sgpt_session_new(null(), options, &raw mut session, e));
        assert!(session.is_null());
        sgpt_options_free(options);
        sgpt_options_free(null_mut());
        sgpt_convert_options_free(others);
    }
}

#[test]
fn models_that_are_none_leave_nothing_behind() {
    let (mut model, nowhere, bytes) = (null_mut(), c("/nowhere.onnx"), [8u8, 9, 10]);
    // SAFETY: everything lives until the calls return; the odd length is refused before it is used.
    unsafe {
        must(SGPT_ERROR_MODEL, |e| sgpt_model_open(nowhere.as_ptr(), null(), &raw mut model, e));
        let mut open = |first, len, activation, expected| {
            must(expected, |e| sgpt_model_from_memory(first, len, activation, &raw mut model, e))
        };
        let wrong = c("tanh");
        open(bytes.as_ptr(), 3, null(), SGPT_ERROR_MODEL);
        open(bytes.as_ptr(), 3, wrong.as_ptr(), SGPT_ERROR_USAGE);
        open(null(), 3, null(), SGPT_ERROR_USAGE);
        open(bytes.as_ptr(), usize::MAX, null(), SGPT_ERROR_USAGE);
    }
    assert!(model.is_null());
}

unsafe extern "C" fn count(heard: *mut c_void, _level: i32, message: *const c_char) {
    // SAFETY: the counter outlives the log; the message is the library's.
    unsafe {
        assert!(!CStr::from_ptr(message).is_empty());
        (*heard.cast::<AtomicUsize>()).fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn signs_logs_and_versions() {
    let (mut sign, heard) = (null_mut(), AtomicUsize::new(0));
    let told = (&raw const heard).cast_mut().cast();
    // SAFETY: everything lives until it is freed or silenced.
    unsafe {
        must(SGPT_OK, |e| sgpt_cancel_new(&raw mut sign, e));
        sgpt_cancel_request(sign);
        sgpt_cancel_request(null());
        sgpt_cancel_free(sign);
        must(SGPT_OK, |e| sgpt_log_set(SGPT_LOG_DEBUG, Some(count), told, e));
        must(SGPT_ERROR_USAGE, |e| sgpt_log_set(99, Some(count), told, e));
        must(SGPT_OK, |e| sgpt_log_set(SGPT_LOG_OFF, None, null_mut(), e));
        assert!(CStr::from_ptr(sgpt_version()).to_str().unwrap().contains('.'));
    }
    assert_eq!(sgpt_abi_version(), 1);
}
