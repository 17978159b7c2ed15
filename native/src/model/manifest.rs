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
    /// A class per pixel.
    Segment,
}

impl Task {
    /// Returns the word of the command line and the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Task::Segment => "segment",
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// A score per class and pixel, (batch, class, row, column).
    ClassScores,
}

/// One output of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its name in the graph.
    pub name: String,
    /// What it holds.
    pub kind: OutputKind,
    /// What its raw values still need.
    pub activation: Activation,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// The value in a class raster: the index of its score.
    pub value: u32,
    /// What people call it; a data set's own code is part of the name.
    pub name: String,
    /// `#rrggbb`.
    pub colour: String,
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
    /// Side of a chip.
    pub chip_px: u32,
    /// Side of the raster's square that becomes a chip; equals `chip_px` where nothing is resized.
    pub footprint_px: u32,
    /// Side of the transformer's patch.
    pub patch_px: u32,
    /// Metres per pixel the model was trained at.
    pub ground_resolution_m: f64,
    /// Pixels at each side of a chip that are context only.
    #[serde(default)]
    pub halo_px: u32,
    /// Attention heads of the encoder; absent for a foreign model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<u32>,
    /// The classes, in score order.
    pub classes: Vec<Class>,
    /// The network's outputs.
    pub outputs: Vec<Output>,
    /// Keys above that the weights cannot tell and a profile assumed.
    #[serde(default)]
    pub assumed: Vec<String>,
    /// SHA-256 of the checkpoint file; absent for a model that was not converted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_sha256: Option<String>,
}
