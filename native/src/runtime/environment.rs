//! Loads ONNX Runtime into the process: once, for good.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::library::{Library, open_best};
use super::search::Places;
use crate::error::{Error, Result};

/// ONNX Runtime, loaded.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) library: Library,
    pub(super) environment: Environment,
}

/// What the process holds; never dropped, because ONNX Runtime starts only once.
struct State {
    library: Option<Library>,
    loaded: Option<Loaded>,
}

static STATE: Mutex<State> = Mutex::new(State { library: None, loaded: None });

/// Returns the process's ONNX Runtime; the first call chooses and loads it.
///
/// `option` is a library that the caller names.
///
/// # Errors
/// - Model: no library can be used, it does not start, or another one than `option` is loaded.
pub(super) fn load(option: Option<&Path>) -> Result<Loaded> {
    let mut state = lock(&STATE);
    if let (Some(library), Some(option)) = (&state.library, option) {
        check_same(library, option)?;
    }
    if let Some(loaded) = &state.loaded {
        return Ok(loaded.clone());
    }
    let opened = match &state.library {
        Some(library) => open_best(&Places::here(Some(&library.path)))?,
        None => open_best(&Places::here(option))?,
    };
    let library = opened.library.clone();
    let builder =
        guard(|| ort::init_from(&library.path).map_err(|error| Error::model(error.to_string())))?;
    state.library = Some(library.clone());
    let environment = guard(|| {
        let builder = builder.with_name("spectralgpt").with_telemetry(false);
        let environment = builder.with_logger(Arc::new(log_message)).build()?;
        environment.set_log_level(LogLevel::Error);
        Ok(environment)
    })
    .map_err(|error| error.at(&format!("ONNX Runtime '{}'", library.path.display())))?;
    log::debug!("ONNX Runtime {} from '{}'", library.version, library.path.display());
    Ok(state.loaded.insert(Loaded { library, environment }).clone())
}

/// Locks; what a panic left behind is still whole here.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs what calls into ONNX Runtime; its binding panics where it believes itself infallible.
pub(super) fn guard<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Err(Error::failed(format!("the ONNX Runtime binding gave up: {words}")))
    })
}

impl<R> From<ort::Error<R>> for Error {
    fn from(error: ort::Error<R>) -> Self {
        out_of_memory(error.message()).unwrap_or_else(|| Error::model(error.message()))
    }
}

/// Recognises ONNX Runtime's words for a failed allocation: it has no code for that.
pub(super) fn out_of_memory(words: &str) -> Option<Error> {
    let is_memory = words.contains("Failed to allocate memory") || words.contains("bad_alloc");
    is_memory.then(|| {
        Error::io(format!("memory ran out: {words}; give a smaller --batch or free some memory"))
    })
}

fn check_same(library: &Library, option: &Path) -> Result<()> {
    if std::fs::canonicalize(option).is_ok_and(|path| path == library.path) {
        return Ok(());
    }
    Err(Error::model(format!(
        "ONNX Runtime '{}' was asked for, but this process has loaded '{}' and cannot change; \
         start another process",
        option.display(),
        library.path.display()
    )))
}

/// Passes ONNX Runtime's own messages on; what matters comes back as an error as well.
fn log_message(_level: LogLevel, _category: &str, _id: &str, place: &str, message: &str) {
    log::debug!(target: "onnxruntime", "{message} ({place})");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_panic_of_the_binding_becomes_an_error() {
        let error = guard::<()>(|| panic!("no {}", "api")).unwrap_err();
        assert_eq!(error.kind(), Kind::Failed);
        assert!(error.message().ends_with("no api"), "{error}");
        assert_eq!(guard(|| Ok(1)), Ok(1));
    }
}
