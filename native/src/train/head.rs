//! The heads: their numbers, what they say, and how wrong they are.

use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};
use serde::Serialize;

use super::pixels::lot;
use super::table::narrow;

/// Values of the hidden layer.
const HIDDEN: usize = 32;

/// A kind of head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Multinomial logistic regression.
    Logistic,
    /// One hidden layer of 32 values with tanh.
    Mlp,
}

impl Kind {
    /// Returns the word of the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logistic => "logistic",
            Self::Mlp => "mlp",
        }
    }
}

/// A linear layer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Linear {
    /// (input, output).
    pub(super) weight: Array2<f32>,
    pub(super) bias: Array1<f32>,
}

/// A head: a linear layer, or two with tanh between them. A gradient has the same form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    pub(super) layers: Vec<Linear>,
}

/// What a head is fitted to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'a> {
    /// What is seen, (pixel, column).
    pub(super) seen: ArrayView2<'a, f32>,
    /// Each pixel's class.
    pub(super) class: &'a [usize],
    /// How much each pixel counts; all sum to 1.
    pub(super) weight: &'a [f32],
    /// How much large weights of the head cost.
    pub(super) strength: f64,
}

impl Head {
    /// Makes a head to start from: zeros, or what the seed draws where zeros would stay zeros.
    pub(super) fn start(kind: Kind, inputs: usize, classes: usize, seed: u64) -> Self {
        let widths = match kind {
            Kind::Logistic => vec![inputs, classes],
            Kind::Mlp => vec![inputs, HIDDEN, classes],
        };
        let mut index = 0;
        let mut draw = |reach: f64| {
            index += 1;
            narrow(((lot(seed, index) >> 11) as f64 / (1u64 << 52) as f64 - 1.0) * reach)
        };
        let layer = |sides: &[usize]| {
            let (from, to) = (sides[0], sides[1]);
            let reach = if kind == Kind::Mlp { (6.0 / (from + to) as f64).sqrt() } else { 0.0 };
            let weight = Array2::from_shape_simple_fn((from, to), || draw(reach));
            Linear { weight, bias: Array1::zeros(to) }
        };
        Self { layers: widths.windows(2).map(layer).collect() }
    }

    /// Lists all numbers.
    pub(super) fn numbers(&self) -> Vec<f64> {
        let all = self.layers.iter().flat_map(|layer| layer.weight.iter().chain(&layer.bias));
        all.map(|number| f64::from(*number)).collect()
    }

    /// Makes a head of the same form from all its numbers.
    pub(super) fn with(&self, numbers: &[f64]) -> Self {
        let mut numbers = numbers.iter().copied().map(narrow);
        let mut next = || numbers.next().unwrap_or_default();
        let layers = self.layers.iter().map(|layer| Linear {
            weight: Array2::from_shape_simple_fn(layer.weight.raw_dim(), &mut next),
            bias: Array1::from_shape_simple_fn(layer.bias.len(), &mut next),
        });
        Self { layers: layers.collect() }
    }

    /// Scores pixels, (pixel, class).
    pub(super) fn scores(&self, seen: ArrayView2<'_, f32>) -> Array2<f32> {
        self.steps(seen).pop().unwrap_or_default()
    }

    /// Decides pixels: the class of the highest score, the first of equals.
    pub(super) fn decide(&self, seen: ArrayView2<'_, f32>) -> Vec<usize> {
        let highest = |row: ndarray::ArrayView1<'_, f32>| {
            let better = |best: usize, (class, score): (usize, &f32)| {
                if *score > row[best] { class } else { best }
            };
            row.iter().enumerate().fold(0, better)
        };
        self.scores(seen).rows().into_iter().map(highest).collect()
    }

    /// Lists what each layer gives; tanh is applied before the next one.
    fn steps(&self, seen: ArrayView2<'_, f32>) -> Vec<Array2<f32>> {
        let mut steps: Vec<Array2<f32>> = Vec::new();
        for layer in &self.layers {
            let mut out = match steps.last_mut() {
                None => seen.dot(&layer.weight),
                Some(hidden) => {
                    hidden.mapv_inplace(f32::tanh);
                    hidden.dot(&layer.weight)
                }
            };
            out += &layer.bias;
            steps.push(out);
        }
        steps
    }

    /// Returns the mean cross-entropy plus half the strength times the squared weights, and its
    /// gradient.
    pub(super) fn loss(&self, task: &Task<'_>) -> (f64, Self) {
        let mut steps = self.steps(task.seen);
        let mut error = steps.pop().unwrap_or_default();
        let mut loss = entropy(&mut error, task);
        let mut layers = Vec::new();
        for (place, layer) in self.layers.iter().enumerate().rev() {
            let below = place.checked_sub(1).map(|below| &steps[below]);
            let input = below.map_or(task.seen, |hidden| hidden.view());
            let mut weight = input.t().dot(&error);
            weight.scaled_add(narrow(task.strength), &layer.weight);
            let squared: f64 = layer.weight.iter().map(|w| f64::from(*w).powi(2)).sum();
            loss += task.strength / 2.0 * squared;
            layers.push(Linear { weight, bias: error.sum_axis(Axis(0)) });
            if let Some(hidden) = below {
                error = error.dot(&layer.weight.t());
                Zip::from(&mut error).and(hidden).for_each(|error, h| *error *= 1.0 - h * h);
            }
        }
        layers.reverse();
        (loss, Self { layers })
    }
}

/// Turns scores into the gradient of the weighted cross-entropy, and returns that.
fn entropy(scores: &mut Array2<f32>, task: &Task<'_>) -> f64 {
    let mut loss = 0.0;
    for ((mut row, class), weight) in scores.rows_mut().into_iter().zip(task.class).zip(task.weight)
    {
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.mapv_inplace(|score| (score - highest).exp());
        let sum = row.sum();
        loss -= f64::from(*weight) * f64::from((row[*class] / sum).max(f32::MIN_POSITIVE)).ln();
        row.mapv_inplace(|share| share / sum * weight);
        row[*class] -= weight;
    }
    loss
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let (rows, inputs, classes) = (7, 5, 3);
        let draw = |index: usize| (lot(1, index as u64) >> 40) as f32 / (1 << 23) as f32 - 1.0;
        let seen = Array2::from_shape_fn((rows, inputs), |(row, col)| draw(row * inputs + col));
        let class: Vec<usize> = (0..rows).map(|row| row % classes).collect();
        let weight: Vec<f32> = (1..=rows).map(|row| row as f32 / 28.0).collect();
        let task = Task { seen: seen.view(), class: &class, weight: &weight, strength: 0.3 };
        for kind in [Kind::Logistic, Kind::Mlp] {
            let mut head = Head::start(Kind::Mlp, inputs, classes, 3);
            if kind == Kind::Logistic {
                head = Head::start(kind, inputs, classes, 3);
                let numbers: Vec<f64> = (0..head.numbers().len()).map(|i| draw(i).into()).collect();
                head = head.with(&numbers);
            }
            let (numbers, slope) = (head.numbers(), head.loss(&task).1.numbers());
            for place in (0..numbers.len()).step_by(3) {
                let at = |by: f64| {
                    let mut moved = numbers.clone();
                    moved[place] += by;
                    head.with(&moved).loss(&task).0
                };
                let found = (at(0.01) - at(-0.01)) / 0.02;
                assert!((found - slope[place]).abs() < 2e-3, "{found} {}", slope[place]);
            }
        }
    }
}
