//! Reads chosen bands of a raster, and which of their pixels are valid.

use std::ffi::c_int;

use pulp::Arch;
use rayon::prelude::*;

use super::dataset::Dataset;
use super::info::{Mask, RasterInfo};
use super::pool::Pool;
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
    fn read_bands(&self, window: Window, pixels: &mut [f32]) -> Result<()> {
        if self.info.pixel_interleaved {
            return self.read_group(window, &self.numbers, pixels);
        }
        pixels
            .par_chunks_mut(window.size.pixels())
            .zip(self.numbers.par_chunks(1))
            .try_for_each(|(plane, number)| self.read_group(window, number, plane))
    }

    fn read_group(&self, window: Window, numbers: &[c_int], pixels: &mut [f32]) -> Result<()> {
        let what = || format!("band {}", Listed(numbers));
        self.fetch(window, numbers[0], what, |dataset| {
            dataset.read(window, numbers, pixels)?;
            if self.ends_blocks(window, numbers[0]) { dataset.flush(numbers) } else { Some(()) }
        })
    }

    /// Says whether no row that comes is in a block of these rows: what GDAL keeps is of no more use,
    /// and new memory costs more than the same again. A virtual raster's blocks are not those of the
    /// files behind it, which are forgotten with them.
    fn ends_blocks(&self, window: Window, number: c_int) -> bool {
        let height = self.info.bands[number.unsigned_abs() as usize - 1].block.height;
        let whole = window.size.width == self.size().width;
        let own = self.info.driver != "VRT" && self.masks.is_empty();
        whole && own && window.end_row().is_multiple_of(height.max(1))
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
        Arch::new().dispatch(|| {
            for (band, &nodata) in pixels.chunks_exact(plane).zip(&self.nodata) {
                mark(valid, band, |value| value.is_finite() & (value != nodata));
            }
        });
        let mut mask = vec![0.0; if self.masks.is_empty() { 0 } else { plane }];
        for &by in &self.masks {
            self.read_mask(window, by, &mut mask)?;
            mark(valid, &mask, |value| value != 0.0);
        }
        if let Some(nearest) = &self.validity {
            let (mut made, mut also) = (vec![0.0; pixels.len()], vec![0; plane]);
            nearest.read(window, &mut made, &mut also)?;
            valid.iter_mut().zip(also).for_each(|(valid, also)| *valid &= also);
        }
        for (band, number) in pixels.chunks_exact_mut(plane).zip(&self.added) {
            band.iter_mut().for_each(|value| *value += number);
        }
        if valid.contains(&0) {
            pixels.par_chunks_exact_mut(plane).for_each(|band| clear(band, valid));
        }
        Ok(())
    }

    fn scratch(&self) -> usize {
        let mask = if self.masks.is_empty() { 0 } else { size_of::<f32>() };
        let nearest = self.validity.as_ref();
        mask + nearest
            .map_or(0, |nearest| nearest.bands() * size_of::<f32>() + 1 + nearest.scratch())
    }
}

/// Keeps a pixel valid only where a band agrees.
#[inline(always)]
fn mark(valid: &mut [u8], band: &[f32], agrees: impl Fn(f32) -> bool) {
    for (valid, value) in valid.iter_mut().zip(band) {
        *valid &= u8::from(agrees(*value));
    }
}

/// Puts 0 where pixels are invalid.
fn clear(band: &mut [f32], valid: &[u8]) {
    for (value, valid) in band.iter_mut().zip(valid) {
        *value = if *valid == 0 { 0.0 } else { *value };
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
