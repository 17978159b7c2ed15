//! Turns a chip's raw outputs into scores that can be averaged.

use crate::model::manifest::Activation;

/// Applies an activation in place to a chip's outputs, (class, row, column).
pub fn apply(activation: Activation, scores: &mut [f32], classes: usize) {
    match activation {
        Activation::None => {}
        Activation::LogSoftmax => scores.iter_mut().for_each(|s| *s = s.exp()),
        Activation::Sigmoid => scores.iter_mut().for_each(|s| *s = 1.0 / (1.0 + (-*s).exp())),
        Activation::Softmax => softmax(scores, classes),
    }
}

/// Exponentials relative to the largest score, divided by their sum; planes stay contiguous.
fn softmax(scores: &mut [f32], classes: usize) {
    let pixels = scores.len() / classes.max(1);
    let mut largest = vec![f32::NEG_INFINITY; pixels];
    for plane in scores.chunks_exact(pixels.max(1)) {
        largest.iter_mut().zip(plane).for_each(|(most, s)| *most = most.max(*s));
    }
    let mut sum = vec![0.0f32; pixels];
    for plane in scores.chunks_exact_mut(pixels.max(1)) {
        for ((s, most), sum) in plane.iter_mut().zip(&largest).zip(&mut sum) {
            *s = (*s - most).exp();
            *sum += *s;
        }
    }
    for plane in scores.chunks_exact_mut(pixels.max(1)) {
        plane.iter_mut().zip(&sum).for_each(|(s, sum)| *s /= sum);
    }
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
}
