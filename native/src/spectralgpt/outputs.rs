//! Names what each network gives.

use super::config::Config;
use crate::model::manifest::{OutputKind, Task};

/// Scores per class, as the last layer gives them.
pub const LOGITS: &str = "logits";
/// Logarithms of the shares of the classes.
pub(super) const LOG_PROBABILITIES: &str = "log_probabilities";
/// Features of each patch; of a network that scores pixels, what its head sees.
pub const PATCH_FEATURES: &str = "patch_features";
/// Features that a decoder makes last; no output, but its name in the file.
pub const PIXEL_FEATURES: &str = "pixel_features";
/// The encoder's last tokens, in two parts, of a classifier; no outputs, but their names in the file.
pub const ENCODED: [&str; 2] = ["tokens.residual", "tokens.hidden"];
/// Features of the chip.
pub(super) const CHIP_FEATURES: &str = "chip_features";
/// The chip, predicted.
pub(super) const RECONSTRUCTION: &str = "reconstruction";
/// How far the prediction is off, (batch, 1); no output for people, so not listed.
pub(super) const LOSS: &str = "loss";

impl Config {
    /// Lists the network's outputs in order: name, what it holds, length of its second axis.
    pub fn outputs(&self) -> Vec<(&'static str, OutputKind, usize)> {
        let classes = self.head.classes();
        match self.task {
            Task::Classify | Task::Multilabel => vec![(LOGITS, OutputKind::SceneScores, classes)],
            Task::Segment => vec![
                (LOGITS, OutputKind::ClassScores, classes),
                (PATCH_FEATURES, OutputKind::PatchFeatures, self.dim),
            ],
            Task::Change => vec![
                (LOG_PROBABILITIES, OutputKind::ClassScores, classes),
                (PATCH_FEATURES, OutputKind::PatchFeatures, self.dim),
            ],
            Task::Embed => vec![
                (PATCH_FEATURES, OutputKind::PatchFeatures, self.dim),
                (CHIP_FEATURES, OutputKind::ChipFeatures, self.dim),
            ],
            Task::Reconstruct => vec![(RECONSTRUCTION, OutputKind::Reconstruction, self.bands())],
        }
    }
}
