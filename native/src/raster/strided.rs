//! Rasters in the caller's memory: planar, interleaved, or any part of something larger.

mod sink;

use std::ops::Range;

use super::{RasterSource, Samples};
use crate::error::{Error, Result};
use crate::geometry::{Size, Window};

pub use sink::{Room, StridedSink};

/// Where samples lie: how many samples further the next band, row and column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strides {
    /// From a band to the next.
    pub band: usize,
    /// From a row to the next.
    pub row: usize,
    /// From a column to the next.
    pub col: usize,
}

impl Strides {
    /// Lays bands one after the other, (band, row, column); saturates where that does not fit.
    pub fn planar(size: Size) -> Self {
        Self { band: plane(size), row: size.width as usize, col: 1 }
    }

    /// Lays the bands of a pixel one after the other, (row, column, band).
    pub fn interleaved(size: Size, bands: usize) -> Self {
        Self { band: 1, row: bands.saturating_mul(size.width as usize), col: bands }
    }

    /// Counts the samples up to the last one; `None` if there is none or they are too many.
    pub fn samples(self, size: Size, bands: usize) -> Option<usize> {
        let last = |count: usize, stride: usize| count.checked_sub(1)?.checked_mul(stride);
        last(bands, self.band)?
            .checked_add(last(size.height as usize, self.row)?)?
            .checked_add(last(size.width as usize, self.col)?)?
            .checked_add(1)
    }

    /// Tells whether every sample has a place of its own: each stride passes what smaller ones reach.
    fn apart(self, size: Size, bands: usize) -> bool {
        let (height, width) = (size.height as usize, size.width as usize);
        let mut axes = [(self.band, bands), (self.row, height), (self.col, width)];
        axes.sort_unstable();
        let mut reach = 0_usize;
        axes.into_iter().filter(|(_, count)| *count > 1).all(|(stride, count)| {
            let passes = stride > reach;
            reach = reach.saturating_add(stride.saturating_mul(count - 1));
            passes
        })
    }

    /// Returns the place of the first sample of a row.
    fn row_start(self, band: usize, row: u32) -> usize {
        band * self.band + row as usize * self.row
    }
}

/// Counts a raster's pixels, saturating.
fn plane(size: Size) -> usize {
    (size.width as usize).saturating_mul(size.height as usize)
}

/// Checks that as many samples were given as the strides reach over.
fn check(given: usize, size: Size, bands: usize, strides: Strides) -> Result<()> {
    let needed = strides.samples(size, bands);
    let tight = strides == Strides::planar(size) || strides == Strides::interleaved(size, bands);
    if needed == Some(given) || !tight && needed.is_some_and(|needed| needed < given) {
        return Ok(());
    }
    let needed = needed.map_or("more than there can be".to_owned(), |needed| needed.to_string());
    Err(Error::usage(format!(
        "{given} values were given for {bands} band(s) of {size}, {needed} are needed"
    )))
}

/// A raster that is read from memory where it is.
#[derive(Debug, Clone)]
pub struct StridedSource<'a> {
    size: Size,
    pixels: Samples<'a>,
    strides: Strides,
    valid: Option<&'a [u8]>,
    chosen: Vec<usize>,
}

impl<'a> StridedSource<'a> {
    /// Takes the samples of `bands` bands. `valid` is (row, column), 0 where a pixel is invalid;
    /// `None`: all are valid, whatever they hold.
    ///
    /// # Errors
    /// - Usage: a length does not fit the size.
    pub fn new(
        size: Size,
        bands: usize,
        pixels: Samples<'a>,
        strides: Strides,
        valid: Option<&'a [u8]>,
    ) -> Result<Self> {
        check(pixels.len(), size, bands, strides)?;
        if let Some(flags) = valid.map(<[u8]>::len).filter(|flags| *flags != plane(size)) {
            return Err(Error::usage(format!("{flags} valid flags were given for {size}")));
        }
        Ok(Self { size, pixels, strides, valid, chosen: (0..bands).collect() })
    }

    /// Chooses the bands to serve, from 0 and in that order.
    ///
    /// # Errors
    /// - Usage: one is not there.
    pub fn select(self, bands: &[usize]) -> Result<Self> {
        let count = self.chosen.len();
        if let Some(band) = bands.iter().find(|band| **band >= count) {
            return Err(Error::usage(format!("there is no band {band} among {count}")));
        }
        Ok(Self { chosen: bands.to_vec(), ..self })
    }

    fn read_row(&self, band: usize, row: u32, cols: Range<usize>, into: &mut [f32]) {
        let (start, step) = (self.strides.row_start(band, row), self.strides.col);
        let first = start + cols.start * step;
        match self.pixels {
            Samples::F32(from) if step == 1 => into.copy_from_slice(&from[first..][..into.len()]),
            Samples::F32(from) => copy(&from[first..], step, into, |value| value),
            Samples::U16(from) => copy(&from[first..], step, into, f32::from),
            Samples::U8(from) => copy(&from[first..], step, into, f32::from),
        }
    }
}

fn copy<T: Copy>(from: &[T], step: usize, into: &mut [f32], convert: impl Fn(T) -> f32) {
    for (at, value) in into.iter_mut().enumerate() {
        *value = convert(from[at * step]);
    }
}

impl RasterSource for StridedSource<'_> {
    fn size(&self) -> Size {
        self.size
    }

    fn bands(&self) -> usize {
        self.chosen.len()
    }

    fn read(&self, window: Window, pixels: &mut [f32], valid: &mut [u8]) -> Result<()> {
        let plane = window.inside(self.size)?.size.pixels();
        if pixels.len() != self.bands() * plane || valid.len() != plane {
            let (pixels, flags) = (pixels.len(), valid.len());
            return Err(Error::failed(format!(
                "room for {pixels} pixels and {flags} flags was given to read {} band(s) of {}",
                self.bands(),
                window.size
            )));
        }
        let width = window.size.width as usize;
        let cols = window.col as usize..window.end_col() as usize;
        let rows = window.row..window.end_row();
        for (band, to) in self.chosen.iter().zip(pixels.chunks_exact_mut(plane)) {
            for (row, to) in rows.clone().zip(to.chunks_exact_mut(width)) {
                self.read_row(*band, row, cols.clone(), to);
            }
        }
        valid.fill(1);
        for (row, to) in rows.zip(valid.chunks_exact_mut(width)) {
            let start = row as usize * self.size.width as usize;
            let flags = self.valid.map(|flags| &flags[start..][cols.clone()]);
            let flags = to.iter_mut().zip(flags.into_iter().flatten());
            flags.for_each(|(to, flag)| *to = u8::from(*flag != 0));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
