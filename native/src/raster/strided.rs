//! Rasters in the caller's memory: planar, interleaved, or any part of something larger.

use std::ops::Range;

use super::{RasterSink, RasterSource, SampleType, Samples};
use crate::error::{Error, Result};
use crate::geometry::{Size, Window};

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

/// Room for an output, (any order of band, row, column).
#[derive(Debug)]
pub enum Room<'a> {
    /// For class indices up to 254, masks.
    U8(&'a mut [u8]),
    /// For class indices above that.
    U16(&'a mut [u16]),
    /// For anything.
    F32(&'a mut [f32]),
}

/// Writes an output into memory, where its samples belong.
#[derive(Debug)]
pub struct StridedSink<'a> {
    size: Size,
    bands: usize,
    room: Room<'a>,
    strides: Strides,
    row: u32,
}

impl<'a> StridedSink<'a> {
    /// Prepares for an output of `bands` bands of `sample` type; f32 takes any.
    ///
    /// # Errors
    /// - Usage: a length does not fit the size, or the room is of a type that does not hold it.
    pub fn new(
        size: Size,
        bands: usize,
        sample: SampleType,
        room: Room<'a>,
        strides: Strides,
    ) -> Result<Self> {
        let (given, fits) = match &room {
            Room::U8(room) => (room.len(), sample == SampleType::U8),
            Room::U16(room) => (room.len(), sample == SampleType::U16),
            Room::F32(room) => (room.len(), true),
        };
        if !fits {
            return Err(Error::usage(format!(
                "the output is of {sample} and needs room of that type or of 32-bit floats"
            )));
        }
        check(given, size, bands, strides)?;
        Ok(Self { size, bands, room, strides, row: 0 })
    }
}

impl RasterSink for StridedSink<'_> {
    fn write(&mut self, rows: Samples<'_>) -> Result<()> {
        let width = self.size.width as usize;
        let count = rows.len() / (width * self.bands).max(1);
        let left = (self.size.height - self.row) as usize;
        let fits = count <= left && count * width * self.bands == rows.len();
        let count = u32::try_from(count).ok().filter(|_| fits);
        let count = count.ok_or_else(|| Error::failed("rows of another shape than planned"))?;
        let mut at = 0;
        for row in self.row..self.row + count {
            for band in 0..self.bands {
                let (start, step) = (self.strides.row_start(band, row), self.strides.col);
                let line = at..at + width;
                match (&mut self.room, rows) {
                    (Room::U8(to), Samples::U8(from)) => {
                        put(&from[line], step, &mut to[start..], |value| value);
                    }
                    (Room::U16(to), Samples::U16(from)) => {
                        put(&from[line], step, &mut to[start..], |value| value);
                    }
                    (Room::F32(to), Samples::U8(from)) => {
                        put(&from[line], step, &mut to[start..], f32::from);
                    }
                    (Room::F32(to), Samples::U16(from)) => {
                        put(&from[line], step, &mut to[start..], f32::from);
                    }
                    (Room::F32(to), Samples::F32(from)) => {
                        put(&from[line], step, &mut to[start..], |value| value);
                    }
                    _ => return Err(Error::failed("rows of another type than planned")),
                }
                at += width;
            }
        }
        self.row += count;
        Ok(())
    }
}

fn put<F: Copy, T>(from: &[F], step: usize, to: &mut [T], convert: impl Fn(F) -> T) {
    for (at, value) in from.iter().enumerate() {
        to[at * step] = convert(*value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size::new(3, 2);

    /// Two bands, in tens and units: 0..6 and 10..16, (row, column, band), each row 1 sample longer.
    fn interleaved() -> Vec<u16> {
        vec![0, 10, 1, 11, 2, 12, 99, 3, 13, 4, 14, 5, 15]
    }

    #[test]
    fn a_part_of_something_interleaved_is_read_in_place() {
        let pixels = interleaved();
        let strides = Strides { row: 7, ..Strides::interleaved(SIZE, 2) };
        let source = StridedSource::new(SIZE, 2, Samples::U16(&pixels), strides, None).unwrap();
        let source = source.select(&[1]).unwrap();
        let (mut read, mut valid) = ([0.0; 4], [9; 4]);
        source.read(Window::new(1, 0, Size::square(2)), &mut read, &mut valid).unwrap();
        assert_eq!((read, valid), ([11.0, 12.0, 14.0, 15.0], [1; 4]));
    }

    #[test]
    fn lengths_are_compared_and_products_checked() {
        let new = |pixels: &[f32], size, bands, strides| {
            StridedSource::new(size, bands, Samples::F32(pixels), strides, None).map(drop)
        };
        new(&[0.0; 12], SIZE, 2, Strides::planar(SIZE)).unwrap();
        for wrong in [0, 11, 13] {
            assert!(new(&[0.0; 13][..wrong], SIZE, 2, Strides::planar(SIZE)).is_err());
        }
        let apart = Strides { band: 7, row: 3, col: 1 };
        new(&[0.0; 20], SIZE, 2, apart).unwrap();
        assert!(new(&[0.0; 12], SIZE, 2, apart).is_err());
        let huge = Size::square(u32::MAX);
        for bands in [0, 1, usize::MAX] {
            let error = new(&[0.0; 12], huge, bands, Strides::planar(huge)).unwrap_err();
            assert!(error.message().contains("are needed"), "{error}");
        }
        assert!(new(&[], Size::new(0, 2), 1, Strides::planar(SIZE)).is_err());
    }

    #[test]
    fn rows_go_where_they_belong() {
        let mut room = [0.0; 12];
        let strides = Strides::interleaved(SIZE, 2);
        let mut sink =
            StridedSink::new(SIZE, 2, SampleType::U8, Room::F32(&mut room), strides).unwrap();
        sink.write(Samples::U8(&[0, 1, 2, 10, 11, 12])).unwrap();
        sink.write(Samples::U8(&[3, 4, 5, 13, 14, 15])).unwrap();
        assert!(sink.write(Samples::U8(&[3, 4, 5, 13, 14, 15])).is_err());
        let expected = [0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15].map(|value: u8| f32::from(value));
        assert_eq!(room, expected);
        let narrow = StridedSink::new(SIZE, 1, SampleType::F32, Room::U8(&mut []), strides);
        assert!(narrow.unwrap_err().message().contains("32-bit floats"));
    }
}
