//! Reads chosen bands of a raster, and which of their pixels are valid.

use std::ffi::c_int;

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::dataset::Dataset;
use super::info::{Mask, RasterInfo};
use super::pool::Pool;
use super::transfer::Sample;
use crate::error::{Error, Kind, Result};
use crate::geometry::{Size, Window};
use crate::raster::{RasterSource, as_f32};

/// Chosen bands of an open raster. Bands are read on the threads of the rayon pool that the caller
/// is in, each band with a dataset handle of its own.
#[derive(Debug)]
pub struct GdalBands {
    pool: Pool,
    info: RasterInfo,
    numbers: Vec<c_int>,
    /// One per chosen band; NaN, which equals nothing, where there is none.
    nodata: Vec<f32>,
    masks: Vec<ValidBy>,
    /// The same bands on the same grid, of the nearest pixels: valid are those that are valid there too.
    validity: Option<Box<GdalBands>>,
    /// One per chosen band; empty where nothing is added.
    added: Vec<f32>,
}

/// A further band that is 0 where pixels are invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValidBy {
    /// The mask of a band.
    MaskOf(c_int),
    /// The band itself.
    Alpha(c_int),
}

impl GdalBands {
    /// Settles what makes a pixel valid; `numbers` are in the file.
    pub(super) fn new(
        pool: Pool,
        info: RasterInfo,
        numbers: Vec<c_int>,
        nodata: Option<f64>,
        validity: Option<GdalBands>,
    ) -> Self {
        let chosen = |number: &c_int| &info.bands[number.unsigned_abs() as usize - 1];
        let own = |number| nodata.or(chosen(number).nodata).map_or(f32::NAN, as_f32);
        let nodata_values = numbers.iter().map(own).collect();
        let mut masks = Vec::new();
        for number in &numbers {
            let shared = masks.iter().any(|mask| matches!(mask, ValidBy::MaskOf(_)));
            match chosen(number).mask {
                Mask::Band => masks.push(ValidBy::MaskOf(*number)),
                Mask::Dataset if !shared => masks.push(ValidBy::MaskOf(*number)),
                Mask::NodataValues if !shared && nodata.is_none() => {
                    masks.push(ValidBy::MaskOf(*number));
                }
                _ => {}
            }
        }
        let alphas =
            (1..).zip(&info.bands).filter(|(number, band)| band.alpha && !numbers.contains(number));
        masks.extend(alphas.map(|(number, _)| ValidBy::Alpha(number)));
        Self {
            pool,
            info,
            numbers,
            nodata: nodata_values,
            masks,
            validity: validity.map(Box::new),
            added: Vec::new(),
        }
    }

    /// Returns what the file says of its raster.
    pub fn info(&self) -> &RasterInfo {
        &self.info
    }

    /// Returns what GDAL opens: a name, or the text of a virtual raster.
    pub(crate) fn source(&self) -> &str {
        self.pool.source()
    }

    /// Has a number added to the valid pixels of each chosen band when they are read.
    #[must_use]
    pub(crate) fn adding(self, numbers: Vec<f32>) -> Self {
        let nothing = numbers.iter().all(|number| *number == 0.0);
        Self { added: if nothing { Vec::new() } else { numbers }, ..self }
    }

    /// Reads the chosen bands: one by one in parallel, or at once where a block holds all of them,
    /// so that no block is decoded twice.
    fn read_bands<T: Number>(&self, window: Window, pixels: &mut [T]) -> Result<()> {
        if self.info.pixel_interleaved {
            return self.read_group(window, &self.numbers, pixels);
        }
        pixels
            .par_chunks_mut(window.size.pixels())
            .zip(self.numbers.par_chunks(1))
            .try_for_each(|(plane, number)| self.read_group(window, number, plane))
    }

    fn read_group<T: Number>(
        &self,
        window: Window,
        numbers: &[c_int],
        pixels: &mut [T],
    ) -> Result<()> {
        let what = || format!("band {}", Listed(numbers));
        let plane = window.size.pixels();
        self.fetch(window, numbers[0], what, |dataset| {
            self.parts(window, numbers[0]).try_for_each(|(part, done)| {
                let at = (part.row - window.row) as usize * window.size.width as usize;
                dataset.read(part, numbers, &mut pixels[at..], plane)?;
                if done { dataset.flush(numbers) } else { Some(()) }
            })
        })
    }

    /// Cuts rows where blocks end of which no row is to come, and says so: what GDAL keeps of them is
    /// of no more use, new memory costs more than the same again, and no more than one row of blocks
    /// is kept. A virtual raster's blocks are not those of the files behind it, which are forgotten
    /// with them.
    fn parts(&self, window: Window, number: c_int) -> impl Iterator<Item = (Window, bool)> {
        let height = self.info.bands[number.unsigned_abs() as usize - 1].block.height.max(1);
        let whole = window.size.width == self.size().width;
        let own = whole && !self.is_virtual() && self.masks.is_empty();
        let end = window.end_row() / height * height;
        let cut = if own && end > window.row { end } else { window.row };
        let rows = [(window.row, cut, true), (cut, window.end_row(), false)];
        rows.into_iter().filter(|(first, end, _)| first < end).map(move |(first, end, done)| {
            let size = Size::new(window.size.width, end - first);
            (Window::new(window.col, first, size), done)
        })
    }

    /// Says whether the pixels are made of other rasters'.
    fn is_virtual(&self) -> bool {
        ["VRT", "GTI"].contains(&self.info.driver.as_str())
    }

    /// Reads the chosen bands and what makes their pixels valid; adds nothing.
    fn read_as<T: Number>(&self, window: Window, pixels: &mut [T], valid: &mut [u8]) -> Result<()> {
        let plane = window.inside(self.size())?.size.pixels();
        let (given, needed) = ((pixels.len(), valid.len()), (self.bands() * plane, plane));
        if given != needed {
            return Err(Error::failed(format!(
                "room for {} pixels and {} flags was given to read {} band(s) of {}",
                given.0,
                given.1,
                self.bands(),
                window.size
            )));
        }
        self.read_bands(window, pixels)?;
        valid.fill(1);
        for (band, &nodata) in pixels.chunks_exact(plane).zip(&self.nodata) {
            Arch::new().dispatch(MarkBand { valid, band, nodata });
        }
        let mut mask = vec![0.0; if self.masks.is_empty() { 0 } else { plane }];
        for &by in &self.masks {
            self.read_mask(window, by, &mut mask)?;
            mark(valid, &mask, |value| value != 0.0);
        }
        if let Some(nearest) = &self.validity {
            let (mut made, mut also) = (vec![T::default(); pixels.len()], vec![0; plane]);
            nearest.read_as(window, &mut made, &mut also)?;
            valid.iter_mut().zip(also).for_each(|(valid, also)| *valid &= also);
        }
        if valid.contains(&0) {
            pixels.par_chunks_exact_mut(plane).for_each(|band| clear(band, valid));
        }
        Ok(())
    }

    fn read_mask(&self, window: Window, by: ValidBy, mask: &mut [f32]) -> Result<()> {
        match by {
            ValidBy::Alpha(number) => self.read_group(window, &[number], mask),
            ValidBy::MaskOf(number) => self.fetch(
                window,
                number,
                || format!("the mask of band {number}"),
                |dataset| dataset.read_mask(window, number, mask),
            ),
        }
    }

    /// Reads with the handle that always reads this band: GDAL keeps decoded blocks per handle, and
    /// a block is usually read in several parts.
    fn fetch(
        &self,
        window: Window,
        band: c_int,
        what: impl FnOnce() -> String,
        read: impl FnOnce(&Dataset) -> Option<()>,
    ) -> Result<()> {
        let Window { col, row, size } = window;
        let slot = if self.info.pixel_interleaved { 0 } else { band };
        let doing = || {
            let name = self.pool.name();
            format!("cannot read {} of '{name}', {size} at column {col}, row {row}", what())
        };
        let api = self.pool.api();
        self.pool.with(slot, |dataset| api.attempt_pixels(Kind::Input, doing, || read(dataset)))
    }
}

impl RasterSource for GdalBands {
    fn size(&self) -> Size {
        self.info.size
    }

    fn bands(&self) -> usize {
        self.numbers.len()
    }

    fn read(&self, window: Window, pixels: &mut [f32], valid: &mut [u8]) -> Result<()> {
        self.read_as(window, pixels, valid)?;
        for (band, number) in pixels.chunks_exact_mut(valid.len()).zip(&self.added) {
            band.iter_mut().zip(&*valid).for_each(|(dn, valid)| *dn += f32::from(*valid) * number);
        }
        Ok(())
    }

    fn fits_u16(&self) -> bool {
        let whole = |number: &c_int| {
            let band = &self.info.bands[number.unsigned_abs() as usize - 1];
            ["Byte", "UInt16"].contains(&band.data_type.as_str())
        };
        // Virtual rasters compute in the type that is asked for, and fill gaps with nodata cast to it.
        !self.is_virtual() && self.added.is_empty() && self.numbers.iter().all(whole)
    }

    fn read_u16(&self, window: Window, pixels: &mut [u16], valid: &mut [u8]) -> Result<()> {
        self.read_as(window, pixels, valid)
    }

    fn scratch(&self) -> usize {
        let mask = if self.masks.is_empty() { 0 } else { size_of::<f32>() };
        let nearest = self.validity.as_ref();
        mask + nearest
            .map_or(0, |nearest| nearest.bands() * size_of::<f32>() + 1 + nearest.scratch())
    }
}

/// Work that is compiled for several processors.
struct MarkBand<'a, T> {
    valid: &'a mut [u8],
    band: &'a [T],
    nodata: f32,
}

impl<T: Number> NullaryFnOnce for MarkBand<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        T::mark(self.valid, self.band, self.nodata);
    }
}

/// Keeps a pixel valid only where a band agrees.
#[inline(always)]
fn mark<T: Copy>(valid: &mut [u8], band: &[T], agrees: impl Fn(T) -> bool) {
    for (valid, value) in valid.iter_mut().zip(band) {
        *valid &= u8::from(agrees(*value));
    }
}

/// Puts 0 where pixels are invalid.
fn clear<T: Number>(band: &mut [T], valid: &[u8]) {
    for (value, valid) in band.iter_mut().zip(valid) {
        *value = if *valid == 0 { T::default() } else { *value };
    }
}

/// A type that digital numbers are read as.
trait Number: Sample + Default + Send + Sync {
    /// Marks the pixels that hold no number, or `nodata`; NaN, which equals nothing, if there is none.
    fn mark(valid: &mut [u8], band: &[Self], nodata: f32);
}

impl Number for f32 {
    #[inline(always)]
    fn mark(valid: &mut [u8], band: &[Self], nodata: f32) {
        mark(valid, band, |value| value.is_finite() & (value != nodata));
    }
}

impl Number for u16 {
    #[inline(always)]
    fn mark(valid: &mut [u8], band: &[Self], nodata: f32) {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "what a cast changes, none of these pixels equals"
        )]
        let whole = nodata as u16;
        if f32::from(whole) == nodata {
            mark(valid, band, |value| value != whole);
        }
    }
}

/// Shows band numbers as in `1, 2, 3`.
struct Listed<'a>(&'a [c_int]);

impl std::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let numbers: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&numbers.join(", "))
    }
}
