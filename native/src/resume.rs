//! Goes on where an interrupted run ended.

use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::emit::Emit;
use crate::error::Result;
use crate::geometry::{Size, Window};
use crate::model::Model;
use crate::options::Options;
use crate::raster::gdal::{GdalSink, RasterInfo};
use crate::runtime::session::ProviderReport;
use crate::tile::TilePlan;

/// Names everything that the pixels of the outputs depend on: which files in which state, which
/// request, who computes. Batch and threads are not in it, since they change no pixel.
pub(crate) fn key(
    model: &Model,
    (input, info): (&str, &RasterInfo),
    bands: &[usize],
    plan: &TilePlan,
    dn_offset: f64,
    options: &Options,
    provider: &ProviderReport,
) -> String {
    let mut key = format!("spectralgpt {}\n", env!("CARGO_PKG_VERSION"));
    let mut put = |name: &str, value: &dyn std::fmt::Debug| {
        // Writing to a String cannot fail.
        let _ = writeln!(key, "{name}: {value:?}");
    };
    put("model", &state(model.path()));
    put("checkpoint", &model.manifest().checkpoint_sha256);
    put("input", &input);
    for file in &info.files {
        put("file", &state(Path::new(file)));
    }
    put("size", &info.size);
    put("georeference", &info.georeference);
    put("bands", &bands);
    put("window", &plan.window());
    put("grid", &plan.grid());
    put("nodata", &options.nodata.map(f64::to_bits));
    put("offset", &dn_offset.to_bits());
    put("provider", &(&provider.provider, &provider.library, provider.precision.to_string()));
    key
}

/// Tells a file from another, and from itself after a change.
fn state(path: &Path) -> String {
    let Ok(found) = path.metadata() else { return path.display().to_string() };
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (length, seconds, nanoseconds) = (found.len(), found.mtime(), found.mtime_nsec());
    format!("{}, {length} bytes, {seconds}.{nanoseconds:09}", path.display())
}

/// Has all outputs go on at the same row, and returns the plan of what is left, if anything.
///
/// # Errors
/// None but our own mistakes: the rows are those that the outputs have.
pub(crate) fn rest(plan: &TilePlan, sinks: &mut [(Emit, GdalSink)]) -> Result<Option<TilePlan>> {
    let done = sinks.iter().map(|(_, sink)| sink.rows_done()).min().unwrap_or(0);
    sinks.iter_mut().try_for_each(|(_, sink)| sink.start_at(done))?;
    let Window { col, row, size } = plan.window();
    let left = Window::new(col, row + done, Size::new(size.width, size.height - done));
    if left.size.height == 0 {
        return Ok(None);
    }
    TilePlan::new(plan.raster(), left, plan.grid()).map(Some)
}
