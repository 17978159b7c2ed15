//! Tells the caller how far a run is, and asks whether to go on.

/// Told on the thread that started the run, at least every 100 ms.
pub trait Progress {
    /// Takes the chips that are done and their total; returns false to stop.
    fn advanced(&mut self, done: usize, total: usize) -> bool;
}

/// Hears nothing, never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn advanced(&mut self, _done: usize, _total: usize) -> bool {
        true
    }
}
