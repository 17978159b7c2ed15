//! Stops runs from another thread.

use std::sync::{Arc, Mutex};

use ort::session::RunOptions;

use super::environment::{guard, lock};
use crate::error::Result;

/// Stops a session's runs from another thread.
#[derive(Debug, Clone)]
pub struct Terminator(pub(super) Arc<Stop>);

/// One handle's stop sign: other handles of the same network run on.
pub(super) struct Stop {
    pub(super) options: RunOptions,
    asked: Mutex<bool>,
}

impl Terminator {
    /// Makes the run that is under way, or else the next one, fail soon as cancelled.
    pub fn terminate(&self) {
        let mut asked = lock(&self.0.asked);
        *asked = true;
        if let Err(error) = guard(|| Ok(self.0.options.terminate()?)) {
            log::debug!("{error}");
        }
    }
}

impl Stop {
    /// Makes a sign that is down.
    ///
    /// # Errors
    /// - Model: ONNX Runtime refuses.
    pub(super) fn new() -> Result<Self> {
        Ok(Self { options: guard(|| Ok(RunOptions::new()?))?, asked: Mutex::new(false) })
    }

    /// Takes the sign down; says whether it was up.
    pub(super) fn clear(&self) -> bool {
        let mut asked = lock(&self.asked);
        if *asked && let Err(error) = guard(|| Ok(self.options.unterminate()?)) {
            log::debug!("{error}");
        }
        std::mem::take(&mut *asked)
    }
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stop").field("asked", &self.asked).finish_non_exhaustive()
    }
}
