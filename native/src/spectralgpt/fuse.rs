//! Sums the spectral groups of a chip's tokens, weighted, into one map.

use super::algebra::round;
use super::config::Config;
use super::maps::Map;
use super::recipe::tensor;
use super::transformer::Encoded;
use crate::checkpoint::Weights;
use crate::error::Result;
use crate::onnx::{Graph, Recipe, Value};

impl Graph {
    /// Sums the spectral groups; of two dates, gives the first one's sum minus the second one's.
    ///
    /// The encoder's last layer is applied to the sum, which is the same and much less work. In the
    /// difference all biases cancel.
    pub(super) fn fuse_groups(&mut self, c: &Config, x: &Encoded) -> Map {
        let residual = self.sum_groups(c, x.residual, c.dim);
        let hidden = self.sum_groups(c, x.hidden, 4 * c.dim);
        let update =
            self.matmul_stored(hidden, &format!("{}.weight", x.fc2), 4 * c.dim, c.dim, 1.0);
        let tokens = if c.dates() == 1 {
            let bias = self.group_bias(c, &x.fc2);
            let tokens = self.add(residual, update);
            self.add(tokens, bias)
        } else {
            self.add(residual, update)
        };
        let map = self.transpose(tokens, &[0, 2, 1]);
        let value = self.reshape(map, &[c.dim, c.side, c.side]);
        Map { value, channels: c.dim, side: c.side }
    }

    fn sum_groups(&mut self, c: &Config, x: Value, width: usize) -> Value {
        let rows = c.dates() * c.groups;
        let shares = self.weight("fc.0.weight", &[1, rows], signed_shares(c));
        let dims = [rows, c.positions() * width];
        let x = if c.dates() == 1 { self.reshape(x, &dims) } else { self.regroup(x, &dims) };
        let x = self.matmul(shares, x);
        self.reshape(x, &[c.positions(), width])
    }

    /// Adds the last layer's bias times the sum of the groups' weights, plus the sum's own bias.
    fn group_bias(&mut self, c: &Config, fc2: &str) -> Value {
        let (name, dim, groups) = (format!("{fc2}.bias"), c.dim, c.groups);
        let recipe: Recipe = Box::new(move |w| {
            let share: f64 = shares(w, groups)?.iter().map(|&share| f64::from(share)).sum();
            let own = if groups == 1 { 0.0 } else { f64::from(tensor(w, "fc.0.bias", 1)?[0]) };
            let bias = tensor(w, &name, dim)?;
            Ok(bias.iter().map(|&bias| round(f64::from(bias) * share + own)).collect())
        });
        self.weight("fc.0.bias", &[dim], recipe)
    }
}

/// Makes the groups' weights, (date, group), the second date's negative.
fn signed_shares(c: &Config) -> Recipe {
    let (groups, dates) = (c.groups, c.dates());
    Box::new(move |w| {
        let mut shares = shares(w, groups)?;
        if dates == 2 {
            shares.extend_from_within(..);
            shares[groups..].iter_mut().for_each(|share| *share = -*share);
        }
        Ok(shares)
    })
}

/// Reads the groups' weights; a single group is taken as it is.
fn shares(w: &dyn Weights, groups: usize) -> Result<Vec<f32>> {
    if groups == 1 { Ok(vec![1.0]) } else { tensor(w, "fc.0.weight", groups) }
}
