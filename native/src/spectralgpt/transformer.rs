//! Stacks of transformer blocks: tokens, (batch, token, dim), look at each other.

use super::algebra::affine;
use super::recipe::{scaled, tensor, transposed};
use crate::onnx::{Graph, Recipe, Value};

/// What keeps layer normalisation from dividing by zero.
const EPSILON: f32 = 1e-6;

/// The shape of a stack of blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stack {
    /// What its tensors' names start with.
    pub(super) name: &'static str,
    pub(super) dim: usize,
    pub(super) depth: usize,
    pub(super) heads: usize,
    pub(super) tokens: usize,
}

/// The tokens before the last step of a stack, which may depend on what follows.
///
/// They are `residual` (batch, token, dim) plus the layer `fc2` of `hidden` (batch, token, 4 dim).
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) residual: Value,
    pub(super) hidden: Value,
    pub(super) fc2: String,
    pub(super) dim: usize,
}

impl Graph {
    /// Applies a stack of blocks up to its last layer.
    pub(super) fn transform(&mut self, stack: &Stack, tokens: Value) -> Encoded {
        let name = |i: usize| format!("{}.{i}", stack.name);
        let mut encoded = self.block(stack, &name(0), tokens);
        for i in 1..stack.depth {
            let tokens = self.finish(&encoded);
            encoded = self.block(stack, &name(i), tokens);
        }
        encoded
    }

    /// Makes the tokens that come out of a stack.
    pub(super) fn finish(&mut self, x: &Encoded) -> Value {
        let update = self.linear(x.hidden, &x.fc2, 4 * x.dim, x.dim);
        self.add(x.residual, update)
    }

    /// Applies a transformer block up to its last layer.
    fn block(&mut self, s: &Stack, name: &str, x: Value) -> Encoded {
        let normed = self.layer_norm(x, &format!("{name}.norm1"), s.dim);
        let mixed = self.attention(s, &format!("{name}.attn"), normed);
        let residual = self.add(x, mixed);
        let normed = self.layer_norm(residual, &format!("{name}.norm2"), s.dim);
        let hidden = self.linear(normed, &format!("{name}.mlp.fc1"), s.dim, 4 * s.dim);
        Encoded { residual, hidden: self.gelu(hidden), fc2: format!("{name}.mlp.fc2"), dim: s.dim }
    }

    /// Lets every token look at all others.
    ///
    /// A key's bias adds the same to all scores of a row, of which softmax sees differences only; and
    /// shares sum to 1, so a value's bias comes out as it is. So neither is added to every token.
    fn attention(&mut self, s: &Stack, name: &str, x: Value) -> Value {
        let width = s.dim / s.heads;
        let scale = (width as f64).powf(-0.5);
        let q = self.linear_scaled(x, &format!("{name}.q"), s.dim, s.dim, scale);
        let [k, v] = ["k", "v"]
            .map(|part| self.matmul_stored(x, &format!("{name}.{part}.weight"), s.dim, s.dim, 1.0));
        let [q, k, v] = [q, k, v].map(|x| {
            let heads = self.reshape(x, &[s.tokens, s.heads, width]);
            self.transpose(heads, &[0, 2, 1, 3])
        });
        // Runtimes multiply by a turned matrix without turning it, if that is all that is done here.
        let k = self.transpose(k, &[0, 1, 3, 2]);
        let scores = self.matmul(q, k);
        let shares = self.softmax(scores);
        let mixed = self.matmul(shares, v);
        let mixed = self.transpose(mixed, &[0, 2, 1, 3]);
        let mixed = self.reshape(mixed, &[s.tokens, s.dim]);
        let mixed = self.matmul_stored(mixed, &format!("{name}.proj.weight"), s.dim, s.dim, 1.0);
        let bias = self.weight(&format!("{name}.proj.bias"), &[s.dim], bias_of_mixed(name, s.dim));
        self.add(mixed, bias)
    }

    /// Normalises the last axis with stored scales and offsets.
    pub(super) fn layer_norm(&mut self, x: Value, name: &str, dim: usize) -> Value {
        let scale = self.stored(&format!("{name}.weight"), &[dim]);
        let bias = self.stored(&format!("{name}.bias"), &[dim]);
        self.layer_normalization(x, scale, bias, EPSILON)
    }

    /// Applies a stored linear layer.
    pub(super) fn linear(&mut self, x: Value, name: &str, from: usize, to: usize) -> Value {
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
    pub(crate) fn matmul_stored(
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

/// Makes the bias of an attention's last layer, and what that layer makes of the values' bias.
fn bias_of_mixed(name: &str, dim: usize) -> Recipe {
    let name = name.to_owned();
    Box::new(move |w| {
        let read = |part: &str, values| tensor(w, &format!("{name}.{part}"), values);
        let weight = read("proj.weight", dim * dim)?;
        Ok(affine(&weight, &read("v.bias", dim)?, &read("proj.bias", dim)?))
    })
}
