//! `spectralgpt stack`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use log::info;
use spectralgpt_core::error::Result;
use spectralgpt_core::raster::gdal::GdalApi;
use spectralgpt_core::sentinel2;

/// Arguments of `stack`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A SAFE folder or its zip, any file in it, a folder of band files (names with B02, B8A; .jp2 or
    /// .tif), or a STAC item whose assets are on this machine
    product: String,
    /// The virtual raster to write: bands by name at the finest resolution, 10 m, offsets, wavelengths
    #[arg(short, long, value_name = "STACK.vrt")]
    output: PathBuf,
    /// Has clouds, their shadows, snow and ice be nodata, by level 2A's scene classification
    #[arg(long, default_value = "none")]
    mask: Mask,
    /// Replaces an existing file
    #[arg(long)]
    overwrite: bool,
}

/// What is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mask {
    /// Classes 3, 8, 9, 10, 11
    Scl,
    /// Nothing
    None,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<()> {
        let masked = self.mask == Mask::Scl;
        sentinel2::write(GdalApi::find()?, &self.product, &self.output, masked, self.overwrite)?;
        info!("wrote '{}'", self.output.display());
        Ok(())
    }
}
