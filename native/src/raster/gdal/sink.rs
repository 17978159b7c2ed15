//! Writes one output file.

use std::path::{Path, PathBuf};

use super::encode::Encoder;
use super::pam::sidecar;
use super::publish::{Destination, sha256};
use super::scratch::Scratch;
use super::{GdalApi, Georeference};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::raster::{Layer, RasterSink, Samples};

/// How an output file is written.
#[derive(Debug, Clone, Default)]
pub struct SinkOptions {
    /// GTiff creation options, `KEY=VALUE`, over ours. Default: none; ours are
    /// `TILED=YES COMPRESS=DEFLATE BIGTIFF=IF_SAFER` and the predictor that suits the pixels.
    pub creation: Vec<String>,
    /// Replaces an existing file. Default: refuses to.
    pub overwrite: bool,
}

/// Takes the rows of one output and turns them into a GTiff with a PAM sidecar.
///
/// The file has its final name only once it is complete and was read back. Until then everything is
/// in the hidden folder `.NAME.<random>` beside it, which goes when this is dropped.
#[derive(Debug)]
pub struct GdalSink {
    // First, so that its file is closed before the folder goes.
    pub(super) scratch: Scratch,
    destination: Destination,
    encoder: Encoder,
    layer: Layer,
}

impl GdalSink {
    /// Prepares to write, and finds out what would fail only at the end: creation options, names,
    /// permissions. `georeference` is the output's own.
    ///
    /// # Errors
    /// - Usage: the file exists and must not be overwritten; GDAL does not take the creation
    ///   options; the output has no band or no pixel.
    /// - Io: the folder is missing or cannot be written to.
    pub fn create(
        api: &'static GdalApi,
        path: &Path,
        options: &SinkOptions,
        layer: &Layer,
        size: Size,
        georeference: &Georeference,
    ) -> Result<Self> {
        if layer.bands.is_empty() || size.pixels() == 0 {
            let bands = layer.bands.len();
            return Err(Error::usage(format!("an output of {bands} band(s) of {size} is empty")));
        }
        let place = |error: Error| error.at(&format!("'{}'", path.display()));
        let creation = &options.creation;
        let encoder = Encoder::new(api, layer, size, georeference.clone(), creation);
        let encoder = encoder.map_err(place)?;
        let destination = Destination::reserve(path, options.overwrite)?;
        encoder.rehearse(&destination.hidden("map.tif")).map_err(place)?;
        let scratch = Scratch::create(&destination.hidden("rows"), layer, size)?;
        Ok(Self { scratch, destination, encoder, layer: layer.clone() })
    }

    /// Encodes the rows, reads them back, compares, and gives the file its final name; then its
    /// sidecar `FILE.aux.xml`, which holds `metadata`, the categories and the map's SHA-256 as
    /// `SPECTRALGPT_MAP_SHA256`. Returns the final name.
    ///
    /// # Errors
    /// - Failed: rows are missing.
    /// - Io: the file cannot be written, or does not hold what was written; no new file is left, an
    ///   old one is as it was.
    /// - Usage: the file has come to exist meanwhile.
    pub fn finish(mut self, metadata: &[(String, String)]) -> Result<PathBuf> {
        let place = format!("'{}'", self.destination.path().display());
        let map = self.destination.hidden("map.tif");
        self.encoder.encode(&mut self.scratch, &map).map_err(|error| error.at(&place))?;
        let sidecar = sidecar(&self.layer, metadata, &sha256(&map)?);
        self.destination.publish(&map, &sidecar)
    }
}

impl RasterSink for GdalSink {
    fn write(&mut self, rows: Samples<'_>) -> Result<()> {
        let place = || format!("'{}'", self.destination.path().display());
        self.scratch.append(rows).map_err(|error| error.at(&place()))
    }
}
