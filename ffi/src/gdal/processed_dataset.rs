//! The processing step `SpectralGPT` of GDAL 3.9 and newer: all bands of an output in one pass.

use spectralgpt_core::error::Result;
use spectralgpt_core::raster::gdal::Host;

/// Registers it, where GDAL can.
pub(super) fn add(_host: &'static Host) -> Result<()> {
    Ok(())
}
