//! Trains a new head on a model's encoder from labelled pixels: labels in, a segmentation model out.
//!
//! The line: `labels -> pixels -> features -> folds -> choice -> head -> model`. Labelled pixels are
//! drawn, the chips that hold them are encoded once, heads are compared on blocks of the raster that
//! they have not seen, and the best one is put on the encoder in one ONNX file.

mod cache;
mod encode;
mod encoder;
mod files;
mod fit;
mod folds;
mod graft;
mod head;
mod names;
mod options;
mod pixels;
mod report;
mod score;
mod search;
mod seen;
mod sheet;
mod table;
mod watch;

pub use files::check_files;
pub use head::Kind as HeadKind;
pub use names::parse_classes;
pub use options::{ClassName, HeadChoice, Layer, TrainOptions};
pub use report::{ClassReport, Comparison, Figures, TrainReport};

use std::path::Path;
use std::time::Instant;

use log::{info, warn};
use rayon::ThreadPoolBuilder;

use crate::error::{Error, Result};
use crate::inputs::Inputs;
use crate::memory;
use crate::model::Model;
use crate::progress::Progress;
use crate::raster::RasterSource;
use crate::raster::gdal::{GdalApi, Labels};
use encode::Encoding;
use encoder::Encoder;
use folds::Folds;
use pixels::Pixels;
use search::Search;
use watch::Watch;

/// Trains a head on `model`'s encoder with the labels of `input` in the file `labels`, and writes
/// `output`, a segmentation model.
///
/// # Errors
/// - Usage: the options do not fit the labels, or the output cannot be written or exists.
/// - Input: the raster or the labels cannot be used, or there is too little to learn from.
/// - Model: the model has no encoder that can be used, or cannot be run.
/// - Io: no room on disk or in memory; no model is left.
/// - Cancelled: `progress` said so; no model is left.
pub fn train(
    model: &Model,
    input: &str,
    labels: &str,
    output: &Path,
    options: &TrainOptions,
    progress: &mut dyn Progress,
) -> Result<TrainReport> {
    let started = Instant::now();
    options.check(output)?;
    check_files(&[output], &[Path::new(labels)], options.line.overwrite)?;
    let encoder = Encoder::of(model, options.layer)?;
    let api = GdalApi::find()?;
    let inputs = Inputs::open(api, encoder.manifest(), &[input], &options.line)?;
    inputs.must_differ(&[output.to_owned()], model.path())?;
    let labels_file = labels;
    let labels = Labels::open(
        api,
        labels,
        options.field.as_deref(),
        inputs.place(),
        inputs.source().size(),
    )?;
    let threads = ThreadPoolBuilder::new().num_threads(options.line.threads).build();
    let pool = threads.map_err(|error| Error::io(format!("cannot start threads: {error}")))?;

    let mut watch = Watch::new(progress);
    let mut pixels = watch.run(|stop| {
        Pixels::draw(&labels, &inputs.source(), options.seed, options.block_px, stop)
    })?;
    let classes = pixels.classes(&labels, options)?;
    info!(
        "{} labelled pixels of {} classes, {} of them drawn, in {} blocks of {} pixels",
        pixels.labelled(),
        classes.len(),
        pixels.points().len(),
        pixels.blocks(),
        options.block_px
    );
    let folds = Folds::deal(&pixels, options)?;
    let search = Search::new(options, &folds);

    let Encoding { table, sample, chips, chips_cached, seconds: encoding, provider } =
        encoder.encode(&inputs, &labels, &pixels, options, &mut watch, search.steps())?;
    info!("{chips} chips encoded ({chips_cached} of them before) in {encoding:.1} s");

    let choice = search.run(&table, &pixels, &folds, &pool, &mut watch)?;
    let mut report = TrainReport::new(&choice, &pixels, &classes, &folds, options);
    report.warnings.iter().for_each(|words| warn!("{words}"));
    let manifest = encoder.describe(&classes, &report, labels_file, options)?;
    report.score_difference =
        graft::write(&encoder, &choice.fitted, table.scale(), manifest, &sample, output, options)?;
    (report.chips, report.chips_cached, report.encoding_seconds) = (chips, chips_cached, encoding);
    report.provider = provider.provider;
    report.precision = provider.precision.to_string();
    report.output = output.to_owned();
    report.seconds = started.elapsed().as_secs_f64();
    report.peak_rss = memory::peak_resident();
    Ok(report)
}
