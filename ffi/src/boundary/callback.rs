//! Calls the caller's functions.

use std::cell::Cell;
use std::ffi::{CString, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::geometry::{Size, Window};
use spectralgpt_core::progress::Progress;
use spectralgpt_core::raster::Samples;

use super::Caller;
use crate::array::{SGPT_SAMPLE_F32, SGPT_SAMPLE_U8, SGPT_SAMPLE_U16};
use crate::log::sgpt_log;
use crate::raster::{sgpt_read, sgpt_request, sgpt_rows, sgpt_sink, sgpt_source, sgpt_write};
use crate::status::{SGPT_OK, kind, sgpt_status};
use crate::watch::{sgpt_progress, sgpt_watch, sgpt_window};

/// Tells the caller how far a run is, and hears whether to stop.
pub(crate) struct Watcher<'a> {
    progress: sgpt_progress,
    user_data: *mut c_void,
    cancel: Option<&'a AtomicBool>,
}

/// Has the caller read pixels.
pub(crate) struct Read {
    read: unsafe extern "C" fn(*mut c_void, *const sgpt_request) -> sgpt_status,
    user_data: *mut c_void,
    /// Numbers of the bands to read, from 0.
    bands: Vec<usize>,
    size: Size,
}

/// Has the caller store rows.
pub(crate) struct Write {
    write: unsafe extern "C" fn(*mut c_void, *const sgpt_rows) -> sgpt_status,
    user_data: *mut c_void,
}

impl Caller {
    /// Takes who watches a run, or nobody.
    pub(crate) fn watcher<'a>(self, watch: *const sgpt_watch) -> Watcher<'a> {
        let nobody = Watcher { progress: None, user_data: std::ptr::null_mut(), cancel: None };
        self.optional(watch).map_or(nobody, |watch| Watcher {
            progress: watch.progress,
            user_data: watch.user_data,
            cancel: self.optional(watch.cancel).map(|cancel| &cancel.0),
        })
    }

    /// Takes who reads those bands of a source.
    pub(crate) fn read(self, name: &str, source: &sgpt_source, bands: Vec<usize>) -> Result<Read> {
        let read: sgpt_read = source.read;
        let read = read.ok_or_else(|| super::missing(&format!("{name}.read")))?;
        let size = Size::new(source.width, source.height);
        Ok(Read { read, user_data: source.user_data, bands, size })
    }

    /// Takes who stores rows.
    pub(crate) fn write(self, name: &str, sink: &sgpt_sink) -> Result<Write> {
        let write: sgpt_write = sink.write;
        let write = write.ok_or_else(|| super::missing(&format!("{name}.write")))?;
        Ok(Write { write, user_data: sink.user_data })
    }
}

impl Progress for Watcher<'_> {
    fn advanced(&mut self, done: usize, total: usize) -> bool {
        if self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return false;
        }
        // SAFETY: the caller's function, with the caller's pointer, on the caller's thread.
        self.progress.is_none_or(|progress| unsafe { progress(self.user_data, done, total) } != 0)
    }
}

impl Read {
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    pub(crate) fn bands(&self) -> usize {
        self.bands.len()
    }

    /// Reads a window: pixels (band, row, column), valid flags (row, column).
    ///
    /// # Errors
    /// - As the caller's function says.
    pub(crate) fn call(&self, window: Window) -> Result<(Vec<f32>, Vec<u8>)> {
        let plane = window.size.pixels();
        let (mut pixels, mut valid) = (vec![0.0; plane * self.bands.len()], vec![1; plane]);
        let request = sgpt_request {
            window: sgpt_window {
                column: window.col,
                row: window.row,
                width: window.size.width,
                height: window.size.height,
            },
            bands: self.bands.as_ptr(),
            bands_len: self.bands.len(),
            pixels: pixels.as_mut_ptr(),
            pixels_len: pixels.len(),
            valid: valid.as_mut_ptr(),
            valid_len: valid.len(),
        };
        // SAFETY: as above; the arrays have the lengths that the request states.
        let status = unsafe { (self.read)(self.user_data, &raw const request) };
        valid.iter_mut().for_each(|flag| *flag = u8::from(*flag != 0));
        let what = || format!("{} at column {}, row {}", window.size, window.col, window.row);
        outcome(status, || format!("the caller's source could not read {}", what()))?;
        Ok((pixels, valid))
    }
}

impl Write {
    /// Stores rows, (row, band, column), that follow each other from `first`.
    ///
    /// # Errors
    /// - As the caller's function says.
    pub(crate) fn call(&self, first: u32, size: Size, bands: usize, rows: Samples) -> Result<()> {
        let (sample_type, samples) = match rows {
            Samples::U8(rows) => (SGPT_SAMPLE_U8, rows.as_ptr().cast()),
            Samples::U16(rows) => (SGPT_SAMPLE_U16, rows.as_ptr().cast()),
            Samples::F32(rows) => (SGPT_SAMPLE_F32, rows.as_ptr().cast()),
        };
        let rows = sgpt_rows {
            samples,
            samples_len: rows.len(),
            sample_type,
            first_row: first,
            height: size.height,
            width: size.width,
            bands,
        };
        // SAFETY: the caller's function and pointer, on the caller's thread; the samples are there.
        let status = unsafe { (self.write)(self.user_data, &raw const rows) };
        outcome(status, || format!("the caller's sink could not store rows from row {first}"))
    }
}

/// Makes an error of a number that the caller's function returned.
fn outcome(status: sgpt_status, what: impl FnOnce() -> String) -> Result<()> {
    if status == SGPT_OK {
        return Ok(());
    }
    Err(Error::new(kind(status), format!("{} (it returned {status})", what())))
}

/// Tells the caller what is logged, on any thread.
pub(crate) struct Log {
    log: unsafe extern "C" fn(*mut c_void, i32, *const std::ffi::c_char),
    user_data: *mut c_void,
}

// SAFETY: ABI.md asks for a function and a pointer that any thread may use.
unsafe impl Send for Log {}
// SAFETY: as above.
unsafe impl Sync for Log {}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

impl Log {
    /// Takes whom to tell; `None` for nobody.
    pub(crate) fn new(_: Caller, log: sgpt_log, user_data: *mut c_void) -> Option<Self> {
        log.map(|log| Self { log, user_data })
    }

    /// Says whether this thread is in the caller's function.
    pub(crate) fn inside() -> bool {
        INSIDE.get()
    }

    /// Checks that this thread is not in the caller's function: the library may hold locks there.
    ///
    /// # Errors
    /// - Usage: it is.
    pub(super) fn must_be_outside() -> Result<()> {
        if !Self::inside() {
            return Ok(());
        }
        Err(Error::usage(
            "the log's function called the library; let it keep the message, and call later",
        ))
    }

    /// Tells a message; what is logged meanwhile on this thread is lost.
    pub(crate) fn tell(&self, level: i32, message: &str) {
        let message = CString::new(message.replace('\0', "\u{fffd}")).unwrap_or_default();
        INSIDE.set(true);
        // SAFETY: the caller's function and pointer, for any thread; the text ends with a NUL.
        unsafe { (self.log)(self.user_data, level, message.as_ptr()) };
        INSIDE.set(false);
    }
}
