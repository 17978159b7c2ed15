//! Marks pixels as invalid that a source itself does not: those without a number, or with the one
//! that means "nothing here".

use super::{RasterSource, as_f32};
use crate::error::Result;
use crate::geometry::{Size, Window};

/// A raster of which some invalid pixels are told by their values.
pub struct Marked<'a> {
    source: &'a dyn RasterSource,
    nodata: Option<f32>,
}

impl<'a> Marked<'a> {
    /// Looks at the values of `source`; `nodata` in any band makes a pixel invalid.
    pub fn new(source: &'a dyn RasterSource, nodata: Option<f64>) -> Self {
        Self { source, nodata: nodata.map(as_f32) }
    }
}

impl std::fmt::Debug for Marked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Marked").field("nodata", &self.nodata).finish_non_exhaustive()
    }
}

impl RasterSource for Marked<'_> {
    fn size(&self) -> Size {
        self.source.size()
    }

    fn bands(&self) -> usize {
        self.source.bands()
    }

    fn read(&self, window: Window, pixels: &mut [f32], valid: &mut [u8]) -> Result<()> {
        self.source.read(window, pixels, valid)?;
        for band in pixels.chunks_exact_mut(valid.len().max(1)) {
            for (value, valid) in band.iter_mut().zip(&mut *valid) {
                if !value.is_finite() || Some(*value) == self.nodata {
                    (*value, *valid) = (0.0, 0);
                }
            }
        }
        Ok(())
    }

    fn scratch(&self) -> usize {
        self.source.scratch()
    }
}
