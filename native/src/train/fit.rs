//! Fits a head to pixels, by the same steps every time.

use std::cell::RefCell;

use argmin::core::{CostFunction, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

use super::head::{Head, Task};
use super::watch::Stage;
use crate::error::{Error, Result};

/// Steps at most, and how many of the past are remembered.
const STEPS: u64 = 100;
const MEMORY: usize = 10;
/// A step that lowers the loss by less is the last.
const TOLERANCE: f64 = 1e-5;

/// The loss of a head as a function of its numbers.
struct Loss<'a> {
    head: Head,
    task: Task<'a>,
    stage: Stage<'a>,
    /// Loss and slope are asked for one after the other, and come together.
    last: RefCell<(Vec<f64>, f64, Vec<f64>)>,
}

impl Loss<'_> {
    fn at(&self, numbers: &[f64]) -> std::result::Result<(f64, Vec<f64>), argmin::core::Error> {
        self.stage.go_on()?;
        let mut last = self.last.borrow_mut();
        if last.0 != numbers {
            let (loss, slope) = self.head.with(numbers).loss(&self.task);
            *last = (numbers.to_vec(), loss, slope.numbers());
        }
        Ok((last.1, last.2.clone()))
    }
}

impl CostFunction for Loss<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, numbers: &Vec<f64>) -> std::result::Result<f64, argmin::core::Error> {
        Ok(self.at(numbers)?.0)
    }
}

impl Gradient for Loss<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, numbers: &Vec<f64>) -> std::result::Result<Vec<f64>, argmin::core::Error> {
        Ok(self.at(numbers)?.1)
    }
}

/// Improves a head until it hardly gets better.
///
/// # Errors
/// - Cancelled: the caller wants no more.
/// - Failed: the loss is no number.
pub(super) fn fit<'a>(start: &Head, task: Task<'a>, stage: Stage<'a>) -> Result<Head> {
    stage.go_on()?;
    let loss = Loss { head: start.clone(), task, stage, last: RefCell::default() };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY);
    let solver = solver.with_tolerance_cost(TOLERANCE).map_err(|error| failed(&error))?;
    let run = Executor::new(loss, solver)
        .configure(|state| state.param(start.numbers()).max_iters(STEPS))
        .run();
    stage.go_on()?;
    let result = run.map_err(|error| failed(&error))?;
    let best = result.state().get_best_param();
    best.map(|numbers| start.with(numbers)).ok_or_else(|| Error::failed("no head was fitted"))
}

fn failed(error: &argmin::core::Error) -> Error {
    Error::failed(format!("no head can be fitted to these labels: {error}"))
}
