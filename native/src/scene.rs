//! Predicts a raster file into raster files: opens what the line needs, closes what it made.

use std::path::{Path, PathBuf};

use log::info;
use rayon::ThreadPoolBuilder;

use crate::bands::{self, Label};
use crate::emit::Emit;
use crate::error::{Error, Result};
use crate::geometry::Window;
use crate::memory;
use crate::model::Model;
use crate::normalise::{Normaliser, needed};
use crate::options::Options;
use crate::pipeline::{self, Line};
use crate::progress::Progress;
use crate::raster::RasterSource;
use crate::raster::gdal::{
    BandInfo, GdalApi, GdalSink, GdalSource, Georeference, RasterInfo, SinkOptions, scratch_bytes,
};
use crate::resume;
use crate::runtime::session::{ProviderReport, Session, SessionOptions};
use crate::tile::{Grid, TilePlan};

/// The least memory to make a file with, in bytes.
const SINK_MEMORY: u64 = 64 << 20;

/// What a run did and with what.
#[derive(Debug, Clone)]
pub struct SceneReport {
    /// The files, in the order of [`Options::emit`].
    pub outputs: Vec<PathBuf>,
    /// What the line did.
    pub line: pipeline::Report,
    /// Who computed.
    pub provider: ProviderReport,
    /// The process's largest resident memory so far, in bytes.
    pub peak_rss: Option<u64>,
}

impl SceneReport {
    /// Returns the inferred chips per second.
    pub fn chips_per_second(&self) -> f64 {
        (self.line.chips - self.line.chips_skipped) as f64 / self.line.seconds.max(1e-9)
    }
}

/// Names an output's file: the first of several is `file`, others have their name before the end.
pub fn output_path(file: &Path, emit: Emit, first: bool) -> PathBuf {
    if first {
        return file.to_owned();
    }
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{}", emit.name()));
    if let Some(extension) = file.extension() {
        name.push(".");
        name.push(extension);
    }
    file.with_file_name(name)
}

/// Loads the model's network as the options ask; equal requests share it.
///
/// # Errors
/// - Usage: the options contradict each other.
/// - Model: no ONNX Runtime, no such device, or not a model that it can run.
pub fn open_session(model: &Model, options: &Options) -> Result<Session> {
    let Options { device, provider, precision, threads, batch, .. } = *options;
    let library = options.library.clone();
    let options = SessionOptions { device, provider, precision, threads, batch, library };
    Session::open(model.path(), &options)
}

/// Predicts `input` into `file`.
///
/// # Errors
/// - Usage: the options contradict each other, or a file exists.
/// - Input: the raster cannot be used.
/// - Model: the model or ONNX Runtime cannot be used.
/// - Io: no room on disk or in memory.
/// - Cancelled: `progress` said so.
pub fn predict(
    model: &Model,
    input: &str,
    file: &Path,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<SceneReport> {
    let manifest = model.manifest();
    let api = GdalApi::find()?;
    let source = GdalSource::open(api, input)?;
    let info = source.info().clone();
    let at = |error: Error| error.at(&format!("'{input}'"));
    let plan = plan(model, &info, options).map_err(at)?;
    let offset = dn_offset(&info, options);
    #[allow(clippy::cast_possible_truncation, reason = "digital numbers are f32 from here on")]
    let normaliser = Normaliser::new(manifest, offset as f32)?;
    let bands = find_bands(model, &info, options).map_err(at)?;
    let source = source.select(&bands, options.nodata)?;
    let session = open_session(model, options)?;
    let key = resume::key(model, (input, &info), &bands, &plan, offset, options, &session.report());
    let mut sinks = sinks(api, model, file, (plan.window(), &info.georeference), key, options)?;
    let rest = resume::rest(&plan, &mut sinks)?;
    let threads = ThreadPoolBuilder::new().num_threads(options.threads).build();
    let pool = threads.map_err(|error| Error::io(format!("cannot start threads: {error}")))?;
    let mut report = pipeline::Report::default();
    if let Some(rest) = &rest {
        announce(rest, &session, options);
        let line = Line {
            manifest,
            session: &session,
            plan: rest,
            source: &source as &dyn RasterSource,
            normaliser: &normaliser,
            batch: options.batch,
            pool: &pool,
            memory: options.memory,
        };
        report = pipeline::predict(line, progress, &mut |rows| {
            sinks.iter_mut().try_for_each(|(emit, sink)| emit.write(rows, &pool, sink))
        })
        .map_err(at)?;
    }
    let mut scene = SceneReport {
        outputs: Vec::new(),
        line: report,
        provider: session.report(),
        peak_rss: memory::peak_resident(),
    };
    let metadata = metadata(model, input, plan.grid(), offset, &scene);
    for (_, sink) in sinks {
        let mut go_on = |_, _| progress.advanced(report.chips, report.chips);
        scene.outputs.push(sink.finish(&metadata, &mut go_on)?);
    }
    scene.peak_rss = memory::peak_resident();
    Ok(scene)
}

fn plan(model: &Model, info: &RasterInfo, options: &Options) -> Result<TilePlan> {
    let manifest = model.manifest();
    if let (true, Some(first)) = (info.bands.is_empty(), info.subdatasets.first()) {
        return Err(Error::input(format!(
            "the file holds several rasters and none of its own; name one of them, as in '{}'",
            first.name
        )));
    }
    let overlap = options.overlap.unwrap_or_else(|| manifest.default_overlap());
    let grid = Grid::new(manifest.chip_px, manifest.halo_px, manifest.patch_px, overlap)?;
    TilePlan::new(info.size, options.window.unwrap_or(Window::whole(info.size)), grid)
}

fn find_bands(model: &Model, info: &RasterInfo, options: &Options) -> Result<Vec<usize>> {
    let labels: Vec<Label> = info.bands.iter().map(label).collect();
    bands::find(&needed(&model.manifest().channels), &labels, options.bands.as_deref())
}

/// Collects what a band says of itself; wavelengths come in nanometres or micrometres.
fn label(band: &BandInfo) -> Label {
    let item = |key: &str| {
        let found = band.metadata.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.clone())
    };
    let texts = std::iter::once(band.description.clone())
        .chain(["BANDNAME", "BAND_NAME", "name"].into_iter().filter_map(item))
        .collect();
    let number = |text: String| text.split_whitespace().next()?.parse::<f64>().ok();
    let stated = ["WAVELENGTH", "CENTRAL_WAVELENGTH_NM"].into_iter().find_map(item);
    let micrometres = item("CENTRAL_WAVELENGTH_UM").and_then(number).map(|um| um * 1000.0);
    let stated =
        stated.and_then(number).map(|value| if value < 20.0 { value * 1000.0 } else { value });
    Label { texts, wavelength: micrometres.or(stated) }
}

/// Returns what is added to digital numbers: the caller's word, the file's, else nothing.
fn dn_offset(info: &RasterInfo, options: &Options) -> f64 {
    let stated = ["BOA_ADD_OFFSET", "RADIO_ADD_OFFSET"]
        .into_iter()
        .find_map(|key| info.metadata.get(key)?.parse().ok());
    options.dn_offset.or(stated).unwrap_or(0.0)
}

fn sinks(
    api: &'static GdalApi,
    model: &Model,
    file: &Path,
    (window, place): (Window, &Georeference),
    key: String,
    options: &Options,
) -> Result<Vec<(Emit, GdalSink)>> {
    let settings = SinkOptions {
        format: options.format,
        creation: options.creation.clone(),
        overwrite: options.overwrite,
        memory: (options.memory / 8).max(SINK_MEMORY),
        resume: options.resume,
        key,
    };
    let make = |(index, emit): (usize, &Emit)| {
        let path = output_path(file, *emit, index == 0);
        let layer = emit.layer(model.manifest());
        let place = place.of_window(window);
        info!(
            "'{}' needs up to {} of disk while it is made",
            path.display(),
            memory::words(2 * scratch_bytes(&layer, window.size))
        );
        let settings =
            SinkOptions { key: format!("{}{}", settings.key, emit.name()), ..settings.clone() };
        Ok((*emit, GdalSink::create(api, &path, &settings, &layer, window.size, &place)?))
    };
    options.emit.iter().enumerate().map(make).collect()
}

fn announce(plan: &TilePlan, session: &Session, options: &Options) {
    let report = session.report();
    info!(
        "{} chips of {side} x {side} pixels, {} at a time, by {} (ONNX Runtime {}, {}, {} threads)",
        plan.len(),
        options.batch,
        report.provider,
        report.library,
        report.precision,
        options.threads,
        side = plan.grid().chip(),
    );
    if let Some(note) = report.note {
        info!("{note}");
    }
}

/// Returns what the sidecar tells of the run.
fn metadata(
    model: &Model,
    input: &str,
    grid: Grid,
    dn_offset: f64,
    scene: &SceneReport,
) -> Vec<(String, String)> {
    let manifest = model.manifest();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let items = [
        ("VERSION", env!("CARGO_PKG_VERSION").to_owned()),
        ("TASK", manifest.task.name().to_owned()),
        ("MODEL", name(model.path())),
        ("CHECKPOINT_SHA256", manifest.checkpoint_sha256.clone().unwrap_or_default()),
        ("INPUT", name(Path::new(input))),
        ("OVERLAP", grid.overlap().to_string()),
        ("DN_OFFSET", dn_offset.to_string()),
        ("PROVIDER", scene.provider.provider.clone()),
        ("ONNXRUNTIME", scene.provider.library.clone()),
        ("PRECISION", scene.provider.precision.to_string()),
        ("FALLBACK_NODES", scene.provider.fallback_nodes.map_or(String::new(), |n| n.to_string())),
        ("CHIPS", scene.line.chips.to_string()),
        ("CHIPS_SKIPPED", scene.line.chips_skipped.to_string()),
        ("CHIPS_PER_SECOND", format!("{:.3}", scene.chips_per_second())),
        (
            "SEAM_DISAGREEMENT",
            scene.line.seam_disagreement.map_or(String::new(), |share| format!("{share:.6}")),
        ),
    ];
    let items = items.into_iter().filter(|(_, value)| !value.is_empty());
    items.map(|(key, value)| (format!("SPECTRALGPT_{key}"), value)).collect()
}
