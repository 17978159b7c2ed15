//! Serves rasters of several dates on one grid as one raster.

use super::RasterSource;
use crate::error::Result;
use crate::geometry::{Size, Window};

/// Rasters of the same extent, one per date; the bands of the first come first.
pub struct Dates<'a> {
    sources: Vec<&'a dyn RasterSource>,
    mask: Option<&'a dyn RasterSource>,
}

impl<'a> Dates<'a> {
    /// Joins sources of the same size, at least one.
    pub fn new(sources: Vec<&'a dyn RasterSource>) -> Self {
        Self { sources, mask: None }
    }

    /// Has pixels count as invalid, on every date, where a mask of one band is 0 or invalid.
    #[must_use]
    pub fn masked(self, mask: Option<&'a dyn RasterSource>) -> Self {
        Self { mask, ..self }
    }
}

impl std::fmt::Debug for Dates<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Dates").field(&self.sources.len()).finish()
    }
}

impl RasterSource for Dates<'_> {
    fn size(&self) -> Size {
        self.sources.first().map_or(Size::new(0, 0), |source| source.size())
    }

    fn bands(&self) -> usize {
        self.sources.iter().map(|source| source.bands()).sum()
    }

    fn read(&self, window: Window, pixels: &mut [f32], valid: &mut [u8]) -> Result<()> {
        let mut rest = pixels;
        let mut date_valid = vec![0; valid.len()];
        valid.fill(1);
        for source in &self.sources {
            let (date, later) = rest.split_at_mut(window.size.pixels() * source.bands());
            source.read(window, date, &mut date_valid)?;
            valid.iter_mut().zip(&date_valid).for_each(|(all, date)| *all &= date);
            rest = later;
        }
        if let Some(mask) = self.mask {
            let mut shown = vec![0.0; valid.len()];
            mask.read(window, &mut shown, &mut date_valid)?;
            for ((all, date), shown) in valid.iter_mut().zip(&date_valid).zip(&shown) {
                *all &= date & u8::from(*shown != 0.0);
            }
        }
        Ok(())
    }
}
