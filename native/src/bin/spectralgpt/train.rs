//! `spectralgpt train`.

use std::path::{Path, PathBuf};

use clap::Args;
use log::info;
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::memory;
use spectralgpt_core::model::Model;
use spectralgpt_core::raster::gdal::GdalApi;
use spectralgpt_core::runtime::provider::{Device, Precision, ProviderChoice};
use spectralgpt_core::train::{
    ClassName, HeadChoice, Layer, TrainOptions, TrainReport, check_files, parse_classes, train,
};

use crate::bar::{Bar, listen};
use crate::parse::count;
use crate::predict::GDAL_CACHE;
use crate::print;
use crate::report::failure;

/// Arguments of `train`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The model whose encoder is used, that `spectralgpt convert` wrote
    model: PathBuf,
    /// The raster: anything GDAL opens
    input: String,
    /// What is where in it: polygons, lines or points of a vector file, or a raster of class values
    /// (0 and nodata: no label)
    labels: String,
    /// The model to write
    #[arg(short, long, value_name = "MODEL.onnx")]
    output: PathBuf,
    /// The field of the vector file that holds the classes [default: the labels are a raster]
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
    /// JSON list of names and colours: [{"label": "3", "name": "Water", "colour": "#0000ff"}, ...]
    #[arg(long, value_name = "FILE.json")]
    classes: Option<PathBuf>,
    /// What is put on the encoder: auto (whatever tests best), logistic, mlp
    #[arg(long, value_name = "KIND", default_value = "auto")]
    head: HeadChoice,
    /// What the head sees besides the spectrum at each pixel and around it: auto, encoder, decoder
    #[arg(long, value_name = "LAYER", default_value = "auto")]
    layer: Layer,
    /// How much rare classes count for more than their number, 0 (not at all) to 1 (as much as common
    /// ones)
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, allow_hyphen_values = true)]
    balance: f64,
    /// Side of the blocks of the raster that are learnt from or tested on as a whole, 32 or more
    #[arg(long, value_name = "PX", default_value_t = 32)]
    blocks: u32,
    /// Parts that the blocks are dealt into, each tested once
    #[arg(long, value_name = "N", default_value_t = 5)]
    folds: usize,
    /// Starts all that is drawn by lot; equal seeds give equal files
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Keeps what the encoder gives in this folder, for the next training [default: it is not kept]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Writes the report too: as JSON, or the confusion matrix as a picture; may be repeated
    #[arg(long, value_name = "FILE.json|FILE.png")]
    report: Vec<PathBuf>,
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
    /// Replaces existing files
    #[arg(long)]
    overwrite: bool,
    /// Says nothing but warnings and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Prints the report as a JSON object
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<()> {
        match self.train() {
            Ok(report) => self.tell(&report),
            Err(error) => {
                if self.json {
                    print(&failure(&self.input, &error))?;
                }
                Err(error)
            }
        }
    }

    fn train(&self) -> Result<TrainReport> {
        let options = self.options()?;
        let written = [&self.output].into_iter().chain(&self.report).map(PathBuf::as_path);
        let read = [self.model.as_path(), Path::new(&self.input), Path::new(&self.labels)];
        let read: Vec<&Path> = read.into_iter().chain(self.classes.as_deref()).collect();
        check_files(&written.collect::<Vec<_>>(), &read, self.overwrite)?;
        let model = Model::open(&self.model)?;
        GdalApi::find()?.settle_memory((options.line.memory / 8).min(GDAL_CACHE));
        let mut bar = Bar::new(self.quiet, "steps", listen()?);
        train(&model, &self.input, &self.labels, &self.output, &options, &mut bar)
    }

    fn options(&self) -> Result<TrainOptions> {
        let mut options = TrainOptions::default();
        options.field.clone_from(&self.field);
        options.classes =
            self.classes.as_deref().map(read_classes).transpose()?.unwrap_or_default();
        (options.head, options.layer, options.balance) = (self.head, self.layer, self.balance);
        (options.block_px, options.folds, options.seed) = (self.blocks, self.folds, self.seed);
        options.cache.clone_from(&self.cache);
        let line = &mut options.line;
        line.threads = self.threads.unwrap_or(line.threads);
        line.memory = self.memory.unwrap_or(line.memory);
        (line.device, line.provider, line.precision) = (self.device, self.provider, self.precision);
        line.bands.clone_from(&self.bands);
        (line.nodata, line.dn_offset) = (self.nodata, self.dn_offset);
        line.overwrite = self.overwrite;
        Ok(options)
    }

    fn tell(&self, report: &TrainReport) -> Result<()> {
        for class in &report.classes {
            info!(
                "{}: precision {:.3}, recall {:.3}, F1 {:.3}, {} pixels in {} blocks",
                class.name, class.precision, class.recall, class.f1, class.support, class.blocks
            );
        }
        info!(
            "of blocks not learnt from: overall accuracy {:.3} (the commonest class alone: {:.3}), \
             macro F1 {:.3}; without the network's features {:.3} and {:.3}",
            report.figures.overall_accuracy,
            report.majority_rate,
            report.figures.macro_f1,
            report.comparison.spectrum_alone.overall_accuracy,
            report.comparison.spectrum_alone.macro_f1,
        );
        info!("wrote '{}' in {:.1} s", report.output.display(), report.seconds);
        let json = serde_json::to_string(report)
            .map_err(|error| Error::failed(format!("the report cannot be written: {error}")))?;
        self.report.iter().try_for_each(|path| report.save(path))?;
        if self.json { print(&json) } else { Ok(()) }
    }
}

fn read_classes(path: &Path) -> Result<Vec<ClassName>> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::file("read", path, &error))?;
    parse_classes(&text).map_err(|error| error.at(&format!("'{}'", path.display())))
}
