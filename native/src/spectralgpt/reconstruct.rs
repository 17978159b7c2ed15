//! Masked autoencoders: a chip's hidden patches are predicted from the others.

use super::config::Config;
use super::encoder;
use super::head::Decoder;
use super::outputs::{LOSS, RECONSTRUCTION};
use super::passes::Passes;
use super::positions;
use super::recipe::tensor;
use super::transformer::Stack;
use crate::onnx::{Graph, Recipe, Value};

/// What passes over a chip give.
struct Predicted {
    /// The encoder's output, (batch and pass, token seen, dim).
    latent: Value,
    /// Every patch, (batch, pass, token, pixel).
    patches: Value,
}

impl Graph {
    /// Builds a network that hides every patch three times and gives the mean of its predictions.
    pub(super) fn reconstruct(&mut self, c: &Config, decoder: &Decoder) {
        let image = self.dates(c);
        let passes = Passes::quarters(c.tokens());
        let target = self.cut_patches(c, image);
        let Predicted { patches, .. } = self.predict(c, decoder, &passes, target);
        let hidden = self.mul_hidden(&passes, patches);
        let mean = self.mean(hidden, 1);
        let image = self.join_patches(c, mean);
        self.output(RECONSTRUCTION, image, &[c.bands(), c.image_size(), c.image_size()]);
        self.loss(c, &passes, patches, target);
    }

    /// Builds a network of one pass; its outputs are `latent`, `reconstruction`, `pred` and `loss`.
    pub(super) fn reconstruct_once(&mut self, c: &Config, decoder: &Decoder, pass: &Passes) {
        let image = self.dates(c);
        let target = self.cut_patches(c, image);
        let Predicted { latent, patches } = self.predict(c, decoder, pass, target);
        self.output("latent", latent, &[pass.seen(), c.dim]);
        let image = self.join_patches(c, patches);
        self.output(RECONSTRUCTION, image, &[c.bands(), c.image_size(), c.image_size()]);
        let pred = self.reshape(patches, &[c.tokens(), c.token_pixels()]);
        self.output("pred", pred, &[c.tokens(), c.token_pixels()]);
        self.loss(c, pass, patches, target);
    }

    /// Predicts all patches in each pass; the passes are run as chips of one batch.
    fn predict(&mut self, c: &Config, d: &Decoder, passes: &Passes, patches: Value) -> Predicted {
        let (count, seen) = (passes.count(), passes.seen());
        let tokens = self.embed_patches(c, patches);
        let ids = self.ints(&[count, seen], passes.ids());
        let tokens = self.gather(tokens, ids, 1);
        let tokens = self.regroup(tokens, &[seen, c.dim]);
        let encoded = self.transform(&encoder::stack(c, seen), tokens);
        let tokens = self.finish(&encoded);
        let latent = self.layer_norm(tokens, "norm", c.dim);
        let tokens = self.fill_in(c, d, passes, latent);
        let &Decoder { dim, depth, heads } = d;
        let stack = Stack { name: "decoder_blocks", dim, depth, heads, tokens: c.tokens() };
        let encoded = self.transform(&stack, tokens);
        let tokens = self.finish(&encoded);
        let tokens = self.layer_norm(tokens, "decoder_norm", dim);
        let patches = self.linear(tokens, "decoder_pred", dim, c.token_pixels());
        let patches = self.regroup(patches, &[count, c.tokens(), c.token_pixels()]);
        Predicted { latent, patches }
    }

    /// Makes the decoder's tokens, (batch and pass, token, dim), hidden ones included.
    fn fill_in(&mut self, c: &Config, d: &Decoder, passes: &Passes, latent: Value) -> Value {
        let count = passes.count();
        let seen = self.linear(latent, "decoder_embed", c.dim, d.dim);
        let seen = self.regroup(seen, &[count * passes.seen(), d.dim]);
        let seen = self.append_zeros(seen);
        let rows = self.ints(&[count, c.tokens()], passes.rows());
        let tokens = self.gather(seen, rows, 1);
        let dims = [count, c.tokens(), d.dim];
        let places = self.weight("decoder_positions", &dims, decoder_table(c, d, passes));
        let tokens = self.add(tokens, places);
        self.regroup(tokens, &dims[1..])
    }

    /// Weighs predictions, (batch, pass, token, pixel), so that only hidden tokens count.
    fn mul_hidden(&mut self, passes: &Passes, patches: Value) -> Value {
        let dims = [passes.count(), passes.tokens, 1];
        let weights = self.floats("hidden", &dims, passes.weights());
        self.mul(patches, weights)
    }

    /// Makes the pretraining's loss an output: the mean over the passes of the squared error of
    /// hidden tokens, plus that of the sums over the spectral groups of all tokens.
    fn loss(&mut self, c: &Config, passes: &Passes, patches: Value, target: Value) {
        let (count, pixels) = (passes.count(), c.token_pixels());
        let target = self.reshape(target, &[1, c.tokens(), pixels]);
        let off = self.sub(patches, target);
        let hidden = self.mul(off, off);
        let hidden = self.mul_hidden(passes, hidden);
        let hidden = self.mean_of_rows(hidden, count * c.tokens());
        let ones = self.floats("ones.groups", &[1, c.groups], vec![1.0; c.groups]);
        let groups = self.reshape(off, &[count, c.groups, c.positions() * pixels]);
        let sums = self.matmul(ones, groups);
        let all = self.mul(sums, sums);
        let all = self.mean_of_rows(all, count);
        let loss = self.add(hidden, all);
        self.output(LOSS, loss, &[1]);
    }

    /// Takes the mean of (batch, pass, row, value), that of so many rows after each row's own.
    fn mean_of_rows(&mut self, x: Value, rows: usize) -> Value {
        let means = self.mean(x, 3);
        let means = self.reshape(means, &[1, rows]);
        self.mean(means, 2)
    }
}

/// Makes where every token is, plus what stands for hidden ones, (pass, token, dim).
fn decoder_table(c: &Config, d: &Decoder, passes: &Passes) -> Recipe {
    let (c, dim, hidden) = (c.clone(), d.dim, passes.hidden());
    Box::new(move |w| {
        let seen = positions::read(w, &c, "decoder_", &vec![0.0; dim])?;
        let masked = positions::read(w, &c, "decoder_", &tensor(w, "mask_token", dim)?)?;
        let pass = |hidden: &[bool]| -> Vec<f32> {
            let rows = seen.chunks_exact(dim).zip(masked.chunks_exact(dim)).zip(hidden);
            rows.flat_map(|((seen, masked), &hidden)| if hidden { masked } else { seen })
                .copied()
                .collect()
        };
        Ok(hidden.chunks_exact(c.tokens()).flat_map(pass).collect())
    })
}
