//! Predicts raster files into raster files: opens what the line needs, closes what it made.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

use log::info;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::{Value, json};

use crate::blend::Blended;
use crate::emit::{Deciding, Emit};
use crate::error::{Error, Result};
use crate::inputs::Inputs;
use crate::memory;
use crate::model::Model;
use crate::model::manifest::{Manifest, Output, Task};
use crate::normalise::Normaliser;
use crate::options::Options;
use crate::outputs::Outputs;
use crate::pipeline::{self, Line};
use crate::progress::Progress;
use crate::raster::gdal::GdalApi;
use crate::resume;
use crate::runtime::provider::Precision;
use crate::runtime::session::{ProviderReport, Session, SessionOptions};
use crate::tile::TilePlan;

/// What is known of change maps in less than fp32.
const CHANGE_COST: &str = "in bf16, about 4 of 100 pixels were decided otherwise than in fp32 \
                           (weights by formula, docs/performance.md)";

/// What a run did and with what.
#[derive(Debug, Clone)]
pub struct SceneReport {
    /// The files, in the order of [`Options::emit`]; none where the caller took the rows.
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

    /// Returns what programs are told of the run, a JSON object.
    pub fn to_json(&self) -> Value {
        let outputs: Vec<String> =
            self.outputs.iter().map(|path| path.display().to_string()).collect();
        json!({
            "outputs": outputs,
            "seconds": self.line.seconds,
            "chips": self.line.chips,
            "chips_skipped": self.line.chips_skipped,
            "chips_per_second": self.chips_per_second(),
            "provider": self.provider.provider,
            "precision": self.provider.precision.to_string(),
            "fallback_nodes": self.provider.fallback_nodes,
            "seam_disagreement": self.line.seam_disagreement,
            "peak_rss_bytes": self.peak_rss,
        })
    }
}

/// Predicts scenes with one model; its network is loaded at the first and kept.
#[derive(Debug)]
pub struct Predictor {
    model: Model,
    options: Options,
    session: OnceLock<Session>,
}

impl Predictor {
    /// Makes a predictor; nothing is loaded yet.
    ///
    /// # Errors
    /// - Usage: an output is asked for twice, or the model's task does not give it.
    pub fn new(model: Model, options: Options) -> Result<Self> {
        let mut options = options;
        if options.emit.is_empty() {
            options.emit = Emit::of(model.manifest().task)[..1].to_vec();
        }
        Deciding::new(model.manifest(), &options.thresholds)?;
        for (place, emit) in options.emit.iter().enumerate() {
            emit.output(model.manifest())?;
            if options.emit[..place].contains(emit) {
                return Err(Error::usage(format!("'{}' is asked for twice", emit.name())));
            }
        }
        Ok(Self { model, options, session: OnceLock::new() })
    }

    /// Returns the model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Returns the options, outputs filled in.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Lists the files that a prediction into `file` makes, in the order of [`Options::emit`]: the
    /// first is `file`, others have their name before the end.
    pub fn files(&self, file: &Path) -> Vec<PathBuf> {
        let emits = &self.options.emit;
        emits.iter().map(|emit| output_path(file, *emit, emits[0])).collect()
    }

    /// Predicts `inputs`, one per date, into `file` and what is beside it.
    ///
    /// # Errors
    /// - Usage: the options contradict each other, a file exists, or is an input.
    /// - Input: a raster cannot be used.
    /// - Model: the model or ONNX Runtime cannot be used.
    /// - Io: no room on disk or in memory.
    /// - Cancelled: `progress` said so.
    pub fn predict(
        &self,
        inputs: &[&str],
        file: &Path,
        progress: &mut dyn Progress,
    ) -> Result<SceneReport> {
        let (manifest, options) = (self.model.manifest(), &self.options);
        let api = GdalApi::find()?;
        let inputs = Inputs::open(api, manifest, inputs, options)?;
        let plan = inputs.plan(manifest, options)?;
        let normaliser = Normaliser::new(manifest, inputs.dn_offset())?;
        let files = self.files(file);
        inputs.must_differ(&files, self.model.path())?;
        let session = self.session()?;
        let key = resume::key(&self.model, &inputs, &plan, options, &session.report());
        let mut outputs = Outputs::create(api, manifest, &files, &plan, &inputs, &key, options)?;
        let rest = outputs.rest(&plan)?;
        let [pool, taking] = [self.pool()?, self.pool()?];
        let mut report = pipeline::Report::default();
        if let Some(rest) = &rest {
            self.announce(rest, session);
            let line = Line {
                manifest,
                outputs: &wanted(manifest, &options.emit)?,
                session,
                plan: rest,
                source: &inputs.source(),
                area: inputs.area(),
                normaliser: &normaliser,
                batch: options.batch,
                pool: &pool,
                memory: options.memory,
            };
            let mut take = |kind, rows: Blended<'_>| outputs.write(kind, rows, &taking);
            report = pipeline::predict(line, progress, &mut take)
                .map_err(|error| error.at(&inputs.place_name()))?;
        }
        let mut scene = SceneReport {
            outputs: Vec::new(),
            line: report,
            provider: session.report(),
            peak_rss: memory::peak_resident(),
        };
        let metadata = self.metadata(&inputs, &plan, &scene);
        let mut go_on = || progress.advanced(report.chips, report.chips);
        let started = Instant::now();
        scene.outputs = outputs.finish(&metadata, &mut go_on)?;
        scene.line.writing += started.elapsed().as_secs_f64();
        scene.peak_rss = memory::peak_resident();
        Ok(scene)
    }

    /// Loads the network, unless it is, and states who computes.
    ///
    /// # Errors
    /// - Usage: the options contradict each other.
    /// - Model: the model or ONNX Runtime cannot be used.
    pub fn load(&self) -> Result<ProviderReport> {
        Ok(self.session()?.report())
    }

    /// Starts threads of a run: those that read and normalise, or those that make an output's pixels.
    pub(crate) fn pool(&self) -> Result<ThreadPool> {
        let threads = ThreadPoolBuilder::new().num_threads(self.options.threads).build();
        threads.map_err(|error| Error::io(format!("cannot start threads: {error}")))
    }

    /// Returns the network, loaded at the first call.
    pub(crate) fn session(&self) -> Result<&Session> {
        if self.session.get().is_none() {
            let Options { device, provider, precision, threads, batch, .. } = self.options;
            let library = self.options.library.clone();
            let options = SessionOptions { device, provider, precision, threads, batch, library };
            let session = self.model.load(&options)?;
            return Ok(self.session.get_or_init(|| session));
        }
        self.session.get().ok_or_else(|| Error::failed("the network is gone"))
    }

    pub(crate) fn announce(&self, plan: &TilePlan, session: &Session) {
        let report = session.report();
        info!(
            "{} chips of {side} x {side} pixels, {} at a time, by {} (ONNX Runtime {}, {}, {} \
             threads)",
            plan.len(),
            self.options.batch,
            report.provider,
            report.library,
            report.precision,
            self.options.threads,
            side = plan.grid().chip(),
        );
        if let Some(note) = &report.note {
            info!("{note}");
        }
        if report.precision != Precision::Fp32 && self.model.manifest().task == Task::Change {
            info!(
                "{}: the difference of two dates amplifies rounding; {CHANGE_COST}",
                report.precision
            );
        }
    }

    /// Returns what the sidecar tells of the run.
    fn metadata(
        &self,
        inputs: &Inputs,
        plan: &TilePlan,
        scene: &SceneReport,
    ) -> Vec<(String, String)> {
        let manifest = self.model.manifest();
        let optional = |value: Option<String>| value.unwrap_or_default();
        let thresholds = Deciding::new(manifest, &self.options.thresholds)
            .map(|deciding| words(deciding.thresholds()));
        let model = self.model.path().file_name().unwrap_or_default().to_string_lossy();
        let items = [
            ("VERSION", env!("CARGO_PKG_VERSION").to_owned()),
            ("TASK", manifest.task.name().to_owned()),
            ("MODEL", model.into_owned()),
            ("CHECKPOINT_SHA256", optional(manifest.checkpoint_sha256.clone())),
            ("INPUT", inputs.file_names()),
            ("OVERLAP", plan.grid().overlap().to_string()),
            ("THRESHOLDS", thresholds.unwrap_or_default()),
            ("PROVIDER", scene.provider.provider.clone()),
            ("ONNXRUNTIME", scene.provider.library.clone()),
            ("PRECISION", scene.provider.precision.to_string()),
            ("FALLBACK_NODES", optional(scene.provider.fallback_nodes.map(|n| n.to_string()))),
            ("CHIPS", scene.line.chips.to_string()),
            ("CHIPS_SKIPPED", scene.line.chips_skipped.to_string()),
            ("CHIPS_PER_SECOND", format!("{:.3}", scene.chips_per_second())),
            (
                "SEAM_DISAGREEMENT",
                optional(scene.line.seam_disagreement.map(|share| format!("{share:.6}"))),
            ),
            ("PRETRAINING_LOSS", optional(scene.line.loss.map(|loss| format!("{loss:.6}")))),
        ];
        let items = items.into_iter().chain(inputs.about()).filter(|(_, value)| !value.is_empty());
        items.map(|(key, value)| (format!("SPECTRALGPT_{key}"), value)).collect()
    }
}

/// Returns the network's outputs that are needed, each once.
pub(crate) fn wanted(manifest: &Manifest, emits: &[Emit]) -> Result<Vec<Output>> {
    let mut outputs: Vec<Output> = Vec::new();
    for emit in emits {
        let output = emit.output(manifest)?;
        if !outputs.contains(output) {
            outputs.push(output.clone());
        }
    }
    Ok(outputs)
}

/// Names the file of an output: the first one's is `file`, another's is beside it and ends as its
/// kind does.
fn output_path(file: &Path, emit: Emit, first: Emit) -> PathBuf {
    if emit == first {
        return file.to_owned();
    }
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{}", emit.name()));
    let own = emit.extension();
    let extension = file.extension().filter(|_| own == first.extension());
    // A raster's name may go without an end.
    if extension.is_some() || own != first.extension() {
        name.push(".");
        name.push(extension.unwrap_or(own.as_ref()));
    }
    file.with_file_name(name)
}

/// Writes numbers, one after the other.
fn words(numbers: &[f32]) -> String {
    numbers.iter().map(f32::to_string).collect::<Vec<_>>().join(" ")
}
