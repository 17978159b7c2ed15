//! What a training is told.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::options::Options;
use crate::runtime::session::SessionOptions;

/// The least side of a block, in pixels: neighbours are too much alike to test on.
const LEAST_BLOCK: u32 = 32;

/// A wish for a class's name and colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassName {
    /// The value of the field or of the label raster, as text.
    pub label: String,
    /// What people call it.
    pub name: String,
    /// `#rrggbb`; `None` for one of ours.
    pub colour: Option<String>,
}

/// Which heads are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeadChoice {
    /// Both kinds.
    #[default]
    Auto,
    /// Multinomial logistic regression alone.
    Logistic,
    /// A network of one hidden layer alone.
    Mlp,
}

/// Which of the network's maps are the features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layer {
    /// The decoder's last map where the model has one, else the encoder's.
    #[default]
    Auto,
    /// The encoder's last map, a vector per patch.
    Encoder,
    /// The decoder's last map, of a segmentation model.
    Decoder,
}

/// How a head is trained. Made by [`TrainOptions::default`], then changed field by field.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TrainOptions {
    /// The field of a vector file that holds the classes; none: the labels are a raster.
    pub field: Option<String>,
    /// Names and colours of classes. Default: their labels, and colours of ours.
    pub classes: Vec<ClassName>,
    /// The heads that are compared. Default: both kinds.
    pub head: HeadChoice,
    /// The features. Default: as the model offers.
    pub layer: Layer,
    /// How much rare classes count for more than their number: 0 is not at all, 1 is as much as common
    /// ones. Default: 0.
    pub balance: f64,
    /// Side of the blocks that are learnt from or tested on as a whole, in pixels. Default: 32.
    pub block_px: u32,
    /// Parts that the blocks are dealt into. Default: 5.
    pub folds: usize,
    /// Starts everything that is drawn by lot. Default: 0.
    pub seed: u64,
    /// The folder that keeps features for the next training. Default: they are not kept.
    pub cache: Option<PathBuf>,
    /// What every predicting run is told too: threads, memory, device, bands and so on.
    pub line: Options,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            field: None,
            classes: Vec::new(),
            head: HeadChoice::default(),
            layer: Layer::default(),
            balance: 0.0,
            block_px: LEAST_BLOCK,
            folds: 5,
            seed: 0,
            cache: None,
            line: Options::default(),
        }
    }
}

impl TrainOptions {
    /// Checks what can be checked before anything is read.
    ///
    /// # Errors
    /// - Usage: blocks too small, too few folds, no such balance, or the output does not end in
    ///   `.onnx`.
    pub(super) fn check(&self, output: &Path) -> Result<()> {
        if self.block_px < LEAST_BLOCK {
            return Err(Error::usage(format!(
                "blocks of {} pixels are too small: what is tested would be learnt from its \
                 neighbours; give {LEAST_BLOCK} or more with --blocks",
                self.block_px
            )));
        }
        if !(2..=20).contains(&self.folds) {
            return Err(Error::usage(format!(
                "{} folds were asked for; give 2 to 20 with --folds",
                self.folds
            )));
        }
        if !(0.0..=1.0).contains(&self.balance) {
            return Err(Error::usage(format!(
                "a balance of {} was asked for; give 0 (each class counts as its pixels) to 1 (all \
                 count alike) with --balance",
                self.balance
            )));
        }
        if output.extension().is_none_or(|end| end != "onnx") {
            return Err(Error::usage(format!(
                "the model is to be written to '{}'; give a name that ends in .onnx",
                output.display()
            )));
        }
        Ok(())
    }

    /// Returns how networks are run: a chip at a time.
    pub(super) fn session(&self) -> SessionOptions {
        let Options { device, provider, precision, threads, .. } = self.line;
        let library = self.line.library.clone();
        SessionOptions { device, provider, precision, threads, batch: 1, library }
    }
}

/// Reads a word of the command line.
fn word<T: Copy>(word: &str, what: &str, known: &[(&str, T)]) -> Result<T> {
    let found = known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        Error::usage(format!("'{word}' is not {what}; give one of {}", names.join(", ")))
    })
}

impl FromStr for HeadChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = [("auto", Self::Auto), ("logistic", Self::Logistic), ("mlp", Self::Mlp)];
        word(text, "a head", &known)
    }
}

impl FromStr for Layer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = [("auto", Self::Auto), ("encoder", Self::Encoder), ("decoder", Self::Decoder)];
        word(text, "a layer", &known)
    }
}
