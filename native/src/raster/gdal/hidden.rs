//! Keeps the folder of an output's unfinished files, which one run at a time may use.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The file that a living run holds locked.
const LOCK: &str = "lock";

/// The hidden folder of one output, locked; removed when dropped, unless it is kept.
#[derive(Debug)]
pub(super) struct Hidden {
    folder: PathBuf,
    _lock: File,
    /// The files to keep for a run that goes on, if any.
    kept: &'static [&'static str],
}

impl Hidden {
    /// Makes the folder, or takes over that of a run that was killed; of its files only `wanted`
    /// are left.
    ///
    /// # Errors
    /// - Usage: a run that still lives uses it, or it is no folder.
    /// - Io: it cannot be made or written to.
    pub(super) fn take(folder: &Path, wanted: &[&str]) -> Result<Self> {
        let lock = loop {
            make(folder)?;
            if let Some(lock) = lock(folder)? {
                break lock;
            }
        };
        let hidden = Self { folder: folder.to_owned(), _lock: lock, kept: &[] };
        hidden.clear(wanted)?;
        Ok(hidden)
    }

    /// Removes all files but some.
    ///
    /// # Errors
    /// - Io: one cannot be removed.
    pub(super) fn clear(&self, but: &[&str]) -> Result<()> {
        let swept = sweep(&self.folder, &[but, &[LOCK]].concat());
        swept.map_err(|error| Error::file("clear", &self.folder, &error))
    }

    /// Returns a name in the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Leaves these files behind when dropped.
    pub(super) fn keep(&mut self, files: &'static [&'static str]) {
        self.kept = files;
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // What cannot be removed now the next run removes. The lock goes last, and the folder only
        // if no other run has made a lock of its own since.
        let swept = sweep(&self.folder, &[self.kept, &[LOCK]].concat());
        if swept.is_ok() && self.kept.is_empty() {
            let _ = std::fs::remove_file(self.file(LOCK));
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

fn make(folder: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => {
            let beside = folder.parent().unwrap_or(folder);
            return made.map_err(|error| Error::file("write into the folder", beside, &error));
        }
    }
    if folder.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
        return Err(Error::usage(format!(
            "'{}' is needed for unfinished files but is no folder; remove it",
            folder.display()
        )));
    }
    Ok(())
}

/// Locks the folder; `None` if the run that had it removed it meanwhile.
fn lock(folder: &Path) -> Result<Option<File>> {
    let path = folder.join(LOCK);
    let file = match File::options().write(true).create(true).truncate(false).open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| Error::file("write", &path, &error))?,
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            return Err(Error::usage(format!(
                "another run is writing this file now ('{}' is locked); wait for it, or choose \
                 another name",
                folder.display()
            )));
        }
        // A file system without locks keeps its runs apart no better than this.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(Error::file("lock", &path, &error)),
        Ok(()) => {}
    }
    let same = |(here, there): (std::fs::Metadata, std::fs::Metadata)| here.ino() == there.ino();
    let both = file.metadata().ok().zip(path.metadata().ok());
    Ok(both.is_some_and(same).then_some(file))
}

/// Removes the folder's files but some.
fn sweep(folder: &Path, but: &[&str]) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !but.iter().any(|name| entry.file_name() == *name) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
