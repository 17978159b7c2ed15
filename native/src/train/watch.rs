//! Works on another thread while the caller is told how far it is, and may stop it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::progress::Progress;

/// How often the caller is asked whether to go on.
const TICK: Duration = Duration::from_millis(20);

/// Tells a caller of several stages of work as one.
pub(super) struct Watch<'a> {
    progress: &'a mut dyn Progress,
    done: AtomicUsize,
    total: AtomicUsize,
}

/// What a stage hears and says.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    stop: &'a AtomicBool,
    done: &'a AtomicUsize,
}

impl Stage<'_> {
    /// Fails if the caller wants no more.
    ///
    /// # Errors
    /// - Cancelled: it does not.
    pub(super) fn go_on(self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// Says that a step is done.
    pub(super) fn step(self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl<'a> Watch<'a> {
    pub(super) fn new(progress: &'a mut dyn Progress) -> Self {
        Self { progress, done: AtomicUsize::new(0), total: AtomicUsize::new(0) }
    }

    /// Says how many steps there are in all.
    pub(super) fn expect(&mut self, steps: usize) {
        self.total = AtomicUsize::new(steps);
    }

    /// Does work that looks at its stage often.
    ///
    /// # Errors
    /// - Cancelled: the caller said so.
    /// - What the work fails with.
    pub(super) fn run<T: Send>(
        &mut self,
        work: impl FnOnce(Stage<'_>) -> Result<T> + Send,
    ) -> Result<T> {
        self.run_stoppable(work, || {})
    }

    /// Does work that `halt` interrupts.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(super) fn run_stoppable<T: Send>(
        &mut self,
        work: impl FnOnce(Stage<'_>) -> Result<T> + Send,
        halt: impl Fn(),
    ) -> Result<T> {
        let stop = AtomicBool::new(false);
        let stage = Stage { stop: &stop, done: &self.done };
        let outcome = thread::scope(|scope| {
            let worker = scope.spawn(|| work(stage));
            while !worker.is_finished() {
                let done = self.done.load(Ordering::Relaxed);
                if !self.progress.advanced(done, self.total.load(Ordering::Relaxed).max(done)) {
                    stop.store(true, Ordering::Relaxed);
                    halt();
                }
                thread::park_timeout(TICK);
            }
            let lost = || Error::failed("a thread of the training panicked; please report this");
            worker.join().unwrap_or_else(|_| Err(lost()))
        });
        if stop.load(Ordering::Relaxed) { Err(Error::cancelled()) } else { outcome }
    }
}
