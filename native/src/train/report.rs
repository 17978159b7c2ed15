//! What a training tells of itself: every figure is of blocks that the head has not seen.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::folds::Folds;
use super::head::Kind;
use super::options::TrainOptions;
use super::pixels::Pixels;
use super::score::Confusion;
use super::search::Choice;
use super::sheet;
use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::model::manifest::Class;

/// Accuracy by less than this is no gain.
const GAIN: f64 = 0.005;

/// What a training did, and how good its head is.
#[derive(Debug, Clone, Serialize)]
pub struct TrainReport {
    /// The model file.
    pub output: PathBuf,
    /// The kind of head.
    pub head: Kind,
    /// Whether the head sees the network's features, or the spectrum alone.
    pub uses_features: bool,
    /// The regularisation's strength.
    pub strength: f64,
    /// The figures of the head.
    pub figures: Figures,
    /// The share of pixels that always naming the commonest class gets right.
    pub majority_rate: f64,
    /// What the network's features add to the spectrum.
    pub comparison: Comparison,
    /// The classes, in the order of their values in maps.
    pub classes: Vec<ClassReport>,
    /// Pixels by true class (row) and said class (column); estimated from those drawn where there
    /// are more.
    pub confusion: Vec<Vec<f64>>,
    /// Side of the blocks, in pixels.
    pub block_px: u32,
    /// Blocks that hold labels.
    pub blocks: usize,
    /// Parts that the blocks were dealt into.
    pub folds: usize,
    /// What everything that was drawn by lot started from.
    pub seed: u64,
    /// How far the model file's scores are from the head's own, as a share of the largest.
    pub score_difference: f32,
    /// What to know before believing the figures.
    pub warnings: Vec<String>,
    /// Chips that hold labels.
    pub chips: usize,
    /// Chips whose features were there already.
    pub chips_cached: usize,
    /// Wall time of encoding them.
    pub encoding_seconds: f64,
    /// Who computed.
    pub provider: String,
    /// The network's arithmetic.
    pub precision: String,
    /// Wall time of all.
    pub seconds: f64,
    /// The process's largest resident memory so far, in bytes.
    #[serde(rename = "peak_rss_bytes")]
    pub peak_rss: Option<u64>,
}

/// How good a head is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// The share of pixels that are right.
    pub overall_accuracy: f64,
    /// The mean of the classes' F1.
    pub macro_f1: f64,
}

/// What the network's features are worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// Of the best head that sees the spectrum alone.
    pub spectrum_alone: Figures,
    /// Of the best head that sees the network's features too.
    pub with_features: Figures,
    /// Says whether the features add to overall accuracy or macro F1.
    pub features_help: bool,
}

/// How good a head is for a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassReport {
    /// Its value in maps.
    pub value: u32,
    /// What people call it.
    pub name: String,
    /// Labelled pixels that hold data.
    pub support: u64,
    /// Labelled pixels that hold none.
    pub without_data: u64,
    /// Pixels drawn of it.
    pub drawn: usize,
    /// Blocks that hold it.
    pub blocks: usize,
    /// The share of the pixels said to be of it that are.
    pub precision: f64,
    /// The share of its pixels that are said to be of it.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
}

impl From<&Confusion> for Figures {
    fn from(confusion: &Confusion) -> Self {
        Self { overall_accuracy: confusion.overall(), macro_f1: confusion.macro_f1() }
    }
}

impl TrainReport {
    pub(super) fn new(
        choice: &Choice,
        pixels: &Pixels,
        classes: &[Class],
        folds: &Folds,
        options: &TrainOptions,
    ) -> Self {
        let confusion = &choice.confusion;
        let fitted = &choice.fitted;
        let class = |(place, class): (usize, &Class)| ClassReport {
            value: class.value,
            name: class.name.clone(),
            support: pixels.found()[place].valid,
            without_data: pixels.found()[place].invalid,
            drawn: pixels.found()[place].drawn,
            blocks: pixels.found()[place].blocks,
            precision: confusion.precision(place),
            recall: confusion.recall(place),
            f1: confusion.f1(place),
        };
        let classes: Vec<ClassReport> = classes.iter().enumerate().map(class).collect();
        let comparison = Comparison::of(&choice.spectrum_alone, &choice.with_features);
        let mut report = Self {
            output: PathBuf::new(),
            head: fitted.family.kind,
            uses_features: fitted.family.features,
            strength: fitted.strength,
            figures: confusion.into(),
            majority_rate: confusion.majority(),
            comparison,
            confusion: (0..classes.len()).map(|class| confusion.row(class)).collect(),
            classes,
            block_px: options.block_px,
            blocks: pixels.blocks(),
            folds: folds.count(),
            seed: options.seed,
            score_difference: 0.0,
            warnings: Vec::new(),
            chips: 0,
            chips_cached: 0,
            encoding_seconds: 0.0,
            provider: String::new(),
            precision: String::new(),
            seconds: 0.0,
            peak_rss: None,
        };
        report.warnings = report.doubts();
        report
    }

    /// Writes the report: as a picture of the confusion matrix if the name ends in `.png`, else as
    /// JSON.
    ///
    /// # Errors
    /// - Io: the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("png")) {
            return sheet::draw(self)?.save(path);
        }
        let written = Hidden::write(path, |out| {
            let written = serde_json::to_writer_pretty(&mut *out, self).map_err(Into::into);
            written.map_err(|error: std::io::Error| Error::file("write", path, &error))
        });
        written?.publish()
    }

    /// Lists what to know before believing the figures.
    fn doubts(&self) -> Vec<String> {
        let mut doubts: Vec<String> = self.classes.iter().filter_map(|it| it.doubt(self)).collect();
        for class in self.classes.iter().filter(|class| class.without_data > 0) {
            doubts.push(format!(
                "{} labelled pixels of the class '{}' lie where the raster holds no data; they \
                 are left out",
                class.without_data, class.name
            ));
        }
        if self.figures.overall_accuracy <= self.majority_rate {
            doubts.push(format!(
                "the head is no better than always naming the commonest class ({:.3} against \
                 {:.3})",
                self.figures.overall_accuracy, self.majority_rate
            ));
        }
        if !self.comparison.features_help {
            let Comparison { spectrum_alone, with_features, .. } = self.comparison;
            doubts.push(format!(
                "the network's features add nothing here: overall accuracy {:.3} with them, {:.3} \
                 from each pixel's spectrum alone",
                with_features.overall_accuracy, spectrum_alone.overall_accuracy
            ));
        }
        doubts
    }
}

impl Comparison {
    fn of(spectrum_alone: &Confusion, with_features: &Confusion) -> Self {
        let (spectrum_alone, with_features): (Figures, Figures) =
            (spectrum_alone.into(), with_features.into());
        let accuracy = with_features.overall_accuracy - spectrum_alone.overall_accuracy;
        let f1 = with_features.macro_f1 - spectrum_alone.macro_f1;
        let features_help = f64::midpoint(accuracy, f1) > GAIN;
        Self { spectrum_alone, with_features, features_help }
    }
}

impl ClassReport {
    fn doubt(&self, report: &TrainReport) -> Option<String> {
        let (name, blocks, px) = (&self.name, self.blocks, report.block_px);
        match blocks {
            1 => Some(format!(
                "all labels of the class '{name}' lie in one block of {px} pixels, so it was \
                 tested without having been learnt: nothing can be said of it; label it in other \
                 places too"
            )),
            _ if blocks < report.folds => Some(format!(
                "the class '{name}' has labels in only {blocks} blocks of {px} pixels; its \
                 figures may be far off: label it in {} places or more",
                report.folds
            )),
            _ => None,
        }
    }
}
