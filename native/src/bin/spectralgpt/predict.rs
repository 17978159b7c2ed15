//! `spectralgpt predict`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use log::info;
use serde_json::{Value, json};
use spectralgpt_core::emit::Emit;
use spectralgpt_core::error::{Error, Kind, Result};
use spectralgpt_core::geometry::{Size, Window};
use spectralgpt_core::memory;
use spectralgpt_core::model::Model;
use spectralgpt_core::options::Options;
use spectralgpt_core::progress::Progress;
use spectralgpt_core::raster::gdal::{Format, GdalApi};
use spectralgpt_core::runtime::provider::{Device, Precision, ProviderChoice};
use spectralgpt_core::scene::{self, SceneReport};

use crate::{print, say};

/// The most memory GDAL's block cache may hold; the line reads each block once, or nearly so.
const GDAL_CACHE: u64 = 256 << 20;

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A model file that `spectralgpt convert` wrote
    model: PathBuf,
    /// The rasters: anything GDAL opens
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// The map to write; for several rasters, the folder to write into
    #[arg(short, long, value_name = "FILE|DIR")]
    output: PathBuf,
    /// Outputs, separated by commas: classes, scores, confidence, valid; the first is written to FILE,
    /// the others beside it
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "classes")]
    emit: Vec<Emit>,
    /// Maps only this part; pixels around it are still looked at
    #[arg(long, value_name = "COL,ROW,W,H", value_parser = window, allow_hyphen_values = true)]
    window: Option<Window>,
    /// Pixels that neighbouring chips share, a multiple of the model's patch [default: the model's, 32]
    #[arg(long, value_name = "PX")]
    overlap: Option<u32>,
    /// Chips inferred together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count)]
    batch: usize,
    /// Threads [default: as many as this process may use]
    #[arg(short = 'j', long, value_name = "N", value_parser = count)]
    threads: Option<usize>,
    /// Memory the process may hold, as in 4G [default: 4G, or half of what there is]
    #[arg(long, value_name = "SIZE", value_parser = memory::parse)]
    memory: Option<u64>,
    /// What computes: auto, cpu, cuda, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: Device,
    /// Who computes there: auto, ort, openvino, tensorrt
    #[arg(long, value_name = "NAME", default_value = "auto")]
    provider: ProviderChoice,
    /// The network's arithmetic: fp32, bf16, fp16, fastest
    #[arg(long, value_name = "NAME", default_value = "fp32")]
    precision: Precision,
    /// Names of the raster's bands in file order, '-' for one that is not needed [default: as the file says]
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    bands: Option<Vec<String>>,
    /// The value that means "nothing here" [default: as the file says]
    #[arg(long, value_name = "V", allow_hyphen_values = true)]
    nodata: Option<f64>,
    /// Added to every digital number, -1000 for Sentinel-2 since baseline 04.00 [default: as the file says]
    #[arg(long, value_name = "DN", allow_hyphen_values = true)]
    dn_offset: Option<f64>,
    /// Format of the output: GTiff, COG
    #[arg(long = "of", value_name = "FORMAT", default_value = "GTiff")]
    format: Format,
    /// A creation option of the format; may be repeated
    #[arg(long = "co", value_name = "K=V")]
    creation: Vec<String>,
    /// Goes on with an interrupted run of the same request; if this one is interrupted, its rows are kept
    #[arg(long)]
    resume: bool,
    /// Replaces existing files
    #[arg(long)]
    overwrite: bool,
    /// Says nothing but warnings and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Prints one JSON object per raster
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<()> {
        let model = Model::open(&self.model);
        if let (Err(error), true) = (&model, self.json) {
            self.inputs.iter().try_for_each(|input| print(&failure(input, error)))?;
        }
        let (model, options) = (model?, self.options());
        GdalApi::find()?.limit_cache((options.memory / 8).min(GDAL_CACHE));
        let jobs = self.jobs()?;
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed))
            .map_err(|error| Error::failed(format!("cannot listen for Ctrl-C: {error}")))?;
        let mut failed = Vec::new();
        // Holding the network keeps it loaded between rasters.
        let mut network = None;
        for (input, file) in &jobs {
            let mut bar = Bar::new(self.quiet, Arc::clone(&stop));
            let report = scene::predict(&model, input, file, &options, &mut bar);
            bar.bar.finish_and_clear();
            network = network.or_else(|| scene::open_session(&model, &options).ok());
            self.tell(input, &report)?;
            match report {
                Err(error) if jobs.len() == 1 || error.kind() == Kind::Cancelled => {
                    return Err(error);
                }
                Err(error) => {
                    say(&error);
                    failed.push(input.as_str());
                }
                Ok(_) => {}
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        let (few, all) = (failed.len(), jobs.len());
        Err(Error::failed(format!("{few} of {all} rasters failed: {}", failed.join(", "))))
    }

    fn options(&self) -> Options {
        let mut options = Options::default();
        options.emit = self.emit.clone();
        options.window = self.window;
        options.overlap = self.overlap;
        options.batch = self.batch;
        options.threads = self.threads.unwrap_or(options.threads);
        options.memory = self.memory.unwrap_or(options.memory);
        options.device = self.device;
        options.provider = self.provider;
        options.precision = self.precision;
        options.bands = self.bands.clone();
        options.nodata = self.nodata;
        options.dn_offset = self.dn_offset;
        options.format = self.format;
        options.resume = self.resume;
        options.creation = self.creation.clone();
        options.overwrite = self.overwrite;
        options
    }

    /// Pairs rasters with files: a single one goes to FILE, several go into a folder.
    fn jobs(&self) -> Result<Vec<(String, PathBuf)>> {
        if let ([input], false) = (self.inputs.as_slice(), self.output.is_dir()) {
            return Ok(vec![(input.clone(), self.output.clone())]);
        }
        std::fs::create_dir_all(&self.output)
            .map_err(|error| Error::file("make the folder", &self.output, &error))?;
        let mut jobs: Vec<(String, PathBuf)> = Vec::new();
        for input in &self.inputs {
            let stem = Path::new(input).file_stem().unwrap_or_default().to_string_lossy();
            let file = self.output.join(format!("{stem}.tif"));
            if let Some((other, _)) = jobs.iter().find(|(_, taken)| *taken == file) {
                return Err(Error::usage(format!(
                    "'{other}' and '{input}' would both be written to '{}'; predict them apart",
                    file.display()
                )));
            }
            jobs.push((input.clone(), file));
        }
        Ok(jobs)
    }

    fn tell(&self, input: &str, report: &Result<SceneReport>) -> Result<()> {
        if let Ok(done) = report {
            info!(
                "wrote {} in {:.1} s: {} chips ({} skipped), {:.2} chips/s by {}",
                done.outputs
                    .iter()
                    .map(|path| format!("'{}'", path.display()))
                    .collect::<Vec<_>>()
                    .join(", "),
                done.line.seconds,
                done.line.chips,
                done.line.chips_skipped,
                done.chips_per_second(),
                done.provider.provider,
            );
        }
        if !self.json {
            return Ok(());
        }
        print(
            &report
                .as_ref()
                .map_or_else(|error| failure(input, error), |done| success(input, done)),
        )
    }
}

fn success(input: &str, done: &SceneReport) -> String {
    let outputs: Vec<Value> =
        done.outputs.iter().map(|path| path.display().to_string().into()).collect();
    json!({
        "input": input,
        "outputs": outputs,
        "seconds": done.line.seconds,
        "chips": done.line.chips,
        "chips_skipped": done.line.chips_skipped,
        "chips_per_second": done.chips_per_second(),
        "provider": done.provider.provider,
        "precision": done.provider.precision.to_string(),
        "fallback_nodes": done.provider.fallback_nodes,
        "seam_disagreement": done.line.seam_disagreement,
        "peak_rss_bytes": done.peak_rss,
    })
    .to_string()
}

fn failure(input: &str, error: &Error) -> String {
    json!({
        "input": input,
        "error": { "code": error.kind().code(), "message": error.message() },
    })
    .to_string()
}

fn window(text: &str) -> Result<Window> {
    let numbers: Option<Vec<u32>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some([col, row, width, height]) => Ok(Window::new(*col, *row, Size::new(*width, *height))),
        _ => Err(Error::usage("give COL,ROW,W,H in whole pixels, as in 0,0,1000,800")),
    }
}

fn count(text: &str) -> Result<usize> {
    text.parse()
        .ok()
        .filter(|n| (1..=4096).contains(n))
        .ok_or_else(|| Error::usage("give a whole number from 1 to 4096"))
}

/// A bar on a terminal, nothing otherwise; stops on Ctrl-C.
struct Bar {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
}

impl Bar {
    fn new(quiet: bool, stop: Arc<AtomicBool>) -> Self {
        let bar = if quiet || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(0)
        };
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} chips, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, stop }
    }
}

impl Progress for Bar {
    fn advanced(&mut self, done: usize, total: usize) -> bool {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        !self.stop.load(Ordering::Relaxed)
    }
}
