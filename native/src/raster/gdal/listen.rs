//! Turns what GDAL says on this thread into our errors, and keeps it off the terminal.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::{c_char, c_int};
use std::sync::{Mutex, PoisonError};

use gdal_sys::CPLErr;

use super::GdalApi;
use super::strings::text;
use crate::error::{Error, Kind, Result};

/// Different warnings that are logged; a file could hold one per block.
const MOST_TOLD: usize = 100;
/// Different reasons that an error gives.
const MOST_REASONS: usize = 5;

thread_local! {
    /// What GDAL said on this thread since the innermost [`GdalApi::listen`] began.
    static SAID: RefCell<Said> = RefCell::default();
}

/// What GDAL said. The last error state alone would not do: a later warning hides a failure.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Things that did not work.
    pub(super) failures: Vec<String>,
    /// Things it did differently.
    pub(super) warnings: Vec<String>,
    /// Tells whether a file could not be written or opened, as far as GDAL says.
    pub(super) of_files: bool,
}

/// GDAL's `CPLE_FileIO`, `CPLE_OpenFailed` and `CPLE_NoWriteAccess`.
const OF_FILES: [c_int; 3] = [3, 4, 8];
/// What libtiff says when it cannot write; its errors have one number for everything.
const OF_FILES_WORDS: [&str; 3] = ["_tiffWriteProc", "rror writing", "Write error"];

/// Takes a message from GDAL, on the thread that called GDAL.
unsafe extern "C" fn note(class: CPLErr::Type, number: c_int, message: *const c_char) {
    // SAFETY: GDAL gives a string that ends with a NUL.
    let message = unsafe { text(message) };
    SAID.with_borrow_mut(|said| match class {
        CPLErr::CE_Failure | CPLErr::CE_Fatal => {
            said.of_files |= OF_FILES.contains(&number)
                || OF_FILES_WORDS.iter().any(|words| message.contains(words));
            said.failures.push(message);
        }
        CPLErr::CE_Warning => said.warnings.push(message),
        _ => {}
    });
}

/// Has [`note`] installed on this thread; a panic cannot leave it there.
struct Listening<'a> {
    api: &'a GdalApi,
    outer: Said,
}

impl<'a> Listening<'a> {
    fn start(api: &'a GdalApi) -> Self {
        let outer = SAID.take();
        // SAFETY: `note` never unwinds and lives as long as the program.
        unsafe { (api.CPLPushErrorHandler)(Some(note)) };
        Self { api, outer }
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        // SAFETY: `start` pushed the handler on this same thread. The host must not take a failure
        // that we dealt with for one of its own.
        unsafe {
            (self.api.CPLPopErrorHandler)();
            (self.api.CPLErrorReset)();
        }
        SAID.replace(std::mem::take(&mut self.outer));
    }
}

impl GdalApi {
    /// Makes GDAL calls and returns what GDAL said meanwhile, too.
    pub(super) fn listen<T>(&self, calls: impl FnOnce() -> T) -> (T, Said) {
        let _listening = Listening::start(self);
        let value = calls();
        (value, SAID.take())
    }

    /// Makes GDAL calls that give `None` when they fail. A failure that GDAL speaks of counts even
    /// if the calls claim success.
    ///
    /// # Errors
    /// - the given kind: they failed; `doing` begins the message, as in `cannot read ...`.
    pub(super) fn attempt<T>(
        &self,
        kind: Kind,
        doing: impl FnOnce() -> String,
        calls: impl FnOnce() -> Option<T>,
    ) -> Result<T> {
        match self.listen(calls) {
            (Some(value), said) if said.failures.is_empty() => {
                tell(&said.warnings);
                Ok(value)
            }
            (_, said) => Err(failed(kind, &doing(), &said.failures)),
        }
    }

    /// Reads pixels. What a codec warns of, such as corrupt data that it went over, is an error: the
    /// pixels are not those that were meant.
    ///
    /// # Errors
    /// - the given kind: the calls failed, or GDAL warned of more than a [`harmless`] thing.
    pub(super) fn attempt_pixels<T>(
        &self,
        kind: Kind,
        doing: impl FnOnce() -> String,
        calls: impl FnOnce() -> Option<T>,
    ) -> Result<T> {
        let (value, said) = self.listen(calls);
        let (told, grave): (Vec<_>, Vec<_>) =
            said.warnings.into_iter().partition(|words| harmless(words));
        tell(&told);
        let words = [said.failures, grave].concat();
        value.filter(|_| words.is_empty()).ok_or_else(|| failed(kind, &doing(), &words))
    }
}

/// Tells warnings that may come with the first pixel but are not about pixels: a file inside a VRT
/// is opened then, and one on the network is asked for again.
fn harmless(warning: &str) -> bool {
    // libtiff's words about tags; GDAL's about a COG that was edited; and GDAL's about HTTP.
    ["TIFFReadDirectory", "used to have optimizations in its layout", "Retrying again in"]
        .iter()
        .any(|words| warning.contains(words))
}

/// Logs warnings, each once in a process.
pub(super) fn tell(warnings: &[String]) {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    for warning in warnings {
        if told.len() < MOST_TOLD && told.insert(warning.clone()) {
            log::warn!("GDAL: {warning}");
        }
    }
}

/// Makes an error of GDAL's words: each once, and the first few, as GDAL may say them of every point.
pub(super) fn failed(kind: Kind, doing: &str, words: &[String]) -> Error {
    let mut told: Vec<&str> = Vec::new();
    for words in words.iter().map(String::as_str) {
        if told.len() < MOST_REASONS && !told.contains(&words) {
            told.push(words);
        }
    }
    let reason = if told.is_empty() { "GDAL gives no reason".into() } else { told.join("; ") };
    Error::new(kind, format!("{doing}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_repeats_nothing_and_ends() {
        let words: Vec<String> = (0..900).map(|at| format!("reason {}", at % 9)).collect();
        let error = failed(Kind::Input, "cannot read 'a'", &words);
        let few: Vec<&str> = words[..MOST_REASONS].iter().map(String::as_str).collect();
        assert_eq!(error.message(), format!("cannot read 'a': {}", few.join("; ")));
        assert!(failed(Kind::Io, "x", &[]).message().ends_with("GDAL gives no reason"));
    }
}
