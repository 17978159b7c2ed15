//! Tells a network's shape from its weights.

use super::shapes::{axes, depth};
use super::tensors;
use crate::checkpoint::Weights;
use crate::error::{Error, Result};
use crate::model::manifest::Task;

/// Most patches along a chip's side.
const LONGEST_SIDE: usize = 256;

/// What a caller may settle that weights leave open; all default to what the weights suggest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Choices {
    /// What the network does.
    pub task: Option<Task>,
    /// Attention heads of the encoder: they leave no trace in the weights.
    pub heads: Option<u32>,
    /// Side of a chip in pixels; the position table is resized to it.
    pub image_size: Option<u32>,
}

/// A network's shape; axes that a checkpoint states are as stated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// What it does.
    pub task: Task,
    /// Width of a token.
    pub dim: usize,
    /// Blocks of the encoder.
    pub depth: usize,
    /// Attention heads of the encoder.
    pub heads: usize,
    /// Side of a patch in pixels.
    pub patch: usize,
    /// Bands of a spectral group.
    pub group_bands: usize,
    /// Spectral groups.
    pub groups: usize,
    /// Patches along the side of the chip that the checkpoint's position table is for.
    pub stored_side: usize,
    /// Patches along a chip's side.
    pub side: usize,
    /// What follows the encoder.
    pub head: Head,
}

/// Widths of the segmentation head.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// The pyramid's upsampled levels `conv0`, `conv1`, `conv2`, finest first.
    pub levels: [Level; 3],
    /// Channels of the pyramid's coarsest level, `conv3`.
    pub top: usize,
    /// Channels of the decoder.
    pub width: usize,
    /// Classes.
    pub classes: usize,
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

impl Config {
    /// Reads a network's shape and checks the name and shape of every tensor.
    ///
    /// # Errors
    /// - Model: a task that is not supported yet, or tensors that do not form the network.
    /// - Usage: heads that do not divide the width, an image size that is not whole patches.
    pub fn read(weights: &dyn Weights, choices: &Choices) -> Result<Self> {
        let task = task(weights, choices.task)?;
        let [dim, _, group_bands, patch, _] = axes(weights, "patch_embed.proj.weight")?;
        let [_, positions, _] = axes(weights, "pos_embed_spatial")?;
        let [_, groups, _] = axes(weights, "pos_embed_temporal")?;
        let config = Self {
            task,
            dim,
            depth: depth(weights, "blocks")?,
            heads: heads(dim, choices.heads)?,
            patch,
            group_bands,
            groups,
            stored_side: positions.isqrt(),
            side: side(patch, choices.image_size)?.unwrap_or(positions.isqrt()),
            head: Head::read(weights)?,
        };
        tensors::check(weights, &config)?;
        Ok(config)
    }

    /// Returns the side of a chip in pixels.
    pub fn image_size(&self) -> usize {
        self.side * self.patch
    }

    /// Counts the input's bands.
    pub fn bands(&self) -> usize {
        self.groups * self.group_bands
    }

    /// Counts the patches of a chip in one spectral group.
    pub fn positions(&self) -> usize {
        self.side * self.side
    }

    /// Counts the tokens of a chip.
    pub fn tokens(&self) -> usize {
        self.groups * self.positions()
    }

    /// Counts the pixels of a token, (band, row, column).
    pub fn token_pixels(&self) -> usize {
        self.group_bands * self.patch * self.patch
    }

    /// Returns by how much a pyramid level is upsampled; 0 is the finest.
    pub fn upsampling(&self, level: usize) -> usize {
        self.patch >> level
    }
}

impl Head {
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
        Ok(Self { levels, top, width, classes })
    }
}

/// Tells the task from the names and from the number of classes.
fn task(weights: &dyn Weights, chosen: Option<Task>) -> Result<Task> {
    let has = |name| weights.shape(name).is_some();
    let classes = weights.shape("cls_seg.0.weight").and_then(<[usize]>::first);
    let found = if has("mask_token") || has("decoder_pred.weight") {
        "a masked autoencoder"
    } else if has("head.weight") {
        "a classification model"
    } else {
        match (classes, chosen) {
            (Some(_), Some(task)) => return Ok(task),
            (Some(2), None) => {
                "a change detection model (use --task segment if its 2 classes are not change)"
            }
            (Some(_), None) => return Ok(Task::Segment),
            (None, _) => "no known SpectralGPT model",
        }
    };
    Err(Error::model(format!(
        "the checkpoint holds {found}; only segmentation models are supported yet: \
         give a checkpoint with 'cls_seg.0.weight'"
    )))
}

/// Returns the given number of heads, or the one that a width was published with.
fn heads(dim: usize, given: Option<u32>) -> Result<usize> {
    match (given.map(|n| n as usize), dim) {
        (Some(heads), _) if heads > 0 && dim.is_multiple_of(heads) => Ok(heads),
        (Some(heads), _) => Err(Error::usage(format!(
            "{heads} attention heads were given for an encoder of width {dim}; \
             give a divisor of the width with --heads"
        ))),
        (None, 1024 | 1280) => Ok(16),
        (None, _) if dim.is_multiple_of(64) => Ok(dim / 64),
        (None, _) => Err(Error::usage(format!(
            "the encoder's width of {dim} does not tell its number of attention heads; \
             give it with --heads"
        ))),
    }
}

/// Returns the patches along a side of so many pixels.
fn side(patch: usize, pixels: Option<u32>) -> Result<Option<usize>> {
    let Some(pixels) = pixels.map(|n| n as usize) else { return Ok(None) };
    if pixels.is_multiple_of(patch) && (1..=LONGEST_SIDE).contains(&(pixels / patch)) {
        return Ok(Some(pixels / patch));
    }
    Err(Error::usage(format!(
        "an image size of {pixels} was given; it must be a multiple of the patch of {patch} pixels \
         and at most {}",
        patch * LONGEST_SIDE
    )))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::spectralgpt::synthetic::{Synthetic, base};

    fn read(weights: &Synthetic) -> Result<Config> {
        Config::read(weights, &Choices::default())
    }

    fn refuses(kind: Kind, words: &str, result: Result<Config>) {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(words), "{error}");
    }

    #[test]
    fn the_tensors_tell_the_shape() {
        for config in [base(12, 1), base(2, 4)] {
            assert_eq!(read(&Synthetic::new(&config)).unwrap(), config);
        }
        let mut small = base(1, 1);
        (small.stored_side, small.side) = (12, 12);
        assert_eq!(read(&Synthetic::new(&small)).unwrap().image_size(), 96);
    }

    #[test]
    fn choices_win() {
        let mut two = base(1, 1);
        two.head.classes = 2;
        let weights = Synthetic::new(&two);
        refuses(Kind::Model, "--task segment", read(&weights));
        let choices = Choices { task: Some(Task::Segment), heads: Some(6), image_size: Some(40) };
        let config = Config::read(&weights, &choices).unwrap();
        assert_eq!((config.heads, config.side, config.stored_side), (6, 5, 16));
        let odd = Choices { image_size: Some(100), ..choices };
        refuses(Kind::Usage, "multiple of the patch of 8", Config::read(&weights, &odd));
        let uneven = Choices { heads: Some(5), ..choices };
        refuses(Kind::Usage, "--heads", Config::read(&weights, &uneven));
    }

    #[test]
    fn published_widths_have_their_heads_and_others_64_channels_each() {
        let told = [768, 1024, 1280, 192].map(|dim| heads(dim, None).unwrap());
        assert_eq!(told, [12, 16, 16, 3]);
        assert!(heads(96, None).unwrap_err().message().contains("--heads"));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let with = |name: &str, shape: Option<&[usize]>| {
            let mut weights = Synthetic::new(&base(2, 4));
            weights.set(name, shape);
            read(&weights)
        };
        refuses(Kind::Model, "autoencoder", with("mask_token", Some(&[1, 1, 512])));
        refuses(Kind::Model, "classification", with("head.weight", Some(&[10, 192])));
        refuses(Kind::Model, "no known", with("cls_seg.0.weight", None));
        refuses(Kind::Model, "'fc.0.bias' is missing", with("fc.0.bias", None));
        let extra = with("blocks.0.attn.qkv.weight", Some(&[1]));
        refuses(Kind::Model, "'blocks.0.attn.qkv.weight' belongs to no such model", extra);
        let short = with("norm.bias", Some(&[7]));
        refuses(Kind::Model, "'norm.bias' has the shape [7] instead of [192]", short);
        let flat = with("patch_embed.proj.weight", Some(&[192, 3, 8, 8]));
        refuses(Kind::Model, "5 axes", flat);
        let empty = with("pos_embed_spatial", Some(&[1, 0, 192]));
        refuses(Kind::Model, "[1, 0, 192]", empty);
        refuses(
            Kind::Model,
            "'pos_embed_spatial'",
            with("pos_embed_spatial", Some(&[1, 200, 192])),
        );
        refuses(Kind::Model, "blocks.0.norm1", with("blocks.0.norm1.weight", None));
        refuses(Kind::Model, "multiple of 32", with("conv1.3.weight", Some(&[100, 128, 4, 4])));
    }
}
