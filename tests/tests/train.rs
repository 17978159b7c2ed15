//! Heads trained on labelled places: the model says what was trained, whatever the labels are.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use conformance::cc::{Language, compile};
use conformance::networks::{self, Network};
use conformance::raster::{self, SEGMUNICH, TWELVE};
use conformance::{detgen, full, models, openvino, program, skipped};
use serde_json::{Value, json};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::runtime::processor;

/// Columns and rows of the scenes.
const SIZE: Size = Size::new(230, 141);

/// Returns the class that a place of the scene has: stripes of 40 columns, three in turn.
fn truth(col: usize) -> usize {
    col / 40 % 3
}

/// Writes a scene whose classes differ in two bands, noise in all of them.
fn scene(folder: &Path, bands: &[&str]) -> String {
    let (width, count) = (SIZE.width as usize, bands.len());
    let mut pixels = detgen::raw_u16("train", count, SIZE.height as usize, width, 1000, 300);
    for (place, pixel) in pixels.chunks_exact_mut(count).enumerate() {
        let class = u16::try_from(truth(place % width)).unwrap();
        pixel[1] += 400 * class;
        pixel[3] += 500 * (class % 2);
    }
    let path = folder.join("scene.tif");
    raster::write_u16(&path, SIZE, bands, &raster::by_row(&pixels, width, count), None);
    path.to_str().unwrap().to_owned()
}

/// Makes a feature of a rectangle given in pixels: first column and row, columns, rows.
fn rectangle(class: &str, [col, row, width, height]: [f64; 4]) -> Value {
    let corner = |c: f64, r: f64| json!([600_000.0 + 10.0 * c, 5_400_000.0 - 10.0 * r]);
    let (end, bottom) = (col + width, row + height);
    let ring = [(col, row), (end, row), (end, bottom), (col, bottom), (col, row)];
    let ring: Vec<Value> = ring.into_iter().map(|(c, r)| corner(c, r)).collect();
    json!({ "type": "Feature", "properties": { "use": class, "other": 1 },
            "geometry": { "type": "Polygon", "coordinates": [ring] } })
}

fn write_labels(path: &Path, features: &[Value]) -> String {
    let crs = json!({ "type": "name", "properties": { "name": "urn:ogc:def:crs:EPSG::32633" } });
    let file = json!({ "type": "FeatureCollection", "crs": crs, "features": features });
    fs::write(path, file.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Writes labels: in each stripe three fields of 20 by 30 pixels.
fn labels(folder: &Path) -> String {
    let field = |stripe: usize, row: f64| {
        let name = ["water", "maize", "wood"][truth(stripe * 40)];
        rectangle(name, [stripe as f64 * 40.0 + 10.0, row, 20.0, 30.0])
    };
    let fields = (0..5).flat_map(|stripe| [5.0, 50.0, 100.0].map(|row| field(stripe, row)));
    write_labels(&folder.join("labels.geojson"), &fields.collect::<Vec<_>>())
}

/// A folder with a scene, labels and a small segmentation model.
struct Bench {
    folder: tempfile::TempDir,
    model: String,
    scene: String,
    labels: String,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = models::segment(folder.path(), 1, 0.25).to_str().unwrap().to_owned();
        let (scene, labels) = (scene(folder.path(), &SEGMUNICH), labels(folder.path()));
        Self { model, scene, labels, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Trains by the C++ header and returns what it prints: the preview and the report.
    fn train_in_cpp(&self, output: &Path) -> (Value, Value) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("c/train.cpp");
        let mut program = Command::new(compile(&source, Language::Cpp17, self.folder.path()));
        let run =
            program.args([&self.model, &self.scene, &self.labels]).arg(output).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let said = String::from_utf8(run.stdout).unwrap();
        let (preview, report) = said.split_once('\n').unwrap();
        (serde_json::from_str(preview).unwrap(), serde_json::from_str(report).unwrap())
    }

    /// Trains and returns the report.
    fn train(&self, output: &Path, options: &[&str]) -> Value {
        train(
            &self.model,
            &self.scene,
            &self.labels,
            output,
            &[&["--field", "use"], options].concat(),
        )
    }
}

fn train(model: &str, scene: &str, labels: &str, output: &Path, options: &[&str]) -> Value {
    let output = output.to_str().unwrap();
    let arguments = [&["train", model, scene, labels, "-o", output, "--json"], options].concat();
    serde_json::from_str(&program::done(&arguments).out).unwrap()
}

/// Predicts the scene and returns the share of pixels that are right.
fn accuracy(model: &Path, scene: &str) -> f64 {
    let map = model.with_extension("tif");
    program::done(&["predict", model.to_str().unwrap(), scene, "-o", map.to_str().unwrap()]);
    let width = SIZE.width as usize;
    let name = |class: usize| [1.0, 0.0, 2.0][class]; // the alphabetical order of water, maize, wood
    let pixels = raster::read(&map).pixels;
    let right = pixels.iter().enumerate().filter(|(at, said)| **said == name(truth(at % width)));
    right.count() as f64 / pixels.len() as f64
}

#[test]
fn equal_seeds_give_equal_files_that_say_what_was_trained() {
    let bench = Bench::new();
    let models = ["one", "two", "three"].map(|folder| {
        fs::create_dir(bench.path(folder)).unwrap();
        bench.path(folder).join("mine.onnx")
    });
    let cache = bench.path("cache").to_str().unwrap().to_owned();
    let first = bench.train(&models[0], &["-j", "1", "--cache", &cache]);
    let picture = bench.path("report.png").to_str().unwrap().to_owned();
    let second = bench.train(&models[1], &["-j", "2", "--cache", &cache, "--report", &picture]);
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    assert!(fs::read(&models[0]).unwrap() == fs::read(&models[1]).unwrap());
    let (preview, third) = bench.train_in_cpp(&models[2]);
    assert_eq!((&preview["chips"], &third["confusion"]), (&json!(6), &first["confusion"]));
    assert!(fs::read(&models[0]).unwrap() == fs::read(&models[2]).unwrap());
    assert_eq!((&first["chips_cached"], &second["chips_cached"]), (&json!(0), &first["chips"]));
    assert_eq!(first["confusion"], second["confusion"]);
    assert!(first["score_difference"].as_f64().unwrap() < 1e-4, "{first}");
    let supports = first["classes"].as_array().unwrap().iter().map(|class| &class["support"]);
    assert!(supports.eq(&[json!(3600), json!(3600), json!(1800)]), "{first}");
    assert!(first["figures"]["overall_accuracy"].as_f64().unwrap() > 0.95, "{first}");
    assert!(accuracy(&models[0], &bench.scene) > 0.9);
    let info = program::done(&["info", models[0].to_str().unwrap(), "--json"]).out;
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!((&info["task"], &info["classes"][0]["name"]), (&json!("segment"), &json!("maize")));
    assert_eq!(info["training"]["labels"], "labels.geojson");
    let again = program::run(&["train", models[0].to_str().unwrap(), &bench.scene, &bench.labels]);
    assert_eq!(again.code, Some(2), "no output is wrong usage");
}

#[test]
fn every_encoder_gets_a_head() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = (scene(folder.path(), &TWELVE), labels(folder.path()));
    let autoencoder = Network::Autoencoder { side: 128, decoder_depth: 1 };
    let depth = if full() { 12 } else { 1 };
    for (network, task) in
        [(Network::Classify, "classify"), (autoencoder, "embed"), (Network::Change, "segment")]
    {
        let checkpoint = folder.path().join("model.pth");
        networks::checkpoint(&checkpoint, network, depth);
        let model = folder.path().join("model.onnx").to_str().unwrap().to_owned();
        let profile = if task == "classify" { "eurosat-canonical" } else { "pretrain" };
        let checkpoint = checkpoint.to_str().unwrap();
        program::done(&["convert", checkpoint, &model, "--task", task, "--profile", profile]);
        let output = folder.path().join("mine.onnx");
        let options = ["--field", "use", "--dn-offset", "0", "--head", "logistic", "--overwrite"];
        let options = [&options[..], &["--memory", "2G"]].concat();
        for layer in ["encoder", "auto"] {
            let options = [&options[..], &["--layer", layer]].concat();
            let report = train(&model, &scene, &labels, &output, &options);
            assert!(report["score_difference"].as_f64().unwrap() < 1e-4, "{task}: {report}");
            assert!(report["comparison"]["with_features"]["overall_accuracy"].as_f64() > Some(0.9));
            assert!(
                report["peak_rss_bytes"].as_u64().is_none_or(|held| held < 2 << 30),
                "{report}"
            );
        }
    }
    let other = folder.path().join("model.pth");
    networks::checkpoint(&other, Network::Change, 1);
    let model = folder.path().join("change.onnx").to_str().unwrap().to_owned();
    program::done(&["convert", other.to_str().unwrap(), &model]);
    let output = folder.path().join("x.onnx").to_str().unwrap().to_owned();
    let refused = program::run(&["train", &model, &scene, &labels, "-o", &output]);
    assert_eq!(refused.code, Some(4), "{}", refused.err);
    assert!(refused.err.contains("sees two dates at once"), "{}", refused.err);
}

#[test]
fn what_cannot_be_learnt_is_said_and_nothing_is_written() {
    let bench = Bench::new();
    let file = |name: &str, features: &[Value]| write_labels(&bench.path(name), features);
    let field = |class: &str, col: f64| rectangle(class, [col, 3.0, 20.0, 20.0]);
    let one_class = file("one.geojson", &[field("a", 3.0), field("a", 90.0)]);
    let outside = file("out.geojson", &[field("a", 5e5), field("b", 6e5)]);
    let one_block = file(
        "block.geojson",
        &[rectangle("a", [1.0, 1.0, 9.0, 9.0]), rectangle("b", [15.0, 1.0, 9.0, 9.0])],
    );
    let output = bench.path("mine.onnx").to_str().unwrap().to_owned();
    let cases: [(&str, &[&str], i32, &str); 9] = [
        (&bench.labels, &["--field", "missing"], 2, "it has other, use: give one with --field"),
        (&bench.labels, &[], 3, "without --field the labels must be a raster"),
        (&one_class, &["--field", "use"], 3, "all labels are of one class, 'a'"),
        (&outside, &["--field", "use"], 3, "do not meet the raster"),
        (&one_block, &["--field", "use"], 3, "all labels lie in one block of 32 x 32 pixels"),
        (&bench.labels, &["--field", "use", "--blocks", "16"], 2, "too small"),
        (&bench.labels, &["--field", "use", "--balance", "1.5"], 2, "a balance of 1.5"),
        (&bench.labels, &["--field", "use", "--nodata", "1000"], 0, ""),
        ("missing.gpkg", &["--field", "use"], 3, "cannot open 'missing.gpkg'"),
    ];
    for (labels, options, code, words) in cases {
        let fixed =
            ["train", &bench.model, &bench.scene, labels, "-o", &output, "--head", "logistic"];
        let outcome = program::run(&[&fixed[..], options].concat());
        assert_eq!(outcome.code, Some(code), "{options:?}: {}", outcome.err);
        assert!(outcome.err.contains(words), "{options:?}: {}", outcome.err);
        assert_eq!(Path::new(&output).exists(), code == 0);
        let _ = fs::remove_file(&output);
    }
    let lost = file(
        "lost.geojson",
        &[
            field("a", 3.0),
            field("b", 90.0),
            field("far", 5e5),
            rectangle("tiny", [50.6, 50.6, 0.2, 0.2]),
        ],
    );
    let arguments = ["train", &bench.model, &bench.scene, &lost, "--field", "use", "-o", &output];
    let said = program::run(&[&arguments[..], &["--head", "logistic"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.err);
    for name in ["far", "tiny"] {
        assert!(said.err.contains(&format!("the class '{name}' has no pixel")), "{}", said.err);
    }
    fs::remove_file(&output).unwrap();
    let few = file(
        "few.geojson",
        &[
            field("a", 3.0),
            field("b", 43.0),
            field("b", 163.0),
            field("a", 123.0),
            field("c", 203.0),
        ],
    );
    let report = train(&bench.model, &bench.scene, &few, Path::new(&output), &["--field", "use"]);
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("the class 'c' lie in one block"), "{warnings}");
    assert!(warnings.contains("the class 'a' has labels in only 3 blocks"), "{warnings}");
}

#[test]
fn no_file_is_lost_to_a_report() {
    let bench = Bench::new();
    let (output, away) = (bench.path("mine.onnx"), bench.path("away/mine.onnx"));
    let twin = bench.folder.path().join(".").join("mine.onnx");
    let [labels, output, away, twin] =
        [Path::new(&bench.labels), &output, &away, &twin].map(|path| path.to_str().unwrap());
    let before = fs::read(labels).unwrap();
    for (output, report, words) in [
        (output, twin, "would be written twice"),
        (output, labels, "is read by this run"),
        (away, "r.json", "in a folder that exists"),
        (output, away, "in a folder that exists"),
    ] {
        let options = ["-o", output, "--report", report, "--overwrite", "--field", "use"];
        let fixed = ["train", &bench.model, &bench.scene, labels];
        let refused = program::run(&[&fixed[..], &options].concat());
        assert_eq!(refused.code, Some(2), "{}", refused.err);
        assert!(refused.err.contains(words), "{}", refused.err);
    }
    assert!(fs::read(labels).unwrap() == before && !Path::new(output).exists());
}

#[test]
fn rasters_points_lines_and_other_systems_are_labels_too() {
    let bench = Bench::new();
    let script = "
from osgeo import ogr
scene, polygons, folder = argv[1:]
same = gdal.GetDriverByName('GTiff').Create(f'{folder}/same.tif', 230, 141, 1, gdal.GDT_UInt16)
place = gdal.Open(scene)
same.SetGeoTransform(place.GetGeoTransform())
same.SetProjection(place.GetProjection())
source = gdal.OpenEx(polygons)
layer = source.GetLayer()
for name, code in [('water', 300), ('maize', 100), ('wood', 200)]:
    layer.SetAttributeFilter(f\"use = '{name}'\")
    gdal.RasterizeLayer(same, [1], layer, burn_values=[code])
layer.SetAttributeFilter(None)
same.FlushCache()
gdal.Warp(f'{folder}/degrees.tif', same, dstSRS='EPSG:4326', resampleAlg='near', xRes=1e-4, yRes=1e-4)
gdal.VectorTranslate(f'{folder}/degrees.gpkg', source, dstSRS='EPSG:4326', format='GPKG')
curves = gdal.GetDriverByName('GPKG').Create(f'{folder}/curves.gpkg', 0, 0, 0, 0)
table = curves.CreateLayer('no_shapes', None, ogr.wkbNone)
table.CreateField(ogr.FieldDefn('use', ogr.OFTString))
drawn = curves.CreateLayer('curves', layer.GetSpatialRef(), ogr.wkbCurvePolygon)
drawn.CreateField(ogr.FieldDefn('use', ogr.OFTString))
for feature in layer:
    copy = ogr.Feature(drawn.GetLayerDefn())
    copy['use'] = feature['use']
    ring = feature.GetGeometryRef().GetGeometryRef(0).ExportToWkt().replace('LINEARRING ', '')
    copy.SetGeometry(ogr.CreateGeometryFromWkt(f'CURVEPOLYGON (COMPOUNDCURVE ({ring}))'))
    drawn.CreateFeature(copy)
curves = table = drawn = None
numbers = gdal.Translate(f'{folder}/numbers.tif', same, outputType=gdal.GDT_Float32)
values = numbers.ReadAsArray()
values[values == 0] = float('nan')
numbers.GetRasterBand(1).WriteArray(values)
numbers.FlushCache()
gdal.Warp(f'{folder}/numbers_degrees.tif', numbers, dstSRS='EPSG:4326', resampleAlg='near', xRes=1e-4, yRes=1e-4)
gdal.VectorTranslate(f'{folder}/points.gpkg', source, format='GPKG', SQLStatement='SELECT ST_Centroid(geometry), use FROM labels', SQLDialect='SQLite')
gdal.VectorTranslate(f'{folder}/lines.gpkg', source, format='GPKG', SQLStatement='SELECT ST_ExteriorRing(geometry), use FROM labels', SQLDialect='SQLite')
";
    let folder = bench.folder.path().to_str().unwrap();
    if raster::osgeo(script, &[&bench.scene, &bench.labels, folder]).is_none() {
        return;
    }
    let output = bench.path("mine.onnx");
    let supports = |labels: &str, options: &[&str]| -> Vec<(String, u64)> {
        let labels = bench.path(labels).to_str().unwrap().to_owned();
        let options =
            [&["--head", "logistic", "--layer", "encoder", "--overwrite"], options].concat();
        let report = train(&bench.model, &bench.scene, &labels, &output, &options);
        let of = |class: &Value| {
            (class["name"].as_str().unwrap().to_owned(), class["support"].as_u64().unwrap())
        };
        report["classes"].as_array().unwrap().iter().map(of).collect()
    };
    let expected = [3600, 3600, 1800];
    let near = |found: &[(String, u64)], expected: [u64; 3], apart: u64| {
        let close =
            |((_, found), expected): (&(String, u64), u64)| found.abs_diff(expected) <= apart;
        assert!(found.len() == 3 && found.iter().zip(expected).all(close), "{found:?}");
    };
    let names = bench.path("names.json");
    fs::write(&names, r##"[{"label": 300, "name": "Water", "colour": "#0000ff"}]"##).unwrap();
    let same = supports("same.tif", &["--classes", names.to_str().unwrap()]);
    // In the order of their codes, not of their names.
    let codes: Vec<&str> = same.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(codes, ["100", "200", "Water"]);
    let mut reordered = same.clone();
    reordered.swap(1, 2);
    near(&reordered, expected, 0);
    near(&supports("degrees.tif", &[]), [3600, 1800, 3600], 200);
    near(&supports("numbers.tif", &[]), [3600, 1800, 3600], 0);
    near(&supports("numbers_degrees.tif", &[]), [3600, 1800, 3600], 200);
    near(&supports("curves.gpkg", &["--field", "use"]), expected, 0);
    near(&supports("degrees.gpkg", &["--field", "use"]), expected, 40);
    near(&supports("points.gpkg", &["--field", "use"]), [6, 6, 3], 0);
    near(&supports("lines.gpkg", &["--field", "use"]), [600, 600, 300], 60);
}

#[test]
fn ctrl_c_leaves_nothing() {
    let bench = Bench::new();
    let before = fs::read_dir(bench.folder.path()).unwrap().count();
    let output = bench.path("mine.onnx");
    // At once; while chips are encoded; while heads are compared.
    for lines in [0, 1, 2] {
        // As from a terminal, also where the tests were started deaf to it.
        let mut run = Command::new("env")
            .arg("--default-signal=INT")
            .arg(program::path())
            .args(["train", &bench.model, &bench.scene, &bench.labels, "--field", "use", "-o"])
            .arg(&output)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut words = BufReader::new(run.stderr.take().unwrap()).lines();
        let said: Vec<String> = words.by_ref().take(lines).map(Result::unwrap).collect();
        let id = run.id();
        Command::new("sh").arg("-c").arg(format!("kill -INT {id}")).status().unwrap();
        let code = run.wait().unwrap().code();
        // Before the program listens, the signal ends it.
        assert!(code == Some(130) || (lines == 0 && code.is_none()), "{code:?} after {said:?}");
        assert_eq!(fs::read_dir(bench.folder.path()).unwrap().count(), before);
    }
}

#[test]
fn a_network_that_rounds_is_still_told_to_say_what_was_trained() {
    let Some(library) = openvino() else { return };
    if !processor::has_amx() {
        return skipped("this processor has no AMX");
    }
    let bench = Bench::new();
    let run = Command::new(program::path())
        .args(["train", &bench.model, &bench.scene, &bench.labels, "--field", "use", "-o"])
        .arg(bench.path("mine.onnx"))
        .args(["--head", "logistic", "--precision", "bf16", "--json"])
        .env("SPECTRALGPT_ORT_LIBRARY", &library)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    let apart = report["score_difference"].as_f64().unwrap();
    assert!(report["precision"] == "bf16" && apart > 0.0 && apart < 0.1, "{apart}");
}
