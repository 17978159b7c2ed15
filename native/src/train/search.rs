//! Compares heads on blocks that they have not seen, and fits the best one to all pixels.

use log::info;
use ndarray::{Array2, Axis};
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
const STRENGTHS: [f64; 4] = [1e-1, 1e-2, 1e-3, 1e-4];

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
    balance: f64,
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
        let families = families.collect();
        let TrainOptions { seed, balance, .. } = *options;
        Self { families, folds: folds.count(), seed, balance }
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
        let Self { seed, balance, .. } = *self;
        let fits = Fits { table, pixels, class: &class, folds, seed, balance };
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

/// Returns the candidate of those allowed that gets most pixels right, by all folds but one.
fn best(tested: &[Tested], without: Option<usize>, allowed: &dyn Fn(Family) -> bool) -> Place {
    let merit = |(family, strength): Place| {
        let folds = tested[family].folds.iter().enumerate();
        let folds = folds.filter(|(fold, _)| Some(*fold) != without);
        let sum = folds.fold(Confusion::new(0), |sum, (_, fold)| sum.plus(&fold[strength]));
        sum.overall()
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
    balance: f64,
}

/// Some of the pixels.
struct Part {
    /// What heads see of them, (pixel, column).
    seen: Array2<f32>,
    class: Vec<usize>,
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
        let part = self.part(family, |fold| Some(fold) != without);
        let classes = self.pixels.found().len();
        let stand_for: Vec<f64> = (0..classes).map(|class| self.pixels.stands_for(class)).collect();
        let weight = balanced(&part.class, &stand_for, self.balance);
        let mut head = Head::start(family.kind, part.seen.ncols(), classes, self.seed);
        let mut path = Vec::new();
        for strength in &STRENGTHS[..=last] {
            let seen = part.seen.view();
            let task = Task { seen, class: &part.class, weight: &weight, strength: *strength };
            head = fit(&head, task, stage)?;
            path.push(head.clone());
            stage.step();
        }
        Ok(path)
    }

    /// Fits heads to the pixels outside a fold and counts what each says of those inside.
    fn test(&self, family: Family, fold: usize, stage: Stage<'_>) -> Result<Vec<Confusion>> {
        let heads = self.path(family, Some(fold), STRENGTHS.len() - 1, stage)?;
        let part = self.part(family, |of| of == fold);
        let test = |head: Head| {
            let mut confusion = Confusion::new(self.pixels.found().len());
            for (truth, said) in part.class.iter().zip(head.decide(part.seen.view())) {
                confusion.count(*truth, said, self.pixels.stands_for(*truth));
            }
            confusion
        };
        Ok(heads.into_iter().map(test).collect())
    }

    /// Takes the pixels of some folds; most of the time goes into looking at pixels, so that none
    /// is looked at for nothing.
    fn part(&self, family: Family, wanted: impl Fn(usize) -> bool) -> Part {
        let of = self.folds.of();
        let places: Vec<usize> = (0..of.len()).filter(|place| wanted(of[*place])).collect();
        Part {
            seen: self.table.seen(family.features).select(Axis(0), &places),
            class: places.iter().map(|place| self.class[*place]).collect(),
        }
    }
}

/// Weighs pixels by how many each one of its class stands for, so that rare classes count more than
/// their number if that is wished for; all sum to 1.
fn balanced(class: &[usize], stand_for: &[f64], balance: f64) -> Vec<f32> {
    let mut counts = vec![0.0_f64; stand_for.len()];
    class.iter().for_each(|class| counts[*class] += stand_for[*class]);
    let weigh = |class: &usize| stand_for[*class] / counts[*class].powf(balance);
    let weights: Vec<f64> = class.iter().map(weigh).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| narrow(weight / sum)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balance_goes_from_as_many_pixels_to_alike() {
        // 16 pixels of one class, and one pixel of another that stands for four.
        let class = [vec![0; 16], vec![1]].concat();
        for (balance, ratio) in [(0.0, 4.0), (0.25, 4.0 * 4.0_f32.powf(0.25)), (1.0, 16.0)] {
            let weights = balanced(&class, &[1.0, 4.0], balance);
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            assert!((weights[16] / weights[0] - ratio).abs() < 1e-4, "{balance}: {weights:?}");
        }
    }
}
