//! Writes an output into the caller's memory.

use super::{Strides, check};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::raster::{RasterSink, SampleType, Samples};

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
    /// - Usage: a length does not fit the size, or the room is of a type that does not hold it, or two
    ///   samples would come to one place.
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
        if !strides.apart(size, bands) {
            return Err(Error::usage(format!(
                "the strides put several of {bands} band(s) of {size} in one place; no stride may \
                 be less than what the smaller ones reach over"
            )));
        }
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
