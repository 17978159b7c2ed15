//! Gives a finished file its final name, so that whoever sees the name sees a complete file.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Where an output goes, and the hidden folder beside it that holds all unfinished files.
#[derive(Debug)]
pub(super) struct Destination {
    path: PathBuf,
    overwrite: bool,
    hidden: tempfile::TempDir,
}

impl Destination {
    /// Makes the hidden folder, which goes when this is dropped.
    ///
    /// # Errors
    /// - Usage: the file exists and must not be overwritten, or is no file name.
    /// - Io: the folder is missing or cannot be written to.
    pub(super) fn reserve(path: &Path, overwrite: bool) -> Result<Self> {
        let name = path.file_name().filter(|_| !path.is_dir()).ok_or_else(|| {
            Error::usage(format!("'{}' is no file name; give one to write to", path.display()))
        })?;
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        let prefix = [".".as_ref(), name, ".".as_ref()].into_iter().collect::<OsString>();
        let folder = folder_of(path);
        let hidden = tempfile::Builder::new().prefix(&prefix).tempdir_in(folder);
        let hidden =
            hidden.map_err(|error| Error::file("write into the folder", folder, &error))?;
        Ok(Self { path: path.to_owned(), overwrite, hidden })
    }

    /// Returns the final name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a name in the hidden folder.
    pub(super) fn hidden(&self, name: &str) -> PathBuf {
        self.hidden.path().join(name)
    }

    /// Renames a map and then its sidecar to their final names. What an overwritten map had beside
    /// it, overviews and a mask, describes other pixels and goes.
    ///
    /// # Errors
    /// - Io: a name cannot be given; the old files are unchanged if it is the map's.
    /// - Usage: the file has come to exist meanwhile.
    pub(super) fn publish(self, map: &Path, sidecar: &str) -> Result<PathBuf> {
        let unnamed = self.hidden("sidecar.xml");
        std::fs::write(&unnamed, sidecar)
            .map_err(|error| Error::file("write", &unnamed, &error))?;
        sync(map)?;
        sync(&unnamed)?;
        if self.overwrite {
            [".ovr", ".msk"].iter().try_for_each(|end| remove(&beside(&self.path, end)))?;
            rename(map, &self.path)?;
        } else {
            rename_to_new(map, &self.path)?;
        }
        rename(&unnamed, &beside(&self.path, ".aux.xml"))?;
        drop(self.hidden);
        sync_folder(folder_of(&self.path))?;
        Ok(self.path)
    }
}

/// Returns a file's SHA-256 in lower-case hexadecimal.
///
/// # Errors
/// - Io: it cannot be read.
pub(super) fn sha256(path: &Path) -> Result<String> {
    let unreadable = |error| Error::file("read", path, &error);
    let mut file = File::open(path).map_err(unreadable)?;
    let (mut hash, mut part) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
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
