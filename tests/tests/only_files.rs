//! Outputs that are complete only as files, and labels by thresholds, as GDAL's own Python reads them.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::path::{Path, PathBuf};

use conformance::networks::{self, Network};
use conformance::raster::{self, TWELVE};
use conformance::{detgen, program};
use serde_json::Value;
use spectralgpt_core::geometry::Size;

/// Four steps of 64 pixels across, the last of 8; three down, the last of 2.
const SIZE: Size = Size { width: 200, height: 130 };
/// Columns and rows of a step without a valid pixel.
const HOLE: [std::ops::Range<usize>; 2] = [64..128, 64..128];

/// Prints the features of a vector file's only layer: fields and corners.
const FEATURES: &str = "
import json
data = gdal.OpenEx(argv[1], gdal.OF_VECTOR)
layer = data.GetLayer(0)
made = []
for feature in layer:
    ring = feature.GetGeometryRef().GetGeometryRef(0).GetPoints()
    made.append(dict(ring=[point[:2] for point in ring], **feature.items()))
print(json.dumps(dict(
    name=layer.GetName(), epsg=layer.GetSpatialRef().GetAuthorityCode(None), features=made,
    task=layer.GetMetadataItem('SPECTRALGPT_TASK'))))
";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Converts a checkpoint of one block.
fn model(folder: &Path, network: Network, options: &[&str]) -> PathBuf {
    let (checkpoint, model) = (folder.join("model.pth"), folder.join("model.onnx"));
    networks::checkpoint(&checkpoint, network, 1);
    program::done(&[&["convert", text(&checkpoint), text(&model)], options].concat());
    model
}

/// Writes a scene with a hole.
fn scene(folder: &Path) -> PathBuf {
    let (width, height) = (SIZE.width as usize, SIZE.height as usize);
    let mut tile = detgen::raw_u16("scene", 12, height, width, 200, 3800);
    for (at, pixel) in tile.chunks_exact_mut(12).enumerate() {
        if HOLE[0].contains(&(at % width)) && HOLE[1].contains(&(at / width)) {
            pixel.fill(0);
        }
    }
    let path = folder.join("scene.tif");
    raster::write_u16(&path, SIZE, &TWELVE, &raster::by_row(&tile, width, 12), Some(0.0));
    path
}

/// Predicts and returns what was said.
fn predict(model: &Path, scene: &Path, map: &Path, options: &[&str]) -> program::Outcome {
    let arguments = ["predict", text(model), text(scene), "-o", text(map), "--overwrite"];
    program::run(&[&arguments[..], &["--dn-offset", "0"], options].concat())
}

fn done(outcome: program::Outcome) {
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
}

/// Returns the corners of a step's part of the scene, those of the ring that GDAL reads.
fn ring(at: usize) -> Value {
    let edge = |step: usize, most: u32| (step as f64 * 64.0).min(f64::from(most));
    let (left, right) = (edge(at % 4, SIZE.width), edge(at % 4 + 1, SIZE.width));
    let (top, bottom) = (edge(at / 4, SIZE.height), edge(at / 4 + 1, SIZE.height));
    let corners = [[left, top], [left, bottom], [right, bottom], [right, top], [left, top]];
    let place = corners.map(|[col, row]| [600_000.0 + 10.0 * col, 5_400_000.0 - 10.0 * row]);
    serde_json::json!(place)
}

#[test]
fn a_grid_has_a_polygon_per_step_clipped_at_the_edge() {
    if raster::osgeo("", &[""]).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), Network::Classify, &["--profile", "eurosat-canonical"]);
    let (scene, map) = (scene(folder.path()), folder.path().join("Felder.gpkg"));
    done(predict(&model, &scene, &map, &["--emit", "grid,classes,confidence"]));
    let read = |name: &str| raster::read(&map.with_extension(name)).pixels;
    let (classes, confidence) = (read("classes.tif"), read("confidence.tif"));
    let described = program::done(&["info", text(&model), "--json"]).out;
    let described: Value = serde_json::from_str(&described).unwrap();
    let said = raster::osgeo(FEATURES, &[text(&map)]).unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["name"], &said["epsg"]), (&"Felder".into(), &"32633".into()));
    assert_eq!(said["task"], "classify");
    let features = said["features"].as_array().unwrap();
    let valid: Vec<usize> = (0..12).filter(|at| classes[*at] != 255.0).collect();
    assert_eq!((features.len(), valid.contains(&5)), (11, false), "the hole has no polygon");
    for (feature, at) in features.iter().zip(valid) {
        assert_eq!(feature["ring"], ring(at), "{at}");
        assert_eq!(feature["class"].as_f64(), Some(classes[at].into()));
        let class = feature["class"].as_u64().unwrap().to_string();
        let name = described.pointer(&format!("/classes/{class}/name")).unwrap();
        assert_eq!(&feature["name"], name);
        // JSON's reader may be off by a double's last digit, which is none of a single's.
        let off = feature["confidence"].as_f64().unwrap() - f64::from(confidence[at]);
        assert!(off.abs() < 1e-12, "{at}: {off}");
    }
    let bytes = std::fs::read(&map).unwrap();
    done(predict(&model, &scene, &map, &["--emit", "grid", "--batch", "5"]));
    assert!(std::fs::read(&map).unwrap() == bytes, "two runs give the same bytes");
    let beside = std::fs::read_dir(folder.path()).unwrap();
    let names = beside.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.contains("-journal") || name.starts_with('.')));
}

#[test]
fn what_a_file_cannot_hold_is_refused_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), Network::Classify, &["--profile", "eurosat-canonical"]);
    let scene = scene(folder.path());
    let refused = |name: &str, options: &[&str]| {
        let map = folder.path().join(name);
        let before = std::fs::read(&map).ok();
        let outcome = predict(&model, &scene, &map, options);
        assert_eq!(std::fs::read(&map).ok(), before);
        (outcome.code.unwrap(), outcome.err)
    };
    let (code, words) = refused("map.tif", &["--emit", "grid"]);
    assert!(code == 2 && words.contains("does not end in .gpkg"), "{words}");
    let (code, words) = refused("map.gpkg", &[]);
    assert!(code == 2 && words.contains("--emit grid"), "{words}");
    std::fs::write(folder.path().join("open.gpkg"), "a database").unwrap();
    std::fs::write(folder.path().join("open.gpkg-wal"), "").unwrap();
    let (code, words) = refused("open.gpkg", &["--emit", "grid"]);
    assert!(code == 5 && words.contains("another program has the file open"), "{words}");
    let aoi = folder.path().join("aoi.gpkg");
    if raster::osgeo(
        "from osgeo import ogr, osr\nsrs = osr.SpatialReference()\nsrs.ImportFromEPSG(32633)\n\
         d = ogr.GetDriverByName('GPKG').CreateDataSource(argv[1])\n\
         layer = d.CreateLayer('a', srs, ogr.wkbPolygon)\nfeature = ogr.Feature(layer.GetLayerDefn())\n\
         feature.SetGeometry(ogr.CreateGeometryFromWkt('POLYGON ((600000 5400000, 600900 5400000, \
         600900 5399000, 600000 5400000))'))\nlayer.CreateFeature(feature)",
        &[text(&aoi)],
    )
    .is_some()
    {
        let (code, words) = refused("aoi.gpkg", &["--emit", "grid", "--aoi", text(&aoi)]);
        assert!(code == 2 && words.contains("is read by this run"), "{words}");
    }
    let (code, words) = refused("map.tif", &["--threshold", "0.4"]);
    assert!(code == 2 && words.contains("the best wins"), "{words}");
    let live = folder.path().join("live.vrt");
    let arguments = ["live", text(&model), text(&scene), "-o", text(&live), "--dn-offset", "0"];
    let live = program::run(&[&arguments[..], &["--emit", "grid"]].concat());
    assert!(live.code == Some(2) && live.err.contains("written to files only"), "{}", live.err);
}

#[test]
fn labels_are_there_from_their_thresholds_on() {
    let folder = tempfile::tempdir().unwrap();
    let own = |at: usize| if at.is_multiple_of(3) { None } else { Some(0.46 + 0.01 * at as f64) };
    let classes: Vec<Value> = (0..10)
        .map(|at| {
            let mut class = serde_json::json!({ "name": format!("label {at}") });
            if let Some(threshold) = own(at) {
                class["threshold"] = threshold.into();
            }
            class
        })
        .collect();
    let list = folder.path().join("classes.json");
    std::fs::write(&list, Value::from(classes).to_string()).unwrap();
    let options = ["--task", "multilabel", "--classes", text(&list)];
    let model = model(folder.path(), Network::Classify, &options);
    let (scene, map) = (scene(folder.path()), folder.path().join("map.tif"));
    let each: Vec<String> = (0..10).map(|at| format!("{}", 0.4 + 0.02 * f64::from(at))).collect();
    let each = each.join(",");
    let mut seen = [false; 2];
    for (given, expected) in [
        (&[][..], (0..10).map(|at| own(at).unwrap_or(0.5)).collect::<Vec<f64>>()),
        (&["--threshold", "0.55"][..], vec![0.55; 10]),
        (&["--threshold", &each][..], (0..10).map(|at| 0.4 + 0.02 * f64::from(at)).collect()),
    ] {
        done(predict(&model, &scene, &map, &[&["--emit", "classes,scores,grid"], given].concat()));
        let (labels, scores) =
            (raster::read(&map), raster::read(&map.with_extension("scores.tif")));
        let pixels = labels.size.pixels();
        for (at, (label, score)) in labels.pixels.iter().zip(&scores.pixels).enumerate() {
            #[allow(clippy::cast_possible_truncation, reason = "scores are f32")]
            let there = f32::from(*score >= expected[at / pixels] as f32);
            assert_eq!(*label, if *score == -9999.0 { 255.0 } else { there });
            seen[usize::from(*label == 1.0)] |= *label < 2.0;
        }
        let about = std::fs::read_to_string(map.with_extension("tif.aux.xml")).unwrap();
        assert!(about.contains("SPECTRALGPT_THRESHOLDS"), "{about}");
        let Some(said) = raster::osgeo(FEATURES, &[text(&map.with_extension("grid.gpkg"))]) else {
            continue;
        };
        let said: Value = serde_json::from_str(&said).unwrap();
        let feature = &said["features"][1];
        let there = (0..10).filter(|label| labels.pixels[label * pixels + 1] == 1.0);
        let there: Vec<String> = there.map(|label| format!("label {label}")).collect();
        assert_eq!(feature["labels"], there.join("; "));
        assert_eq!(feature["label 7"].as_f64(), Some(scores.pixels[7 * pixels + 1].into()));
    }
    assert_eq!(seen, [true; 2], "some labels are there, others are not");
    let few = predict(&model, &scene, &map, &["--threshold", "0.5,0.6"]);
    assert!(
        few.code == Some(2) && few.err.contains("2 thresholds were given for 10"),
        "{}",
        few.err
    );
}

/// Compares features with their integers, and prints what is off most, in scales.
const INTEGERS: &str = "
import json
floats, integers = gdal.Open(argv[1]), gdal.Open(argv[2])
worst, holes, ends = 0, set(), set()
for at in range(1, floats.RasterCount + 1):
    band = integers.GetRasterBand(at)
    made, truth = band.ReadAsArray(), floats.GetRasterBand(at).ReadAsArray().astype('f8')
    assert made.dtype == np.int8 and band.GetNoDataValue() == -128 and band.GetOffset() in (None, 0)
    hole = truth == -9999
    assert ((made == -128) == hole).all()
    holes.add(int(hole.sum()))
    off = np.abs(made * band.GetScale() - truth)[~hole]
    worst = max(worst, off.max() / band.GetScale())
    ends.add(int(np.abs(made[~hole].astype(int)).max()))
print(json.dumps(dict(bands=integers.RasterCount, worst=worst, holes=list(holes), ends=list(ends),
    about=integers.GetMetadataItem('SPECTRALGPT_QUANTISATION'))))
";

#[test]
fn features_as_integers_are_off_by_half_a_scale_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), Network::Autoencoder { side: 128, decoder_depth: 1 }, &[]);
    let (scene, map) = (scene(folder.path()), folder.path().join("features.tif"));
    for format in ["GTiff", "COG"] {
        for kind in ["features", "chip-features"] {
            let emit = format!("{kind},{kind}-int8");
            done(predict(&model, &scene, &map, &["--emit", &emit, "--of", format]));
            let small = map.with_extension(format!("{kind}-int8.tif"));
            let Some(said) = raster::osgeo(INTEGERS, &[text(&map), text(&small)]) else { return };
            let said: Value = serde_json::from_str(&said).unwrap();
            assert_eq!((&said["bands"], &said["ends"]), (&768.into(), &serde_json::json!([127])));
            assert_eq!(said["about"], "value = integer x scale of the band");
            let worst = said["worst"].as_f64().unwrap();
            assert!((0.1..0.5 + 1e-6).contains(&worst), "{kind}: {worst}");
            let holes = if kind == "features" { 64 } else { 0 };
            assert_eq!(said["holes"], serde_json::json!([holes]), "{kind}");
        }
    }
}
