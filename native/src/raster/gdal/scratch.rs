//! Keeps finished rows on disk until the map is encoded.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::raster::{Layer, SampleType, Samples};

/// Bytes that are encoded or compared at once, unless one row of blocks is more.
const STRIP_BYTES: usize = 32 << 20;

/// Returns the bytes of scratch space that an output needs beside itself while it is written. The
/// map comes on top: at most as much again, unless it is incompressible.
pub fn scratch_bytes(layer: &Layer, size: Size) -> u64 {
    RowLayout::new(layer, size).row_bytes() as u64 * u64::from(size.height)
}

/// How rows lie in memory and in the scratch file: (row, band, column).
#[derive(Debug, Clone, Copy)]
pub(super) struct RowLayout {
    pub(super) sample: SampleType,
    pub(super) bands: u32,
    pub(super) width: u32,
}

impl RowLayout {
    pub(super) fn new(layer: &Layer, size: Size) -> Self {
        let bands = u32::try_from(layer.bands.len()).unwrap_or(u32::MAX);
        Self { sample: layer.sample, bands, width: size.width }
    }

    pub(super) fn sample_bytes(self) -> usize {
        match self.sample {
            SampleType::U8 => 1,
            SampleType::U16 => 2,
            SampleType::F32 => 4,
        }
    }

    pub(super) fn row_bytes(self) -> usize {
        self.sample_bytes() * self.bands as usize * self.width as usize
    }

    /// Returns the window that so many bytes of whole rows fill.
    pub(super) fn window(self, first: u32, bytes: usize) -> Window {
        let rows = u32::try_from(bytes / self.row_bytes()).unwrap_or(u32::MAX);
        Window::new(0, first, Size::new(self.width, rows))
    }

    /// Returns the rows to encode or compare at once: whole blocks, so that none is encoded twice.
    fn strip_rows(self, block_rows: usize) -> usize {
        block_rows * (STRIP_BYTES / (block_rows * self.row_bytes())).max(1)
    }
}

/// Rows in a file, appended and then read in order.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) file: File,
    pub(super) layout: RowLayout,
    height: u32,
    bytes: u64,
}

impl Scratch {
    /// Creates the file.
    ///
    /// # Errors
    /// - Io: it cannot be created.
    pub(super) fn create(path: &Path, layer: &Layer, size: Size) -> Result<Self> {
        let file = File::options().read(true).write(true).create_new(true).open(path);
        let file = file.map_err(|error| Error::file("create", path, &error))?;
        Ok(Self { file, layout: RowLayout::new(layer, size), height: size.height, bytes: 0 })
    }

    /// Counts the bytes of all rows.
    pub(super) fn whole(&self) -> u64 {
        self.layout.row_bytes() as u64 * u64::from(self.height)
    }

    /// Appends whole rows.
    ///
    /// # Errors
    /// - Failed: not whole rows of the layout, or too many.
    /// - Io: they cannot be stored; says what is needed.
    pub(super) fn append(&mut self, rows: Samples<'_>) -> Result<()> {
        let (sample, bytes) = as_bytes(&rows);
        let after = self.bytes + bytes.len() as u64;
        let whole_rows = bytes.len().is_multiple_of(self.layout.row_bytes());
        if sample != self.layout.sample || !whole_rows || after > self.whole() {
            let RowLayout { bands, width, .. } = self.layout;
            return Err(Error::failed(format!(
                "{} bytes were given after {} to an output of {bands} band(s) of {width} columns \
                 by {} rows; give whole rows of its own type",
                bytes.len(),
                self.bytes,
                self.height
            )));
        }
        self.file.write_all(bytes).map_err(|error| {
            Error::io(format!("cannot store rows: {error}; they need {}", self.need()))
        })?;
        self.bytes = after;
        Ok(())
    }

    /// Tells how much space a person must find.
    pub(super) fn need(&self) -> String {
        format!(
            "{} bytes beside the output, and at most as many again for the output itself; free \
             space there or choose another folder",
            self.whole()
        )
    }

    /// Hands over all rows in strips that hold whole blocks: the first row's number, and the bytes.
    ///
    /// # Errors
    /// - Failed: rows are missing.
    /// - Io: they cannot be read back.
    /// - whatever `take` gives.
    pub(super) fn strips(
        &mut self,
        block: Size,
        mut take: impl FnMut(u32, &[u8]) -> Result<()>,
    ) -> Result<()> {
        if self.bytes != self.whole() {
            let written = self.bytes / self.layout.row_bytes() as u64;
            let height = self.height;
            return Err(Error::failed(format!("{written} of {height} rows were written")));
        }
        let unreadable = |error| Error::io(format!("cannot read the stored rows back: {error}"));
        self.file.rewind().map_err(unreadable)?;
        let rows = self.layout.strip_rows(block.height.max(1) as usize).min(self.height as usize);
        let mut strip = vec![0; rows * self.layout.row_bytes()];
        for first in (0..self.height).step_by(rows) {
            let left = (self.height - first) as usize;
            let strip = &mut strip[..rows.min(left) * self.layout.row_bytes()];
            self.file.read_exact(strip).map_err(unreadable)?;
            take(first, strip)?;
        }
        Ok(())
    }
}

/// Returns the type and the bytes of samples, in the machine's byte order.
fn as_bytes<'a>(samples: &Samples<'a>) -> (SampleType, &'a [u8]) {
    // SAFETY: integers and floats have no padding, any byte is a `u8`, and the length is the same.
    let bytes = |start: *const u8, length| unsafe { std::slice::from_raw_parts(start, length) };
    match *samples {
        Samples::U8(rows) => (SampleType::U8, rows),
        Samples::U16(rows) => (SampleType::U16, bytes(rows.as_ptr().cast(), size_of_val(rows))),
        Samples::F32(rows) => (SampleType::F32, bytes(rows.as_ptr().cast(), size_of_val(rows))),
    }
}
