//! Makes rows of pixels from blended scores.

use pulp::{Arch, NullaryFnOnce};
use rayon::ThreadPool;
use rayon::prelude::*;

use super::NODATA_U16;
use crate::blend::Blended;

/// Fills a row with the entropy of its scores, as a share of the largest there can be.
pub(super) fn entropy(rows: Blended<'_>, row: usize, line: &mut [f32]) {
    let most = (rows.channels().max(2) as f32).ln();
    line.fill(0.0);
    for class in 0..rows.channels() {
        for (sum, score) in line.iter_mut().zip(rows.scores(class, row)) {
            *sum -= if *score > 0.0 { score * score.ln() / most } else { 0.0 };
        }
    }
}

/// Scores below which waking threads takes longer than what they would do.
const FEW: usize = 1 << 20;

/// Returns (row, band, column) pixels: each row made by `fill`, then nodata where not valid.
pub(super) fn by_row<T: Copy + Send + Sync>(
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
    let line = bands * rows.width();
    if rows.rows() * rows.width() * rows.channels() < FEW {
        pixels.chunks_exact_mut(line).enumerate().for_each(make);
    } else {
        pool.install(|| pixels.par_chunks_exact_mut(line).enumerate().for_each(make));
    }
    pixels
}

/// Returns the best class of each pixel of a row, and its score; the lowest index wins ties.
pub(super) fn decide(rows: Blended<'_>, row: usize) -> (Vec<u16>, Vec<f32>) {
    Arch::new().dispatch(Decide { rows, row })
}

/// Work that is compiled for several processors.
struct Decide<'a> {
    rows: Blended<'a>,
    row: usize,
}

impl NullaryFnOnce for Decide<'_> {
    type Output = (Vec<u16>, Vec<f32>);

    #[inline(always)]
    fn call(self) -> Self::Output {
        let Self { rows, row } = self;
        let (mut choice, mut best) = (vec![0; rows.width()], vec![f32::NEG_INFINITY; rows.width()]);
        for class in 0..rows.channels() {
            let index = u16::try_from(class).unwrap_or(NODATA_U16);
            let pixels = choice.iter_mut().zip(&mut best);
            for ((choice, best), score) in pixels.zip(rows.scores(class, row)) {
                let better = *score > *best;
                *choice = if better { index } else { *choice };
                *best = if better { *score } else { *best };
            }
        }
        (choice, best)
    }
}
