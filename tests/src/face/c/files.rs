//! Files.

use std::ffi::{CString, c_char};
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};

use spectralgpt::predict::sgpt_predict_files;

use super::session::{Session, c_path, c_text, call, told};
use crate::face::{Case, Face, Plane, Refusal, program};
use crate::raster;

/// `sgpt_predict_files`.
#[derive(Debug, Clone, Copy)]
pub struct Files;

/// Writes the scenes of a request as files; returns their names.
pub(crate) fn scenes(case: &Case<'_>, folder: &Path) -> Vec<String> {
    let scene = |(date, pixels): (usize, &Vec<u16>)| {
        let path = folder.join(format!("scene{date}.tif"));
        raster::write_u16(&path, case.size, case.bands, pixels, None);
        path.display().to_string()
    };
    case.dates.iter().enumerate().map(scene).collect()
}

/// Lists the files that a request's outputs go to.
pub(crate) fn maps(case: &Case<'_>, map: &str) -> Vec<PathBuf> {
    let map = Path::new(map);
    let beside = case.emit.split(',').skip(1).map(|name| map.with_extension(format!("{name}.tif")));
    std::iter::once(map.to_owned()).chain(beside).collect()
}

impl Face for Files {
    fn name(&self) -> String {
        "C, files".into()
    }

    fn predict(&self, case: &Case<'_>) -> Result<Vec<Plane>, Refusal> {
        let folder = tempfile::tempdir().expect("a folder");
        let session = Session::new(case)?;
        let names: Vec<CString> =
            scenes(case, folder.path()).iter().map(|name| c_text(name)).collect();
        let inputs: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let map = folder.path().join("map.tif");
        let output = c_path(&map);
        let mut report = null_mut();
        // SAFETY: all names live until the call returns.
        call(|e| unsafe {
            sgpt_predict_files(
                session.0,
                inputs.as_ptr(),
                inputs.len(),
                output.as_ptr(),
                null(),
                &raw mut report,
                e,
            )
        })?;
        told(report);
        let maps = maps(case, map.to_str().expect("UTF-8"));
        Ok(maps.iter().map(|path| program::read(path)).collect())
    }
}
