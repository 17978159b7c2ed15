//! Nodata out is nodata in, pixel by pixel, however a file marks it; NaN is nowhere.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]
#![allow(clippy::cast_possible_truncation, reason = "nodata values as a file of f32 holds them")]

use std::path::{Path, PathBuf};

use conformance::raster::{self, SEGMUNICH};
use conformance::{detgen, models, program, shared, tell};
use serde_json::Value;
use spectralgpt_core::convert::{ConvertOptions, convert};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::model::manifest::{Channel, Manifest, Normalisation};
use spectralgpt_core::model::profile::Profile;
use spectralgpt_core::onnx::Graph;

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

/// Writes two bands and what marks their holes, several times, each told by a file's path without
/// its end, its type, its mark and its nodata value. The pixels come as f32, (band, row, column).
const SCRIPT: &str = "
def write(path, dtype, mark, value):
    gdal.SetConfigOption('GDAL_TIFF_INTERNAL_MASK', 'YES' if mark == 'MaskInside' else 'NO')
    pixels = np.fromfile(f'{path}.raw', 'f4').reshape(3, 140, 300)
    bands = 3 if mark == 'Alpha' else 2
    dtype = gdal.GetDataTypeByName(dtype)
    out = gdal.GetDriverByName('GTiff').Create(f'{path}.tif', 300, 140, bands, dtype)
    for band in (1, 2):
        to = out.GetRasterBand(band)
        to.SetDescription(f'B0{band + 1}')
        if value != 'None':
            to.SetNoDataValue(float(value))
        to.WriteArray(pixels[band - 1])
    if mark == 'Alpha':
        out.GetRasterBand(3).SetColorInterpretation(gdal.GCI_AlphaBand)
        out.GetRasterBand(3).WriteArray(pixels[2] * 255)
    if mark.startswith('Mask'):
        out.CreateMaskBand(gdal.GMF_PER_DATASET)
        out.GetRasterBand(1).GetMaskBand().WriteArray((pixels[2] * 255).astype('u1'))

for case in zip(*[iter(argv[1:])] * 4):
    write(*case)
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

/// Writes a scene for each type and mark; `None`, said aloud, where that is not possible.
fn write(folder: &Path, cases: &[(&str, Mark)]) -> Option<Vec<PathBuf>> {
    let (mut scenes, mut arguments) = (Vec::new(), Vec::new());
    for (number, (dtype, mark)) in cases.iter().enumerate() {
        let scene = folder.join(format!("{number}.tif"));
        let bytes: Vec<u8> = pixels(*mark).iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(scene.with_extension("raw"), bytes).unwrap();
        let value = match mark {
            Mark::Value(value) => format!("{value:e}"),
            _ => "None".to_owned(),
        };
        let path = scene.with_extension("").to_str().unwrap().to_owned();
        arguments.extend([path, (*dtype).to_owned(), format!("{mark:?}"), value]);
        scenes.push(scene);
    }
    raster::osgeo(SCRIPT, &arguments).map(|_| scenes)
}

/// Writes a model whose only score is the sum of its channels.
fn sum(path: &Path, bands: &[&str], normalisation: Normalisation) {
    let channels = bands.iter().map(|band| Channel::Band((*band).to_owned())).collect();
    let manifest = Manifest { channels, normalisation, ..models::plain_manifest(1, 0) };
    models::save(path, &manifest, |graph, chip| {
        let weight = graph.floats("weight", &[1, bands.len(), 1, 1], vec![1.0; bands.len()]);
        graph.conv(chip, weight, Graph::ABSENT, 1)
    });
}

/// Classes, scores, confidence and valid, and what the program reports.
type Outcome = ([Vec<f32>; 4], Value);

/// Predicts every output of each scene.
fn predict(model: &Path, scenes: &[PathBuf], more: &[&str]) -> Vec<Outcome> {
    let folder = tempfile::tempdir().unwrap();
    let emit = "classes,scores,confidence,valid";
    let mut arguments = vec!["predict", model.to_str().unwrap()];
    arguments.extend(scenes.iter().map(|scene| scene.to_str().unwrap()));
    arguments.extend(["-o", folder.path().to_str().unwrap(), "--json", "--emit", emit]);
    let reports = program::done(&[&arguments, more].concat()).out;
    let outcome = |(scene, report): (&PathBuf, &str)| {
        let path = |end: &str| folder.path().join(scene.with_extension(end).file_name().unwrap());
        let ends = ["tif", "scores.tif", "confidence.tif", "valid.tif"];
        let outputs = ends.map(|end| raster::read(&path(end)).pixels);
        (outputs, serde_json::from_str(report).unwrap())
    };
    scenes.iter().zip(reports.lines()).map(outcome).collect()
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
    let Some(scenes) = write(folder.path(), &cases) else { return };
    let width = SIZE.width as usize;
    let exact = predict(&plain, &scenes, &["--overlap", "0"]);
    let blended = predict(&scaled, &scenes, &[]);
    assert!(exact.len() == cases.len() && blended.len() == cases.len());
    for (((dtype, mark), exact), blended) in cases.iter().zip(exact).zip(blended) {
        let what = format!("{mark:?} {dtype}");
        let valid = |at: usize| *mark == None || !hole(at / width, at % width);
        let (outputs, report) = exact;
        check(&outputs, valid, &what);
        let skipped = if *mark == None { 0 } else { 2 };
        assert_eq!((&report["chips"], &report["chips_skipped"]), (&6.into(), &skipped.into()));
        let given = pixels(*mark);
        for (at, score) in outputs[1].iter().enumerate().filter(|(at, _)| valid(*at)) {
            assert_eq!(*score, given[at] + given[SIZE.pixels() + at], "{what} at {at}");
        }
        let (outputs, _) = blended;
        check(&outputs, valid, &what);
        let inside = |score: &f32| *score == -9999.0 || (0.0..=2.0).contains(score);
        assert!(outputs[1].iter().all(inside), "{what}");
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
        let other = given.pixels[pixels / 2];
        let value = format!("{other:e}");
        for (nodata, more) in [(nodata, &[][..]), (other, &["--nodata", &value])] {
            let needed = &given.pixels[..pixels * bands.min(10)];
            let valid = |at: usize| needed.iter().skip(at).step_by(pixels).all(|v| *v != nodata);
            let options = [&["--bands", &names, "--resolution", "source"], more].concat();
            let (outputs, report) =
                predict(&model, std::slice::from_ref(&scene), &options).swap_remove(0);
            check(&outputs, valid, file);
            let empty = (0..pixels).filter(|at| !valid(*at)).count();
            let skipped = &report["chips_skipped"];
            tell(&format!("nodata {nodata:e}: {empty} of {pixels} px, {skipped} chips, {file}"));
        }
    }
}

/// Float scenes with undeclared garbage at the ends of the type, and one that is constant.
#[test]
fn garbage_and_constant_scenes_give_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = models::checkpoint(folder.path(), 1, 0.25);
    for name in ["segmunich", "eurosat-canonical"] {
        let mut options = ConvertOptions::default();
        let profile = Profile::named(name).unwrap();
        options.profile = Some(profile);
        let (model, scene) = (folder.path().join("model.onnx"), folder.path());
        convert(&checkpoint, &model, &options).unwrap();
        let raw = detgen::raw_u16("garbage", profile.bands.len(), 150, 200, 0, 4000);
        let write = |every: usize| {
            let (path, pixels) = (scene.join(format!("{every}.tif")), spoilt(&raw, every));
            raster::write_f32(&path, Size::new(200, 150), profile.bands, &pixels, None);
            path
        };
        let scenes = [0, 1, 97, 5000, usize::MAX].map(write);
        for ((outputs, report), scene) in
            predict(&model, &scenes, &["--dn-offset", "0"]).iter().zip(&scenes)
        {
            check(outputs, |_| true, &format!("{name} {}", scene.display()));
            assert_eq!(report["chips_skipped"], 0);
        }
    }
}

/// Replaces each so manieth value by the largest and the smallest there are; 0 gives a constant.
fn spoilt(raw: &[u16], every: usize) -> Vec<f32> {
    let garbage = [f32::MAX, f32::MIN, 3.4e38, -3.4e38, 1e-45];
    let value = |(at, dn): (usize, &u16)| match at.checked_rem(every) {
        None => 1234.5,
        Some(0) => garbage[at / every % garbage.len()],
        Some(_) => f32::from(*dn),
    };
    raw.iter().enumerate().map(value).collect()
}
