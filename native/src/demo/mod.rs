//! Shows the built-in model at work on a scene of ours, with the truth beside it.

mod files;
mod score;
mod sheet;

use std::path::{Path, PathBuf};

use log::info;
use rayon::ThreadPoolBuilder;

use crate::emit::Emit;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::landscape::Landscape;
use crate::model::{BUILTIN, Model};
use crate::options::Options;
use crate::progress::Progress;
use crate::raster::gdal::GdalApi;
use crate::scene::{Predictor, SceneReport};
use files::Files;
use score::NearestMean;
use sheet::Sheet;

/// The scene's seed, chosen for its composition; the model was trained on others.
const SEED: u64 = 2064;

/// The scene's extent, no multiple of a chip.
const SIZE: Size = Size { width: 640, height: 500 };

/// What the demonstration made, and how right the map is.
#[derive(Debug, Clone)]
pub struct DemoReport {
    /// The scene: 12 bands, a GeoTIFF.
    pub scene: PathBuf,
    /// The class of every pixel, as the scene was made.
    pub truth: PathBuf,
    /// Scene, map and confidence side by side, a PNG.
    pub picture: PathBuf,
    /// What the prediction did; its outputs are the map and the confidence.
    pub run: SceneReport,
    /// The share of pixels that have their true class.
    pub accuracy: f64,
    /// The share that a nearest-mean classifier of single pixels, which learnt from the same kind
    /// of scenes as the model, gets right.
    pub baseline: f64,
}

/// Makes a scene in a folder, predicts it with the built-in model and draws the picture.
///
/// `options` say how; which outputs, and what of the raster, is the demonstration's.
///
/// # Errors
/// - Usage: a file exists and must not be overwritten.
/// - Model: ONNX Runtime cannot be used.
/// - Io: the folder cannot be written to.
/// - Cancelled: `progress` said so.
pub fn demo(folder: &Path, options: Options, progress: &mut dyn Progress) -> Result<DemoReport> {
    let mut options = options;
    options.emit = vec![Emit::Classes, Emit::Confidence];
    let predictor = Predictor::new(Model::open(Path::new(BUILTIN))?, options)?;
    let classes = &predictor.model().manifest().classes;
    let files = Files::new(folder, predictor.options().overwrite)?;
    let landscape = Landscape::new(SEED, SIZE);
    files.write(GdalApi::find()?, &landscape, classes)?;
    info!("made '{}' (seed {SEED})", files.scene.display());
    let scene = files.scene.to_string_lossy();
    let run = predictor.predict(&[&scene], &files.map, progress)?;
    let pool = ThreadPoolBuilder::new().num_threads(predictor.options().threads).build();
    let pool = pool.map_err(|error| Error::io(format!("cannot start threads: {error}")))?;
    let (map, confidence, guess) = pool.install(|| {
        let map = files::read(&run.outputs[0], SIZE)?;
        let confidence = files::read(&run.outputs[1], SIZE)?;
        Ok::<_, Error>((map, confidence, NearestMean::learn().classify(&landscape)))
    })?;
    let accuracy = score::accuracy(landscape.truth(), &map);
    let baseline = score::accuracy(landscape.truth(), &guess);
    let sheet = Sheet { landscape: &landscape, map: &map, confidence: &confidence, classes };
    sheet.draw()?.save(&files.picture)?;
    let Files { scene, truth, picture, .. } = files;
    Ok(DemoReport { scene, truth, picture, run, accuracy, baseline })
}

/// Writes a scene of a seed, 12 bands; an existing file is replaced.
///
/// # Errors
/// - Io: it cannot be written.
pub fn write_scene(file: &Path, seed: u64, size: Size) -> Result<()> {
    files::write_scene(GdalApi::find()?, file, &Landscape::new(seed, size), true)
}
