//! Tells the shape of what follows the encoder from its weights.

use super::config::Choices;
use super::heads;
use super::shapes::{axes, depth};
use crate::checkpoint::Weights;
use crate::error::{Error, Result};
use crate::model::manifest::Task;

/// What follows the encoder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Head {
    /// A linear layer: a score per class and chip.
    Scene {
        /// Classes.
        classes: usize,
    },
    /// A pyramid of maps and a decoder: a score per class and pixel.
    Pixels(PixelHead),
    /// The decoder of a masked autoencoder: the chip's pixels.
    Decoder(Decoder),
}

/// Widths of the head that scores pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PixelHead {
    /// The pyramid's upsampled levels `conv0`, `conv1`, `conv2`, finest first.
    pub levels: [Level; 3],
    /// Channels of the pyramid's coarsest level, `conv3`.
    pub top: usize,
    /// Channels of the decoder.
    pub width: usize,
    /// Classes.
    pub classes: usize,
    /// Spectral groups that the checkpoint's `fc.0` sums; none if it has no such layer.
    pub summed: Option<usize>,
}

/// Widths of a pyramid level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Level {
    /// Channels before upsampling.
    pub middle: usize,
    /// Channels of the level.
    pub channels: usize,
}

/// The shape of an autoencoder's decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoder {
    /// Width of a token.
    pub dim: usize,
    /// Blocks.
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
}

impl Head {
    /// Reads the head that a task needs.
    ///
    /// # Errors
    /// - Model: a tensor is missing or has an unexpected shape.
    /// - Usage: heads that do not divide the decoder's width.
    pub(super) fn read(weights: &dyn Weights, task: Task, choices: &Choices) -> Result<Self> {
        match task {
            Task::Classify | Task::Multilabel => {
                let [classes, _] = axes(weights, "head.weight")?;
                Ok(Self::Scene { classes })
            }
            Task::Segment | Task::Change => PixelHead::read(weights).map(Self::Pixels),
            Task::Embed | Task::Reconstruct => {
                let [dim, _] = axes(weights, "decoder_embed.weight")?;
                let depth = depth(weights, "decoder_blocks")?;
                let heads = heads::decoder(dim, choices.decoder_heads)?;
                Ok(Self::Decoder(Decoder { dim, depth, heads }))
            }
        }
    }

    /// Counts the classes; 0 where there are none.
    pub fn classes(&self) -> usize {
        match self {
            Self::Scene { classes } | Self::Pixels(PixelHead { classes, .. }) => *classes,
            Self::Decoder(_) => 0,
        }
    }
}

impl PixelHead {
    fn read(weights: &dyn Weights) -> Result<Self> {
        let level = |i: usize| -> Result<Level> {
            let [middle, channels, _, _] = axes(weights, &format!("conv{i}.3.weight"))?;
            group(&format!("conv{i}.0.weight"), middle, 32)?;
            Ok(Level { middle, channels })
        };
        let levels = [level(0)?, level(1)?, level(2)?];
        let [top, _, _, _] = axes(weights, "conv3.0.weight")?;
        let [width, _, _, _] = axes(weights, "decoder.fuse_all.0.weight")?;
        let [classes, _, _, _] = axes(weights, "cls_seg.0.weight")?;
        group("conv3.0.weight", top, 32)?;
        group("decoder.fuse_all.0.weight", width, 16)?;
        let summed = weights.shape("fc.0.weight").and_then(<[usize]>::last).copied();
        Ok(Self { levels, top, width, classes, summed })
    }
}

/// Checks that channels can be normalised in groups.
fn group(name: &str, channels: usize, groups: usize) -> Result<()> {
    if channels.is_multiple_of(groups) {
        return Ok(());
    }
    Err(Error::model(format!(
        "the checkpoint's '{name}' makes {channels} channels; a multiple of {groups} is needed, \
         so this is no SpectralGPT checkpoint"
    )))
}
