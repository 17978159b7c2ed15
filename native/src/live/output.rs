//! Describes an output of a live map.

use std::ops::Range;

use crate::emit::Emit;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::model::manifest::Output;
use crate::raster::gdal::Georeference;
use crate::raster::{Layer, SampleType};
use crate::tile::Scale;

/// An output of a live map.
#[derive(Debug, Clone)]
pub struct LiveOutput {
    /// Extent.
    pub size: Size,
    /// Where it lies.
    pub place: Georeference,
    /// Pixels, names, colours.
    pub layer: Layer,
    pub(super) emit: Emit,
    pub(super) output: Output,
    pub(super) scale: Scale,
    /// Side of a block, in the output's pixels.
    pub(super) side: u32,
}

impl LiveOutput {
    /// Returns the metres that a pixel is wide or high, the larger; degrees are taken as at the
    /// equator. `None` if that is unknown.
    pub fn pixel_metres(&self) -> Option<f64> {
        let [_, xc, xr, _, yc, yr] = self.place.geotransform?;
        let geographic = |kind: &&str| self.place.srs.starts_with(kind);
        let geographic = ["GEOGCRS", "GEODCRS", "GEOGCS"].iter().any(geographic);
        let unit = if geographic { 111_320.0 } else { 1.0 };
        Some(xc.hypot(yc).max(xr.hypot(yr)) * unit)
    }

    /// Returns the sample that means "nothing here".
    pub fn nodata(&self) -> Vec<u8> {
        let nodata = self.layer.nodata.unwrap_or(0.0);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "nodata values are of their layer's type"
        )]
        match self.layer.sample {
            SampleType::U8 => vec![nodata as u8],
            SampleType::U16 => (nodata as u16).to_ne_bytes().to_vec(),
            SampleType::F32 => (nodata as f32).to_ne_bytes().to_vec(),
        }
    }

    /// Returns the bytes of a sample.
    pub(super) fn sample_bytes(&self) -> usize {
        self.layer.sample.bytes()
    }

    /// Checks that a request is inside.
    ///
    /// # Errors
    /// - Usage: it is not.
    pub(super) fn check(&self, bands: &Range<usize>, cols: &[u32], rows: &[u32]) -> Result<()> {
        let inside = bands.end <= self.layer.bands.len()
            && cols.iter().all(|col| *col < self.size.width)
            && rows.iter().all(|row| *row < self.size.height);
        if inside {
            return Ok(());
        }
        Err(Error::usage(format!(
            "pixels were asked for that the map does not have: it has {} band(s) of {}; make the \
             VRT anew with 'spectralgpt live'",
            self.layer.bands.len(),
            self.size
        )))
    }
}
