//! Rounds in which every process has its turn, in an order that is reversed each time.

use serde_json::{Value, json};
use spectralgpt_core::error::Result;

use super::runner::Runner;

/// A process that had less of its processors than this was disturbed, and a machine that multiplied
/// matrices at less than this of its best rate: a virtual one does not say what others took of it.
const UNDISTURBED: f64 = 0.85;

/// Where a turn tells how fast the machine was right after it, in operations per second.
const MACHINE: &str = "machine";

/// What the processes did, round by round.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    /// The rounds that count: what each process says of its turn.
    used: Vec<Vec<Value>>,
    disturbed: Vec<Vec<Value>>,
}

/// The middle of several values, and the ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Rounds {
    /// Runs `rounds` rounds after one that only warms up; `threads` is what each process may use.
    /// `watch` is the runner that multiplies matrices, if one does: it has a turn after each other's.
    ///
    /// # Errors
    /// As [`Runner::turn`].
    pub(crate) fn run(
        runners: &mut [Runner],
        rounds: usize,
        threads: usize,
        watch: Option<usize>,
    ) -> Result<Self> {
        for runner in runners.iter_mut() {
            runner.turn()?;
        }
        let mut all = Vec::new();
        for round in 0..rounds {
            let mut turns = vec![Value::Null; runners.len()];
            for place in 0..runners.len() {
                let at = if round % 2 == 0 { place } else { runners.len() - 1 - place };
                turns[at] = runners[at].turn()?;
                if let Some(watch) = watch {
                    let seen = runners[watch].turn()?;
                    turns[at][MACHINE] = (number(&seen, "flop") / number(&seen, "wall")).into();
                }
            }
            log::info!("round {} of {rounds}", round + 1);
            all.push(turns);
        }
        Ok(Self::sorted(all, threads))
    }

    /// Keeps the rounds apart in which a process or the machine was disturbed.
    fn sorted(all: Vec<Vec<Value>>, threads: usize) -> Self {
        let rates = all.iter().flatten().filter_map(|turn| turn[MACHINE].as_f64());
        let best = rates.fold(0.0, f64::max);
        let calm = |turn: &Value| {
            let had = number(turn, "cpu") / number(turn, "wall");
            let machine = turn[MACHINE].as_f64().unwrap_or(best);
            had >= UNDISTURBED * threads as f64 && machine >= UNDISTURBED * best
        };
        let (used, disturbed) = all.into_iter().partition(|turns| turns.iter().all(calm));
        Self { used, disturbed }
    }

    /// Returns the undisturbed rounds, or all where there is none.
    fn counted(&self) -> &[Vec<Value>] {
        if self.used.is_empty() { &self.disturbed } else { &self.used }
    }

    /// Spreads a value of a process over the rounds that count.
    pub(crate) fn spread(&self, of: impl Fn(&[Value]) -> f64) -> Spread {
        Spread::of(self.counted().iter().map(|turns| of(turns)).collect())
    }

    /// Spreads how many times as fast as `base` a process is, within each round.
    pub(crate) fn ratio(&self, base: usize, at: usize, key: &str) -> Spread {
        self.spread(|turns| number(&turns[base], key) / number(&turns[at], key))
    }

    /// Counts the rounds, for people and programs.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "used": self.used.len(), "rejected": self.disturbed.len() })
    }

    /// Says how many rounds count.
    pub(crate) fn words(&self) -> String {
        match (self.used.len(), self.disturbed.len()) {
            (0, all) => format!("{all} rounds, all disturbed by other work: figures are of these"),
            (used, 0) => format!("{used} rounds, none disturbed"),
            (used, rejected) => format!("{used} rounds, and {rejected} disturbed and left out"),
        }
    }
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1);
        let median = f64::midpoint(at(last / 2), at(last.div_ceil(2)));
        Self { median, least: at(0), most: at(last) }
    }

    pub(crate) fn to_json(self) -> Value {
        json!({ "median": self.median, "min": self.least, "max": self.most })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} [{:.2}-{:.2}]", self.median, self.least, self.most)
    }
}

/// Reads a number that a process told; not a number if it did not.
pub(crate) fn number(turn: &Value, key: &str) -> f64 {
    turn[key].as_f64().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_rounds_and_disturbed_rounds_do_not_count() {
        let turn = |wall: f64, used: f64| json!({ "wall": wall, "cpu": wall * used });
        let rounds = [(4.0, 2.0, 1.9), (9.0, 3.0, 2.0), (8.0, 1.0, 1.6)];
        let turns = rounds.map(|(base, other, used)| vec![turn(base, 2.0), turn(other, used)]);
        let rounds = Rounds::sorted(turns.to_vec(), 2);
        let ratio = rounds.ratio(0, 1, "wall");
        assert_eq!((ratio.median, ratio.least, ratio.most), (2.5, 2.0, 3.0));
        assert_eq!(rounds.to_json(), json!({ "used": 2, "rejected": 1 }));
        assert_eq!(rounds.spread(|turns| number(&turns[1], "wall")).most, 3.0);
    }

    #[test]
    fn rounds_in_which_the_machine_was_slower_do_not_count() {
        let turn = |rate: f64| json!({ "wall": 1.0, "cpu": 2.0, "machine": rate });
        let rounds = [(9.0, 10.0), (8.6, 9.1), (9.9, 8.4), (5.0, 5.0)];
        let rounds = rounds.map(|(one, other)| vec![turn(one), turn(other)]);
        assert_eq!(
            Rounds::sorted(rounds.to_vec(), 2).to_json(),
            json!({ "used": 2, "rejected": 2 })
        );
    }

    #[test]
    fn the_middle_of_nothing_is_no_number() {
        assert_eq!(Spread::of(vec![3.0, 1.0, 2.0]).median, 2.0);
        assert!(Spread::of(Vec::new()).median.is_nan());
    }
}
