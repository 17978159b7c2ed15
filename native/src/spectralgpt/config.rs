//! Tells a network's shape from its weights.

use super::head::Head;
use super::shapes::{axes, depth};
use super::tables::{Tables, Trained};
use super::task::task;
use super::{heads, passes, tensors};
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
    /// Attention heads of an autoencoder's decoder.
    pub decoder_heads: Option<u32>,
    /// Side of a chip in pixels; the position tables are resized to it.
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
    /// How the checkpoint keeps where tokens are.
    pub tables: Tables,
    /// Patches along the side of the chip that the checkpoint's position tables are for.
    pub stored_side: usize,
    /// Patches along a chip's side.
    pub side: usize,
    /// What follows the encoder.
    pub head: Head,
}

impl Config {
    /// Reads a network's shape and checks the name and shape of every tensor.
    ///
    /// # Errors
    /// - Model: tensors that do not form a known network.
    /// - Usage: a task that the tensors are not for, heads that do not divide a width, an image
    ///   size that is not whole patches or that is needed and was not given.
    pub fn read(weights: &dyn Weights, choices: &Choices) -> Result<Self> {
        let task = task(weights, choices.task)?;
        let [dim, _, group_bands, patch, _] = axes(weights, "patch_embed.proj.weight")?;
        let side = side(patch, choices.image_size)?;
        let trained = Trained::read(weights, group_bands, side)?;
        let config = Self {
            task,
            dim,
            depth: depth(weights, "blocks")?,
            heads: heads::encoder(dim, choices.heads)?,
            patch,
            group_bands,
            groups: trained.groups,
            tables: trained.tables,
            stored_side: trained.side,
            side: side.unwrap_or(trained.side),
            head: Head::read(weights, task, choices)?,
        };
        tensors::check(weights, &config)?;
        passes::check(&config)?;
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

    /// Counts the dates that the network compares.
    pub fn dates(&self) -> usize {
        self.task.inputs().len()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::spectralgpt::synthetic::{Synthetic, base, network};

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
        let weights = Synthetic::new(&network(Task::Change, 1, 1));
        assert_eq!(read(&weights).unwrap().task, Task::Change);
        let choices = Choices {
            task: Some(Task::Segment),
            heads: Some(6),
            image_size: Some(40),
            ..Choices::default()
        };
        let config = Config::read(&weights, &choices).unwrap();
        assert_eq!(config.task, Task::Segment, "two classes that are not change");
        assert_eq!((config.heads, config.side, config.stored_side), (6, 5, 16));
        let odd = Choices { image_size: Some(100), ..choices };
        refuses(Kind::Usage, "multiple of the patch of 8", Config::read(&weights, &odd));
        let uneven = Choices { heads: Some(5), ..choices };
        refuses(Kind::Usage, "--heads", Config::read(&weights, &uneven));
    }

    #[test]
    fn every_task_is_told_by_its_tensors_and_each_of_them_is_checked() {
        let given = |task: Task| Choices { task: Some(task), ..Choices::default() };
        for task in Task::ALL {
            let config = network(task, 2, 2);
            let weights = Synthetic::new(&config);
            assert_eq!(Config::read(&weights, &given(task)).unwrap(), config);
            for name in weights.names().into_iter().map(str::to_owned) {
                let mut broken = Synthetic::new(&config);
                broken.set(&name, None);
                assert!(Config::read(&broken, &given(task)).is_err(), "{name}");
                let mut longer = Synthetic::new(&config);
                let mut shape = longer.shape(&name).unwrap().to_vec();
                *shape.last_mut().unwrap() += 1;
                longer.set(&name, Some(&shape));
                assert!(Config::read(&longer, &given(task)).is_err(), "{name}");
            }
        }
        let default = |task| read(&Synthetic::new(&network(task, 1, 1))).unwrap().task;
        let told = Task::ALL.map(default);
        assert_eq!(
            told,
            [Task::Classify, Task::Classify, Task::Segment, Task::Change, Task::Embed, Task::Embed]
        );
    }

    #[test]
    fn a_task_that_the_tensors_are_not_for_is_refused_by_name() {
        let chosen = |of: Task, task: Task| {
            let choices = Choices { task: Some(task), ..Choices::default() };
            Config::read(&Synthetic::new(&network(of, 1, 4)), &choices)
        };
        let both = "the task embed was given, but the checkpoint holds a classification model";
        refuses(Kind::Usage, both, chosen(Task::Classify, Task::Embed));
        refuses(Kind::Usage, "SpectralGPT+.pth", chosen(Task::Segment, Task::Embed));
        refuses(Kind::Usage, "2 classes", chosen(Task::Segment, Task::Change));
        refuses(Kind::Usage, "embed or reconstruct", chosen(Task::Embed, Task::Classify));
    }

    #[test]
    fn variants_are_told_by_their_shapes() {
        let huge = Config { dim: 1280, heads: 16, group_bands: 12, groups: 1, ..classifier() };
        assert_eq!(read(&Synthetic::new(&huge)).unwrap(), huge);
        let ten = Config { group_bands: 2, groups: 5, ..classifier() };
        let config = read(&Synthetic::new(&ten)).unwrap();
        assert_eq!((&config, config.bands(), config.tokens()), (&ten, 10, 1280));
        let small = Config { stored_side: 12, side: 12, ..network(Task::Embed, 1, 1) };
        assert_eq!(read(&Synthetic::new(&small)).unwrap().image_size(), 96);
        let large = Config { dim: 1024, heads: 16, ..network(Task::Embed, 1, 1) };
        assert_eq!(read(&Synthetic::new(&large)).unwrap(), large);
        let coarse = Config { patch: 16, stored_side: 8, side: 8, ..network(Task::Embed, 1, 1) };
        assert_eq!(read(&Synthetic::new(&coarse)).unwrap().image_size(), 128);
    }

    #[test]
    fn one_spectral_group_needs_no_sum() {
        for summed in [Some(4), Some(1), None] {
            let mut config = Config { group_bands: 12, groups: 1, ..network(Task::Change, 1, 4) };
            let Head::Pixels(head) = &mut config.head else { unreachable!() };
            head.summed = summed;
            assert_eq!(read(&Synthetic::new(&config)).unwrap(), config);
        }
    }

    #[test]
    fn reconstruction_needs_tokens_in_fours() {
        let odd = Config { group_bands: 12, groups: 1, ..network(Task::Reconstruct, 1, 4) };
        let choices = |size| Choices {
            task: Some(Task::Reconstruct),
            image_size: Some(size),
            ..Choices::default()
        };
        let weights = Synthetic::new(&odd);
        refuses(Kind::Usage, "multiple of 16", Config::read(&weights, &choices(72)));
        assert!(Config::read(&weights, &choices(80)).is_ok());
    }

    fn classifier() -> Config {
        network(Task::Classify, 1, 1)
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let with = |name: &str, shape: Option<&[usize]>| {
            let mut weights = Synthetic::new(&base(2, 4));
            weights.set(name, shape);
            read(&weights)
        };
        refuses(Kind::Model, "'decoder_embed.weight'", with("mask_token", Some(&[1, 1, 512])));
        refuses(Kind::Model, "classify model", with("head.weight", Some(&[10, 192])));
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
