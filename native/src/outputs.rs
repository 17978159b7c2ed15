//! The files of a run: one sink per output, at its own scale.

use std::path::PathBuf;

use log::info;
use rayon::ThreadPool;

use crate::blend::Blended;
use crate::emit::Emit;
use crate::error::Result;
use crate::inputs::Inputs;
use crate::memory;
use crate::model::manifest::{Manifest, OutputKind, Task};
use crate::options::Options;
use crate::product;
use crate::raster::gdal::{Gcp, GdalApi, GdalSink, Georeference, SinkOptions, scratch_bytes};
use crate::tile::{Scale, TilePlan};

/// The sinks of a run.
#[derive(Debug)]
pub struct Outputs {
    task: Task,
    sinks: Vec<(Emit, OutputKind, GdalSink)>,
}

impl Outputs {
    /// Prepares every file; `files` are those of the options' outputs, in order.
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
        options: &Options,
    ) -> Result<Self> {
        let settings =
            SinkOptions { creation: options.creation.clone(), overwrite: options.overwrite };
        let mut sinks = Vec::new();
        for (emit, path) in options.emit.iter().zip(files) {
            let output = emit.output(manifest)?;
            let scale = product::scale(manifest, output.kind);
            let size = plan.scaled(scale).window().size;
            let layer = emit.layer(manifest, output.channels);
            let place = scaled(inputs.place(), plan, scale);
            let sink = GdalSink::create(api, path, &settings, &layer, size, &place)?;
            info!(
                "'{}' needs up to {} of disk while it is made",
                path.display(),
                memory::words(2 * scratch_bytes(&layer, size))
            );
            sinks.push((*emit, output.kind, sink));
        }
        Ok(Self { task: manifest.task, sinks })
    }

    /// Writes finished rows of one of the network's outputs to what is made of it.
    ///
    /// # Errors
    /// - Io: they cannot be stored.
    pub fn write(&mut self, kind: OutputKind, rows: Blended<'_>, pool: &ThreadPool) -> Result<()> {
        let mut wanted = self.sinks.iter_mut().filter(|(_, of, _)| *of == kind);
        wanted.try_for_each(|(emit, _, sink)| emit.write(self.task, rows, pool, sink))
    }

    /// Gives every file its name.
    ///
    /// # Errors
    /// - Io: one cannot be written; those before it are there.
    pub fn finish(self, metadata: &[(String, String)]) -> Result<Vec<PathBuf>> {
        self.sinks.into_iter().map(|(_, _, sink)| sink.finish(metadata)).collect()
    }
}

/// Returns the place of an output whose pixels stand for several of the raster's.
fn scaled(place: &Georeference, plan: &TilePlan, scale: Scale) -> Georeference {
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
