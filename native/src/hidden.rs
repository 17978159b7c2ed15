//! Writes files that appear under their name only when they are complete.

use std::fs::{File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// A complete file that does not have its name yet; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Hidden {
    file: NamedTempFile,
    path: PathBuf,
    /// Of its content, in hexadecimal digits.
    pub(crate) sha256: String,
    /// Of its content.
    pub(crate) bytes: u64,
}

impl Hidden {
    /// Writes what will be `path` under a hidden name beside it, down to the disk.
    ///
    /// # Errors
    /// - Io: the folder does not take it.
    /// - Whatever `fill` returns.
    pub(crate) fn write(
        path: &Path,
        fill: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<Self> {
        let failed = |error: std::io::Error| Error::file("write", path, &error);
        let hidden = tempfile::Builder::new().prefix(".spectralgpt-").tempfile_in(folder(path));
        let file = hidden.map_err(failed)?;
        let mut out = Hashed { hash: Sha256::new(), bytes: 0, out: file.as_file() };
        let mut buffer = BufWriter::with_capacity(1 << 20, &mut out);
        fill(&mut buffer)?;
        buffer.flush().map_err(failed)?;
        drop(buffer);
        let (sha256, bytes) = (hex(out.hash.finalize().as_slice()), out.bytes);
        // A temporary file is its owner's alone; this one will be like any other.
        file.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        Ok(Self { file, path: path.to_owned(), sha256, bytes })
    }

    /// Returns the name it will have in its folder.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns where it is as long as it does not have its name.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Gives the file its name, replacing what had it.
    ///
    /// # Errors
    /// - Io: the folder does not take it; nothing is left.
    pub(crate) fn publish(self) -> Result<()> {
        let failed = |error: &std::io::Error| Error::file("write", &self.path, error);
        self.file.persist(&self.path).map_err(|error| failed(&error.error))?;
        let folder = File::open(folder(&self.path));
        folder.and_then(|folder| folder.sync_all()).map_err(|error| failed(&error))
    }
}

/// Returns the folder of a file.
pub(crate) fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Writes bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hashes what passes.
struct Hashed<'a> {
    hash: Sha256,
    bytes: u64,
    out: &'a File,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.hash.update(&bytes[..taken]);
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
