//! Deals blocks of the raster into folds, so that what is tested lies apart from what is learnt.

use std::collections::BTreeMap;

use super::options::TrainOptions;
use super::pixels::{Pixels, lot};
use crate::error::{Error, Result};

/// Blocks in folds of about equal shares of every class.
#[derive(Debug)]
pub(super) struct Folds {
    count: usize,
    /// Of each pixel drawn.
    of: Vec<usize>,
}

impl Folds {
    /// Deals the blocks: the fullest first, each to the fold that lacks its classes most.
    ///
    /// # Errors
    /// - Input: all labels lie in one block.
    pub(super) fn deal(pixels: &Pixels, options: &TrainOptions) -> Result<Self> {
        let classes = pixels.found().len();
        let mut blocks: BTreeMap<(u32, u32), Vec<f64>> = BTreeMap::new();
        for point in pixels.points() {
            let counts = blocks.entry(pixels.block(point)).or_insert_with(|| vec![0.0; classes]);
            counts[point.class] += 1.0 / pixels.found()[point.class].drawn as f64;
        }
        if blocks.len() < 2 {
            return Err(Error::input(format!(
                "all labels lie in one block of {0} x {0} pixels, so that nothing is left to test \
                 on; label places that are further apart",
                options.block_px
            )));
        }
        let count = options.folds.min(blocks.len());
        let mut order: Vec<_> = blocks.into_iter().collect();
        let total = |counts: &[f64]| counts.iter().sum::<f64>();
        let draw =
            |(row, col): (u32, u32)| lot(options.seed, u64::from(row) << 32 | u64::from(col));
        order.sort_by(|(a, one), (b, other)| {
            total(other).total_cmp(&total(one)).then(draw(*a).cmp(&draw(*b)))
        });
        let mut shares = vec![vec![0.0; classes]; count];
        let mut fold_of = BTreeMap::new();
        for (block, counts) in order {
            let crowd = |fold: &usize| {
                let both = shares[*fold].iter().zip(&counts);
                both.map(|(share, more)| (share + more).powi(2) - share.powi(2)).sum::<f64>()
            };
            let emptiest = (0..count).min_by(|a, b| crowd(a).total_cmp(&crowd(b))).unwrap_or(0);
            shares[emptiest].iter_mut().zip(&counts).for_each(|(share, more)| *share += more);
            fold_of.insert(block, emptiest);
        }
        let of = pixels.points().iter().map(|point| fold_of[&pixels.block(point)]).collect();
        Ok(Self { count, of })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Lists each drawn pixel's fold.
    pub(super) fn of(&self) -> &[usize] {
        &self.of
    }
}
