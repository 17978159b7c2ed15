//! Makes one convolution of two that follow each other without anything nonlinear between them.

use std::ops::Range;

use super::algebra::{affine, product, repeat_each, take_columns, transpose};
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
/// convolution to (`to`, `side`, `side`) channels in its place, and spreads these over space.
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

    /// Makes the weight, (`to`, `side`, `side`, `from`).
    pub(super) fn weight(self) -> Recipe {
        Box::new(move |w| self.turned(w))
    }

    /// Makes the bias, (`to`, `side`, `side`).
    pub(super) fn bias(self) -> Recipe {
        Box::new(move |w| Ok(repeat_each(&self.stored_bias(w)?, self.area())))
    }

    /// Makes the weight of this and then a convolution, (`then.to`, `side`, `side`, `from`).
    pub(super) fn weight_then(self, then: Conv) -> Recipe {
        Box::new(move |w| Ok(product(&then.weight(w)?, &self.turned(w)?, self.to)))
    }

    /// Makes the bias of this and then a convolution, (`then.to`, `side`, `side`).
    pub(super) fn bias_then(self, then: Conv) -> Recipe {
        Box::new(move |w| {
            let bias = affine(&then.weight(w)?, &self.stored_bias(w)?, &then.bias(w)?);
            Ok(repeat_each(&bias, self.area()))
        })
    }
}
