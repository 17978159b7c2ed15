//! Compares heads on blocks that they have not seen, and fits the best one to all pixels.

use log::info;
use rayon::ThreadPool;
use rayon::prelude::*;

use super::fit::fit;
use super::folds::Folds;
use super::head::{Head, Kind, Task};
use super::options::{HeadChoice, TrainOptions};
use super::pixels::Pixels;
use super::score::Confusion;
use super::table::{Table, narrow};
use super::watch::{Stage, Watch};
use crate::error::Result;

/// How much large weights may cost.
const STRENGTHS: [f64; 4] = [1e-1, 1e-2, 1e-3, 1e-4];

/// A way to make a head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) kind: Kind,
    /// Whether it sees the network's features besides the spectrum.
    pub(super) features: bool,
    pub(super) strength: f64,
}

/// The heads to be compared.
#[derive(Debug)]
pub(super) struct Search {
    candidates: Vec<Candidate>,
    folds: usize,
    seed: u64,
}

/// A head, and how it was found.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) candidate: Candidate,
    pub(super) head: Head,
    pub(super) table_scales: Vec<(f64, f64)>,
    pub(super) spectrum: usize,
}

/// The best head, and what it and others say of blocks that they have not seen.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) fitted: Fitted,
    pub(super) confusion: Confusion,
    /// Of the best head that sees the spectrum alone.
    pub(super) spectrum_alone: Confusion,
    /// Of the best head that sees the network's features too.
    pub(super) with_features: Confusion,
}

impl Search {
    pub(super) fn new(options: &TrainOptions, folds: &Folds) -> Self {
        let kinds: &[Kind] = match options.head {
            HeadChoice::Auto => &[Kind::Logistic, Kind::Mlp],
            HeadChoice::Logistic => &[Kind::Logistic],
            HeadChoice::Mlp => &[Kind::Mlp],
        };
        let mut candidates = Vec::new();
        for features in [false, true] {
            for kind in kinds {
                let of = |strength: &f64| Candidate { kind: *kind, features, strength: *strength };
                candidates.extend(STRENGTHS.iter().map(of));
            }
        }
        Self { candidates, folds: folds.count(), seed: options.seed }
    }

    /// Counts the fits.
    pub(super) fn steps(&self) -> usize {
        self.candidates.len() * self.folds + 1
    }

    /// Fits every candidate without each fold and tests it there.
    ///
    /// # Errors
    /// - Cancelled: the caller said so.
    /// - Failed: a head cannot be fitted.
    pub(super) fn run(
        &self,
        table: &Table,
        pixels: &Pixels,
        folds: &Folds,
        pool: &ThreadPool,
        watch: &mut Watch<'_>,
    ) -> Result<Choice> {
        let class: Vec<usize> = pixels.points().iter().map(|point| point.class).collect();
        let fits = Fits { table, pixels, class: &class, folds, seed: self.seed };
        let jobs: Vec<(Candidate, usize)> = self
            .candidates
            .iter()
            .flat_map(|candidate| (0..self.folds).map(|fold| (*candidate, fold)))
            .collect();
        let tested = watch.run(|stage| {
            let test = |(candidate, fold): &(Candidate, usize)| fits.test(*candidate, *fold, stage);
            pool.install(|| jobs.par_iter().map(test).collect::<Result<Vec<_>>>())
        })?;
        let tested: Vec<&[Confusion]> = tested.chunks_exact(self.folds).collect();
        let all = |_: &Candidate| true;
        let best = self.best(&tested, None, &all);
        let candidate = self.candidates[best];
        info!(
            "the best head is {} with strength {}, seeing {}",
            candidate.kind.name(),
            candidate.strength,
            candidate.sees()
        );
        let head = watch.run(|stage| pool.install(|| fits.fit(candidate, None, stage)))?;
        let columns = table.seen(candidate.features).ncols();
        let table_scales = (0..columns).map(|column| table.scale(column)).collect();
        let spectrum = table.spectrum();
        Ok(Choice {
            fitted: Fitted { candidate, head, table_scales, spectrum },
            confusion: self.unseen(&tested, &all),
            spectrum_alone: self.unseen(&tested, &|candidate| !candidate.features),
            with_features: self.unseen(&tested, &|candidate| candidate.features),
        })
    }

    /// Returns the best candidate of those allowed, by all folds but one.
    fn best(
        &self,
        tested: &[&[Confusion]],
        without: Option<usize>,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> usize {
        let merit = |place: usize| {
            let mut sum = Confusion::new(0);
            for (fold, confusion) in tested[place].iter().enumerate() {
                if Some(fold) != without {
                    sum = sum.plus(confusion);
                }
            }
            f64::midpoint(sum.overall(), sum.macro_f1())
        };
        let places = (0..self.candidates.len()).filter(|place| allowed(&self.candidates[*place]));
        // Of equals the first: the simpler head, the stronger regularisation.
        let better = |(best, most): (usize, f64), place| {
            let merit = merit(place);
            if merit > most { (place, merit) } else { (best, most) }
        };
        places.fold((0, f64::NEG_INFINITY), better).0
    }

    /// Adds up what is said of each fold by the candidate that is best on the others, so that no
    /// figure was looked at when the head was chosen.
    fn unseen(&self, tested: &[&[Confusion]], allowed: &dyn Fn(&Candidate) -> bool) -> Confusion {
        let fold = |fold: usize| &tested[self.best(tested, Some(fold), allowed)][fold];
        (0..self.folds).map(fold).fold(Confusion::new(0), |sum, one| sum.plus(one))
    }
}

impl Candidate {
    /// Says what it sees.
    pub(super) fn sees(self) -> &'static str {
        if self.features { "the network's features and the spectrum" } else { "the spectrum alone" }
    }
}

/// What fits share.
struct Fits<'a> {
    table: &'a Table,
    pixels: &'a Pixels,
    class: &'a [usize],
    folds: &'a Folds,
    seed: u64,
}

impl Fits<'_> {
    /// Fits a candidate to the pixels outside a fold.
    fn fit(&self, candidate: Candidate, without: Option<usize>, stage: Stage<'_>) -> Result<Head> {
        let seen = self.table.seen(candidate.features);
        let weight = self.weights(without);
        let task = Task { seen, class: self.class, weight: &weight, strength: candidate.strength };
        let classes = self.pixels.found().len();
        let start = Head::start(candidate.kind, seen.ncols(), classes, self.seed);
        let head = fit(&start, task, stage)?;
        stage.step();
        Ok(head)
    }

    /// Fits a candidate to the pixels outside a fold and counts what it says of those inside.
    fn test(&self, candidate: Candidate, fold: usize, stage: Stage<'_>) -> Result<Confusion> {
        let said =
            self.fit(candidate, Some(fold), stage)?.decide(self.table.seen(candidate.features));
        let mut confusion = Confusion::new(self.pixels.found().len());
        for ((truth, said), of) in self.class.iter().zip(said).zip(self.folds.of()) {
            if *of == fold {
                confusion.count(*truth, said, self.pixels.stands_for(*truth));
            }
        }
        Ok(confusion)
    }

    /// Weighs pixels so that rare classes count more than their number, though not as much as common
    /// ones: by the root of how often each occurs.
    fn weights(&self, without: Option<usize>) -> Vec<f32> {
        let mut counts = vec![0.0_f64; self.pixels.found().len()];
        let used = |place: usize| Some(self.folds.of()[place]) != without;
        let places = 0..self.class.len();
        places.clone().filter(|place| used(*place)).for_each(|place| {
            counts[self.class[place]] += self.pixels.stands_for(self.class[place]);
        });
        let weigh = |place: usize| {
            let class = self.class[place];
            let stands_for = self.pixels.stands_for(class);
            if used(place) { stands_for / counts[class].sqrt() } else { 0.0 }
        };
        let weights: Vec<f64> = places.map(weigh).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| narrow(weight / sum)).collect()
    }
}
