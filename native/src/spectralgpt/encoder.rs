//! The encoder: a chip becomes tokens, (batch, token, dim), that have looked at each other.
//!
//! Tokens are ordered by spectral group, row, column.

use super::config::Config;
use super::positions;
use super::recipe::{scaled, transposed};
use crate::onnx::{Graph, Value};

/// What keeps layer normalisation from dividing by zero.
const EPSILON: f32 = 1e-6;

/// The tokens before the last step of the encoder, which depends on what follows.
///
/// They are `residual` (batch, token, dim) plus the layer `fc2` of `hidden` (batch, token, 4 dim).
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) residual: Value,
    pub(super) hidden: Value,
    pub(super) fc2: String,
}

impl Graph {
    /// Encodes a chip, (batch, band, row, column).
    pub(super) fn encode(&mut self, c: &Config, image: Value) -> Encoded {
        let tokens = self.embed_patches(c, image);
        let mut encoded = self.block(c, "blocks.0", tokens);
        for i in 1..c.depth {
            let tokens = self.finish(c, &encoded);
            encoded = self.block(c, &format!("blocks.{i}"), tokens);
        }
        encoded
    }

    /// Makes the tokens that come out of the encoder.
    pub(super) fn finish(&mut self, c: &Config, x: &Encoded) -> Value {
        let update = self.linear(x.hidden, &x.fc2, 4 * c.dim, c.dim);
        self.add(x.residual, update)
    }

    /// Cuts a chip into patches and makes a token of each: a linear layer, and where it is.
    fn embed_patches(&mut self, c: &Config, image: Value) -> Value {
        let &Config { dim, patch, side, groups, group_bands, .. } = c;
        let values = group_bands * patch * patch;
        let x = self.reshape(image, &[groups, group_bands, side, patch, side, patch]);
        let x = self.transpose(x, &[0, 1, 3, 5, 2, 4, 6]);
        let x = self.reshape(x, &[c.tokens(), values]);
        let name = "patch_embed.proj.weight";
        let weight = self.weight(name, &[values, dim], transposed(name, dim, values, 1.0));
        let x = self.matmul(x, weight);
        let places = self.weight("positions", &[c.tokens(), dim], positions::table(c));
        self.add(x, places)
    }

    /// Applies a transformer block up to its last layer.
    fn block(&mut self, c: &Config, name: &str, x: Value) -> Encoded {
        let normed = self.layer_norm(x, &format!("{name}.norm1"), c.dim);
        let mixed = self.attention(c, &format!("{name}.attn"), normed);
        let residual = self.add(x, mixed);
        let normed = self.layer_norm(residual, &format!("{name}.norm2"), c.dim);
        let hidden = self.linear(normed, &format!("{name}.mlp.fc1"), c.dim, 4 * c.dim);
        Encoded { residual, hidden: self.gelu(hidden), fc2: format!("{name}.mlp.fc2") }
    }

    /// Lets every token look at all others.
    fn attention(&mut self, c: &Config, name: &str, x: Value) -> Value {
        let width = c.dim / c.heads;
        let scale = (width as f64).powf(-0.5);
        let q = self.linear_scaled(x, &format!("{name}.q"), c.dim, c.dim, scale);
        let k = self.linear(x, &format!("{name}.k"), c.dim, c.dim);
        let v = self.linear(x, &format!("{name}.v"), c.dim, c.dim);
        let [q, k, v] = [q, k, v].map(|x| self.reshape(x, &[c.tokens(), c.heads, width]));
        let q = self.transpose(q, &[0, 2, 1, 3]);
        let k = self.transpose(k, &[0, 2, 3, 1]);
        let v = self.transpose(v, &[0, 2, 1, 3]);
        let scores = self.matmul(q, k);
        let shares = self.softmax(scores);
        let mixed = self.matmul(shares, v);
        let mixed = self.transpose(mixed, &[0, 2, 1, 3]);
        let mixed = self.reshape(mixed, &[c.tokens(), c.dim]);
        self.linear(mixed, &format!("{name}.proj"), c.dim, c.dim)
    }

    fn layer_norm(&mut self, x: Value, name: &str, dim: usize) -> Value {
        let scale = self.stored(&format!("{name}.weight"), &[dim]);
        let bias = self.stored(&format!("{name}.bias"), &[dim]);
        self.layer_normalization(x, scale, bias, EPSILON)
    }

    fn linear(&mut self, x: Value, name: &str, from: usize, to: usize) -> Value {
        self.linear_scaled(x, name, from, to, 1.0)
    }

    /// Applies a linear layer times a number.
    fn linear_scaled(&mut self, x: Value, name: &str, from: usize, to: usize, by: f64) -> Value {
        let x = self.matmul_stored(x, &format!("{name}.weight"), from, to, by);
        let name = format!("{name}.bias");
        let bias = self.weight(&name, &[to], scaled(&name, to, by));
        self.add(x, bias)
    }

    /// Multiplies by a stored matrix (`to`, `from`), which is kept turned, times a number.
    pub(super) fn matmul_stored(
        &mut self,
        x: Value,
        name: &str,
        from: usize,
        to: usize,
        by: f64,
    ) -> Value {
        let weight = self.weight(name, &[from, to], transposed(name, to, from, by));
        self.matmul(x, weight)
    }
}
