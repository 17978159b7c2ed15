//! Writes one output file.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::encode::Encoder;
use super::grid::Grid;
use super::pam::sidecar;
use super::publish::{Destination, sha256};
use super::scratch::Scratch;
use super::watch::{RowProgress, Watch};
use super::{GdalApi, Georeference};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::raster::{Layer, RasterSink, Samples, Stored};

/// The format of an output file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// GeoTIFF.
    #[default]
    GTiff,
    /// Cloud optimized GeoTIFF: tiled, with overviews.
    Cog,
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word.to_ascii_lowercase().as_str() {
            "gtiff" => Ok(Self::GTiff),
            "cog" => Ok(Self::Cog),
            _ => Err(Error::usage(format!("'{word}' is not written; choose GTiff or COG"))),
        }
    }
}

/// How an output file is written.
#[derive(Debug, Clone)]
pub struct SinkOptions {
    /// The format. Default: GTiff.
    pub format: Format,
    /// Creation options of the format, `KEY=VALUE`, over ours. Default: none; ours are `TILED=YES
    /// COMPRESS=DEFLATE BIGTIFF=IF_SAFER` and the predictor that suits the pixels, and for a COG
    /// overviews by the nearest pixel, of floats by the mean.
    pub creation: Vec<String>,
    /// Replaces an existing file. Default: refuses to.
    pub overwrite: bool,
    /// Bytes that may be held while the file is made, besides GDAL's block cache. Default: 64 MiB.
    pub memory: u64,
    /// Goes on with an interrupted run of the same key, and leaves its rows if interrupted itself.
    /// Default: starts anew and leaves nothing.
    pub resume: bool,
    /// Names everything that the rows depend on; rows of another key are not gone on with. Default:
    /// empty, which cannot resume.
    pub key: String,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self {
            format: Format::default(),
            creation: Vec::new(),
            overwrite: false,
            memory: 64 << 20,
            resume: false,
            key: String::new(),
        }
    }
}

/// Takes the rows of one output and turns them into a file with a PAM sidecar.
///
/// The file has its final name only once it is complete and was read back. Until then everything is
/// in the hidden folder `.NAME.spectralgpt` beside it, which one run at a time may use. It goes when
/// this is dropped; what a killed run leaves the next run to the same file removes or goes on with.
#[derive(Debug)]
pub struct GdalSink {
    // First, so that its file is closed before the folder goes.
    pub(super) scratch: Scratch,
    destination: Destination,
    maker: Maker,
    layer: Layer,
    size: Size,
    resume: bool,
}

/// What makes a file of the rows.
#[derive(Debug)]
enum Maker {
    /// A raster; the coordinate reference system, if it goes into the sidecar, else nothing.
    Raster(Encoder, String),
    /// A vector file.
    Grid(Grid),
}

impl GdalSink {
    /// Prepares to write, and finds out what would fail only at the end: creation options, names,
    /// permissions. `georeference` is the output's own.
    ///
    /// # Errors
    /// - Usage: the file, or one that belongs to it, exists and must not be overwritten; another run
    ///   is writing it; GDAL does not take the creation options, or they lose something; the output
    ///   has no band or no pixel.
    /// - Input: the file cannot hold the coordinate reference system.
    /// - Io: the folder is missing or cannot be written to.
    /// - Failed: a run without a key is to be resumed.
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
        let SinkOptions { overwrite, resume, ref key, .. } = *options;
        if resume && key.is_empty() {
            return Err(Error::failed("a run without a key cannot be resumed"));
        }
        let place = |error: Error| error.at(&format!("'{}'", path.display()));
        let maker = match &layer.stored {
            Stored::Polygons(cells) => {
                Grid::new(api, path, (layer, cells), size, georeference).map(Maker::Grid)
            }
            _ => Encoder::new(api, layer, size, georeference.clone(), options)
                .map(|encoder| Maker::Raster(encoder, String::new())),
        };
        let mut maker = maker.map_err(place)?;
        let mut destination = Destination::reserve(path, overwrite, resume)?;
        if let Maker::Raster(encoder, srs) = &mut maker {
            *srs = encoder.rehearse(&destination).map_err(place)?.unwrap_or_default();
        }
        let scratch = Scratch::create(&destination, layer, size, key, resume)?;
        destination.keep_rows(scratch.safe() > 0);
        Ok(Self { scratch, destination, maker, layer: layer.clone(), size, resume })
    }

    /// Counts the rows that an interrupted run left, which need not be written again.
    pub fn rows_done(&self) -> u32 {
        self.scratch.safe()
    }

    /// Announces that the rows from `row` on come next. Those that are here already are passed over,
    /// so that several outputs may go on at the same row.
    ///
    /// # Errors
    /// - Failed: `row` is more than [`rows_done`](Self::rows_done).
    pub fn start_at(&mut self, row: u32) -> Result<()> {
        self.scratch.start_at(row)
    }

    /// Encodes the rows, reads them back, compares, and gives the file its final name; then its
    /// sidecar `FILE.aux.xml`, which holds `metadata`, the categories and the map's SHA-256 as
    /// `SPECTRALGPT_MAP_SHA256`. Returns the final name. `progress` is asked after every part.
    ///
    /// # Errors
    /// - Failed: rows are missing.
    /// - Io: the file cannot be written, or does not hold what was written; no new file is left, an
    ///   old one is as it was.
    /// - Usage: the file has come to exist meanwhile.
    /// - Cancelled: `progress` said so; an old file is as it was.
    pub fn finish(
        self,
        metadata: &[(String, String)],
        progress: &mut RowProgress<'_>,
    ) -> Result<PathBuf> {
        let Self { scratch, destination, maker, layer, size, .. } = self;
        let place = format!("'{}'", destination.path().display());
        let at = |error: Error| error.at(&place);
        match maker {
            Maker::Raster(encoder, srs) => {
                let mut watch = Watch::new(progress, size, encoder.passes());
                let map = encoder.encode(&scratch, &destination, &mut watch).map_err(at)?;
                let sidecar = sidecar(&layer, metadata, &sha256(&map, &mut watch)?, &srs);
                drop(scratch);
                destination.publish(&map, Some(&sidecar))
            }
            Maker::Grid(grid) => {
                let mut watch = Watch::new(progress, size, 2);
                let made = grid.write(&scratch, &destination, metadata, &mut watch).map_err(at)?;
                drop(scratch);
                destination.publish(&made, None)
            }
        }
    }
}

impl RasterSink for GdalSink {
    fn write(&mut self, rows: Samples<'_>) -> Result<()> {
        let place = || format!("'{}'", self.destination.path().display());
        self.scratch.append(rows).map_err(|error| error.at(&place()))?;
        self.destination.keep_rows(self.resume && self.scratch.safe() > 0);
        Ok(())
    }
}
