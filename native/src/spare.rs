//! Keeps buffers that were used for their next use.

use std::sync::{Mutex, PoisonError};

/// Buffers to use again: fresh ones cost more than what is put into them, as the system hands out
/// zeroed pages one by one. Never holds more than were in use at once.
#[derive(Debug, Default)]
pub struct Spare(Mutex<Vec<Vec<f32>>>);

impl Spare {
    /// Returns a buffer of that many values, whatever they are.
    pub fn take(&self, length: usize) -> Vec<f32> {
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The one used last: it may still be in the processor's cache.
        let fitting = buffers.iter().rposition(|buffer| buffer.len() == length);
        let used = fitting.map(|at| buffers.remove(at));
        drop(buffers);
        used.unwrap_or_else(|| vec![0.0; length])
    }

    /// Takes a buffer back.
    pub fn give(&self, buffer: Vec<f32>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}
