//! The line gives every pixel what its model says, whatever the size, window, batch or threads.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use conformance::raster::{self, SEGMUNICH};
use conformance::{detgen, models, program};
use rayon::ThreadPoolBuilder;
use spectralgpt_core::blend::Blended;
use spectralgpt_core::emit::Emit;
use spectralgpt_core::error::{Kind, Result};
use spectralgpt_core::geometry::{Size, Window};
use spectralgpt_core::model::Model;
use spectralgpt_core::model::profile::Profile;
use spectralgpt_core::normalise::Normaliser;
use spectralgpt_core::options::Options;
use spectralgpt_core::pipeline::{self, Line, Report};
use spectralgpt_core::progress::{Progress, Silent};
use spectralgpt_core::raster::RasterSource;
use spectralgpt_core::raster::memory::MemorySource;
use spectralgpt_core::runtime::session::{Session, SessionOptions};
use spectralgpt_core::scene::Predictor;
use spectralgpt_core::tile::{Grid, TilePlan};

/// Smaller than a chip, one pixel, one line, one past a chip, several chips; never square.
const SIZES: [(u32, u32); 5] = [(1, 1), (127, 128), (129, 67), (300, 1), (391, 277)];

/// Predicts a raster in memory through the library; returns scores, (row, class, column).
fn in_memory(
    model: &Path,
    source: &dyn RasterSource,
    overlap: Option<u32>,
    progress: &mut dyn Progress,
) -> Result<(Vec<f32>, Report)> {
    let model = Model::open(model).unwrap();
    let manifest = model.manifest();
    let session = Session::open(model.path(), &SessionOptions::default()).unwrap();
    let overlap = overlap.unwrap_or(manifest.default_overlap());
    let grid = Grid::new(manifest.chip_px, manifest.halo_px, manifest.patch_px, overlap)?;
    let plan = TilePlan::new(source.size(), Window::whole(source.size()), grid)?;
    let line = Line {
        manifest,
        outputs: &manifest.outputs,
        session: &session,
        plan: &plan,
        source,
        area: None,
        normaliser: &Normaliser::new(manifest, 0.0)?,
        batch: 1,
        pool: &ThreadPoolBuilder::new().num_threads(2).build().unwrap(),
        memory: Options::default().memory,
    };
    let mut scores = Vec::new();
    let report = pipeline::predict(line, progress, &mut |_, rows: Blended<'_>| {
        for row in 0..rows.rows() {
            for class in 0..rows.channels() {
                scores.extend_from_slice(rows.scores(class, row));
            }
        }
        Ok(())
    })?;
    Ok((scores, report))
}

/// Whole numbers below 251, so that sums over a box are exact in f32.
fn pattern(size: Size) -> Vec<u16> {
    let value = |at: u32| u16::from(((at * 7919 + at / size.width * 31) % 251).to_le_bytes()[0]);
    (0..size.width * size.height).map(value).collect()
}

#[test]
fn a_constant_model_is_exact_whatever_the_overlap() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("constant.onnx");
    let constants = [0.73, 300.1, -1.0 / 3.0];
    models::constant(&model, &constants);
    for (width, height) in SIZES {
        let size = Size::new(width, height);
        let pixels = pattern(size).into_iter().map(f32::from).collect();
        let source = MemorySource::new(size, 1, pixels, None).unwrap();
        for overlap in [0, 8, 64, 120] {
            let (scores, report) = in_memory(&model, &source, Some(overlap), &mut Silent).unwrap();
            for (at, score) in scores.iter().enumerate() {
                assert_eq!(*score, constants[at / width as usize % 3], "{size} {overlap}");
            }
            assert_eq!(report.seam_disagreement.unwrap_or(0.0), 0.0);
        }
    }
}

/// A scene of SegMunich's bands with a wedge of nodata, 391 columns by 277 rows.
fn scene(folder: &Path) -> PathBuf {
    let (size, path) = (Size::new(391, 277), folder.join("scene.tif"));
    let raw = detgen::raw_u16("scene", 10, 277, 391, 200, 3800);
    let mut rows = vec![0u16; raw.len()];
    for (at, dn) in raw.iter().enumerate() {
        let (row, col, band) = (at / 3910, at / 10 % 391, at % 10);
        let hole = row + col < 150 || (200..240).contains(&row) && col > 300;
        rows[(row * 10 + band) * 391 + col] = if hole { 0 } else { *dn };
    }
    raster::write_u16(&path, size, &SEGMUNICH, &rows, Some(0.0));
    path
}

#[test]
fn bytes_do_not_depend_on_batch_threads_or_window() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::segment(folder.path(), 2, 0.25);
    let (input, output) = (scene(folder.path()), folder.path().join("map.tif"));
    let predict = |options: &[&str]| {
        let [model, input, output] =
            [&model, &input, &output].map(|path| path.to_str().unwrap().to_owned());
        let emit = "classes,scores,confidence,valid";
        let mut arguments =
            vec!["predict", &model, &input, "-o", &output, "--overwrite", "--emit", emit];
        arguments.extend(options);
        program::done(&arguments);
        ["map.tif", "map.scores.tif", "map.confidence.tif", "map.valid.tif"]
            .map(|name| folder.path().join(name))
    };
    let whole = predict(&["--batch", "1", "--threads", "2"]);
    let files = whole.each_ref().map(|path| std::fs::read(path).unwrap());
    let rasters = whole.each_ref().map(|path| raster::read(path));
    check_outputs(&rasters);
    for options in [["--batch", "3"], ["--batch", "8"], ["--threads", "1"], ["--threads", "3"]] {
        let again = predict(&options);
        for (path, bytes) in again.iter().zip(&files) {
            assert!(std::fs::read(path).unwrap() == *bytes, "{options:?} {}", path.display());
        }
    }
    for (col, row, width, height) in [(0, 0, 391, 1), (130, 95, 97, 101), (390, 276, 1, 1)] {
        let window = format!("{col},{row},{width},{height}");
        let part = predict(&["--window", &window, "--batch", "2"]);
        for (path, whole) in part.iter().zip(&rasters) {
            let window = Window::new(col, row, Size::new(width, height));
            assert!(raster::read(path).pixels == crop(whole, window), "{window:?}");
        }
        let [x, _, _, y, _, _] = raster::read(&part[0]).geotransform.unwrap();
        assert_eq!(x, 600_000.0 + 10.0 * f64::from(col));
        assert_eq!(y, 5_400_000.0 - 10.0 * f64::from(row));
    }
}

/// Nodata is where the scene has none, the class is the best score, the confidence is it.
fn check_outputs([classes, scores, confidence, valid]: &[raster::Read; 4]) {
    let pixels = classes.size.pixels();
    let mut holes = 0;
    for at in 0..pixels {
        let (row, col) = (at / 391, at % 391);
        let hole = row + col < 150 || (200..240).contains(&row) && col > 300;
        let here: Vec<f32> = scores.pixels.iter().skip(at).step_by(pixels).copied().collect();
        if hole {
            holes += 1;
            assert!(here.iter().all(|score| *score == -9999.0));
            assert_eq!((classes.pixels[at], confidence.pixels[at]), (255.0, -9999.0));
        } else {
            let best = here.iter().copied().fold(f32::MIN, f32::max);
            let class = here.iter().position(|score| *score == best).unwrap();
            assert_eq!((classes.pixels[at], confidence.pixels[at]), (class as f32, best));
            assert!((here.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
        assert_eq!(valid.pixels[at], f32::from(!hole));
    }
    assert!(holes > 10_000);
}

fn crop(raster: &raster::Read, window: Window) -> Vec<f32> {
    let width = raster.size.width as usize;
    let planes = raster.pixels.chunks_exact(raster.size.pixels());
    let rows = planes.flat_map(|plane| {
        plane.chunks_exact(width).skip(window.row as usize).take(window.size.height as usize)
    });
    rows.flat_map(|row| &row[window.col as usize..window.end_col() as usize]).copied().collect()
}

/// Stops after the first batch.
struct Impatient;

impl Progress for Impatient {
    fn advanced(&mut self, done: usize, _total: usize) -> bool {
        done == 0
    }
}

/// Fails on the second strip.
struct Broken;

impl RasterSource for Broken {
    fn size(&self) -> Size {
        Size::new(300, 400)
    }

    fn bands(&self) -> usize {
        1
    }

    fn read(&self, window: Window, pixels: &mut [f32], valid: &mut [u8]) -> Result<()> {
        pixels.fill(1.0);
        valid.fill(1);
        if window.end_row() > 200 {
            return Err(spectralgpt_core::error::Error::input("block 7 cannot be read"));
        }
        Ok(())
    }
}

#[test]
fn a_run_that_is_stopped_or_fails_says_so_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("box.onnx");
    models::box_sum(&model, 2);
    let size = Size::new(300, 400);
    let source = MemorySource::new(size, 1, vec![1.0; size.pixels()], None).unwrap();
    let stopped = in_memory(&model, &source, None, &mut Impatient).unwrap_err();
    assert_eq!(stopped.kind(), Kind::Cancelled);
    let broken = in_memory(&model, &Broken, None, &mut Silent).unwrap_err();
    assert_eq!((broken.kind(), broken.message()), (Kind::Input, "block 7 cannot be read"));
    let (scores, _) = in_memory(&model, &source, None, &mut Silent).unwrap();
    assert!(scores.iter().all(|score| *score == 25.0));
}

/// Holds no valid pixel anywhere; counts its reads.
struct Nothing(AtomicUsize);

impl RasterSource for Nothing {
    fn size(&self) -> Size {
        Size::new(3000, 60_000)
    }

    fn bands(&self) -> usize {
        1
    }

    fn read(&self, _window: Window, pixels: &mut [f32], valid: &mut [u8]) -> Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        pixels.fill(0.0);
        valid.fill(0);
        Ok(())
    }
}

#[test]
fn a_run_over_nothing_stops_too() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("constant.onnx");
    models::constant(&model, &[1.0]);
    let source = Nothing(AtomicUsize::new(0));
    let stopped = in_memory(&model, &source, None, &mut Impatient).unwrap_err();
    assert_eq!(stopped.kind(), Kind::Cancelled);
    assert!(source.0.into_inner() < 10, "the source of 625 strips is not read to its end");
}

#[test]
fn chips_without_a_valid_pixel_are_not_inferred() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("constant.onnx");
    models::constant(&model, &[1.0]);
    let size = Size::new(400, 260);
    let valid = (0..size.pixels()).map(|at| u8::from(at % 400 >= 300)).collect();
    let source = MemorySource::new(size, 1, vec![1.0; size.pixels()], Some(valid)).unwrap();
    let (_, report) = in_memory(&model, &source, Some(0), &mut Silent).unwrap();
    assert_eq!((report.chips, report.chips_skipped), (12, 6));
}

#[test]
fn whole_numbers_give_the_map_that_floats_give() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("channels.onnx");
    let mut manifest = models::profile_manifest(&Profile::named("segmunich").unwrap());
    manifest.classes = models::plain_manifest(3, 0).classes;
    manifest.outputs[0].channels = 3;
    models::save(&model, &manifest, |graph, chip| {
        let channels = graph.ints(&[3], vec![0, 9, 11]);
        graph.gather(chip, channels, 1)
    });
    let mut options = Options::default();
    (options.emit, options.overwrite) = (vec![Emit::Scores], true);
    let predictor = Predictor::new(Model::open(&model).unwrap(), options).unwrap();
    for (width, height) in SIZES {
        let size = Size::new(width, height);
        let (rows, cols) = (height as usize, width as usize);
        let mut pixels =
            raster::by_row(&detgen::raw_u16("whole", 10, rows, cols, 0, 65535), cols, 10);
        // Some have no value; band 4's is in the middle of a row of all bands.
        pixels.iter_mut().skip(3 * cols + cols / 2).step_by(77).for_each(|pixel| *pixel = 0);
        let floats: Vec<f32> = pixels.iter().map(|pixel| f32::from(*pixel)).collect();
        let [whole, float] = ["whole.tif", "float.tif"].map(|name| folder.path().join(name));
        raster::write_u16(&whole, size, &SEGMUNICH, &pixels, Some(0.0));
        raster::write_f32(&float, size, &SEGMUNICH, &floats, Some(0.0));
        let [one, other] = [whole, float].map(|input| {
            let map = folder.path().join("map.tif");
            predictor.predict(&[input.to_str().unwrap()], &map, &mut Silent).unwrap();
            std::fs::read(map).unwrap()
        });
        assert!(one == other, "{size}");
    }
}
