//! Keeps finished rows on disk until the map is encoded.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use log::info;

use super::publish::{Destination, JOURNAL, ROWS};
use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::journal::Journal;
use crate::raster::{Layer, SampleType, Samples, Stored};

/// Rows are brought to the disk, and so survive the run, this often.
const PACE: Duration = Duration::from_secs(1);

/// Returns the bytes of scratch space that an output needs beside itself while it is written. The
/// map comes on top: at most as much again, unless it is incompressible.
pub fn scratch_bytes(layer: &Layer, size: Size) -> u64 {
    RowLayout::new(layer, size).row_bytes() as u64 * u64::from(size.height)
}

/// How rows lie in memory and in the scratch file: (row, band, column).
#[derive(Debug, Clone, Copy)]
pub(super) struct RowLayout {
    pub(super) sample: SampleType,
    /// Whether bytes have a sign.
    pub(super) signed: bool,
    pub(super) bands: u32,
    pub(super) width: u32,
}

impl RowLayout {
    pub(super) fn new(layer: &Layer, size: Size) -> Self {
        let bands = u32::try_from(layer.bands.len()).unwrap_or(u32::MAX);
        Self { sample: layer.sample, signed: false, bands, width: size.width }
    }

    /// Returns that of the file that is made of the rows.
    pub(super) fn stored(self, stored: &Stored) -> Self {
        match stored {
            Stored::Int8 => Self { sample: SampleType::U8, signed: true, ..self },
            _ => self,
        }
    }

    pub(super) fn sample_bytes(self) -> usize {
        self.sample.bytes()
    }

    pub(super) fn row_bytes(self) -> usize {
        self.sample_bytes() * self.bands as usize * self.width as usize
    }

    /// Returns the bytes of so many rows.
    pub(super) fn bytes(self, rows: u32) -> usize {
        self.row_bytes() * rows as usize
    }
}

/// Rows in a file, appended and then read in order.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) file: File,
    pub(super) layout: RowLayout,
    height: u32,
    bytes: u64,
    /// Bytes still to be given that are here already.
    known: u64,
    journal: Journal,
    /// The rows that survive the run.
    safe: u32,
    saved: Instant,
    pub(super) pace: Duration,
}

impl Scratch {
    /// Creates the file, or with `resume` goes on with that of an interrupted run of the same key.
    ///
    /// # Errors
    /// - Io: it cannot be created.
    pub(super) fn create(
        destination: &Destination,
        layer: &Layer,
        size: Size,
        key: &str,
        resume: bool,
    ) -> Result<Self> {
        let layout = RowLayout::new(layer, size);
        let (path, journal) = (destination.hidden(ROWS), destination.hidden(JOURNAL));
        let old = resume && journal.exists();
        let file = File::options().read(true).write(true).create(true).truncate(!old).open(&path);
        let mut file = file.map_err(|error| Error::file("create", &path, &error))?;
        let key =
            format!("{key}\0{} band(s) of {size}, {} bytes", layout.bands, layout.sample_bytes());
        let row = layout.row_bytes() as u64;
        let mut found = None;
        if old {
            found = Journal::resume(&journal, &key, &mut file, row, size.height)?;
            tell(destination, found.as_ref().map(|(_, rows)| *rows), size.height);
        }
        let (journal, safe) = match found {
            Some(found) => found,
            None => {
                file.set_len(0).map_err(|error| Error::file("empty", &path, &error))?;
                (Journal::create(&journal, &key)?, 0)
            }
        };
        let bytes = u64::from(safe) * row;
        let (height, saved) = (size.height, Instant::now());
        Ok(Self { file, layout, height, bytes, known: 0, journal, safe, saved, pace: PACE })
    }

    /// Counts the bytes of all rows.
    pub(super) fn whole(&self) -> u64 {
        self.layout.row_bytes() as u64 * u64::from(self.height)
    }

    /// Counts the rows that survive the run, those of an interrupted one included.
    pub(super) fn safe(&self) -> u32 {
        self.safe
    }

    /// Announces that the next rows start at `row`; those that are here already are passed over.
    ///
    /// # Errors
    /// - Failed: rows would be missing.
    pub(super) fn start_at(&mut self, row: u32) -> Result<()> {
        let given = self.layout.bytes(row) as u64;
        self.known = self.bytes.checked_sub(given).ok_or_else(|| {
            let here = self.bytes / self.layout.row_bytes() as u64;
            Error::failed(format!("rows were to follow row {row}, but {here} are here"))
        })?;
        Ok(())
    }

    /// Appends whole rows.
    ///
    /// # Errors
    /// - Failed: not whole rows of the layout, or too many.
    /// - Io: they cannot be stored; says what is needed.
    pub(super) fn append(&mut self, rows: Samples<'_>) -> Result<()> {
        let (sample, bytes) = as_bytes(&rows);
        let known = usize::try_from(self.known).unwrap_or(usize::MAX).min(bytes.len());
        let whole_rows = bytes.len().is_multiple_of(self.layout.row_bytes());
        let after = self.bytes + (bytes.len() - known) as u64;
        if sample != self.layout.sample || !whole_rows || after > self.whole() {
            let RowLayout { bands, width, .. } = self.layout;
            return Err(Error::failed(format!(
                "{} bytes were given after {} to an output of {bands} band(s) of {width} columns \
                 by {} rows; give whole rows of its own type",
                bytes.len(),
                self.bytes - self.known,
                self.height
            )));
        }
        let (new, need) = (&bytes[known..], self.need());
        let unstored = |error| Error::io(format!("cannot store rows: {error}; they need {need}"));
        self.known -= known as u64;
        self.file.write_all(new).map_err(unstored)?;
        self.journal.add(new);
        self.bytes = after;
        let last = after == self.whole() && !new.is_empty();
        if last || self.saved.elapsed() >= self.pace {
            self.save()?;
        }
        Ok(())
    }

    /// Brings the rows so far to the disk and makes a journal entry of them.
    fn save(&mut self) -> Result<()> {
        let end = self.rows();
        if end > self.safe {
            let synced = self.file.sync_data();
            synced.map_err(|error| Error::io(format!("cannot bring rows to the disk: {error}")))?;
            self.journal.commit(end)?;
        }
        (self.safe, self.saved) = (end, Instant::now());
        Ok(())
    }

    /// Counts the rows that are here.
    fn rows(&self) -> u32 {
        u32::try_from(self.bytes / self.layout.row_bytes() as u64).unwrap_or(u32::MAX)
    }

    /// Tells how much space a person must find.
    pub(super) fn need(&self) -> String {
        format!(
            "{} bytes beside the output, and at most as many again for the output itself; free \
             space there or choose another folder",
            self.whole()
        )
    }

    /// Checks that no row is missing.
    ///
    /// # Errors
    /// - Failed: rows are missing.
    pub(super) fn complete(&self) -> Result<()> {
        if self.bytes == self.whole() {
            return Ok(());
        }
        Err(Error::failed(format!("{} of {} rows were written", self.rows(), self.height)))
    }

    /// Reads a window of all bands, (row, band, column).
    ///
    /// # Errors
    /// - Io: it cannot be read back.
    pub(super) fn read(&self, window: Window, pixels: &mut Vec<u8>) -> Result<()> {
        let (row, sample) = (self.layout.row_bytes(), self.layout.sample_bytes());
        let (line, width) = (window.size.width as usize * sample, self.layout.width as usize);
        pixels.resize(line * self.layout.bands as usize * window.size.height as usize, 0);
        // Lines of the whole width lie one after the other.
        let piece = if line == width * sample { pixels.len() } else { line };
        let first = row * window.row as usize + sample * window.col as usize;
        for (index, part) in pixels.chunks_exact_mut(piece).enumerate() {
            let at = (first + index * width * sample) as u64;
            self.file
                .read_exact_at(part, at)
                .map_err(|error| Error::io(format!("cannot read the stored rows back: {error}")))?;
        }
        Ok(())
    }
}

/// Says what became of an interrupted run.
fn tell(destination: &Destination, rows: Option<u32>, height: u32) {
    let path = destination.path().display();
    match rows {
        Some(rows) => info!("'{path}': going on after row {rows} of {height}"),
        None => info!("'{path}': the interrupted run was of another request; starting anew"),
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
