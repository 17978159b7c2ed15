//! Makes one convolution of two that follow each other without anything nonlinear between them.

use std::ops::Range;

use super::algebra::{affine, product, swap, take_columns, transpose};
use super::recipe::tensor;
use crate::checkpoint::Weights;
use crate::error::Result;
use crate::onnx::Recipe;

/// A 1x1 convolution of the checkpoint: `name`.weight (`to`, `from`) and `name`.bias (`to`).
#[derive(Debug, Clone)]
pub(super) struct Conv {
    pub(super) name: String,
    pub(super) to: usize,
    pub(super) from: usize,
}

impl Conv {
    fn weight(&self, weights: &dyn Weights) -> Result<Vec<f32>> {
        tensor(weights, &format!("{}.weight", self.name), self.to * self.from)
    }

    fn bias(&self, weights: &dyn Weights) -> Result<Vec<f32>> {
        tensor(weights, &format!("{}.bias", self.name), self.to)
    }

    /// Makes the part of the weight that some of the input channels meet.
    pub(super) fn part(self, channels: Range<usize>) -> Recipe {
        Box::new(move |w| Ok(take_columns(&self.weight(w)?, self.from, channels.clone())))
    }

    /// Makes the weight of `first`, whose output is some of this one's input, and then this.
    pub(super) fn part_after(self, channels: Range<usize>, first: Conv) -> Recipe {
        Box::new(move |w| {
            let part = take_columns(&self.weight(w)?, self.from, channels.clone());
            Ok(product(&part, &first.weight(w)?, first.to))
        })
    }

    /// Makes the bias of all of `firsts`, whose outputs are the first of this one's input, and this.
    pub(super) fn bias_after(self, firsts: Vec<Conv>) -> Recipe {
        Box::new(move |w| {
            let biases: Vec<_> = firsts.iter().map(|first| first.bias(w)).collect::<Result<_>>()?;
            let biases = biases.concat();
            let part = take_columns(&self.weight(w)?, self.from, 0..biases.len());
            Ok(affine(&part, &biases, &self.bias(w)?))
        })
    }
}

/// A transposed convolution of the checkpoint whose windows do not overlap.
///
/// `name`.weight is (`from`, `to`, `side`, `side`), `name`.bias (`to`). The graph has a 1x1
/// convolution to (`side`, `side`, `to`) channels in its place, and spreads these over space: a
/// runtime that keeps a pixel's channels together moves them as they lie.
#[derive(Debug, Clone)]
pub(super) struct Upsampling {
    pub(super) name: String,
    pub(super) to: usize,
    pub(super) from: usize,
    pub(super) side: usize,
}

impl Upsampling {
    fn area(&self) -> usize {
        self.side * self.side
    }

    /// Reads the weight as (`to`, `side`, `side`, `from`).
    fn turned(&self, weights: &dyn Weights) -> Result<Vec<f32>> {
        let columns = self.to * self.area();
        let stored = tensor(weights, &format!("{}.weight", self.name), self.from * columns)?;
        Ok(transpose(&stored, columns))
    }

    fn stored_bias(&self, weights: &dyn Weights) -> Result<Vec<f32>> {
        tensor(weights, &format!("{}.bias", self.name), self.to)
    }

    /// Makes the weight, (`side`, `side`, `to`, `from`).
    pub(super) fn weight(self) -> Recipe {
        Box::new(move |w| Ok(swap(&self.turned(w)?, self.to, self.from)))
    }

    /// Makes the bias, (`side`, `side`, `to`).
    pub(super) fn bias(self) -> Recipe {
        Box::new(move |w| Ok(self.stored_bias(w)?.repeat(self.area())))
    }

    /// Makes the weight of this and then a convolution, (`side`, `side`, `then.to`, `from`).
    pub(super) fn weight_then(self, then: Conv) -> Recipe {
        Box::new(move |w| {
            let both = product(&then.weight(w)?, &self.turned(w)?, self.to);
            Ok(swap(&both, then.to, self.from))
        })
    }

    /// Makes the bias of this and then a convolution, (`side`, `side`, `then.to`).
    pub(super) fn bias_then(self, then: Conv) -> Recipe {
        Box::new(move |w| {
            let bias = affine(&then.weight(w)?, &self.stored_bias(w)?, &then.bias(w)?);
            Ok(bias.repeat(self.area()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectralgpt::synthetic::Synthetic;

    fn conv(to: usize, from: usize) -> Conv {
        Conv { name: format!("conv{to}"), to, from }
    }

    fn checkpoint(entries: &[(&str, &[usize])]) -> Synthetic {
        Synthetic::from(
            entries.iter().map(|(name, shape)| ((*name).into(), shape.to_vec())).collect(),
        )
    }

    fn assert_near(a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6), "{a:?} {b:?}");
    }

    /// Applies a matrix and an offset, one loop per axis.
    fn apply(weight: &[f32], bias: &[f32], x: &[f32]) -> Vec<f32> {
        let row = |i: usize| -> f32 { (0..x.len()).map(|j| weight[i * x.len() + j] * x[j]).sum() };
        (0..bias.len()).map(|i| row(i) + bias[i]).collect()
    }

    #[test]
    fn upsampling_and_convolving_is_one_convolution() {
        let up = Upsampling { name: "up".into(), to: 3, from: 5, side: 2 };
        let then = conv(4, 3);
        let weights = checkpoint(&[
            ("up.weight", &[5, 3, 2, 2]),
            ("up.bias", &[3]),
            ("conv4.weight", &[4, 3, 1, 1]),
            ("conv4.bias", &[4]),
        ]);
        let stored = weights.read("up.weight").unwrap();
        let offset = weights.read("up.bias").unwrap();
        let (weight, bias) = (then.weight(&weights).unwrap(), then.bias(&weights).unwrap());
        let x = [0.5, -1.0, 2.0, 0.25, -0.75];

        let (mut large, mut folded) = (vec![0.0; 3 * 4], vec![0.0; 4 * 4]);
        for place in 0..4 {
            let at = |j: usize, i: usize| stored[(j * 3 + i) * 4 + place] * x[j];
            let pixel: Vec<f32> =
                (0..3).map(|i| (0..5).map(|j| at(j, i)).sum::<f32>() + offset[i]).collect();
            let next = apply(&weight, &bias, &pixel);
            (0..3).for_each(|i| large[place * 3 + i] = pixel[i]);
            (0..4).for_each(|i| folded[place * 4 + i] = next[i]);
        }
        let run = |weight: Recipe, bias: Recipe| {
            apply(&weight(&weights).unwrap(), &bias(&weights).unwrap(), &x)
        };
        assert_near(&run(up.clone().weight(), up.clone().bias()), &large);
        assert_near(&run(up.clone().weight_then(then.clone()), up.bias_then(then)), &folded);
    }

    #[test]
    fn convolving_a_concatenation_is_a_sum_of_convolutions() {
        let (last, firsts) = (conv(2, 3 + 4 + 5), [conv(3, 5), conv(4, 5)]);
        let weights = checkpoint(&[
            ("conv2.weight", &[2, 12, 1, 1]),
            ("conv2.bias", &[2]),
            ("conv3.weight", &[3, 5, 1, 1]),
            ("conv3.bias", &[3]),
            ("conv4.weight", &[4, 5, 1, 1]),
            ("conv4.bias", &[4]),
        ]);
        let x = [0.5, -1.0, 2.0, 0.25, -0.75];
        let run = |conv: &Conv, x: &[f32]| {
            apply(&conv.weight(&weights).unwrap(), &conv.bias(&weights).unwrap(), x)
        };
        let expected = run(&last, &[run(&firsts[0], &x), run(&firsts[1], &x), x.to_vec()].concat());

        let bias = last.clone().bias_after(firsts.to_vec())(&weights).unwrap();
        let [first, second] = firsts;
        let parts = [
            last.clone().part_after(0..3, first),
            last.clone().part_after(3..7, second),
            last.part(7..12),
        ];
        let sum = parts.iter().fold(bias, |sum, part| apply(&part(&weights).unwrap(), &sum, &x));
        assert_near(&sum, &expected);
    }

    #[test]
    fn a_tensor_of_another_size_is_an_error() {
        let weights = checkpoint(&[("conv2.weight", &[2, 3]), ("conv2.bias", &[2])]);
        let error = conv(2, 4).part(0..1)(&weights).unwrap_err();
        assert!(error.message().contains("6 values where 8 are needed"), "{error}");
    }
}
