//! The files of a run: one sink per output, at its own scale.

use std::path::{Path, PathBuf};

use log::info;
use rayon::ThreadPool;

use crate::blend::Blended;
use crate::emit::{Deciding, Emit};
use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::inputs::Inputs;
use crate::memory;
use crate::model::manifest::{Manifest, OutputKind};
use crate::options::Options;
use crate::product;
use crate::raster::gdal::{Gcp, GdalApi, GdalSink, Georeference, SinkOptions, scratch_bytes};
use crate::raster::{Cells, Stored};
use crate::tile::{Scale, TilePlan};

/// The least memory to make a file with, in bytes.
const SINK_MEMORY: u64 = 64 << 20;

/// The sinks of a run.
#[derive(Debug)]
pub struct Outputs {
    deciding: Deciding,
    sinks: Vec<Sink>,
}

/// One file, and what of the network goes into it.
#[derive(Debug)]
struct Sink {
    emit: Emit,
    kind: OutputKind,
    scale: Scale,
    file: GdalSink,
}

impl Outputs {
    /// Prepares every file; `files` are those of the options' outputs, in order. `key` names all
    /// that their pixels depend on.
    ///
    /// # Errors
    /// - Usage: a file exists, or GDAL does not take the options.
    /// - Io: a folder cannot be written to.
    pub fn create(
        api: &'static GdalApi,
        manifest: &Manifest,
        files: &[PathBuf],
        plan: &TilePlan,
        inputs: &Inputs,
        key: &str,
        options: &Options,
    ) -> Result<Self> {
        let (mut sinks, deciding) = (Vec::new(), Deciding::new(manifest, &options.thresholds)?);
        for (emit, path) in options.emit.iter().zip(files) {
            let output = emit.output(manifest)?;
            let scale = product::scale(manifest, output.kind);
            let size = plan.scaled(scale).window().size;
            let mut layer = emit.layer(manifest, output.channels);
            let mut place = scaled(inputs.place(), plan, scale);
            if let Stored::Polygons(cells) = &mut layer.stored {
                let [cols, rows] = plan.cells();
                *cells = Cells { cols, rows, thresholds: deciding.thresholds().to_vec() };
                // The cells are counted in the raster's own pixels.
                place = inputs.place().clone();
            }
            named_by_kind(*emit, path)?;
            let settings = SinkOptions {
                format: options.format,
                creation: options.creation.clone(),
                overwrite: options.overwrite,
                memory: (options.memory / 8).max(SINK_MEMORY),
                resume: options.resume,
                key: format!("{key}{}", emit.name()),
            };
            let file = GdalSink::create(api, path, &settings, &layer, size, &place)?;
            info!(
                "'{}' needs up to {} of disk while it is made",
                path.display(),
                memory::words(2 * scratch_bytes(&layer, size))
            );
            sinks.push(Sink { emit: *emit, kind: output.kind, scale, file });
        }
        Ok(Self { deciding, sinks })
    }

    /// Writes finished rows of one of the network's outputs to what is made of it.
    ///
    /// # Errors
    /// - Io: they cannot be stored.
    pub fn write(&mut self, kind: OutputKind, rows: Blended<'_>, pool: &ThreadPool) -> Result<()> {
        let mut wanted = self.sinks.iter_mut().filter(|sink| sink.kind == kind);
        wanted.try_for_each(|sink| sink.emit.write(&self.deciding, rows, pool, &mut sink.file))
    }

    /// Has all files go on at the same place, where an interrupted run ended, and returns the plan
    /// of what is left, if anything.
    ///
    /// # Errors
    /// None but our own mistakes: the rows are those that the files have.
    pub fn rest(&mut self, plan: &TilePlan) -> Result<Option<TilePlan>> {
        let window = plan.window();
        let done = |sink: &Sink| {
            let first = plan.scaled(sink.scale).window().row;
            let complete = sink.file.rows_done() == plan.scaled(sink.scale).window().size.height;
            let end = (first + sink.file.rows_done()) * plan.unit(sink.scale);
            if complete { window.end_row() } else { end.clamp(window.row, window.end_row()) }
        };
        let unit = self.sinks.iter().map(|sink| plan.unit(sink.scale)).max().unwrap_or(1);
        let row = self.sinks.iter().map(done).min().unwrap_or(window.row);
        if row == window.end_row() {
            return Ok(None);
        }
        let row = (row - row % unit).max(window.row);
        let size = Size::new(window.size.width, window.end_row() - row);
        let rest = TilePlan::new(plan.raster(), Window::new(window.col, row, size), plan.grid())?;
        // With overlapping cells a row of tiles may reach back: then all starts anew.
        let reaches_back = |sink: &Sink| {
            let first = rest.scaled(sink.scale).window().row;
            first * plan.unit(sink.scale) != row && row != window.row
        };
        let rest = if self.sinks.iter().any(reaches_back) { plan.clone() } else { rest };
        for sink in &mut self.sinks {
            let (from, all) = (rest.scaled(sink.scale), plan.scaled(sink.scale));
            sink.file.start_at(from.window().row - all.window().row)?;
        }
        Ok(Some(rest))
    }

    /// Gives every file its name; `go_on` is asked all along.
    ///
    /// # Errors
    /// - Io: one cannot be written; those before it are there.
    /// - Cancelled: `go_on` said so.
    pub fn finish(
        self,
        metadata: &[(String, String)],
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<PathBuf>> {
        let files = self.sinks.into_iter().map(|sink| sink.file);
        files.map(|file| file.finish(metadata, &mut |_, _| go_on())).collect()
    }
}

/// Checks that a raster is not given a vector file's name.
fn named_by_kind(emit: Emit, path: &Path) -> Result<()> {
    let vector = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gpkg"));
    if vector && emit != Emit::Grid {
        return Err(Error::usage(format!(
            "'{}' has a vector file's name, and '{}' is a raster; give a name in .tif, or ask for the \
             grid of a scene classification: --emit grid",
            path.display(),
            emit.name()
        )));
    }
    Ok(())
}

/// Returns the place of an output whose pixels stand for several of the raster's.
pub(crate) fn scaled(place: &Georeference, plan: &TilePlan, scale: Scale) -> Georeference {
    let window = plan.scaled(scale).window();
    let unit = f64::from(plan.unit(scale));
    let (col, row) = (f64::from(window.col) * unit, f64::from(window.row) * unit);
    let geotransform = place.geotransform.map(|[x, xc, xr, y, yc, yr]| {
        let (x, y) = (x + col * xc + row * xr, y + col * yc + row * yr);
        [x, xc * unit, xr * unit, y, yc * unit, yr * unit]
    });
    let moved =
        |gcp: &Gcp| Gcp { col: (gcp.col - col) / unit, row: (gcp.row - row) / unit, ..gcp.clone() };
    let gcps = place.gcps.iter().map(moved).collect();
    Georeference { geotransform, gcps, srs: place.srs.clone() }
}
