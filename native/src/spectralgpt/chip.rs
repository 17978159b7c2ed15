//! Networks that say something of a whole chip: classification and embedding.

use super::config::Config;
use super::outputs::{CHIP_FEATURES, LOGITS, PATCH_FEATURES};
use super::transformer::Encoded;
use crate::onnx::{Graph, Value};

impl Graph {
    /// Builds a classifier: the tokens' mean, normalised, and a linear layer.
    pub(super) fn classify(&mut self, c: &Config, classes: usize, probes: bool) {
        let image = self.dates(c);
        let encoded = self.encode(c, image);
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
