//! The encoder: a chip becomes tokens, (batch, token, dim), that have looked at each other.
//!
//! Tokens are ordered by spectral group, row, column.

use super::config::Config;
use super::positions;
use super::recipe::transposed;
use super::transformer::{Encoded, Stack};
use crate::onnx::{Graph, Value};

/// Returns the shape of the encoder's blocks for so many tokens.
pub(super) fn stack(c: &Config, tokens: usize) -> Stack {
    Stack { name: "blocks", dim: c.dim, depth: c.depth, heads: c.heads, tokens }
}

impl Graph {
    /// Adds an input for each date; several are put one after the other, as if chips of a batch.
    pub(super) fn dates(&mut self, c: &Config) -> Value {
        let dims = [c.bands(), c.image_size(), c.image_size()];
        let inputs: Vec<_> = c.task.inputs().iter().map(|name| self.input(name, &dims)).collect();
        match inputs[..] {
            [image] => image,
            _ => {
                let both = self.concat(&inputs, 1);
                self.regroup(both, &dims)
            }
        }
    }

    /// Encodes a chip, (batch, band, row, column).
    pub(super) fn encode(&mut self, c: &Config, image: Value) -> Encoded {
        let patches = self.cut_patches(c, image);
        let tokens = self.embed_patches(c, patches);
        self.transform(&stack(c, c.tokens()), tokens)
    }

    /// Cuts a chip into patches, (batch, token, pixel); a patch is (band, row, column).
    pub(super) fn cut_patches(&mut self, c: &Config, image: Value) -> Value {
        let &Config { patch, side, groups, group_bands, .. } = c;
        let x = self.reshape(image, &[groups, group_bands, side, patch, side, patch]);
        let x = self.transpose(x, &[0, 1, 3, 5, 2, 4, 6]);
        self.reshape(x, &[c.tokens(), c.token_pixels()])
    }

    /// Puts patches, (batch, token, pixel), together again: (batch, band, row, column).
    pub(super) fn join_patches(&mut self, c: &Config, patches: Value) -> Value {
        let &Config { patch, side, groups, group_bands, .. } = c;
        let x = self.reshape(patches, &[groups, side, side, group_bands, patch, patch]);
        let x = self.transpose(x, &[0, 1, 4, 2, 5, 3, 6]);
        self.reshape(x, &[c.bands(), c.image_size(), c.image_size()])
    }

    /// Makes a token of each patch: a linear layer, and where it is.
    pub(super) fn embed_patches(&mut self, c: &Config, patches: Value) -> Value {
        let x = self.project_patches(c, patches);
        let places = self.weight("positions", &[c.tokens(), c.dim], positions::table(c));
        self.add(x, places)
    }

    /// Applies the patch embedding's weight; its bias is in the table of positions.
    pub(super) fn project_patches(&mut self, c: &Config, patches: Value) -> Value {
        let (name, pixels) = ("patch_embed.proj.weight", c.token_pixels());
        let weight = self.weight(name, &[pixels, c.dim], transposed(name, c.dim, pixels, 1.0));
        self.matmul(patches, weight)
    }
}
