//! The same request over every face: the program, the Rust API, the C ABI.

mod c;
mod gdal;
mod program;
mod rust;

use std::path::Path;

use spectralgpt_core::geometry::{Size, Window};

pub use c::{Arrays, Callbacks, Files, Session};
pub use gdal::Live;
pub use program::Program;
pub use rust::Rust;

/// A request.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    /// The model file.
    pub model: &'a Path,
    /// The rasters' extent.
    pub size: Size,
    /// Their bands' names, in order.
    pub bands: &'a [&'a str],
    /// Their digital numbers, one raster per date, (row, band, column).
    pub dates: Vec<Vec<u16>>,
    /// The outputs, separated by commas.
    pub emit: &'a str,
    /// The part to map; `None`: all.
    pub window: Option<Window>,
    /// Pixels that chips share; `None`: the model's.
    pub overlap: Option<u32>,
    /// Chips inferred together.
    pub batch: usize,
    /// Threads.
    pub threads: usize,
    /// The number that means "nothing here".
    pub nodata: Option<f64>,
    /// Added to digital numbers.
    pub dn_offset: Option<f64>,
}

/// An output.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// Its extent.
    pub size: Size,
    /// Its samples, (band, row, column).
    pub pixels: Vec<f32>,
}

/// Why a request was refused: its number, its words.
pub type Refusal = (i32, String);

/// A way to ask.
pub trait Face {
    /// Names it.
    fn name(&self) -> String;

    /// Predicts; the outputs are in the order asked for.
    ///
    /// # Errors
    /// What the face says.
    fn predict(&self, case: &Case<'_>) -> Result<Vec<Plane>, Refusal>;
}

/// Lists every face, and every form that arrays can have.
pub fn all() -> Vec<Box<dyn Face>> {
    let mut faces: Vec<Box<dyn Face>> = vec![
        Box::new(Program),
        Box::new(Rust),
        Box::new(Files),
        Box::new(Callbacks),
        Box::new(Arrays::Stored),
        Box::new(Arrays::PlanarFloats),
        Box::new(Arrays::Interleaved),
    ];
    faces.extend(Live::all().into_iter().map(|live| Box::new(live) as _));
    faces
}

impl<'a> Case<'a> {
    /// Makes a request for one raster with everything at its default.
    pub fn new(model: &'a Path, size: Size, bands: &'a [&'a str], pixels: Vec<u16>) -> Self {
        Self {
            model,
            size,
            bands,
            dates: vec![pixels],
            emit: "classes",
            window: None,
            overlap: None,
            batch: 1,
            threads: 2,
            nodata: None,
            dn_offset: None,
        }
    }

    /// Returns a date's pixels in another order, of a band, row and column to its place in it.
    fn ordered<T: Copy + Default>(
        &self,
        date: usize,
        place: impl Fn(usize, usize, usize) -> usize,
        convert: impl Fn(u16) -> T,
    ) -> Vec<T> {
        let (width, bands) = (self.size.width as usize, self.bands.len());
        let mut ordered = vec![T::default(); self.dates[date].len()];
        for (at, number) in self.dates[date].iter().enumerate() {
            let (row, band, col) = (at / width / bands, at / width % bands, at % width);
            ordered[place(band, row, col)] = convert(*number);
        }
        ordered
    }

    /// Returns a date's pixels, (band, row, column).
    fn planar(&self, date: usize) -> Vec<f32> {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        self.ordered(date, |band, row, col| (band * height + row) * width + col, f32::from)
    }
}

/// Brings (row, band, column) to (band, row, column).
fn by_band(rows: &[f32], size: Size, bands: usize) -> Plane {
    let width = size.width as usize;
    let row = |band: usize| rows.chunks_exact(width).skip(band).step_by(bands).flatten();
    Plane { size, pixels: (0..bands).flat_map(row).copied().collect() }
}
