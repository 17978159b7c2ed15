//! What the line reads from and writes to, whoever serves the pixels.

pub mod dates;
pub mod gdal;
pub mod marked;
pub mod memory;
pub mod strided;
pub mod timed;

use crate::error::{Error, Result};
use crate::geometry::{Size, Window};

/// Serves pixels of a raster, from several threads at once.
pub trait RasterSource: Sync {
    /// Returns the raster's extent.
    fn size(&self) -> Size;

    /// Counts the bands that [`read`](Self::read) fills.
    fn bands(&self) -> usize;

    /// Reads a window that lies inside the raster.
    ///
    /// `pixels` is (band, row, column), digital numbers as f32. `valid` is (row, column): 1 where
    /// every band holds a value, else 0; pixels there are unspecified but finite.
    ///
    /// # Errors
    /// - Input: a block cannot be read. Never zeros in its place.
    fn read(&self, window: Window, pixels: &mut [f32], valid: &mut [u8]) -> Result<()>;

    /// Says whether every pixel is a whole number from 0 to 65535, so that
    /// [`read_u16`](Self::read_u16) gives what [`read`](Self::read) does.
    fn fits_u16(&self) -> bool {
        false
    }

    /// Reads as [`read`](Self::read) does, in half the bytes, from a raster that
    /// [fits](Self::fits_u16).
    ///
    /// # Errors
    /// - Failed: it does not fit.
    /// - Input: a block cannot be read. Never zeros in its place.
    fn read_u16(&self, window: Window, pixels: &mut [u16], valid: &mut [u8]) -> Result<()> {
        let _ = (window, pixels, valid);
        Err(Error::failed("16-bit integers were asked of a raster that may hold other numbers"))
    }

    /// Returns the bytes per pixel of a window that [`read`](Self::read) holds besides while it reads.
    fn scratch(&self) -> usize {
        0
    }
}

/// Says which pixels of a raster are asked for, from several threads at once.
pub trait Area: Sync {
    /// Fills `wanted`, (row, column): 1 where a pixel of the window is asked for, else 0.
    ///
    /// # Errors
    /// - Io: there is no memory for it.
    fn read(&self, window: Window, wanted: &mut [u8]) -> Result<()>;
}

/// Takes finished rows of one output, whole and in order.
pub trait RasterSink: Send {
    /// Appends rows; their number follows from the length.
    ///
    /// # Errors
    /// - Io: they cannot be stored.
    fn write(&mut self, rows: Samples<'_>) -> Result<()>;
}

/// Pixels of one output, (row, band, column): each row holds its bands one after the other.
#[derive(Debug, Clone, Copy)]
pub enum Samples<'a> {
    /// Class indices up to 254, masks.
    U8(&'a [u8]),
    /// Class indices above that.
    U16(&'a [u16]),
    /// Scores, confidence, features.
    F32(&'a [f32]),
}

impl Samples<'_> {
    /// Counts the samples.
    pub fn len(&self) -> usize {
        match self {
            Samples::U8(samples) => samples.len(),
            Samples::U16(samples) => samples.len(),
            Samples::F32(samples) => samples.len(),
        }
    }

    /// Says whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Returns the f32 that a nodata value's pixels are read as.
#[allow(clippy::cast_possible_truncation, reason = "clamped; pixels are rounded the same way")]
fn as_f32(nodata: f64) -> f32 {
    nodata.clamp(f32::MIN.into(), f32::MAX.into()) as f32
}

/// The type of an output's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleType {
    /// Unsigned, 8 bits.
    U8,
    /// Unsigned, 16 bits.
    U16,
    /// IEEE single.
    F32,
}

impl SampleType {
    /// Returns the bytes of a sample.
    pub fn bytes(self) -> usize {
        match self {
            SampleType::U8 => 1,
            SampleType::U16 => 2,
            SampleType::F32 => 4,
        }
    }
}

impl std::fmt::Display for SampleType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SampleType::U8 => "8-bit integers",
            SampleType::U16 => "16-bit integers",
            SampleType::F32 => "32-bit floats",
        })
    }
}

/// A named, coloured value of a class raster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// What the legend says.
    pub name: String,
    /// Red, green, blue.
    pub colour: [u8; 3],
}

/// Describes one output: what a file needs to know before its first row.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Pixel type of all bands.
    pub sample: SampleType,
    /// Names of the bands; their number is the output's.
    pub bands: Vec<String>,
    /// The value that means "nothing here".
    pub nodata: Option<f64>,
    /// Names and colours of the values 0, 1, 2 ...; empty for other than class rasters.
    pub categories: Vec<Category>,
    /// What the file makes of the samples.
    pub stored: Stored,
}

/// What a file makes of an output's samples.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Stored {
    /// A raster of them.
    #[default]
    AsIs,
    /// A raster of integers from -127 to 127, which times their band's scale are the samples; nodata is
    /// -128.
    Int8,
    /// A polygon per pixel.
    Polygons(Cells),
}

/// Where the pixels of an output lie that becomes polygons, and what these tell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cells {
    /// Their edges from left to right, in the raster's pixels; one more than there are columns.
    pub cols: Vec<u32>,
    /// Their edges from top to bottom; one more than there are rows.
    pub rows: Vec<u32>,
    /// Per label the score from which on it is there; empty: the best class wins.
    pub thresholds: Vec<f32>,
}
