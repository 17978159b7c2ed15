//! Goes on where an interrupted run ended.

use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::inputs::Inputs;
use crate::model::Model;
use crate::options::{Options, Part};
use crate::runtime::session::ProviderReport;
use crate::tile::TilePlan;

/// Names everything that the pixels of the outputs depend on: which files in which state, which
/// request, who computes. Batch and threads are not in it, since they change no pixel.
pub(crate) fn key(
    model: &Model,
    inputs: &Inputs,
    plan: &TilePlan,
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
    put("inputs", &identity(inputs, options));
    put("window", &plan.window());
    put("part", &options.part);
    if let Part::Polygons(path) = &options.part {
        put("polygons", &state(path));
    }
    put("grid", &plan.grid());
    put("thresholds", &options.thresholds);
    put("provider", &(&provider.provider, &provider.library, provider.precision.to_string()));
    key
}

/// Names the rasters of a run, in their state, and how they are read.
pub(crate) fn identity(inputs: &Inputs, options: &Options) -> String {
    let mut key = String::new();
    let mut put = |name: &str, value: &dyn std::fmt::Debug| {
        // Writing to a String cannot fail.
        let _ = writeln!(key, "{name}: {value:?}");
    };
    for date in inputs.dates() {
        put("input", &date.name);
        put("source", &date.source.source());
        for file in &date.source.info().files {
            put("file", &state(Path::new(file)));
        }
        put("size", &date.source.info().size);
        put("georeference", &date.source.info().georeference);
        put("bands", &date.bands);
    }
    for other in inputs.only_valid() {
        put("valid in", &other.source());
        for file in &other.info().files {
            put("file", &state(Path::new(file)));
        }
    }
    put("nodata", &options.nodata.map(f64::to_bits));
    put("offset", &inputs.dates().iter().map(|date| &date.offsets).collect::<Vec<_>>());
    key
}

/// Tells a file from another, and from itself after a change.
pub(crate) fn state(path: &Path) -> String {
    let Ok(found) = path.metadata() else { return path.display().to_string() };
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (length, seconds, nanoseconds) = (found.len(), found.mtime(), found.mtime_nsec());
    format!("{}, {length} bytes, {seconds}.{nanoseconds:09}", path.display())
}
