//! Serves rasters of several dates on one grid as one raster.

use super::RasterSource;
use crate::error::Result;
use crate::geometry::{Size, Window};
use crate::strip::Pixel;

/// Rasters of the same extent, one per date; the bands of the first come first.
pub struct Dates<'a> {
    sources: Vec<&'a dyn RasterSource>,
    beside: Vec<&'a dyn RasterSource>,
}

impl<'a> Dates<'a> {
    /// Joins sources of the same size, at least one.
    pub fn new(sources: Vec<&'a dyn RasterSource>) -> Self {
        Self { sources, beside: Vec::new() }
    }

    /// Has pixels count as invalid, on every date, that are in one of these.
    #[must_use]
    pub fn valid_in(self, beside: Vec<&'a dyn RasterSource>) -> Self {
        Self { beside, ..self }
    }

    fn read_as<T: Pixel>(&self, window: Window, pixels: &mut [T], valid: &mut [u8]) -> Result<()> {
        if let ([source], []) = (&self.sources[..], &self.beside[..]) {
            return T::READ(*source, window, pixels, valid);
        }
        let mut rest = pixels;
        let mut date_valid = vec![0; valid.len()];
        valid.fill(1);
        for source in &self.sources {
            let (date, later) = rest.split_at_mut(window.size.pixels() * source.bands());
            T::READ(*source, window, date, &mut date_valid)?;
            valid.iter_mut().zip(&date_valid).for_each(|(all, date)| *all &= date);
            rest = later;
        }
        for source in &self.beside {
            let mut unused = vec![0.0; valid.len() * source.bands()];
            source.read(window, &mut unused, &mut date_valid)?;
            valid.iter_mut().zip(&date_valid).for_each(|(all, date)| *all &= date);
        }
        Ok(())
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
        self.read_as(window, pixels, valid)
    }

    fn fits_u16(&self) -> bool {
        self.sources.iter().all(|source| source.fits_u16())
    }

    fn read_u16(&self, window: Window, pixels: &mut [u16], valid: &mut [u8]) -> Result<()> {
        self.read_as(window, pixels, valid)
    }

    fn scratch(&self) -> usize {
        let unused =
            |source: &&dyn RasterSource| source.bands() * size_of::<f32>() + source.scratch();
        let dates = self.sources.iter().map(|source| source.scratch());
        // The validity of one date, and what the most demanding one needs.
        1 + dates.chain(self.beside.iter().map(unused)).max().unwrap_or(0)
    }
}

/// A mask of one band: its pixels are valid where they are not 0.
#[derive(Debug)]
pub struct Shown<S>(pub S);

impl<S: RasterSource> RasterSource for Shown<S> {
    fn size(&self) -> Size {
        self.0.size()
    }

    fn bands(&self) -> usize {
        self.0.bands()
    }

    fn read(&self, window: Window, pixels: &mut [f32], valid: &mut [u8]) -> Result<()> {
        self.0.read(window, pixels, valid)?;
        valid.iter_mut().zip(pixels).for_each(|(valid, shown)| *valid &= u8::from(*shown != 0.0));
        Ok(())
    }

    fn scratch(&self) -> usize {
        self.0.scratch()
    }
}
