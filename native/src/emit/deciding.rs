//! Says what makes a class or a label of scores.

use crate::error::{Error, Result};
use crate::model::manifest::{Manifest, Task};

/// A label is there from this score on, unless it has a threshold of its own.
const PRESENT: f32 = 0.5;

/// How scores are decided: the best class, or each label by its threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Deciding {
    /// Per label the score from which on it is there; none where the best class wins.
    thresholds: Vec<f32>,
}

impl Deciding {
    /// Settles the thresholds: those `given`, one for all labels or one each, else the model's, else
    /// 0.5.
    ///
    /// # Errors
    /// - Usage: thresholds are given for a model whose best class wins, or another number of them, or
    ///   what is no number.
    pub fn new(manifest: &Manifest, given: &[f64]) -> Result<Self> {
        let labels = manifest.classes.len();
        if manifest.task != Task::Multilabel {
            if given.is_empty() {
                return Ok(Self { thresholds: Vec::new() });
            }
            return Err(Error::usage(format!(
                "thresholds are for a multilabel model's labels; of a {} model's classes the best \
                 wins: leave --threshold out",
                manifest.task.name()
            )));
        }
        if !matches!(given.len(), 0 | 1) && given.len() != labels
            || given.iter().any(|t| !t.is_finite())
        {
            return Err(Error::usage(format!(
                "{} thresholds were given for {labels} labels; give one number for all, or one each \
                 in the model's order ('spectralgpt info' lists them)",
                given.len()
            )));
        }
        #[allow(clippy::cast_possible_truncation, reason = "scores are f32")]
        let threshold = |(label, class): (usize, &crate::model::manifest::Class)| {
            let given = given.get(label).or(given.first().filter(|_| given.len() == 1));
            given.copied().or(class.threshold).map_or(PRESENT, |threshold| threshold as f32)
        };
        Ok(Self { thresholds: manifest.classes.iter().enumerate().map(threshold).collect() })
    }

    /// Tells whether a pixel has any number of labels, not one class.
    pub fn labels(&self) -> bool {
        !self.thresholds.is_empty()
    }

    /// Tells whether a label is there by its score.
    pub fn has(&self, label: usize, score: f32) -> bool {
        self.thresholds.get(label).is_some_and(|threshold| score >= *threshold)
    }

    /// Returns the thresholds, one per label; none where the best class wins.
    pub fn thresholds(&self) -> &[f32] {
        &self.thresholds
    }
}
