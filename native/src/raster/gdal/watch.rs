//! Tells how far the making of a file is, and asks whether to go on.

use crate::error::{Error, Result};
use crate::geometry::{Size, Window};

/// Told how many rows are done of how many, every row counted once per pass over the file; returns
/// false to stop.
pub type RowProgress<'a> = dyn FnMut(u64, u64) -> bool + 'a;

/// Counts pixels, tells of rows.
pub(super) struct Watch<'a> {
    tell: &'a mut RowProgress<'a>,
    width: u64,
    rows: u64,
    done: u64,
}

impl<'a> Watch<'a> {
    /// Watches a number of passes over a raster.
    pub(super) fn new(tell: &'a mut RowProgress<'a>, size: Size, passes: u32) -> Self {
        let rows = u64::from(size.height) * u64::from(passes);
        Self { tell, width: size.width.into(), rows, done: 0 }
    }

    /// Counts a window that is done.
    ///
    /// # Errors
    /// - Cancelled: the caller said so.
    pub(super) fn advance(&mut self, window: Window) -> Result<()> {
        self.advance_by(window.size.pixels() as u64)
    }

    /// Counts pixels that are done.
    ///
    /// # Errors
    /// - Cancelled: the caller said so.
    pub(super) fn advance_by(&mut self, pixels: u64) -> Result<()> {
        self.done += pixels;
        self.ask()
    }

    /// Asks whether to go on.
    ///
    /// # Errors
    /// - Cancelled: the caller said so.
    pub(super) fn ask(&mut self) -> Result<()> {
        self.ask_at(0)
    }

    /// Asks whether to go on, with so many further pixels done that do not count yet.
    ///
    /// # Errors
    /// - Cancelled: the caller said so.
    pub(super) fn ask_at(&mut self, pixels: u64) -> Result<()> {
        let done = ((self.done + pixels) / self.width).min(self.rows);
        if (self.tell)(done, self.rows) { Ok(()) } else { Err(Error::cancelled()) }
    }
}
