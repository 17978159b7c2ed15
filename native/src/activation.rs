//! Turns a chip's raw outputs into scores that can be averaged.

use std::f32::consts::LOG2_E;

use pulp::{Arch, NullaryFnOnce};

use crate::model::manifest::Activation;

/// Applies an activation in place to a chip's outputs, (class, row, column).
pub fn apply(activation: Activation, scores: &mut [f32], classes: usize) {
    match activation {
        Activation::None => {}
        Activation::Sigmoid => scores.iter_mut().for_each(|s| *s = 1.0 / (1.0 + (-*s).exp())),
        Activation::LogSoftmax => Arch::new().dispatch(Exponentials(scores)),
        Activation::Softmax => Arch::new().dispatch(Softmax { scores, classes }),
    }
}

/// Work that is compiled for several processors: exponentials in place.
struct Exponentials<'a>(&'a mut [f32]);

impl NullaryFnOnce for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.iter_mut().for_each(|s| *s = exp(*s));
    }
}

/// Exponentials relative to the largest score, divided by their sum; planes stay contiguous.
struct Softmax<'a> {
    scores: &'a mut [f32],
    classes: usize,
}

impl NullaryFnOnce for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let pixels = (self.scores.len() / self.classes.max(1)).max(1);
        let mut largest = vec![f32::NEG_INFINITY; pixels];
        for plane in self.scores.chunks_exact(pixels) {
            largest.iter_mut().zip(plane).for_each(|(most, s)| *most = most.max(*s));
        }
        let mut sum = vec![0.0f32; pixels];
        for plane in self.scores.chunks_exact_mut(pixels) {
            for ((s, most), sum) in plane.iter_mut().zip(&largest).zip(&mut sum) {
                *s = exp(*s - most);
                *sum += *s;
            }
        }
        for plane in self.scores.chunks_exact_mut(pixels) {
            plane.iter_mut().zip(&sum).for_each(|(s, sum)| *s /= sum);
        }
    }
}

/// Returns e to the power of x with a relative error of at most 1.5e-7, many at once where a loop calls
/// it, which the standard library's never are. 0 below -87, where f32 loses digits; infinity above 88.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Added to a number and taken away again, it rounds to a whole one.
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23
    /// The logarithm of 2 as a number of few bits and the rest.
    const LN_2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);
    /// Exponent of 1.
    const ONE: u32 = 127;
    let rounded = x * LOG2_E + ROUND;
    let twos = rounded - ROUND;
    let rest = x - twos * LN_2.0 - twos * LN_2.1;
    // Taylor's series up to the seventh term: |rest| is at most ln(2) / 2.
    let series = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let power = series.iter().fold(1.0 / 5040.0, |sum, term| sum * rest + term);
    let scale = f32::from_bits(ONE.wrapping_add(rounded.to_bits()) << 23);
    let power = if x < -87.0 { 0.0 } else { power * scale };
    if x > 88.0 { f32::INFINITY } else { power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_probabilities_whatever_the_logits() {
        let mut soft = vec![1000.0, 0.0, 1000.0, f32::ln(3.0)];
        apply(Activation::Softmax, &mut soft, 2);
        assert_eq!(soft[0] + soft[2], 1.0);
        assert!((soft[3] - 0.75).abs() < 1e-6 && (soft[1] - 0.25).abs() < 1e-6);
        let mut log = vec![0.25f32.ln(), 0.75f32.ln()];
        apply(Activation::LogSoftmax, &mut log, 2);
        assert!((log[0] - 0.25).abs() < 1e-6);
        let mut sigmoid = vec![-1000.0, 0.0, 1000.0];
        apply(Activation::Sigmoid, &mut sigmoid, 3);
        assert_eq!(sigmoid, [0.0, 0.5, 1.0]);
    }

    #[test]
    fn exponentials_are_the_standard_librarys() {
        for x in (-87_000..=88_000).map(|x| x as f32 / 1000.0) {
            let error = (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs();
            assert!(error < 1.5e-7, "{x}: {error:e}");
        }
        assert_eq!([0.0, -0.0].map(exp), [1.0, 1.0]);
        assert_eq!([-87.1, -1e30, f32::NEG_INFINITY].map(exp), [0.0; 3]);
        assert_eq!([88.1, 1e30, f32::INFINITY].map(exp), [f32::INFINITY; 3]);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn what_is_no_number_stays_none() {
        for wrong in [f32::NAN, f32::INFINITY] {
            let mut scores = vec![0.5, wrong, 1.5, 0.0];
            apply(Activation::Softmax, &mut scores, 2);
            assert!(scores[1].is_nan() && scores[3].is_nan(), "{scores:?}");
            assert_eq!(scores[0] + scores[2], 1.0);
        }
    }
}
