//! Keeps dataset handles of one file for threads that read at once.

use std::ffi::c_int;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

use super::GdalApi;
use super::dataset::Dataset;
use crate::error::{Error, Result};

/// The slot of the handle that no band was read with yet.
pub(super) const FIRST: c_int = -1;

/// Handles of one file, opened as they are needed.
#[derive(Debug)]
pub(super) struct Pool {
    api: &'static GdalApi,
    /// What GDAL opens: a name, or the text of a virtual raster.
    source: String,
    /// What people call it.
    name: String,
    identity: Option<Identity>,
    /// With what each was lent for.
    spare: Mutex<Vec<(c_int, Dataset)>>,
}

impl Pool {
    /// Opens the file once; `name` is what messages call it, and the file that must not change.
    ///
    /// # Errors
    /// - Input: GDAL cannot open it.
    pub(super) fn open(api: &'static GdalApi, source: &str, name: &str) -> Result<Self> {
        let identity = Identity::of(name);
        let first = Dataset::open_named(api, source, name)?;
        let (source, name) = (source.to_owned(), name.to_owned());
        Ok(Self { api, source, name, identity, spare: Mutex::new(vec![(FIRST, first)]) })
    }

    pub(super) fn api(&self) -> &'static GdalApi {
        self.api
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Lends a handle that no other thread has meanwhile, the one that had the same slot before if
    /// there is one. A handle that failed is closed.
    ///
    /// # Errors
    /// - Input: the file is no longer what was opened; another handle cannot be opened.
    /// - whatever `using` gives.
    pub(super) fn with<T>(
        &self,
        slot: c_int,
        using: impl FnOnce(&Dataset) -> Result<T>,
    ) -> Result<T> {
        let dataset = match self.take(slot) {
            Some(dataset) => dataset,
            None => Dataset::open_named(self.api, &self.source, &self.name)?,
        };
        let value = using(&dataset);
        self.unchanged()?;
        let value = value?;
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push((slot, dataset));
        Ok(value)
    }

    /// Takes the slot's handle, or the one that had no slot yet.
    fn take(&self, slot: c_int) -> Option<Dataset> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |wanted| spare.iter().position(|(slot, _)| *slot == wanted);
        of(slot).or_else(|| of(FIRST)).map(|index| spare.swap_remove(index).1)
    }

    fn unchanged(&self) -> Result<()> {
        if self.identity.is_none() || self.identity == Identity::of(&self.name) {
            return Ok(());
        }
        Err(Error::input(format!(
            "'{}' was changed, replaced or removed while it was read; run again when it is \
             complete",
            self.name
        )))
    }
}

/// Tells a plain file from another one, or from itself after a change.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Identity {
    /// Returns a plain file's; `None` for whatever else GDAL may open.
    fn of(path: &str) -> Option<Self> {
        let file = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        let modified = (file.mtime(), file.mtime_nsec());
        Some(Self { device: file.dev(), inode: file.ino(), bytes: file.len(), modified })
    }
}
