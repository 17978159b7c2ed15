//! Nodata out is nodata in, pixel by pixel, however a file marks it; NaN is nowhere.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::path::{Path, PathBuf};

use conformance::raster::{self, SEGMUNICH};
use conformance::{detgen, models, program, shared, tell};
use serde_json::Value;
use spectralgpt_core::geometry::Size;
use spectralgpt_core::model::manifest::{Channel, Manifest, Normalisation};

const MIN_MAX: Normalisation = Normalisation::ChipMinMax { epsilon: 0.0 };
/// Chips at columns 0, 128 and 256: whole but for a pixel, half nodata, all nodata.
const SIZE: Size = Size { width: 300, height: 140 };

/// How a file says that a pixel holds nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mark {
    /// Not at all: the value is a number like any other.
    None,
    /// By a value, declared.
    Value(f64),
    /// By NaN, undeclared.
    Nan,
    /// By a mask beside the file, inside it, or by an opacity band.
    MaskFile,
    MaskInside,
    Alpha,
}

/// Writes two bands and what marks their holes; the pixels come as f32, (band, row, column).
const SCRIPT: &str = "
path, raw, dtype, mark, value = argv[1:6]
gdal.SetConfigOption('GDAL_TIFF_INTERNAL_MASK', 'YES' if mark == 'MaskInside' else 'NO')
pixels = np.fromfile(raw, 'f4').reshape(3, 140, 300)
alpha = mark == 'Alpha'
out = gdal.GetDriverByName('GTiff').Create(path, 300, 140, 3 if alpha else 2,
    gdal.GetDataTypeByName(dtype))
for band in range(2):
    to = out.GetRasterBand(band + 1)
    to.SetDescription(['B02', 'B03'][band])
    if value != 'None':
        to.SetNoDataValue(float(value))
    to.WriteArray(pixels[band])
if alpha:
    out.GetRasterBand(3).SetColorInterpretation(gdal.GCI_AlphaBand)
    out.GetRasterBand(3).WriteArray(pixels[2] * 255)
if mark.startswith('Mask'):
    out.CreateMaskBand(gdal.GMF_PER_DATASET)
    out.GetRasterBand(1).GetMaskBand().WriteArray((pixels[2] * 255).astype('u1'))
";

/// Tells where the scene has a hole; half of the columns have it in one band only.
fn hole(row: usize, col: usize) -> bool {
    col >= 200 || (row, col) == (5, 7)
}

/// Two bands of whole numbers with holes, and the mask, (band, row, column).
fn pixels(mark: Mark) -> Vec<f32> {
    let (width, plane) = (SIZE.width as usize, SIZE.pixels());
    let inside = |at: usize| (1 + at * 31 % 977) as f32;
    let nothing = |at: usize| match mark {
        Mark::Value(value) => value as f32,
        Mark::Nan => f32::NAN,
        _ => 10_000.0 + (at % 7) as f32,
    };
    let pixel = |at: usize| {
        let (row, col) = (at % plane / width, at % width);
        let shown = !hole(row, col) || (at < plane && col >= 250);
        if shown { inside(at) } else { nothing(at) }
    };
    let mask = (0..plane).map(|at| f32::from(!hole(at / width, at % width)));
    (0..2 * plane).map(pixel).chain(mask).collect()
}

fn write(folder: &Path, dtype: &str, mark: Mark) -> Option<PathBuf> {
    let (path, raw) = (folder.join("scene.tif"), folder.join("scene.raw"));
    let bytes: Vec<u8> = pixels(mark).iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(&raw, bytes).unwrap();
    let value = match mark {
        Mark::Value(value) => format!("{value:e}"),
        _ => "None".to_owned(),
    };
    let word = format!("{mark:?}");
    let paths = [path.to_str().unwrap(), raw.to_str().unwrap()];
    raster::osgeo(SCRIPT, &[&paths[..], &[dtype, &word, &value]].concat())?;
    Some(path)
}

/// Writes a model whose only score is the sum of its channels.
fn sum(path: &Path, bands: &[&str], normalisation: Normalisation) {
    let channels = bands.iter().map(|band| Channel::Band((*band).to_owned())).collect();
    let manifest = Manifest { channels, normalisation, ..models::plain_manifest(1, 0) };
    models::save(path, &manifest, |graph, chip| {
        let weight = graph.floats("weight", &[1, bands.len(), 1, 1], vec![1.0; bands.len()]);
        graph.conv(chip, weight, spectralgpt_core::onnx::Graph::ABSENT, 1)
    });
}

/// Predicts every output; returns the classes, scores, confidence and valid, and the report.
fn predict(model: &Path, scene: &Path, more: &[&str]) -> ([Vec<f32>; 4], Value) {
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("map.tif");
    let paths = [model, scene, &map].map(|path| path.to_str().unwrap().to_owned());
    let [model, scene, map] = paths.each_ref().map(String::as_str);
    let emit = "classes,scores,confidence,valid";
    let arguments = ["predict", model, scene, "-o", map, "--json", "--emit", emit];
    let report = program::done(&[&arguments, more].concat()).out;
    let outputs = ["map.tif", "map.scores.tif", "map.confidence.tif", "map.valid.tif"];
    let read = |name: &str| raster::read(&folder.path().join(name)).pixels;
    (outputs.map(read), serde_json::from_str(&report).unwrap())
}

/// Checks that every output is empty exactly where the scene is.
fn check(outputs: &[Vec<f32>; 4], valid: impl Fn(usize) -> bool, what: &str) {
    let [classes, scores, confidence, mask] = outputs;
    for (at, flag) in mask.iter().enumerate() {
        assert_eq!(*flag, f32::from(valid(at)), "{what} at {at}");
        assert_eq!(classes[at] == 255.0, !valid(at), "{what} at {at}");
        assert_eq!(confidence[at] == -9999.0, !valid(at), "{what} at {at}");
        for score in scores.iter().skip(at).step_by(mask.len()) {
            assert_eq!(*score == -9999.0, !valid(at), "{what} at {at}");
        }
    }
}

#[test]
fn every_mark_in_every_type_is_kept_and_touches_nothing_else() {
    use Mark::{Alpha, MaskFile, MaskInside, Nan, None, Value};
    let folder = tempfile::tempdir().unwrap();
    let (plain, scaled) = (folder.path().join("plain.onnx"), folder.path().join("scaled.onnx"));
    sum(&plain, &["B02", "B03"], Normalisation::None);
    sum(&scaled, &["B02", "B03"], MIN_MAX);
    let any = [None, MaskFile, MaskInside, Alpha, Value(0.0)];
    let mut cases: Vec<(&str, Mark)> =
        ["UInt16", "Int16", "Float32"].iter().flat_map(|dtype| any.map(|m| (*dtype, m))).collect();
    cases.extend([("UInt16", Value(65_535.0)), ("Int16", Value(-9999.0)), ("Float32", Nan)]);
    let lowest = f64::from(f32::MIN);
    cases.extend([65_535.0, f64::NAN, -3.4e38, lowest].map(|value| ("Float32", Value(value))));
    for (dtype, mark) in &cases {
        let what = format!("{mark:?} {dtype}");
        let folder = tempfile::tempdir().unwrap();
        let Some(scene) = write(folder.path(), dtype, *mark) else { return };
        let width = SIZE.width as usize;
        let valid = |at: usize| *mark == None || !hole(at / width, at % width);
        let (outputs, report) = predict(&plain, &scene, &["--overlap", "0"]);
        check(&outputs, valid, &what);
        let chips = if *mark == None { (6, 0) } else { (6, 2) };
        assert_eq!(
            (&report["chips"], &report["chips_skipped"]),
            (&chips.0.into(), &chips.1.into())
        );
        let given = pixels(*mark);
        for (at, score) in outputs[1].iter().enumerate().filter(|(at, _)| valid(*at)) {
            assert_eq!(*score, given[at] + given[SIZE.pixels() + at], "{what} at {at}");
        }
        if *dtype == "Float32" {
            let (outputs, _) = predict(&scaled, &scene, &[]);
            check(&outputs, valid, &what);
            let inside = |score: &f32| *score == -9999.0 || (0.0..=2.0).contains(score);
            assert!(outputs[1].iter().all(inside), "{what}");
        }
    }
    tell(&format!("nodata: {} ways to mark it", cases.len()));
}

/// Files smaller than a chip, and one that is mostly empty.
#[test]
fn real_files_keep_their_nodata() {
    let files = [
        ("10_sen2r_barbellino_bitemporal/S2A1C_20170703_022_Barbellino_TOA_10.tif", 65_535.0),
        ("10_sen2r_barbellino_bitemporal/S2A1C_20190723_022_Barbellino_TOA_10.tif", 65_535.0),
        ("10_sen2r_barbellino_bitemporal/S2A2A_20170703_022_Barbellino_BOA_10.tif", 65_535.0),
        ("10_sen2r_barbellino_bitemporal/S2A2A_20190723_022_Barbellino_BOA_10.tif", 65_535.0),
        ("11_waterquality_harsha_nodata/S2_Harsha.tif", -3.4e38f32),
    ];
    let folder = tempfile::tempdir().unwrap();
    let segment = models::segment(folder.path(), 1, 0.25);
    for (file, nodata) in files {
        let Some(scene) = shared(&format!("data/{file}")) else { return };
        let given = raster::read(&scene);
        let (pixels, bands) = (given.size.pixels(), given.pixels.len() / given.size.pixels());
        // The model's bands by any name that the file's order allows; all others are not needed.
        let mut names: Vec<&str> = SEGMUNICH.to_vec();
        let model = if bands < names.len() {
            let model = folder.path().join("few.onnx");
            names.truncate(bands);
            sum(&model, &names, MIN_MAX);
            model
        } else {
            names.resize(bands, "-");
            segment.clone()
        };
        let names = names.join(",");
        // As declared, then a value that is there: only the bands that are needed count.
        for nodata in [nodata, given.pixels[pixels / 2]] {
            let needed = &given.pixels[..pixels * bands.min(10)];
            let valid = |at: usize| needed.iter().skip(at).step_by(pixels).all(|v| *v != nodata);
            let value = format!("{nodata:e}");
            let (outputs, report) =
                predict(&model, &scene, &["--bands", &names, "--nodata", &value]);
            check(&outputs, valid, file);
            let empty = (0..pixels).filter(|at| !valid(*at)).count();
            let skipped = &report["chips_skipped"];
            tell(&format!("nodata {value}: {empty} of {pixels} pixels, {skipped} chips, {file}"));
        }
        let (outputs, _) = predict(&model, &scene, &["--bands", &names]);
        let valid = |at: usize| given.pixels[at] != nodata;
        check(&outputs, valid, file);
    }
}

/// A float scene with undeclared garbage at the ends of the type, and one that is constant.
#[test]
fn garbage_and_constant_scenes_give_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let segment = models::segment(folder.path(), 1, 0.25);
    let bytes = detgen::raw_u16("garbage", 10, 150, 200, 0, 4000);
    let garbage = [f32::MAX, f32::MIN, 3.4e38, -3.4e38, 1e-45];
    for every in [0, 1, 97, 5000] {
        let value = |at: usize| match every {
            0 => 1234.5,
            _ if at % every == 0 => garbage[at / every % garbage.len()],
            _ => f32::from(bytes[at]),
        };
        let pixels: Vec<f32> = (0..bytes.len()).map(value).collect();
        let scene = folder.path().join("scene.tif");
        raster::write_f32(&scene, Size::new(200, 150), &SEGMUNICH, &pixels, None);
        let (outputs, report) = predict(&segment, &scene, &[]);
        check(&outputs, |_| true, &format!("garbage in each {every}th"));
        assert_eq!(report["chips_skipped"], 0);
    }
}
