//! Measures how long a raster's pixels take to be read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::RasterSource;
use crate::error::Result;
use crate::geometry::{Size, Window};

/// A raster and the time spent on it.
pub struct Timed<'a> {
    source: &'a dyn RasterSource,
    nanoseconds: AtomicU64,
}

impl<'a> Timed<'a> {
    /// Begins at no time.
    pub fn new(source: &'a dyn RasterSource) -> Self {
        Self { source, nanoseconds: AtomicU64::new(0) }
    }

    /// Returns the seconds that reads took so far; of reads at once each counts.
    pub fn seconds(&self) -> f64 {
        self.nanoseconds.load(Ordering::Relaxed) as f64 / 1e9
    }

    fn time(&self, read: impl FnOnce() -> Result<()>) -> Result<()> {
        let started = Instant::now();
        let outcome = read();
        let taken = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(taken, Ordering::Relaxed);
        outcome
    }
}

impl std::fmt::Debug for Timed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timed").field("seconds", &self.seconds()).finish_non_exhaustive()
    }
}

impl RasterSource for Timed<'_> {
    fn size(&self) -> Size {
        self.source.size()
    }

    fn bands(&self) -> usize {
        self.source.bands()
    }

    fn read(&self, window: Window, pixels: &mut [f32], valid: &mut [u8]) -> Result<()> {
        self.time(|| self.source.read(window, pixels, valid))
    }

    fn fits_u16(&self) -> bool {
        self.source.fits_u16()
    }

    fn read_u16(&self, window: Window, pixels: &mut [u16], valid: &mut [u8]) -> Result<()> {
        self.time(|| self.source.read_u16(window, pixels, valid))
    }

    fn scratch(&self) -> usize {
        self.source.scratch()
    }
}
