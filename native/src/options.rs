//! What a run is told, with the defaults every face shares.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::emit::Emit;
use crate::error::{Error, Result};
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

/// Which pixels of a scene are not believed, besides those that its file marks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Masked {
    /// None.
    #[default]
    Nothing,
    /// Clouds, their shadows, snow and ice, by the scene classification of a level-2A product.
    Classes,
    /// Where the first band of this raster is 0 or nodata, brought to the scene's grid.
    Raster(String),
}

impl Masked {
    /// Returns the raster's file, if it is by one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Masked::Raster(raster) => Some(Path::new(raster)),
            _ => None,
        }
    }
}

impl FromStr for Masked {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "" => Err(Error::usage("no mask is named; give scl, none or a raster")),
            "none" => Ok(Masked::Nothing),
            "scl" => Ok(Masked::Classes),
            raster => Ok(Masked::Raster(raster.to_owned())),
        }
    }
}

impl std::fmt::Display for Masked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Masked::Nothing => "none",
            Masked::Classes => "scl",
            Masked::Raster(raster) => raster,
        })
    }
}

/// The size of the pixels that the network sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resolution {
    /// What the model was trained at; a raster of other pixels is resampled, the map has the new ones.
    #[default]
    Model,
    /// The raster's own.
    Source,
}

impl FromStr for Resolution {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "model" => Ok(Resolution::Model),
            "source" => Ok(Resolution::Source),
            _ => Err(Error::usage(format!("'{word}' is no resolution; give model or source"))),
        }
    }
}

impl std::fmt::Display for Resolution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Resolution::Model => "model",
            Resolution::Source => "source",
        })
    }
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
    /// Threads that infer, and as many that read and normalise. Default: what the process may use.
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
    /// Which pixels become nodata besides. Default: none.
    pub mask: Masked,
    /// The rasters of a time series: the grid is the first one's, and a pixel that is invalid in one is so
    /// in all. Default: none.
    pub series: Vec<String>,
    /// The pixels that the network sees. Default: of the size it was trained at.
    pub resolution: Resolution,
    /// The scores from which on a multilabel model's labels are there, one for all or one each. Default:
    /// none, the model's own or 0.5.
    pub thresholds: Vec<f64>,
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

/// Reads thresholds as in `0.5` or `0.4,0.6`.
///
/// # Errors
/// - Usage: not such numbers.
pub fn thresholds(text: &str) -> Result<Vec<f64>> {
    let number = |word: &str| word.trim().parse().ok().filter(|number: &f64| number.is_finite());
    text.split(',').map(number).collect::<Option<_>>().ok_or_else(|| {
        Error::usage(format!(
            "'{text}' is no threshold; give one number for all labels, as in 0.5, or one each, \
             separated by commas"
        ))
    })
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
            mask: Masked::default(),
            series: Vec::new(),
            resolution: Resolution::default(),
            thresholds: Vec::new(),
            format: Format::default(),
            creation: Vec::new(),
            resume: false,
            overwrite: false,
            library: None,
        }
    }
}
