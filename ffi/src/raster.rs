//! Describes rasters behind the caller's functions.

use std::ffi::{c_char, c_void};

use crate::status::sgpt_status;
use crate::watch::sgpt_window;

/// Asks for pixels. The layout is frozen; all of it is borrowed for the callback.
#[repr(C)]
#[derive(Debug)]
pub struct sgpt_request {
    /// The pixels to read; inside the raster.
    pub window: sgpt_window,
    /// Numbers of the bands to read, from 0, in the order to fill.
    pub bands: *const usize,
    /// Their count.
    pub bands_len: usize,
    /// To be filled, (band, row, column), digital numbers.
    pub pixels: *mut f32,
    /// Bands times rows times columns.
    pub pixels_len: usize,
    /// 1 everywhere; to be set to 0 where a pixel is invalid, (row, column).
    pub valid: *mut u8,
    /// Rows times columns.
    pub valid_len: usize,
}

/// Reads the pixels that `request` asks for, on the thread that called in; returns `SGPT_OK`, or
/// another number to end the run with.
pub type sgpt_read = Option<
    unsafe extern "C" fn(user_data: *mut c_void, request: *const sgpt_request) -> sgpt_status,
>;

/// A raster that a callback reads. The layout is frozen.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct sgpt_source {
    /// Reads it.
    pub read: sgpt_read,
    /// Passed to `read`.
    pub user_data: *mut c_void,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bands.
    pub bands: usize,
    /// The bands' names in order, separated by commas, as in "B02,B03"; NULL: as the options say.
    pub band_names: *const c_char,
}

/// Finished rows of an output. The layout is frozen; all of it is borrowed for the callback.
#[repr(C)]
#[derive(Debug)]
pub struct sgpt_rows {
    /// The samples, (row, band, column), aligned for their type.
    pub samples: *const c_void,
    /// Rows times bands times columns.
    pub samples_len: usize,
    /// The output's type, `SGPT_SAMPLE_...`.
    pub sample_type: i32,
    /// The first of these rows in the output, from 0.
    pub first_row: u32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// Bands.
    pub bands: usize,
}

/// Stores finished rows, on the thread that called in: whole ones, in order, each once. Returns
/// `SGPT_OK`, or another number to end the run with.
pub type sgpt_write =
    Option<unsafe extern "C" fn(user_data: *mut c_void, rows: *const sgpt_rows) -> sgpt_status>;

/// An output that a callback stores. The layout is frozen.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct sgpt_sink {
    /// Stores it.
    pub write: sgpt_write,
    /// Passed to `write`.
    pub user_data: *mut c_void,
}
