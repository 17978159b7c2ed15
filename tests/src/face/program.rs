//! The command line, on files.

use super::{Case, Face, Plane, Refusal};
use crate::{program, raster};

/// The program, run in a process of its own.
#[derive(Debug, Clone, Copy)]
pub struct Program;

impl Face for Program {
    fn name(&self) -> String {
        "program".into()
    }

    fn predict(&self, case: &Case<'_>) -> Result<Vec<Plane>, Refusal> {
        let folder = tempfile::tempdir().expect("a folder");
        let map = folder.path().join("map.tif").display().to_string();
        let mut arguments = vec!["predict".to_owned(), case.model.display().to_string()];
        arguments.extend(super::c::scenes(case, folder.path()));
        let mut option = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        option("-o", map.clone());
        option("--emit", case.emit.into());
        option("--batch", case.batch.to_string());
        option("--threads", case.threads.to_string());
        if let Some(window) = case.window {
            let size = window.size;
            let (col, row) = (window.col, window.row);
            option("--window", format!("{col},{row},{},{}", size.width, size.height));
        }
        let numbers = [("--nodata", case.nodata), ("--dn-offset", case.dn_offset)];
        for (name, value) in [("--overlap", case.overlap.map(f64::from))].into_iter().chain(numbers)
        {
            if let Some(value) = value {
                option(name, value.to_string());
            }
        }
        let outcome = program::run(&arguments);
        if outcome.code != Some(0) {
            let words = outcome.err.rsplit("spectralgpt: ").next().unwrap_or_default();
            return Err((outcome.code.unwrap_or(-1), words.trim_end().to_owned()));
        }
        Ok(super::c::maps(case, &map).iter().map(|path| read(path.as_ref())).collect())
    }
}

/// Reads an output.
pub(super) fn read(path: &std::path::Path) -> Plane {
    let read = raster::read(path);
    Plane { size: read.size, pixels: read.pixels }
}
