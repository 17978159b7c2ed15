//! Gives a finished file its final name, so that whoever sees the name sees a complete file.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::hidden::Hidden;
use super::watch::Watch;
use crate::error::{Error, Result};

/// The finished rows of an interrupted run, which another may go on with.
pub(super) const ROWS: &str = "rows";
/// The journal of [`ROWS`].
pub(super) const JOURNAL: &str = "journal";
/// What GDAL looks for beside a map; all of it describes the map's pixels.
const COMPANIONS: [&str; 3] = [".aux.xml", ".ovr", ".msk"];

/// Where an output goes, and the hidden folder beside it that holds all unfinished files.
#[derive(Debug)]
pub(super) struct Destination {
    path: PathBuf,
    overwrite: bool,
    hidden: Hidden,
}

impl Destination {
    /// Takes the hidden folder `.NAME.spectralgpt`, which goes when this is dropped. With `resume`
    /// the rows of an interrupted run stay in it.
    ///
    /// # Errors
    /// - Usage: the file or what belongs to it exists and must not be overwritten, or is no file;
    ///   the path is no file name; another run is writing the file.
    /// - Io: the folder is missing or cannot be written to.
    pub(super) fn reserve(path: &Path, overwrite: bool, resume: bool) -> Result<Self> {
        let name = file_name(path)?;
        free(path, overwrite)?;
        COMPANIONS.iter().try_for_each(|end| free(&beside(path, end), overwrite))?;
        let hidden = [".".as_ref(), name, ".spectralgpt".as_ref()];
        let hidden = folder_of(path).join(hidden.into_iter().collect::<OsString>());
        let wanted: &[&str] = if resume { &[ROWS, JOURNAL] } else { &[] };
        let hidden = Hidden::take(&hidden, wanted)?;
        let interrupted = resume && hidden.file(JOURNAL).exists();
        let mut destination = Self { path: path.to_owned(), overwrite, hidden };
        destination.keep_rows(interrupted);
        Ok(destination)
    }

    /// Returns the final name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a name in the hidden folder.
    pub(super) fn hidden(&self, name: &str) -> PathBuf {
        self.hidden.file(name)
    }

    /// Removes all hidden files but the rows and their journal.
    ///
    /// # Errors
    /// - Io: one cannot be removed.
    pub(super) fn clear(&self) -> Result<()> {
        self.hidden.clear(&[ROWS, JOURNAL])
    }

    /// Settles whether the rows and their journal stay if this is dropped unfinished.
    pub(super) fn keep_rows(&mut self, keep: bool) {
        self.hidden.keep(if keep { &[ROWS, JOURNAL] } else { &[] });
    }

    /// Renames a map and then its sidecar, if it has one, to their final names. What an overwritten map had beside
    /// it, overviews and a mask, describes other pixels and goes once the map is replaced.
    ///
    /// # Errors
    /// - Io: a name cannot be given; the old files are unchanged if it is the map's.
    /// - Usage: the file has come to exist meanwhile.
    pub(super) fn publish(mut self, map: &Path, sidecar: Option<&str>) -> Result<PathBuf> {
        let unnamed = self.hidden("sidecar.xml");
        if let Some(sidecar) = sidecar {
            std::fs::write(&unnamed, sidecar)
                .map_err(|error| Error::file("write", &unnamed, &error))?;
            sync(&unnamed)?;
        }
        sync(map)?;
        if self.overwrite {
            rename(map, &self.path)?;
            [".ovr", ".msk"].iter().try_for_each(|end| remove(&beside(&self.path, end)))?;
        } else {
            rename_to_new(map, &self.path)?;
        }
        match sidecar {
            Some(_) => rename(&unnamed, &beside(&self.path, ".aux.xml"))?,
            None => remove(&beside(&self.path, ".aux.xml"))?,
        }
        self.keep_rows(false);
        drop(self.hidden);
        sync_folder(folder_of(&self.path))?;
        Ok(self.path)
    }
}

/// Returns the last part of a path to a file that may be to come.
fn file_name(path: &Path) -> Result<&OsStr> {
    let bytes = path.as_os_str().as_bytes();
    path.file_name().filter(|name| bytes.ends_with(name.as_bytes())).ok_or_else(|| {
        Error::usage(format!("'{}' is no file name; give one to write to", path.display()))
    })
}

/// Checks that a file can be written where there is none, or one that may be overwritten.
fn free(path: &Path, overwrite: bool) -> Result<()> {
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(Error::usage(format!(
            "'{}' is a folder or a device, where a file would be written; choose another name",
            path.display()
        )));
    }
    if !overwrite && path.symlink_metadata().is_ok() { Err(exists(path)) } else { Ok(()) }
}

/// Returns a file's SHA-256 in lower-case hexadecimal.
///
/// # Errors
/// - Io: it cannot be read.
/// - Cancelled: the caller said so.
pub(super) fn sha256(path: &Path, watch: &mut Watch<'_>) -> Result<String> {
    let unreadable = |error| Error::file("read", path, &error);
    let mut file = File::open(path).map_err(unreadable)?;
    let (mut hash, mut part) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        watch.ask()?;
        match file.read(&mut part).map_err(unreadable)? {
            0 => break,
            read => hash.update(&part[..read]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).map_err(|error| Error::file("rename a finished file to", to, &error))
}

/// Renames a file unless the name is taken, even by a process that takes it this very moment.
fn rename_to_new(from: &Path, to: &Path) -> Result<()> {
    let renamed = tempfile::TempPath::try_from_path(from)
        .and_then(|from| from.persist_noclobber(to).map_err(|failure| failure.error));
    renamed.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(to),
        _ => Error::file("rename a finished file to", to, &error),
    })
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::file("remove", path, &error))
        }
        _ => Ok(()),
    }
}

fn sync(path: &Path) -> Result<()> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| Error::file("bring to the disk", path, &error))
}

/// Brings new names to the disk, where the file system knows how.
fn sync_folder(folder: &Path) -> Result<()> {
    match File::open(folder).and_then(|file| file.sync_all()) {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced.map_err(|error| Error::file("bring to the disk", folder, &error)),
    }
}

fn exists(path: &Path) -> Error {
    let path = path.display();
    Error::usage(format!("'{path}' exists; choose another name or pass --overwrite"))
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Returns the name with something at its end.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
