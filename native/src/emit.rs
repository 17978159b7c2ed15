//! Decides: makes the pixels of each output from blended scores.

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::blend::Blended;
use crate::error::{Error, Result};
use crate::model::manifest::Manifest;
use crate::raster::{Category, Layer, RasterSink, SampleType, Samples};

/// "Nothing here" in float outputs.
pub const NODATA_FLOAT: f32 = -9999.0;
/// "Nothing here" in class outputs of up to 254 classes.
pub const NODATA_U8: u8 = u8::MAX;
/// "Nothing here" in class outputs of more classes.
pub const NODATA_U16: u16 = u16::MAX;
/// The most classes an 8-bit output can hold.
const CLASSES_U8: usize = 254;

/// An output that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Emit {
    /// The index of the best class.
    Classes,
    /// Every class's score, one band each.
    Scores,
    /// The best class's score.
    Confidence,
    /// 1 where the map holds a value, 0 elsewhere.
    Valid,
}

impl Emit {
    /// All of them, in the order help texts list them.
    pub const ALL: [Emit; 4] = [Emit::Classes, Emit::Scores, Emit::Confidence, Emit::Valid];

    /// Returns the word of the command line and of file names.
    pub fn name(self) -> &'static str {
        match self {
            Emit::Classes => "classes",
            Emit::Scores => "scores",
            Emit::Confidence => "confidence",
            Emit::Valid => "valid",
        }
    }

    /// Describes the output for a model.
    pub fn layer(self, manifest: &Manifest) -> Layer {
        let names = || manifest.classes.iter().map(|class| class.name.clone());
        let one = || vec![self.name().to_owned()];
        let many = manifest.classes.len() > CLASSES_U8;
        let (sample, bands, nodata) = match self {
            Emit::Classes if many => (SampleType::U16, one(), Some(f64::from(NODATA_U16))),
            Emit::Classes => (SampleType::U8, one(), Some(f64::from(NODATA_U8))),
            Emit::Scores => (SampleType::F32, names().collect(), Some(f64::from(NODATA_FLOAT))),
            Emit::Confidence => (SampleType::F32, one(), Some(f64::from(NODATA_FLOAT))),
            Emit::Valid => (SampleType::U8, one(), None),
        };
        let categories = match self {
            Emit::Classes => manifest.classes.iter().map(Category::from).collect(),
            _ => Vec::new(),
        };
        Layer { sample, bands, nodata, categories }
    }

    /// Writes the output's pixels of finished rows; the pool makes them.
    ///
    /// # Errors
    /// - Io: the sink cannot store them.
    pub fn write(
        self,
        rows: Blended<'_>,
        pool: &ThreadPool,
        sink: &mut dyn RasterSink,
    ) -> Result<()> {
        match self {
            Emit::Classes if rows.classes() > CLASSES_U8 => {
                let pixels = by_row(pool, rows, 1, NODATA_U16, &|row, line| {
                    let decided = decide(rows, row);
                    line.iter_mut().zip(decided).for_each(|(pixel, (class, _))| *pixel = class);
                });
                sink.write(Samples::U16(&pixels))
            }
            Emit::Classes => {
                let pixels = by_row(pool, rows, 1, NODATA_U8, &|row, line| {
                    for (pixel, (class, _)) in line.iter_mut().zip(decide(rows, row)) {
                        *pixel = u8::try_from(class).unwrap_or(NODATA_U8);
                    }
                });
                sink.write(Samples::U8(&pixels))
            }
            Emit::Scores => {
                let pixels = by_row(pool, rows, rows.classes(), NODATA_FLOAT, &|row, line| {
                    for (class, line) in line.chunks_exact_mut(rows.width()).enumerate() {
                        line.copy_from_slice(rows.scores(class, row));
                    }
                });
                sink.write(Samples::F32(&pixels))
            }
            Emit::Confidence => {
                let pixels = by_row(pool, rows, 1, NODATA_FLOAT, &|row, line| {
                    let decided = decide(rows, row);
                    line.iter_mut().zip(decided).for_each(|(pixel, (_, score))| *pixel = score);
                });
                sink.write(Samples::F32(&pixels))
            }
            Emit::Valid => {
                let pixels = by_row(pool, rows, 1, 0u8, &|_, line| line.fill(1));
                sink.write(Samples::U8(&pixels))
            }
        }
    }
}

impl std::str::FromStr for Emit {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Emit::ALL.into_iter().find(|emit| emit.name() == word).ok_or_else(|| {
            let known = Emit::ALL.map(Emit::name).join(", ");
            Error::usage(format!("'{word}' is not an output; give one or more of {known}"))
        })
    }
}

/// Returns (row, band, column) pixels: each row made by `fill`, then nodata where not valid.
fn by_row<T: Copy + Send + Sync>(
    pool: &ThreadPool,
    rows: Blended<'_>,
    bands: usize,
    nodata: T,
    fill: &(dyn Fn(usize, &mut [T]) + Sync),
) -> Vec<T> {
    let mut pixels = vec![nodata; rows.rows() * bands * rows.width()];
    let make = |(row, line): (usize, &mut [T])| {
        fill(row, line);
        for line in line.chunks_exact_mut(rows.width()) {
            for (pixel, valid) in line.iter_mut().zip(rows.valid(row)) {
                if *valid == 0 {
                    *pixel = nodata;
                }
            }
        }
    };
    let lines = pixels.par_chunks_exact_mut(bands * rows.width()).enumerate();
    pool.install(|| lines.for_each(make));
    pixels
}

/// Returns the best class and its score for each pixel of a row; the lowest index wins ties.
fn decide(rows: Blended<'_>, row: usize) -> Vec<(u16, f32)> {
    let mut best = vec![(0, f32::NEG_INFINITY); rows.width()];
    for class in 0..rows.classes() {
        let index = u16::try_from(class).unwrap_or(NODATA_U16);
        for (best, score) in best.iter_mut().zip(rows.scores(class, row)) {
            if *score > best.1 {
                *best = (index, *score);
            }
        }
    }
    best
}
