//! Calls the caller's function that hears the log.

use std::cell::Cell;
use std::ffi::{CString, c_char, c_void};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Caller;
use crate::log::sgpt_log;

/// Tells the caller what is logged, on any thread.
pub(crate) struct Log {
    log: unsafe extern "C" fn(*mut c_void, i32, *const c_char),
    user_data: *mut c_void,
    /// Calls that have begun and not ended.
    calls: Mutex<usize>,
    ended: Condvar,
}

// SAFETY: ABI.md asks for a function and a pointer that any thread may use.
unsafe impl Send for Log {}
// SAFETY: as above.
unsafe impl Sync for Log {}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

impl Log {
    /// Takes whom to tell; `None` for nobody.
    pub(crate) fn new(_: Caller, log: sgpt_log, user_data: *mut c_void) -> Option<Arc<Self>> {
        let (calls, ended) = (Mutex::new(0), Condvar::new());
        log.map(|log| Arc::new(Self { log, user_data, calls, ended }))
    }

    /// Says whether this thread is in the caller's function.
    pub(crate) fn inside() -> bool {
        INSIDE.get()
    }

    /// Takes it for one call of [`Self::tell`], which [`Self::retire`] waits for.
    pub(crate) fn take(self: &Arc<Self>) -> Arc<Self> {
        *self.calls() += 1;
        Arc::clone(self)
    }

    /// Tells a message; what is logged meanwhile on this thread is lost.
    pub(crate) fn tell(&self, level: i32, message: &str) {
        let message = CString::new(message.replace('\0', "\u{fffd}")).unwrap_or_default();
        INSIDE.set(true);
        // SAFETY: the caller's function and pointer, for any thread; the text ends with a NUL.
        unsafe { (self.log)(self.user_data, level, message.as_ptr()) };
        INSIDE.set(false);
        *self.calls() -= 1;
        self.ended.notify_all();
    }

    /// Returns when no call is left; nobody takes it any more.
    pub(crate) fn retire(&self) {
        let left = self.ended.wait_while(self.calls(), |calls| *calls > 0);
        drop(left);
    }

    fn calls(&self) -> MutexGuard<'_, usize> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
