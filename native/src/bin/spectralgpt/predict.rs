//! `spectralgpt predict`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use log::info;
use serde_json::json;
use spectralgpt_core::emit::Emit;
use spectralgpt_core::error::{Error, Kind, Result};
use spectralgpt_core::geometry::Window;
use spectralgpt_core::memory;
use spectralgpt_core::model::Model;
use spectralgpt_core::model::manifest::Activation;
use spectralgpt_core::options::{Masked, Options, Part, Resolution};
use spectralgpt_core::raster::gdal::{Format, GdalApi};
use spectralgpt_core::runtime::provider::{Device, Precision, ProviderChoice};
use spectralgpt_core::scene::{Predictor, SceneReport};
use spectralgpt_core::{sentinel2, series};

use crate::bar::{Bar, listen};
use crate::parse::{corners, count, window};
use crate::report::{failure, paths, success};
use crate::{print, say};

/// The most memory GDAL's block cache may hold: a row of 1024-pixel blocks of 13 bands, and more.
pub(crate) const GDAL_CACHE: u64 = 512 << 20;

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A model file that `spectralgpt convert` wrote
    model: PathBuf,
    /// The rasters: anything GDAL opens, or Sentinel-2 products as they come (SAFE folder, zip or a file in
    /// it, folder of band files, STAC item); for a change model BEFORE AFTER
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// The map to write; for several rasters, the folder to write into
    #[arg(short, long, value_name = "FILE|DIR")]
    output: PathBuf,
    /// Outputs, separated by commas, the first to FILE, the others beside it: classes, scores,
    /// confidence, entropy, disagreement, valid; grid (a GeoPackage: a polygon per chip of a scene
    /// classification); features, chip-features, and these as 8-bit integers: features-int8,
    /// chip-features-int8; reconstruction, anomaly
    /// [default: classes; features of an embed model; reconstruction of a reconstruct model]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    emit: Vec<Emit>,
    /// Maps only this part; pixels around it are still looked at
    #[arg(long, value_name = "COL,ROW,W,H", value_parser = window, allow_hyphen_values = true)]
    window: Option<Window>,
    /// Maps only the pixels that this rectangle covers
    #[arg(long, value_name = "X0,Y0,X1,Y1", value_parser = corners, allow_hyphen_values = true,
          conflicts_with = "window")]
    bbox: Option<[f64; 4]>,
    /// Reference system of --bbox, as in EPSG:4326 (x is longitude) [default: the raster's]
    #[arg(long, value_name = "SRS", requires = "bbox")]
    bbox_crs: Option<String>,
    /// Maps only the pixels in the polygons of this vector file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["window", "bbox"])]
    aoi: Option<PathBuf>,
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
    /// Pixels that become nodata besides: scl (clouds, shadows, snow by a level-2A product's scene
    /// classification: 3, 8, 9, 10, 11), none, or a raster that is 0 there
    #[arg(long, value_name = "scl|none|FILE", default_value = "none")]
    mask: Masked,
    /// Pixels that the network sees: the model's size, resampled where the raster's are others, or the source's
    #[arg(long, value_name = "model|source", default_value = "model")]
    resolution: Resolution,
    /// Takes the rasters as dates of one place, in order: all on the first one's grid, a pixel that is
    /// nodata on one date is so on all; a map per date and series.vrt, which stacks them, go into DIR. A
    /// change model gets the first and the last
    #[arg(long)]
    series: bool,
    /// The score from which on a multilabel model's label is there: one for all, or one each separated
    /// by commas [default: the model's, 0.5]
    #[arg(long, value_name = "T", value_delimiter = ',', allow_hyphen_values = true)]
    threshold: Vec<f64>,
    /// Format of the output: GTiff, COG
    #[arg(long = "of", value_name = "FORMAT", default_value = "GTiff")]
    format: Format,
    /// A creation option of the format; may be repeated
    #[arg(long = "co", value_name = "K=V")]
    creation: Vec<String>,
    /// Goes on with an interrupted run of the same request; if this one is interrupted, its rows are kept
    #[arg(long)]
    resume: bool,
    /// What the scores of another's model still need: none, softmax, log_softmax, sigmoid
    #[arg(long, value_name = "NAME")]
    activation: Option<Activation>,
    /// Replaces existing files
    #[arg(long, conflicts_with = "skip_existing")]
    overwrite: bool,
    /// Passes over rasters whose files are all there already
    #[arg(long)]
    skip_existing: bool,
    /// Says nothing but warnings and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Prints one JSON object per raster
    #[arg(long)]
    json: bool,
}

/// One raster, or one per date, and the file to write.
struct Job {
    inputs: Vec<String>,
    file: PathBuf,
}

impl Job {
    /// Names the rasters as one, for the log and JSON.
    fn name(&self) -> String {
        self.inputs.join(" ")
    }
}

impl Arguments {
    pub(crate) fn run(self) -> Result<()> {
        let prepared = self.prepare();
        let (predictor, jobs) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                self.tell_failure(&self.inputs.join(" "), &error)?;
                return Err(error);
            }
        };
        let stop = listen()?;
        let mut failed = Vec::new();
        for job in &jobs {
            let files = predictor.files(&job.file);
            if self.skip_existing && files.iter().all(|file| file.exists()) {
                self.tell_skipped(&job.name(), &files)?;
                continue;
            }
            let inputs: Vec<&str> = job.inputs.iter().map(String::as_str).collect();
            let mut bar = Bar::new(self.quiet, "chips", Arc::clone(&stop));
            let report = predictor.predict(&inputs, &job.file, &mut bar);
            drop(bar);
            match report {
                Ok(done) => self.tell(&job.name(), &done)?,
                Err(error) => {
                    self.tell_failure(&job.name(), &error)?;
                    if jobs.len() == 1 || error.kind() == Kind::Cancelled {
                        return Err(error);
                    }
                    say(&error);
                    failed.push(job.name());
                }
            }
        }
        if failed.is_empty() {
            return if self.series { self.stack(&predictor, &jobs) } else { Ok(()) };
        }
        let (few, all) = (failed.len(), jobs.len());
        Err(Error::failed(format!("{few} of {all} rasters failed: {}", failed.join(", "))))
    }

    /// Checks all that can be checked before the first raster is opened.
    fn prepare(&self) -> Result<(Predictor, Vec<Job>)> {
        let options = self.options();
        let cache = (options.memory / 8).min(GDAL_CACHE);
        let predictor = Predictor::new(Model::open_with(&self.model, self.activation)?, options)?;
        let jobs = self.jobs(&predictor)?;
        GdalApi::find()?.settle_memory(cache);
        Ok((predictor, jobs))
    }

    fn options(&self) -> Options {
        let mut options = Options::default();
        options.emit = self.emit.clone();
        options.part = self.part();
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
        options.mask = self.mask.clone();
        options.resolution = self.resolution;
        options.series = if self.series { self.inputs.clone() } else { Vec::new() };
        options.thresholds = self.threshold.clone();
        options.format = self.format;
        options.resume = self.resume;
        options.creation = self.creation.clone();
        options.overwrite = self.overwrite;
        options
    }

    fn part(&self) -> Part {
        match (self.window, self.bbox, &self.aoi) {
            (Some(window), _, _) => Part::Window(window),
            (_, Some(corners), _) => Part::Rectangle { corners, srs: self.bbox_crs.clone() },
            (_, _, Some(polygons)) => Part::Polygons(polygons.clone()),
            (None, None, None) => Part::Whole,
        }
    }

    /// Stacks the maps of a series, where there is one per date.
    fn stack(&self, predictor: &Predictor, jobs: &[Job]) -> Result<()> {
        if predictor.model().manifest().task.inputs().len() > 1 {
            return Ok(());
        }
        let files: Vec<PathBuf> = jobs.iter().map(|job| job.file.clone()).collect();
        let stack = self.output.join("series.vrt");
        series::write(GdalApi::find()?, &files, &stack, self.overwrite)?;
        info!("wrote '{}'", stack.display());
        Ok(())
    }

    /// Pairs rasters with files: those of one prediction go to FILE, of several into a folder.
    fn jobs(&self, predictor: &Predictor) -> Result<Vec<Job>> {
        let dates = predictor.model().manifest().task.inputs().len();
        if let ([first, .., last], 2, true) = (self.inputs.as_slice(), dates, self.series) {
            let inputs = vec![first.clone(), last.clone()];
            return Ok(vec![Job { inputs, file: self.output.clone() }]);
        }
        let folder =
            self.series || self.output.is_dir() || self.output.to_string_lossy().ends_with('/');
        if self.inputs.len() == dates && !folder {
            return Ok(vec![Job { inputs: self.inputs.clone(), file: self.output.clone() }]);
        }
        if !self.inputs.len().is_multiple_of(dates) {
            let given = self.inputs.len();
            return Err(Error::usage(format!(
                "the model takes {dates} rasters at a time, {given} given"
            )));
        }
        let job = |inputs: &[String]| {
            let title = sentinel2::title(&inputs[0]);
            let end = predictor.options().emit[0].extension();
            Job { inputs: inputs.to_vec(), file: self.output.join(format!("{title}.{end}")) }
        };
        let jobs: Vec<Job> = self.inputs.chunks(dates).map(job).collect();
        self.check_apart(predictor, &jobs)?;
        std::fs::create_dir_all(&self.output)
            .map_err(|error| Error::file("make the folder", &self.output, &error))?;
        Ok(jobs)
    }

    /// Checks that no two files of several predictions are the same, nor a raster to be read.
    fn check_apart(&self, predictor: &Predictor, jobs: &[Job]) -> Result<()> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut taken: Vec<PathBuf> =
            self.inputs.iter().map(|input| real(Path::new(input))).collect();
        for file in jobs.iter().flat_map(|job| predictor.files(&job.file)) {
            if taken.contains(&real(&file)) {
                return Err(Error::usage(format!(
                    "'{}' is an input or would be written twice; predict into another folder, or \
                     the rasters apart",
                    file.display()
                )));
            }
            taken.push(real(&file));
        }
        Ok(())
    }

    fn tell(&self, input: &str, done: &SceneReport) -> Result<()> {
        let files: Vec<String> =
            done.outputs.iter().map(|path| format!("'{}'", path.display())).collect();
        info!(
            "wrote {} in {:.1} s: {} chips ({} skipped), {:.2} chips/s by {}",
            files.join(", "),
            done.line.seconds,
            done.line.chips,
            done.line.chips_skipped,
            done.chips_per_second(),
            done.provider.provider,
        );
        info!(
            "side by side: {:.1} s reading, {:.1} s inferring, {:.1} s writing",
            done.line.reading, done.line.inferring, done.line.writing,
        );
        if let Some(loss) = done.line.loss {
            info!("pre-training loss {loss:.6}");
        }
        if self.json { print(&success(input, done)) } else { Ok(()) }
    }

    fn tell_skipped(&self, input: &str, files: &[PathBuf]) -> Result<()> {
        info!("'{input}' is passed over: its files are there already");
        let outputs = paths(files);
        if !self.json {
            return Ok(());
        }
        print(&json!({ "input": input, "outputs": outputs, "skipped": true }).to_string())
    }

    fn tell_failure(&self, input: &str, error: &Error) -> Result<()> {
        if self.json { print(&failure(input, error)) } else { Ok(()) }
    }
}
