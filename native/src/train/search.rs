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
use crate::error::{Error, Result};

/// How much large weights may cost, from the most.
const STRENGTHS: [f64; 3] = [1e-2, 1e-3, 1e-4];

/// How much rare classes count for more than their number: 0 is not at all, 1 is as much as common
/// ones. The root (0.5) cost 1 to 2 points of overall accuracy on real scenes, for as much macro F1.
const BALANCE: f64 = 0.25;

/// A kind of head and what it sees; with a strength, a way to make a head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Family {
    pub(super) kind: Kind,
    /// Whether it sees the network's features besides the spectrum.
    pub(super) features: bool,
}

/// The heads to be compared.
#[derive(Debug)]
pub(super) struct Search {
    families: Vec<Family>,
    folds: usize,
    seed: u64,
}

/// A head, and how it was found.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) family: Family,
    pub(super) strength: f64,
    pub(super) head: Head,
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

/// What the heads of a family say of each fold, per strength.
struct Tested {
    family: Family,
    /// (fold, strength).
    folds: Vec<Vec<Confusion>>,
}

/// A family's place, and a strength's.
type Place = (usize, usize);

impl Search {
    pub(super) fn new(options: &TrainOptions, folds: &Folds) -> Self {
        let kinds: &[Kind] = match options.head {
            HeadChoice::Auto => &[Kind::Logistic, Kind::Mlp],
            HeadChoice::Logistic => &[Kind::Logistic],
            HeadChoice::Mlp => &[Kind::Mlp],
        };
        // Of equals the first is chosen: the simpler head, which sees less.
        let families = [false, true].iter().flat_map(|features| {
            kinds.iter().map(|kind| Family { kind: *kind, features: *features })
        });
        Self { families: families.collect(), folds: folds.count(), seed: options.seed }
    }

    /// Counts the fits, the last ones included.
    pub(super) fn steps(&self) -> usize {
        (self.families.len() * self.folds + 1) * STRENGTHS.len()
    }

    /// Fits every candidate without each fold and tests it there; then fits the best to all.
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
        let jobs: Vec<(Family, usize)> = self
            .families
            .iter()
            .flat_map(|family| (0..self.folds).map(|fold| (*family, fold)))
            .collect();
        let tested = watch.run(|stage| {
            let test = |(family, fold): &(Family, usize)| fits.test(*family, *fold, stage);
            pool.install(|| jobs.par_iter().map(test).collect::<Result<Vec<_>>>())
        })?;
        let folds = tested.chunks_exact(self.folds).map(<[_]>::to_vec);
        let families = self.families.iter().copied();
        let tested: Vec<Tested> =
            families.zip(folds).map(|(family, folds)| Tested { family, folds }).collect();
        let (family, strength) = best(&tested, None, &|_| true);
        let family = self.families[family];
        let path = watch.run(|stage| pool.install(|| fits.path(family, None, strength, stage)))?;
        let head =
            path.into_iter().next_back().ok_or_else(|| Error::failed("no head was fitted"))?;
        let strength = STRENGTHS[strength];
        info!(
            "the best head is {} of strength {strength} that sees {}",
            family.kind.name(),
            if family.features {
                "the network's features and the spectrum"
            } else {
                "the spectrum"
            }
        );
        Ok(Choice {
            fitted: Fitted { family, strength, head },
            confusion: self.unseen(&tested, &|_| true),
            spectrum_alone: self.unseen(&tested, &|family| !family.features),
            with_features: self.unseen(&tested, &|family| family.features),
        })
    }

    /// Adds up what is said of each fold by the candidate that is best on the others, so that no
    /// figure was looked at when the head was chosen.
    fn unseen(&self, tested: &[Tested], allowed: &dyn Fn(Family) -> bool) -> Confusion {
        let fold = |fold: usize| {
            let (family, strength) = best(tested, Some(fold), allowed);
            &tested[family].folds[fold][strength]
        };
        (0..self.folds).map(fold).fold(Confusion::new(0), Confusion::plus)
    }
}

/// Returns the best candidate of those allowed, by all folds but one.
fn best(tested: &[Tested], without: Option<usize>, allowed: &dyn Fn(Family) -> bool) -> Place {
    let merit = |(family, strength): Place| {
        let folds = tested[family].folds.iter().enumerate();
        let folds = folds.filter(|(fold, _)| Some(*fold) != without);
        let sum = folds.fold(Confusion::new(0), |sum, (_, fold)| sum.plus(&fold[strength]));
        f64::midpoint(sum.overall(), sum.macro_f1())
    };
    let families = (0..tested.len()).filter(|family| allowed(tested[*family].family));
    let places =
        families.flat_map(|family| (0..STRENGTHS.len()).map(move |strength| (family, strength)));
    let better = |(best, most): (Place, f64), place| {
        let merit = merit(place);
        if merit > most { (place, merit) } else { (best, most) }
    };
    places.fold(((0, 0), f64::NEG_INFINITY), better).0
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
    /// Fits heads of a family to the pixels outside a fold, one per strength up to the last one
    /// wanted, each from the one before.
    fn path(
        &self,
        family: Family,
        without: Option<usize>,
        last: usize,
        stage: Stage<'_>,
    ) -> Result<Vec<Head>> {
        let (seen, weight) = (self.table.seen(family.features), self.weights(without));
        let classes = self.pixels.found().len();
        let mut head = Head::start(family.kind, seen.ncols(), classes, self.seed);
        let mut path = Vec::new();
        for strength in &STRENGTHS[..=last] {
            let task = Task { seen, class: self.class, weight: &weight, strength: *strength };
            head = fit(&head, task, stage)?;
            path.push(head.clone());
            stage.step();
        }
        Ok(path)
    }

    /// Fits heads to the pixels outside a fold and counts what each says of those inside.
    fn test(&self, family: Family, fold: usize, stage: Stage<'_>) -> Result<Vec<Confusion>> {
        let heads = self.path(family, Some(fold), STRENGTHS.len() - 1, stage)?;
        let test = |head: Head| {
            let said = head.decide(self.table.seen(family.features));
            let mut confusion = Confusion::new(self.pixels.found().len());
            for ((truth, said), of) in self.class.iter().zip(said).zip(self.folds.of()) {
                if *of == fold {
                    confusion.count(*truth, said, self.pixels.stands_for(*truth));
                }
            }
            confusion
        };
        Ok(heads.into_iter().map(test).collect())
    }

    /// Weighs pixels so that rare classes count more than their number, though not as much as common
    /// ones.
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
            if used(place) { stands_for / counts[class].powf(BALANCE) } else { 0.0 }
        };
        let weights: Vec<f64> = places.map(weigh).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| narrow(weight / sum)).collect()
    }
}
