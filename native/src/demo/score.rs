//! Counts what is right, and what a simple classifier would have got right.

use rayon::prelude::*;

use crate::geometry::Size;
use crate::landscape::{BANDS, Class, Landscape, NO_TRUTH};

/// Seeds of the scenes that the simple classifier learns from.
const SEEDS: std::ops::Range<u64> = 40_000_000..40_000_064;

/// Their extent.
const SIZE: Size = Size { width: 96, height: 96 };

/// Returns the share of pixels with a truth that have it.
pub(super) fn accuracy(truth: &[u8], map: &[f32]) -> f64 {
    let known = || truth.iter().zip(map).filter(|(truth, _)| **truth != NO_TRUTH);
    let right = known().filter(|(truth, map)| f32::from(**truth) == **map);
    right.count() as f64 / known().count().max(1) as f64
}

/// Gives a pixel the class whose mean reflectance is nearest, in standard deviations of each band.
#[derive(Debug)]
pub(super) struct NearestMean {
    /// (class, band).
    means: Vec<[f64; BANDS.len()]>,
    deviations: [f64; BANDS.len()],
}

impl NearestMean {
    /// Learns from scenes of the kind that the model was trained on.
    pub(super) fn learn() -> Self {
        let scenes: Vec<Landscape> =
            SEEDS.into_par_iter().map(|seed| Landscape::new(seed, SIZE)).collect();
        let mut sums = vec![[0.0; BANDS.len()]; Class::ALL.len()];
        let mut squares = [0.0; BANDS.len()];
        let mut counts = vec![0.0; Class::ALL.len()];
        for (class, pixel) in scenes.iter().flat_map(known) {
            counts[class] += 1.0;
            for (band, value) in pixel.into_iter().enumerate() {
                sums[class][band] += value;
                squares[band] += value * value;
            }
        }
        let all: f64 = counts.iter().sum();
        let deviation = |band: usize| {
            let mean = sums.iter().map(|sum| sum[band]).sum::<f64>() / all;
            (squares[band] / all - mean * mean).max(1.0).sqrt()
        };
        let deviations = std::array::from_fn(deviation);
        let means = sums.iter().zip(&counts);
        let means = means.map(|(sum, count)| sum.map(|it| it / count.max(1.0))).collect();
        Self { means, deviations }
    }

    /// Gives every pixel a class value.
    pub(super) fn classify(&self, landscape: &Landscape) -> Vec<f32> {
        let nearest = |at: usize| {
            let pixel = reflectance(landscape, at);
            let away = |mean: &[f64; BANDS.len()]| -> f64 {
                let bands = pixel.iter().zip(mean).zip(&self.deviations);
                bands.map(|((pixel, mean), deviation)| ((pixel - mean) / deviation).powi(2)).sum()
            };
            let away = self.means.iter().map(away);
            let nearest = away.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
            nearest.map_or(f32::from(NO_TRUTH), |(class, _)| class as f32)
        };
        (0..landscape.size().pixels()).into_par_iter().map(nearest).collect()
    }
}

/// Walks the pixels that have a truth.
fn known(scene: &Landscape) -> impl Iterator<Item = (usize, [f64; BANDS.len()])> {
    let truths = scene.truth().iter().enumerate().filter(|(_, truth)| **truth != NO_TRUTH);
    truths.map(|(at, truth)| (usize::from(*truth), reflectance(scene, at)))
}

/// Returns a pixel's reflectance, times 10 000.
fn reflectance(scene: &Landscape, at: usize) -> [f64; BANDS.len()] {
    std::array::from_fn(|band| f64::from(scene.band(band)[at]) + f64::from(scene.dn_offset()))
}
