//! Describes a model in its own file: `metadata_props["spectralgpt"]`, JSON, schema 1.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::raster::Category;

/// The schema this library writes and the only one it reads.
pub const SCHEMA: u32 = 1;

/// What a model does with a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// A class per chip.
    Classify,
    /// Any number of labels per chip.
    Multilabel,
    /// A class per pixel.
    Segment,
    /// A class per pixel, from two dates.
    Change,
    /// A vector of features per patch and per chip.
    Embed,
    /// The chip itself, predicted where it was hidden.
    Reconstruct,
}

impl Task {
    /// All of them, in the order help texts list them.
    pub const ALL: [Task; 6] = [
        Task::Classify,
        Task::Multilabel,
        Task::Segment,
        Task::Change,
        Task::Embed,
        Task::Reconstruct,
    ];

    /// Returns the word of the command line and the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Task::Classify => "classify",
            Task::Multilabel => "multilabel",
            Task::Segment => "segment",
            Task::Change => "change",
            Task::Embed => "embed",
            Task::Reconstruct => "reconstruct",
        }
    }

    /// Names the network's inputs, one per date, in order.
    pub fn inputs(self) -> &'static [&'static str] {
        match self {
            Task::Change => &["before", "after"],
            _ => &["image"],
        }
    }
}

/// Where a channel's pixels come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The band of that name.
    Band(String),
    /// The mean of those bands, taken before normalisation.
    Mean(Vec<String>),
}

/// How digital numbers become the network's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Normalisation {
    /// Passes the digital numbers on.
    None,
    /// `(x - min) / (max - min + epsilon)` per channel over the chip's valid pixels; a constant
    /// channel gives 0.
    ChipMinMax {
        /// Added to the range.
        epsilon: f64,
    },
    /// `(x - mean) / std` per channel, in f32.
    ZScore {
        /// Of each channel.
        mean: Vec<f64>,
        /// Of each channel.
        std: Vec<f64>,
    },
    /// `mean - 2 std .. mean + 2 std` to 0..255, clipped and truncated to whole numbers as the
    /// original's 8-bit images are, then divided by 255; in f64.
    ClippedBytes {
        /// Of each channel.
        mean: Vec<f64>,
        /// Of each channel.
        std: Vec<f64>,
    },
}

impl std::str::FromStr for Activation {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let known = [Self::None, Self::Softmax, Self::LogSoftmax, Self::Sigmoid];
        known.into_iter().find(|activation| activation.name() == word).ok_or_else(|| {
            let known = known.map(Self::name).join(", ");
            Error::usage(format!("'{word}' is not an activation; give one of {known}"))
        })
    }
}

impl Activation {
    /// Returns the word of the command line and the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Activation::None => "none",
            Activation::Softmax => "softmax",
            Activation::LogSoftmax => "log_softmax",
            Activation::Sigmoid => "sigmoid",
        }
    }
}

impl Normalisation {
    /// Tells whether a wrong offset of the digital numbers would change the input.
    pub fn needs_dn_offset(&self) -> bool {
        matches!(self, Normalisation::ZScore { .. } | Normalisation::ClippedBytes { .. })
    }
}

/// What is applied to an output before it is blended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Nothing.
    None,
    /// Exponentials that sum to 1 over the classes.
    Softmax,
    /// The exponential of what is already a log-softmax.
    LogSoftmax,
    /// The logistic function of each class by itself.
    Sigmoid,
}

/// What an output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// A score per class and pixel, (batch, class, row, column).
    ClassScores,
    /// A score per class, (batch, class).
    SceneScores,
    /// Features of each patch, (batch, feature, row, column).
    PatchFeatures,
    /// Features of the chip, (batch, feature).
    ChipFeatures,
    /// The network's input, predicted, (batch, channel, row, column).
    Reconstruction,
}

/// One output of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its name in the graph.
    pub name: String,
    /// What it holds.
    pub kind: OutputKind,
    /// Length of its second axis: classes, features or channels.
    pub channels: u32,
    /// What its raw values still need.
    pub activation: Activation,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// The value in a class raster: the index of its score.
    pub value: u32,
    /// What people call it; a data set's own code is part of the name.
    pub name: String,
    /// `#rrggbb`.
    pub colour: String,
    /// The score from which on a multilabel model's label is there; absent: 0.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// Everything a face needs to know about a model. Unknown keys are ignored, unknown schemas refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What the model does.
    pub task: Task,
    /// The network's input channels, in order.
    pub channels: Vec<Channel>,
    /// `L1C` or `L2A`, what it was trained on; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processing_level: Option<String>,
    /// Name of the built-in profile the constants come from; absent for a foreign model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// How pixels become input.
    pub normalisation: Normalisation,
    /// Says that the network itself scales each chip from minimum to maximum and applies the
    /// activation; invalid pixels are 0 to it, like any other digital number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub portable: bool,
    /// Side of a chip.
    pub chip_px: u32,
    /// Side of the raster's square that becomes a chip; equals `chip_px` where nothing is resized.
    pub footprint_px: u32,
    /// Side to which the normalised footprint is resized (bicubic, a = -0.75, no antialiasing)
    /// before its middle `chip_px` are cut out; absent where nothing is resized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize_px: Option<u32>,
    /// Side of the transformer's patch.
    pub patch_px: u32,
    /// Metres per pixel the model was trained at.
    pub ground_resolution_m: f64,
    /// Pixels at each side of a chip that are context only.
    #[serde(default)]
    pub halo_px: u32,
    /// Pixels that neighbouring chips share unless told otherwise; absent: 32, or what the halo
    /// asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_px: Option<u32>,
    /// Attention heads of the encoder; absent for a foreign model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<u32>,
    /// The classes, in score order; none where the task has none.
    #[serde(default)]
    pub classes: Vec<Class>,
    /// The network's outputs.
    pub outputs: Vec<Output>,
    /// Keys above that the weights cannot tell and a profile assumed.
    #[serde(default)]
    pub assumed: Vec<String>,
    /// SHA-256 of the checkpoint file; absent for a model that was not converted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_sha256: Option<String>,
    /// SHA-256 of the file beside the model that holds its weights; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_data_sha256: Option<String>,
    /// How the head was trained; absent unless `spectralgpt train` did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Training>,
}

/// How a head was trained on a model's encoder. The figures are of blocks that it had not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// SHA-256 of the model file whose encoder it is.
    pub origin_sha256: String,
    /// Name of the file of labels.
    pub labels: String,
    /// The field that held the classes; absent for a label raster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The features seen, `encoder` or `decoder`; absent if each pixel's spectrum was enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<String>,
    /// The kind of head, `logistic` or `mlp`.
    pub head: String,
    /// The regularisation's strength.
    pub strength: f64,
    /// What everything that was drawn by lot started from.
    pub seed: u64,
    /// Pixels learnt from.
    pub pixels: u64,
    /// Blocks of the raster that hold them.
    pub blocks: u64,
    /// Side of the blocks.
    pub block_px: u32,
    /// Parts that the blocks were dealt into.
    pub folds: u64,
    /// The share of pixels that are right.
    pub overall_accuracy: f64,
    /// The mean of the classes' F1.
    pub macro_f1: f64,
    /// The share of the commonest class.
    pub majority_rate: f64,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// - Model: not a manifest, another schema, or it contradicts itself.
    pub fn parse(json: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            schema: u32,
        }
        let wrong = |error: serde_json::Error| {
            Error::model(format!("the model's description cannot be read: {error}"))
        };
        let Head { schema } = serde_json::from_str(json).map_err(wrong)?;
        if schema != SCHEMA {
            return Err(Error::model(format!(
                "the model's description has schema {schema}, this library reads schema {SCHEMA}; \
                 use the library version that wrote the model, or convert the checkpoint again"
            )));
        }
        let manifest: Self = serde_json::from_str(json).map_err(wrong)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Writes the manifest.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the pixels two neighbouring chips share unless told otherwise: what the model asks
    /// for, else 32 where a value is given per pixel and 0 where not; never less than its halo
    /// needs.
    pub fn default_overlap(&self) -> u32 {
        let room = self.footprint_px.saturating_sub(self.patch_px);
        let seams = match self.task {
            Task::Segment | Task::Change | Task::Reconstruct => 32.min(self.chip_px / 4),
            Task::Classify | Task::Multilabel | Task::Embed => 0,
        };
        let wanted = self.overlap_px.unwrap_or(seams).min(room);
        let shared = (2 * self.halo_px).max(wanted);
        shared.next_multiple_of(self.patch_px).min(room - room % self.patch_px)
    }

    /// Returns what the distance between chips must be a multiple of, in raster pixels.
    pub fn step_unit(&self) -> u32 {
        if self.resize_px.is_some() { 1 } else { self.patch_px }
    }

    /// Checks that the description does not contradict itself.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::model(format!("the model's description {what}")));
        if self.chip_px == 0 || self.patch_px == 0 || !self.chip_px.is_multiple_of(self.patch_px) {
            return wrong("has a chip that is not a whole number of patches");
        }
        if u64::from(self.chip_px) > 4096 || 2 * u64::from(self.halo_px) >= self.chip_px.into() {
            return wrong("has a chip of more than 4096 pixels, or a halo that fills it");
        }
        if self.channels.is_empty() || self.outputs.is_empty() {
            return wrong("has no channels or no outputs");
        }
        if self.classes.iter().zip(0..).any(|(class, index)| class.value != index) {
            return wrong("numbers its classes other than 0, 1, 2 and so on");
        }
        let thresholds = self.classes.iter().filter_map(|class| class.threshold);
        if thresholds.into_iter().any(|threshold| !threshold.is_finite()) {
            return wrong("has a threshold that is no number");
        }
        let scores = [OutputKind::ClassScores, OutputKind::SceneScores];
        let classes = self.classes.len() as u64;
        let fits = |output: &Output| {
            !scores.contains(&output.kind) || u64::from(output.channels) == classes
        };
        if !self.outputs.iter().all(|output| output.channels > 0 && fits(output)) {
            return wrong("has an output with another number of scores than classes");
        }
        let resized = self.resize_px.unwrap_or(self.footprint_px);
        let same = self.resize_px.is_some() || self.footprint_px == self.chip_px;
        if self.footprint_px == 0 || !same || resized < self.chip_px || resized > 4096 {
            return wrong("resizes its footprint to something other than its chip or more");
        }
        let per_pixel = |output: &Output| {
            !matches!(output.kind, OutputKind::SceneScores | OutputKind::ChipFeatures)
        };
        if self.resize_px.is_some() && self.outputs.iter().any(per_pixel) {
            return wrong("resizes its footprint, but gives a value per pixel or patch");
        }
        match &self.normalisation {
            Normalisation::ZScore { mean, std } | Normalisation::ClippedBytes { mean, std }
                if mean.len() != self.channels.len() || std.len() != self.channels.len() =>
            {
                wrong("has normalisation constants for another number of channels")
            }
            Normalisation::ZScore { std, .. } | Normalisation::ClippedBytes { std, .. }
                if !std.iter().all(|std| std.is_finite() && *std > 0.0) =>
            {
                wrong("divides by a deviation that is not above 0")
            }
            _ => Ok(()),
        }
    }
}

impl From<&Class> for Category {
    fn from(class: &Class) -> Self {
        let byte = |at: usize| {
            class.colour.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok())
        };
        let colour = [1, 3, 5].map(|at| byte(at).unwrap_or_default());
        Category { name: class.name.clone(), colour }
    }
}
