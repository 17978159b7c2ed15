//! What a run is told, with the defaults every face shares.

use std::path::PathBuf;

use crate::emit::Emit;
use crate::error::Result;
use crate::geometry::Window;
use crate::memory;
use crate::model::manifest::Manifest;
use crate::raster::gdal::Format;
use crate::runtime::provider::{Device, Precision, ProviderChoice};
use crate::tile::Grid;

/// A part of a raster.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// All of it.
    Whole,
    /// These pixels.
    Window(Window),
    /// The pixels that a rectangle on Earth covers.
    Rectangle {
        /// X and y of one corner, then of the opposite one.
        corners: [f64; 4],
        /// Their reference system, `EPSG:4326` or the like; `None` for the raster's own.
        srs: Option<String>,
    },
    /// The pixels in the polygons of a vector file.
    Polygons(PathBuf),
}

/// How a scene is predicted. Made by [`Options::default`], then changed field by field.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The outputs; none: what the task gives first. Default: none.
    pub emit: Vec<Emit>,
    /// The part of the raster to map. Default: all of it.
    pub part: Part,
    /// Pixels that neighbouring chips share. Default: the model's, 32.
    pub overlap: Option<u32>,
    /// Chips inferred together. Default: 1.
    pub batch: usize,
    /// Threads that infer, and as many that read and blend. Default: what the process may use.
    pub threads: usize,
    /// Bytes the process may hold. Default: 4 GiB, or half of what there is.
    pub memory: u64,
    /// The hardware that computes. Default: auto.
    pub device: Device,
    /// Who computes there. Default: auto.
    pub provider: ProviderChoice,
    /// The network's arithmetic. Default: fp32.
    pub precision: Precision,
    /// The raster's bands by name, in file order. Default: as the file says.
    pub bands: Option<Vec<String>>,
    /// Replaces the bands' own nodata values. Default: none.
    pub nodata: Option<f64>,
    /// Added to every digital number before use. Default: as the file says, else 0.
    pub dn_offset: Option<f64>,
    /// The format of the outputs. Default: GTiff.
    pub format: Format,
    /// Creation options of the format, `KEY=VALUE`. Default: tiled, deflate.
    pub creation: Vec<String>,
    /// Goes on with an interrupted run, and can be gone on with. Default: false.
    pub resume: bool,
    /// Replaces existing files. Default: false.
    pub overwrite: bool,
    /// The ONNX Runtime library. Default: searched.
    pub library: Option<PathBuf>,
}

impl Options {
    /// Returns the grid of chips that a model is run on.
    ///
    /// # Errors
    /// - Usage: the overlap does not fit the model's chips.
    pub fn grid(&self, manifest: &Manifest) -> Result<Grid> {
        let overlap = self.overlap.unwrap_or_else(|| manifest.default_overlap());
        Grid::new(manifest.footprint_px, manifest.halo_px, manifest.step_unit(), overlap)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            emit: Vec::new(),
            part: Part::Whole,
            overlap: None,
            batch: 1,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: memory::default_budget(),
            device: Device::default(),
            provider: ProviderChoice::default(),
            precision: Precision::default(),
            bands: None,
            nodata: None,
            dn_offset: None,
            format: Format::default(),
            creation: Vec::new(),
            resume: false,
            overwrite: false,
            library: None,
        }
    }
}
