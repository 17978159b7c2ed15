//! The scenes that are predicted if none is given.

use std::path::Path;

use spectralgpt_core::demo;
use spectralgpt_core::error::Result;
use spectralgpt_core::geometry::Size;
use spectralgpt_core::model::Model;

/// No multiple of a chip; 12 chips at an overlap of 32.
const SIZE: Size = Size::new(400, 300);

/// The first date's seed.
const SEED: u64 = 2064;

/// Makes a scene for each of the model's dates; returns the files.
///
/// # Errors
/// - Model: the model cannot be used.
/// - Io: a file cannot be written.
pub(super) fn make(model: &Path, folder: &Path) -> Result<Vec<String>> {
    let dates = Model::open(model)?.manifest().task.inputs();
    let seeds = (SEED..).zip(dates.iter());
    seeds
        .map(|(seed, date)| {
            let file = folder.join(format!("{date}.tif"));
            demo::write_scene(&file, seed, SIZE)?;
            Ok(file.to_string_lossy().into_owned())
        })
        .collect()
}
