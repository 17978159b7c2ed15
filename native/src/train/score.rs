//! Counts what was said of pixels whose class is known.

use ndarray::Array2;

/// Pixels by true class (row) and said class (column).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Confusion {
    counts: Array2<f64>,
}

impl Confusion {
    pub(super) fn new(classes: usize) -> Self {
        Self { counts: Array2::zeros((classes, classes)) }
    }

    /// Counts a pixel that stands for so many.
    pub(super) fn count(&mut self, truth: usize, said: usize, pixels: f64) {
        self.counts[[truth, said]] += pixels;
    }

    /// Returns the sum of two counts, of which one may be of nothing.
    pub(super) fn plus(self, other: &Self) -> Self {
        if self.counts.is_empty() {
            return other.clone();
        }
        Self { counts: self.counts + &other.counts }
    }

    pub(super) fn row(&self, truth: usize) -> Vec<f64> {
        self.counts.row(truth).to_vec()
    }

    /// Returns the share of pixels that are right.
    pub(super) fn overall(&self) -> f64 {
        share(self.counts.diag().sum(), self.counts.sum())
    }

    /// Returns the share of the largest class.
    pub(super) fn majority(&self) -> f64 {
        let largest = self.counts.rows().into_iter().map(|row| row.sum()).fold(0.0, f64::max);
        share(largest, self.counts.sum())
    }

    /// Returns the pixels of a class.
    pub(super) fn support(&self, class: usize) -> f64 {
        self.counts.row(class).sum()
    }

    /// Returns the share of the pixels said to be of a class that are.
    pub(super) fn precision(&self, class: usize) -> f64 {
        share(self.counts[[class, class]], self.counts.column(class).sum())
    }

    /// Returns the share of a class's pixels that are said to be of it.
    pub(super) fn recall(&self, class: usize) -> f64 {
        share(self.counts[[class, class]], self.support(class))
    }

    /// Returns the harmonic mean of precision and recall.
    pub(super) fn f1(&self, class: usize) -> f64 {
        let all = self.support(class) + self.counts.column(class).sum();
        share(2.0 * self.counts[[class, class]], all)
    }

    /// Returns the mean of the classes' F1, of those that have pixels.
    pub(super) fn macro_f1(&self) -> f64 {
        let classes = (0..self.counts.nrows()).filter(|class| self.support(*class) > 0.0);
        let scores: Vec<f64> = classes.map(|class| self.f1(class)).collect();
        share(scores.iter().sum(), scores.len() as f64)
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_textbook() {
        let mut confusion = Confusion::new(3);
        for (truth, said, pixels) in [(0, 0, 6.0), (0, 1, 2.0), (1, 1, 3.0), (1, 0, 1.0)] {
            confusion.count(truth, said, pixels);
        }
        assert_eq!((confusion.overall(), confusion.majority()), (0.75, 8.0 / 12.0));
        assert_eq!((confusion.precision(0), confusion.recall(0)), (6.0 / 7.0, 0.75));
        assert_eq!((confusion.f1(1), confusion.f1(2)), (2.0 * 3.0 / 9.0, 0.0));
        let macro_f1 = f64::midpoint(2.0 * 6.0 / 15.0, 6.0 / 9.0);
        assert!((confusion.macro_f1() - macro_f1).abs() < 1e-12, "a class without pixels is out");
    }
}
