//! Plans passes of an autoencoder over one chip, of which each sees only some of the tokens.

use super::config::Config;
use crate::error::{Error, Result};
use crate::model::manifest::Task;

/// Passes that predict a whole chip: each sees a quarter of it.
const QUARTERS: usize = 4;

/// Starts the stream of numbers that deals the tokens, for ever the same: "quarters" in ASCII.
const SEED: u64 = 0x7175_6172_7465_7273;

/// Tokens seen by passes over a chip of so many; every pass sees as many.
#[derive(Debug, Clone)]
pub(super) struct Passes {
    pub(super) tokens: usize,
    /// The tokens of each pass, in the encoder's order.
    visible: Vec<Vec<usize>>,
}

impl Passes {
    /// Plans one pass that sees the given tokens.
    ///
    /// # Errors
    /// - Usage: no token, one that is not there, or one twice.
    pub(super) fn one(tokens: usize, visible: &[usize]) -> Result<Self> {
        let mut sorted = visible.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let last = sorted.last().copied();
        if sorted.len() < visible.len() || last.is_none_or(|last| last >= tokens) {
            return Err(Error::usage(format!(
                "{} visible tokens were given; give different ones from 0 to {}",
                visible.len(),
                tokens - 1
            )));
        }
        Ok(Self { tokens, visible: vec![visible.to_vec()] })
    }

    /// Plans four passes that see every token once between them.
    ///
    /// Tokens are dealt in the order of the numbers that the `SplitMix64` stream of a fixed seed
    /// has for them, so that the same network always hides the same tokens.
    pub(super) fn quarters(tokens: usize) -> Self {
        let mut ids: Vec<_> = (0..tokens).collect();
        ids.sort_by_key(|&id| draw(SEED, id as u64));
        let visible = ids.chunks_exact(tokens / QUARTERS).map(<[usize]>::to_vec).collect();
        Self { tokens, visible }
    }

    /// Counts the passes.
    pub(super) fn count(&self) -> usize {
        self.visible.len()
    }

    /// Counts the tokens that a pass sees.
    pub(super) fn seen(&self) -> usize {
        self.visible[0].len()
    }

    /// Lists the tokens seen, (pass, seen).
    pub(super) fn ids(&self) -> Vec<i64> {
        self.visible.iter().flatten().map(|&id| id as i64).collect()
    }

    /// Finds every token of every pass, (pass, token), among those seen, or behind their end.
    pub(super) fn rows(&self) -> Vec<i64> {
        let mut rows = vec![self.ids().len() as i64; self.count() * self.tokens];
        for (row, (pass, &id)) in self.each().enumerate() {
            rows[pass * self.tokens + id] = row as i64;
        }
        rows
    }

    /// Tells for every token of every pass, (pass, token), whether it is hidden.
    pub(super) fn hidden(&self) -> Vec<bool> {
        let mut hidden = vec![true; self.count() * self.tokens];
        for (pass, id) in self.each() {
            hidden[pass * self.tokens + id] = false;
        }
        hidden
    }

    /// Weighs the tokens of every pass, (pass, token): 0 if seen; the mean is 1.
    #[allow(clippy::cast_possible_truncation, reason = "rounding is the point")]
    pub(super) fn weights(&self) -> Vec<f32> {
        let weight = self.tokens as f64 / (self.tokens - self.seen()).max(1) as f64;
        self.hidden().into_iter().map(|hidden| if hidden { weight as f32 } else { 0.0 }).collect()
    }

    fn each(&self) -> impl Iterator<Item = (usize, &usize)> {
        self.visible.iter().enumerate().flat_map(|(pass, ids)| ids.iter().map(move |id| (pass, id)))
    }
}

/// Checks that a network's tokens can be dealt into quarters if its task needs that.
///
/// # Errors
/// - Usage: the chip's tokens are no multiple of four.
pub(super) fn check(c: &Config) -> Result<()> {
    if c.task != Task::Reconstruct || c.tokens().is_multiple_of(QUARTERS) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "chips of {} pixels have {} tokens, and reconstructing needs a multiple of {QUARTERS}; \
         give a multiple of {} with --image-size",
        c.image_size(),
        c.tokens(),
        2 * c.patch
    )))
}

/// Returns a number of the `SplitMix64` stream with the given seed.
fn draw(seed: u64, index: u64) -> u64 {
    let z = seed.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters_see_every_token_once_and_spread_over_the_chip() {
        for tokens in [4, 36, 576, 1024] {
            let passes = Passes::quarters(tokens);
            assert_eq!((passes.count(), passes.seen()), (4, tokens / 4));
            let mut ids = passes.ids();
            assert!(tokens < 36 || !ids.is_sorted());
            ids.sort_unstable();
            assert!(ids.into_iter().eq(0..tokens as i64));
            let sum: f64 = passes.weights().iter().map(|&weight| f64::from(weight)).sum();
            assert!((sum / (4 * tokens) as f64 - 1.0).abs() < 1e-6);
        }
        let hidden = Passes::quarters(1024).hidden();
        for part in hidden.chunks(256) {
            let share = part.iter().filter(|hidden| **hidden).count();
            assert!((160..224).contains(&share), "{share} of 256 hidden");
        }
    }

    #[test]
    fn rows_lead_to_the_tokens_seen() {
        let passes = Passes::one(5, &[3, 0]).unwrap();
        assert_eq!((passes.ids(), passes.rows()), (vec![3, 0], vec![1, 2, 2, 0, 2]));
        assert_eq!(passes.hidden(), [false, true, true, false, true]);
        for wrong in [&[][..], &[1, 1], &[5]] {
            assert!(Passes::one(5, wrong).is_err());
        }
    }
}
