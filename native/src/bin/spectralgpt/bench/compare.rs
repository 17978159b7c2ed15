//! Maps against each other: what a lower precision costs.

use std::path::Path;

use serde_json::{Value, json};
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::geometry::Window;
use spectralgpt_core::raster::RasterSource;
use spectralgpt_core::raster::gdal::{GdalApi, GdalSource};

/// A raster in memory.
struct Map {
    /// Values of all bands, (band, row, column).
    values: Vec<f32>,
    /// 1 where all bands are valid, (row, column).
    valid: Vec<u8>,
}

/// What became of the scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Accuracy {
    /// Share of pixels with the reference's class.
    agreement: f64,
    /// The same, of the half of the pixels that the reference is surer of.
    confident: f64,
    /// The largest difference of a score.
    error: f32,
}

impl Accuracy {
    /// Compares the scores in two files.
    ///
    /// # Errors
    /// - Input: one cannot be read, or they are of another size.
    pub(super) fn of(reference: &Path, other: &Path) -> Result<Self> {
        let (reference, other) = (Map::read(reference)?, Map::read(other)?);
        reference.must_match(&other)?;
        let error = reference.each().map(|at| reference.largest_difference(&other, at));
        let error = error.fold(0.0, f32::max);
        let mut margins: Vec<(f32, bool)> = reference
            .each()
            .map(|at| {
                let (class, margin) = reference.best(at);
                (margin, class == other.best(at).0)
            })
            .collect();
        margins.sort_by(|a, b| b.0.total_cmp(&a.0));
        let share = |pixels: &[(f32, bool)]| {
            pixels.iter().filter(|(_, same)| *same).count() as f64 / pixels.len().max(1) as f64
        };
        let half = &margins[..margins.len().div_ceil(2)];
        Ok(Self { agreement: share(&margins), confident: share(half), error })
    }

    pub(super) fn to_json(self) -> Value {
        json!({
            "agreement": self.agreement,
            "agreement_of_confident_half": self.confident,
            "largest_score_difference": self.error,
        })
    }
}

impl std::fmt::Display for Accuracy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (all, half) = (100.0 * self.agreement, 100.0 * self.confident);
        write!(f, "classes as fp32 {all:.2} %, of the surer half {half:.2} %; ")?;
        write!(f, "scores within {:.1e}", self.error)
    }
}

/// Returns the share of pixels that have the same class in two maps.
///
/// # Errors
/// - Input: one cannot be read, or they are of another size.
pub(super) fn agreement(one: &Path, other: &Path) -> Result<f64> {
    let (one, other) = (Map::read(one)?, Map::read(other)?);
    one.must_match(&other)?;
    let all = one.each().count().max(1);
    Ok(one.each().filter(|&at| one.values[at] == other.values[at]).count() as f64 / all as f64)
}

impl Map {
    fn read(path: &Path) -> Result<Self> {
        let source = GdalSource::open(GdalApi::find()?, &path.to_string_lossy())?;
        let (size, bands) = (source.info().size, source.info().bands.len());
        let source = source.select(&(1..=bands).collect::<Vec<_>>(), None)?;
        let mut values = vec![0.0; bands * size.pixels()];
        let mut valid = vec![0; size.pixels()];
        source.read(Window::whole(size), &mut values, &mut valid)?;
        Ok(Self { values, valid })
    }

    fn must_match(&self, other: &Self) -> Result<()> {
        if self.values.len() == other.values.len() && self.valid.len() == other.valid.len() {
            return Ok(());
        }
        Err(Error::input("maps of different size or bands cannot be compared"))
    }

    /// Lists the valid pixels.
    fn each(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.valid.len()).filter(|&at| self.valid[at] == 1)
    }

    fn scores(&self, at: usize) -> impl Iterator<Item = f32> + '_ {
        self.values.iter().skip(at).step_by(self.valid.len()).copied()
    }

    /// Returns the class with the highest score, the first of equals, and its lead.
    fn best(&self, at: usize) -> (usize, f32) {
        let (mut best, mut second) = ((0, f32::NEG_INFINITY), f32::NEG_INFINITY);
        for (class, score) in self.scores(at).enumerate() {
            if score > best.1 {
                (second, best) = (best.1, (class, score));
            } else {
                second = second.max(score);
            }
        }
        (best.0, best.1 - second)
    }

    fn largest_difference(&self, other: &Self, at: usize) -> f32 {
        self.scores(at).zip(other.scores(at)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: &[f32]) -> Map {
        Map { values: values.to_vec(), valid: vec![1, 1, 0] }
    }

    #[test]
    fn the_best_class_is_the_first_of_equals_and_leads_by_the_rest() {
        let map = map(&[0.2, 0.5, 0.0, 0.7, 0.5, 0.0, 0.1, 0.0, 0.0]);
        let ((class, lead), tie) = (map.best(0), map.best(1));
        assert_eq!((class, tie), (1, (0, 0.0)));
        assert!((lead - 0.5).abs() < 1e-6);
        assert_eq!(map.each().collect::<Vec<_>>(), [0, 1]);
        let other = self::map(&[0.2, 0.5, 9.0, 0.4, 0.5, 9.0, 0.1, 0.0, 9.0]);
        assert!((map.largest_difference(&other, 0) - 0.3).abs() < 1e-6);
    }
}
