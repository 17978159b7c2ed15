//! `spectralgpt serve`: does one thing whenever a line says so. `bench` and `doctor` start it.
//!
//! It loads, writes a line of JSON that says who computes, and then answers each line on standard
//! input with one that tells how long the thing took. One process is one ONNX Runtime library.

use std::io::BufRead;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::geometry::Window;
use spectralgpt_core::memory;
use spectralgpt_core::model::Model;
use spectralgpt_core::options::{Options, Part};
use spectralgpt_core::progress::Silent;
use spectralgpt_core::raster::gdal::GdalApi;
use spectralgpt_core::runtime::provider::{Device, Precision, ProviderChoice};
use spectralgpt_core::runtime::session::{ProviderReport, SessionOptions};
use spectralgpt_core::scene::{Predictor, SceneReport};
use spectralgpt_core::speed::{self, Probe, Probed};

use crate::parse::{count, window};
use crate::predict::GDAL_CACHE;
use crate::print;

/// A turn of a small network lasts at least so many seconds.
const TURN: f64 = 0.2;

/// What is done.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Work {
    /// Runs an encoder's block.
    Block,
    /// Multiplies matrices.
    Products,
    /// Predicts a raster, from file to file.
    Predict,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    work: Work,
    #[arg(long, default_value = "builtin:landcover")]
    model: PathBuf,
    #[arg(long)]
    input: Vec<String>,
    #[arg(long, default_value = "map.tif")]
    output: PathBuf,
    #[arg(long, value_parser = window, allow_hyphen_values = true)]
    window: Option<Window>,
    #[arg(long)]
    overlap: Option<u32>,
    #[arg(long, default_value_t = 1, value_parser = count)]
    batch: usize,
    #[arg(short = 'j', long, default_value_t = 1, value_parser = count)]
    threads: usize,
    #[arg(long, default_value = "auto")]
    device: Device,
    #[arg(long, default_value = "auto")]
    provider: ProviderChoice,
    #[arg(long, default_value = "fp32")]
    precision: Precision,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<()> {
        match self.work {
            Work::Block => self.serve_probe(Probe::Block),
            Work::Products => self.serve_probe(Probe::Products),
            Work::Predict => self.serve_predict(),
        }
    }

    fn serve_probe(&self, kind: Probe) -> Result<()> {
        let Self { device, provider, precision, threads, .. } = *self;
        let options = SessionOptions { device, provider, precision, threads, ..Default::default() };
        let probed = speed::probe(kind, &options)?;
        probed.run()?;
        answer(&probed.report(), || turn(&probed))
    }

    fn serve_predict(&self) -> Result<()> {
        let predictor = Predictor::new(Model::open(&self.model)?, self.options())?;
        GdalApi::find()?.settle_memory(GDAL_CACHE);
        let report = predictor.load()?;
        let inputs: Vec<&str> = self.input.iter().map(String::as_str).collect();
        answer(&report, || {
            let done = predictor.predict(&inputs, &self.output, &mut Silent)?;
            Ok(describe(&done))
        })
    }

    fn options(&self) -> Options {
        let mut options = Options::default();
        options.part = self.window.map_or(Part::Whole, Part::Window);
        options.overlap = self.overlap;
        (options.batch, options.threads) = (self.batch, self.threads);
        (options.device, options.provider) = (self.device, self.provider);
        options.precision = self.precision;
        options.overwrite = true;
        options
    }
}

/// Says who computes, then does a turn for each line; adds its wall and processor time.
fn answer(report: &ProviderReport, mut turn: impl FnMut() -> Result<Value>) -> Result<()> {
    let about = json!({
        "provider": report.provider,
        "precision": report.precision.to_string(),
        "onnxruntime": report.library,
        "library": report.library_path.display().to_string(),
        "note": report.note,
    });
    print(&about.to_string())?;
    for line in std::io::stdin().lock().lines() {
        line.map_err(|error| Error::io(format!("cannot read standard input: {error}")))?;
        let (started, cpu) = (Instant::now(), speed::processor_seconds());
        let mut done = turn()?;
        done["wall"] = started.elapsed().as_secs_f64().into();
        done["cpu"] = (speed::processor_seconds() - cpu).into();
        done["peak_rss_bytes"] = memory::peak_resident().into();
        print(&done.to_string())?;
    }
    Ok(())
}

fn turn(probed: &Probed) -> Result<Value> {
    let started = Instant::now();
    let mut runs = 0_u32;
    while runs == 0 || started.elapsed().as_secs_f64() < TURN {
        probed.run()?;
        runs += 1;
    }
    Ok(json!({ "runs": runs, "flop": probed.flop() * f64::from(runs) }))
}

fn describe(done: &SceneReport) -> Value {
    let line = &done.line;
    json!({
        "chips": line.chips - line.chips_skipped,
        "reading": line.reading,
        "normalising": line.normalising,
        "inferring": line.inferring,
        "blending": line.blending,
        "writing": line.writing,
        "seam_disagreement": line.seam_disagreement,
    })
}
