//! Names the axes: sizes and windows in pixels, columns before rows in names, never in tuples.

use crate::error::{Error, Result};

/// A width and a height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// Makes a size.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Makes a square of the given side.
    pub const fn square(side: u32) -> Self {
        Self::new(side, side)
    }

    /// Counts the pixels.
    pub const fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} columns by {} rows", self.width, self.height)
    }
}

/// A rectangle of a raster, in pixels from its top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Window {
    /// First column.
    pub col: u32,
    /// First row.
    pub row: u32,
    /// Extent.
    pub size: Size,
}

impl Window {
    /// Makes a window.
    pub const fn new(col: u32, row: u32, size: Size) -> Self {
        Self { col, row, size }
    }

    /// Makes the window that is the whole raster.
    pub const fn whole(size: Size) -> Self {
        Self::new(0, 0, size)
    }

    /// Returns the column after the last.
    pub const fn end_col(self) -> u32 {
        self.col + self.size.width
    }

    /// Returns the row after the last.
    pub const fn end_row(self) -> u32 {
        self.row + self.size.height
    }

    /// Checks that the window has pixels and lies inside a raster.
    ///
    /// # Errors
    /// - Usage: empty, or outside.
    pub fn inside(self, raster: Size) -> Result<Self> {
        let end = |first: u32, length: u32| u64::from(first) + u64::from(length);
        let fits = self.size.pixels() > 0
            && end(self.col, self.size.width) <= u64::from(raster.width)
            && end(self.row, self.size.height) <= u64::from(raster.height);
        if fits {
            return Ok(self);
        }
        Err(Error::usage(format!(
            "the window {} at column {}, row {} does not lie inside the raster of {raster}; \
             give COL,ROW,W,H within it",
            self.size, self.col, self.row
        )))
    }
}
