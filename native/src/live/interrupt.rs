//! Ends reads of live maps: GDAL tells no function that its caller wants to stop.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Kind};
use crate::progress::Progress;

/// How often this process was interrupted.
static TIMES: AtomicU64 = AtomicU64::new(0);

/// Ends the reads of live maps that this process is at; later ones are served. Chips that are
/// inferred already are kept. Safe in a signal handler.
pub fn interrupt() {
    TIMES.fetch_add(1, Ordering::Relaxed);
}

/// Lets a read go on until it is interrupted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Going(u64);

impl Going {
    /// Begins a read.
    pub(super) fn begin() -> Self {
        Self(TIMES.load(Ordering::Relaxed))
    }
}

impl Progress for Going {
    fn advanced(&mut self, _done: usize, _total: usize) -> bool {
        TIMES.load(Ordering::Relaxed) == self.0
    }
}

/// Says what was interrupted.
pub(super) fn told(error: Error) -> Error {
    if error.kind() != Kind::Cancelled {
        return error;
    }
    Error::new(Kind::Cancelled, "the read was interrupted; reading again goes on where it was")
}
