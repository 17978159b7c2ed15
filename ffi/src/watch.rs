//! Watches and stops runs.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::boundary;
use crate::error::sgpt_error;
use crate::status::sgpt_status;

/// A rectangle of a raster, in pixels from its top left corner.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct sgpt_window {
    /// First column.
    pub column: u32,
    /// First row.
    pub row: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Hears how many chips of a run are done, at least every 100 ms, on the thread that called in;
/// returns 0 to stop, anything else to go on.
pub type sgpt_progress =
    Option<unsafe extern "C" fn(user_data: *mut c_void, done: usize, total: usize) -> i32>;

/// A stop sign that any thread may raise; see `sgpt_cancel_new`.
#[derive(Debug)]
pub struct sgpt_cancel(pub(crate) AtomicBool);

/// Who watches a run. The layout is frozen; a member may be NULL.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct sgpt_watch {
    /// Hears of progress.
    pub progress: sgpt_progress,
    /// Passed to `progress`.
    pub user_data: *mut c_void,
    /// Stops the run when raised; borrowed for the call.
    pub cancel: *const sgpt_cancel,
}

/// Makes a stop sign that is down. `cancel_out` gets it; free it with `sgpt_cancel_free` when no
/// call uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_cancel_new(
    cancel_out: *mut *mut sgpt_cancel,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.out("cancel_out", cancel_out)?;
            out.give(sgpt_cancel(AtomicBool::default()));
            Ok(())
        })
    }
}

/// Raises a stop sign, for good: calls that are given it end soon with `SGPT_ERROR_CANCELLED`. Any
/// thread may do so at any time; NULL is ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_cancel_request(cancel: *const sgpt_cancel) {
    // SAFETY: the caller keeps to ABI.md.
    unsafe { boundary::look(cancel, (), |cancel| cancel.0.store(true, Ordering::Relaxed)) }
}

/// Frees a stop sign; NULL is nothing to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_cancel_free(cancel: *mut sgpt_cancel) {
    // SAFETY: the caller keeps to ABI.md.
    unsafe { boundary::free(cancel) }
}
