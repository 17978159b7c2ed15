//! Makes rows of pixels from blended scores.

use pulp::{Arch, NullaryFnOnce};
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::blend::{Blended, best};

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
                *pixel = if *valid == 0 { nodata } else { *pixel };
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

/// Decides a row: see [`best`].
pub(super) fn decide(rows: Blended<'_>, row: usize) -> (Vec<u32>, Vec<f32>) {
    Arch::new().dispatch(Decide { rows, row })
}

/// Work that is compiled for several processors.
struct Decide<'a> {
    rows: Blended<'a>,
    row: usize,
}

impl NullaryFnOnce for Decide<'_> {
    type Output = (Vec<u32>, Vec<f32>);

    #[inline(always)]
    fn call(self) -> Self::Output {
        let Self { rows, row } = self;
        best((0..rows.channels()).map(|class| rows.scores(class, row)), rows.width())
    }
}
