//! Predicts rasters that a caller serves into rows that a caller takes. Opens nothing, loads no GDAL.

use crate::bands::{self, Label};
use crate::blend::Blended;
use crate::emit::Deciding;
use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::inputs::dn_offset;
use crate::memory;
use crate::model::manifest::OutputKind;
use crate::normalise::{Normaliser, needed};
use crate::options::Part;
use crate::pipeline::{self, Line};
use crate::product;
use crate::progress::Progress;
use crate::raster::dates::Dates;
use crate::raster::marked::Marked;
use crate::raster::{Layer, RasterSink, RasterSource};
use crate::scene::{Predictor, SceneReport, wanted};
use crate::tile::TilePlan;

impl Predictor {
    /// Finds the bands that the model needs among those of a raster, named in their order; the
    /// options' names come first. Returns positions, from 0.
    ///
    /// # Errors
    /// - Usage: the options name another number of bands than `bands`.
    /// - Input: a needed band is missing or there twice.
    pub fn find_bands(&self, bands: &[String]) -> Result<Vec<usize>> {
        let label = |name: &String| Label { texts: vec![name.clone()], wavelength: None };
        let labels: Vec<Label> = bands.iter().map(label).collect();
        // Names that are given are names, whatever they look like; labels are only read.
        let given = self.options().bands.as_deref().unwrap_or(bands);
        let numbers =
            bands::find(&needed(&self.model().manifest().channels), &labels, Some(given))?;
        Ok(numbers.into_iter().map(|number| number - 1).collect())
    }

    /// Describes the outputs of a raster of that size, in the order of
    /// [`Options::emit`](crate::options::Options::emit): extent and layer of each.
    ///
    /// # Errors
    /// - Usage: the window or the overlap do not fit.
    pub fn layers(&self, raster: Size) -> Result<Vec<(Size, Layer)>> {
        let (manifest, plan) = (self.model().manifest(), self.plan(raster)?);
        let layer = |emit: &crate::emit::Emit| {
            emit.in_memory()?;
            let output = emit.output(manifest)?;
            let size = plan.scaled(product::scale(manifest, output.kind)).window().size;
            Ok((size, emit.layer(manifest, output.channels)))
        };
        self.options().emit.iter().map(layer).collect()
    }

    /// Predicts rasters of one size, one per date, each serving the bands that
    /// [`find_bands`](Self::find_bands) found, in that order. Pixels that are no numbers or hold the
    /// options' nodata value are invalid too.
    ///
    /// `sinks` take the rows of the outputs, in the order of the options' outputs, on this thread;
    /// the sources are read on others.
    ///
    /// # Errors
    /// - Usage: another number of rasters or sinks than needed; a window that does not fit, or a
    ///   part that needs georeferenced files.
    /// - Input: a source cannot be read, or sizes differ.
    /// - Model: the model or ONNX Runtime cannot be used.
    /// - Io: memory does not suffice, or a sink cannot store its rows.
    /// - Cancelled: `progress` said so.
    pub fn predict_sources(
        &self,
        dates: &[&dyn RasterSource],
        sinks: &mut [&mut dyn RasterSink],
        progress: &mut dyn Progress,
    ) -> Result<SceneReport> {
        let (manifest, options) = (self.model().manifest(), self.options());
        self.check_dates(dates)?;
        if sinks.len() != options.emit.len() {
            let (given, needed) = (sinks.len(), options.emit.len());
            return Err(Error::usage(format!(
                "{given} places for outputs were given, {needed} outputs are asked for"
            )));
        }
        options.emit.iter().try_for_each(|emit| emit.in_memory())?;
        let deciding = Deciding::new(manifest, &options.thresholds)?;
        let plan = self.plan(dates[0].size())?;
        let source = Dates::new(dates.to_vec());
        let source = Marked::new(&source, options.nodata);
        let normaliser = Normaliser::new(manifest, dn_offset(manifest, None, options)?)?;
        let (session, pool, taking) = (self.session()?, self.pool()?, self.pool()?);
        self.announce(&plan, session);
        let line = Line {
            manifest,
            outputs: &wanted(manifest, &options.emit)?,
            session,
            plan: &plan,
            source: &source,
            area: None,
            normaliser: &normaliser,
            batch: options.batch,
            pool: &pool,
            memory: options.memory,
        };
        let mut take = |kind: OutputKind, rows: Blended<'_>| {
            for (emit, sink) in options.emit.iter().zip(&mut *sinks) {
                if emit.output(manifest)?.kind == kind {
                    emit.write(&deciding, rows, &taking, &mut **sink)?;
                }
            }
            Ok(())
        };
        let line = pipeline::predict(line, progress, &mut take)?;
        let (provider, peak_rss) = (session.report(), memory::peak_resident());
        Ok(SceneReport { outputs: Vec::new(), line, provider, peak_rss })
    }

    /// Plans the chips of the part that is asked for.
    fn plan(&self, raster: Size) -> Result<TilePlan> {
        let window = match &self.options().part {
            Part::Whole => Window::whole(raster),
            Part::Window(window) => *window,
            Part::Rectangle { .. } | Part::Polygons(_) => {
                return Err(Error::usage(
                    "a rectangle or polygons on Earth were asked for, but this raster has no \
                     place there; give a window in pixels",
                ));
            }
        };
        TilePlan::new(raster, window, self.options().grid(self.model().manifest())?)
    }

    fn check_dates(&self, dates: &[&dyn RasterSource]) -> Result<()> {
        let manifest = self.model().manifest();
        let (names, bands) = (manifest.task.inputs(), needed(&manifest.channels).len());
        if dates.len() != names.len() {
            return Err(Error::usage(format!(
                "a {} model takes {} raster(s), {}; {} given",
                manifest.task.name(),
                names.len(),
                names.join(" and "),
                dates.len()
            )));
        }
        let first = dates[0].size();
        for date in dates {
            if date.size() != first || date.bands() != bands {
                return Err(Error::input(format!(
                    "a raster of {} and {} bands was given, {first} and {bands} bands were \
                     needed; give the dates on one grid",
                    date.size(),
                    date.bands()
                )));
            }
        }
        Ok(())
    }
}
