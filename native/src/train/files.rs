//! Checks the files of a training before it begins, as it would be lost at its end.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::hidden::folder;
use crate::inputs::same_file;

/// Checks that files can be written: none is read by the run, named twice, or in the way.
///
/// # Errors
/// - Usage: one is, or has no folder.
pub fn check_files(written: &[&Path], read: &[&Path], overwrite: bool) -> Result<()> {
    for (place, file) in written.iter().enumerate() {
        let name = file.display();
        let Some(target) = target(file).filter(|_| !file.is_dir()) else {
            return Err(Error::usage(format!(
                "'{name}' cannot be written: it is a folder, or its folder does not exist; give \
                 the name of a file in a folder that exists"
            )));
        };
        if written[..place].iter().any(|other| self::target(other).as_ref() == Some(&target)) {
            return Err(Error::usage(format!(
                "'{name}' would be written twice; give each output its own name"
            )));
        }
        if read.iter().any(|read| same_file(file, read)) {
            return Err(Error::usage(format!(
                "'{name}' is read by this run and would be overwritten; give another output"
            )));
        }
        if file.exists() && !overwrite {
            return Err(Error::usage(format!(
                "'{name}' exists; give another name, or --overwrite to replace it"
            )));
        }
    }
    Ok(())
}

/// Names a file that need not exist yet in one way only.
fn target(file: &Path) -> Option<(PathBuf, OsString)> {
    let folder = folder(file).canonicalize().ok().filter(|folder| folder.is_dir())?;
    Some((folder, file.file_name()?.to_owned()))
}
