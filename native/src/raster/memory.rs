//! Rasters in memory.

use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::raster::marked::Marked;
use crate::raster::strided::{StridedSource, Strides};
use crate::raster::{RasterSink, RasterSource, Samples};

/// A raster that is read from memory.
#[derive(Debug, Clone)]
pub struct MemorySource {
    size: Size,
    bands: usize,
    pixels: Vec<f32>,
    valid: Option<Vec<u8>>,
}

impl MemorySource {
    /// Takes pixels in (band, row, column). `valid` is (row, column), 0 where a pixel is invalid;
    /// `None` means that all pixels are valid that are finite in every band.
    ///
    /// # Errors
    /// - Input: a length does not fit the size.
    pub fn new(size: Size, bands: usize, pixels: Vec<f32>, valid: Option<Vec<u8>>) -> Result<Self> {
        let needed = size.pixels().checked_mul(bands);
        let flags = valid.as_ref().map_or(size.pixels(), Vec::len);
        if bands == 0 || needed != Some(pixels.len()) || flags != size.pixels() {
            return Err(Error::input(format!(
                "{} values and {flags} flags given for {bands} band(s) of {size}",
                pixels.len()
            )));
        }
        Ok(Self { size, bands, pixels, valid })
    }
}

impl RasterSource for MemorySource {
    fn size(&self) -> Size {
        self.size
    }

    fn bands(&self) -> usize {
        self.bands
    }

    fn read(&self, window: Window, pixels: &mut [f32], valid: &mut [u8]) -> Result<()> {
        let (samples, strides) = (Samples::F32(&self.pixels), Strides::planar(self.size));
        let there =
            StridedSource::new(self.size, self.bands, samples, strides, self.valid.as_deref())?;
        Marked::new(&there, None).read(window, pixels, valid)
    }
}

/// Collects an output in memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemorySink {
    /// The rows so far, (row, band, column).
    pub pixels: Vec<f32>,
}

impl RasterSink for MemorySink {
    fn write(&mut self, rows: Samples<'_>) -> Result<()> {
        match rows {
            Samples::U8(rows) => self.pixels.extend(rows.iter().map(|&value| f32::from(value))),
            Samples::U16(rows) => self.pixels.extend(rows.iter().map(|&value| f32::from(value))),
            Samples::F32(rows) => self.pixels.extend(rows),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two bands of 3 columns by 2 rows: 0 to 5, and 10 to 15 with a NaN in place of 14.
    fn source(valid: Option<Vec<u8>>) -> MemorySource {
        let mut pixels: Vec<f32> = (0..6u8).chain(10..16).map(f32::from).collect();
        pixels[10] = f32::NAN;
        MemorySource::new(Size::new(3, 2), 2, pixels, valid).unwrap()
    }

    #[test]
    fn reads_a_window_and_what_is_valid_in_every_band() {
        let window = Window::new(1, 0, Size::square(2));
        let (mut pixels, mut valid) = ([-1.0; 8], [9; 4]);
        source(Some(vec![1, 1, 0, 1, 1, 1])).read(window, &mut pixels, &mut valid).unwrap();
        assert_eq!(pixels, [1.0, 2.0, 4.0, 5.0, 11.0, 12.0, 0.0, 15.0]);
        assert_eq!(valid, [1, 0, 0, 1]);
    }

    #[test]
    fn refuses_lengths_that_do_not_fit() {
        assert!(MemorySource::new(Size::new(3, 2), 2, vec![0.0; 11], None).is_err());
        let outside = Window::new(2, 0, Size::square(2));
        assert!(source(None).read(outside, &mut [0.0; 8], &mut [0; 4]).is_err());
    }

    #[test]
    fn collects_rows_of_every_type() {
        let mut sink = MemorySink::default();
        sink.write(Samples::U8(&[1])).unwrap();
        sink.write(Samples::U16(&[300])).unwrap();
        sink.write(Samples::F32(&[0.5])).unwrap();
        assert_eq!(sink.pixels, [1.0, 300.0, 0.5]);
    }
}
