//! Networks that say something of a whole chip: classification and embedding.

use super::config::Config;
use super::outputs::{CHIP_FEATURES, ENCODED, LOGITS, PATCH_FEATURES};
use super::transformer::Encoded;
use crate::error::{Error, Result};
use crate::onnx::{Graph, Value};

impl Graph {
    /// Builds a classifier: the tokens' mean, normalised, and a linear layer.
    pub(super) fn classify(&mut self, c: &Config, classes: usize, probes: bool) {
        let image = self.dates(c);
        let encoded = self.encode(c, image);
        self.name_value(encoded.residual, ENCODED[0]);
        self.name_value(encoded.hidden, ENCODED[1]);
        let mean = self.mean_token(c, &encoded);
        let feature = self.layer_norm(mean, "norm", c.dim);
        let logits = self.linear(feature, "head", c.dim, classes);
        self.output(LOGITS, logits, &[classes]);
        if probes {
            self.output("feature", feature, &[c.dim]);
            let tokens = self.finish(&encoded);
            self.output("tokens", tokens, &[c.tokens(), c.dim]);
            let patches = self.cut_patches(c, image);
            let patches = self.project_patches(c, patches);
            let bias = self.stored("patch_embed.proj.bias", &[c.dim]);
            let patches = self.add(patches, bias);
            self.output("patches", patches, &[c.tokens(), c.dim]);
        }
    }

    /// Makes a map of features of a classifier's last tokens, in two parts, that was read from a file:
    /// the mean over the spectral groups, (batch, feature, row, column).
    ///
    /// # Errors
    /// - Model: there is no last layer.
    pub(crate) fn map_of_tokens(
        &mut self,
        residual: Value,
        hidden: Value,
        side: usize,
    ) -> Result<Value> {
        let name = |block: usize, what: &str| format!("blocks.{block}.mlp.fc2.{what}");
        let last = (0..).take_while(|block| self.find(&name(*block, "bias")).is_some()).last();
        let parts = last.and_then(|last| {
            let (weight, bias) =
                (self.find(&name(last, "weight"))?, self.find(&name(last, "bias"))?);
            Some((weight, bias, *self.weight_dims(bias)?.first()?))
        });
        let missing = || Error::model("its network does not have the layers of a SpectralGPT");
        let (weight, bias, dim) = parts.ok_or_else(missing)?;
        let places = side * side;
        let [residual, hidden] = [(residual, dim), (hidden, 4 * dim)].map(|(x, width)| {
            let groups = self.ints(&[4], vec![0, -1, places as i64, width as i64]);
            let groups = self.op("Reshape", &[x, groups], &[]);
            self.mean(groups, 1)
        });
        let update = self.matmul(hidden, weight);
        let update = self.add(update, bias);
        let places = self.add(residual, update);
        let map = self.transpose(places, &[0, 2, 1]);
        Ok(self.reshape(map, &[dim, side, side]))
    }

    /// Takes the mean of all tokens but the first, which the original leaves out.
    ///
    /// The encoder's last layer is applied to the mean, which is the same and far less work.
    fn mean_token(&mut self, c: &Config, x: &Encoded) -> Value {
        let tokens = c.tokens();
        let mut shares = vec![1.0 / (tokens as f32 - 1.0); tokens];
        shares[0] = 0.0;
        let shares = self.floats("shares", &[1, tokens], shares);
        let [residual, hidden] = [(x.residual, x.dim), (x.hidden, 4 * x.dim)].map(|(x, width)| {
            let mean = self.matmul(shares, x);
            self.reshape(mean, &[width])
        });
        self.finish(&Encoded { residual, hidden, fc2: x.fc2.clone(), dim: x.dim })
    }

    /// Builds an autoencoder's encoder that sees the whole chip: features of patches and chip.
    pub(super) fn embed(&mut self, c: &Config, probes: bool) {
        let image = self.dates(c);
        let encoded = self.encode(c, image);
        let tokens = self.finish(&encoded);
        let tokens = self.layer_norm(tokens, "norm", c.dim);
        let groups = self.reshape(tokens, &[c.groups, c.positions(), c.dim]);
        let places = self.mean(groups, 1);
        let map = self.transpose(places, &[0, 2, 1]);
        let map = self.reshape(map, &[c.dim, c.side, c.side]);
        self.output(PATCH_FEATURES, map, &[c.dim, c.side, c.side]);
        let chip = self.mean(places, 1);
        self.output(CHIP_FEATURES, chip, &[c.dim]);
        if probes {
            self.output("tokens", tokens, &[c.tokens(), c.dim]);
        }
    }
}
