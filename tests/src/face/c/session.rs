//! Sessions of the C ABI.

use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::ptr::{null, null_mut};

use spectralgpt::error::{
    sgpt_error, sgpt_error_free, sgpt_error_message, sgpt_error_status, sgpt_text_free,
};
use spectralgpt::model::{sgpt_model_free, sgpt_model_open};
use spectralgpt::options::compute::{sgpt_options_set_batch, sgpt_options_set_threads};
use spectralgpt::options::{
    sgpt_options, sgpt_options_free, sgpt_options_new, sgpt_options_set_dn_offset,
    sgpt_options_set_emit, sgpt_options_set_nodata, sgpt_options_set_overlap,
    sgpt_options_set_window,
};
use spectralgpt::session::{
    sgpt_layout, sgpt_session, sgpt_session_free, sgpt_session_layout, sgpt_session_new,
};
use spectralgpt::status::{SGPT_OK, sgpt_status};
use spectralgpt_core::geometry::Size;

use crate::face::{Case, Refusal};

/// A session of the C ABI, freed when it goes.
#[derive(Debug)]
pub struct Session(pub(super) *mut sgpt_session);

// SAFETY: ABI.md: an object behind `const *` may be used by several threads at once.
unsafe impl Send for Session {}
// SAFETY: as above.
unsafe impl Sync for Session {}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: from sgpt_session_new, freed once.
        unsafe { sgpt_session_free(self.0) }
    }
}

/// Makes a result of a call and what it put into `error`.
fn outcome(status: sgpt_status, error: *mut sgpt_error) -> Result<(), Refusal> {
    if status == SGPT_OK {
        assert!(error.is_null(), "an error of a call that succeeded");
        return Ok(());
    }
    // SAFETY: a failure puts an error there.
    unsafe {
        assert_eq!(sgpt_error_status(error), status);
        let words = CStr::from_ptr(sgpt_error_message(error)).to_str().expect("UTF-8").to_owned();
        sgpt_error_free(error);
        Err((status, words))
    }
}

/// Calls a function that can fail.
pub(super) fn call(
    function: impl FnOnce(*mut *mut sgpt_error) -> sgpt_status,
) -> Result<(), Refusal> {
    let mut error = null_mut();
    outcome(function(&raw mut error), error)
}

pub(super) fn c_text(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

pub(super) fn c_path(path: &Path) -> CString {
    c_text(path.to_str().expect("UTF-8"))
}

impl Session {
    /// Opens the model of a request and takes its options.
    ///
    /// # Errors
    /// As the library says.
    pub fn new(case: &Case<'_>) -> Result<Self, Refusal> {
        let (mut model, mut options, mut session) = (null_mut(), null_mut(), null_mut());
        let path = c_path(case.model);
        // SAFETY: every pointer is to what lives here.
        let made = unsafe {
            call(|e| sgpt_model_open(path.as_ptr(), null(), &raw mut model, e))
                .and_then(|()| call(|e| sgpt_options_new(&raw mut options, e)))
                .and_then(|()| set(options, case))
                .and_then(|()| call(|e| sgpt_session_new(model, options, &raw mut session, e)))
        };
        // SAFETY: from the calls above, or still NULL; a session outlives both.
        unsafe {
            sgpt_options_free(options);
            sgpt_model_free(model);
        }
        made.map(|()| Self(session))
    }

    /// Returns the object, for calls of one's own.
    pub fn handle(&self) -> *const sgpt_session {
        self.0
    }

    fn layout(&self, case: &Case<'_>, output: usize) -> Result<sgpt_layout, Refusal> {
        let mut layout = std::mem::MaybeUninit::uninit();
        let (width, height) = (case.size.width, case.size.height);
        // SAFETY: there is room for a layout.
        call(|e| unsafe {
            sgpt_session_layout(self.0, width, height, output, layout.as_mut_ptr(), e)
        })?;
        // SAFETY: a success has written it.
        Ok(unsafe { layout.assume_init() })
    }

    pub(super) fn layouts(&self, case: &Case<'_>) -> Result<Vec<sgpt_layout>, Refusal> {
        (0..case.emit.split(',').count()).map(|output| self.layout(case, output)).collect()
    }
}

/// Checks a report, and frees it.
pub(super) fn told(report: *mut c_char) {
    // SAFETY: a success has put text there.
    let json = unsafe { CStr::from_ptr(report) }.to_str().expect("UTF-8").to_owned();
    // SAFETY: freed once.
    unsafe { sgpt_text_free(report) };
    let report: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(report["chips"].as_u64().is_some_and(|chips| chips > 0), "{report}");
}

/// Sets the options of a request.
///
/// # Safety
/// `options` are live.
unsafe fn set(options: *mut sgpt_options, case: &Case<'_>) -> Result<(), Refusal> {
    let emit = c_text(case.emit);
    // SAFETY: the caller's promise.
    unsafe {
        call(|e| sgpt_options_set_emit(options, emit.as_ptr(), e))?;
        call(|e| sgpt_options_set_batch(options, case.batch, e))?;
        call(|e| sgpt_options_set_threads(options, case.threads, e))?;
        if let Some(window) = case.window {
            let (col, row, size) = (window.col, window.row, window.size);
            call(|e| sgpt_options_set_window(options, col, row, size.width, size.height, e))?;
        }
        if let Some(overlap) = case.overlap {
            call(|e| sgpt_options_set_overlap(options, overlap, e))?;
        }
        if let Some(nodata) = case.nodata {
            call(|e| sgpt_options_set_nodata(options, nodata, e))?;
        }
        if let Some(offset) = case.dn_offset {
            call(|e| sgpt_options_set_dn_offset(options, offset, e))?;
        }
    }
    Ok(())
}

pub(super) fn size(layout: &sgpt_layout) -> Size {
    Size::new(layout.width, layout.height)
}
