//! GDAL's own programs.

use std::path::Path;
use std::time::Instant;

use conformance::{full, models, program, raster};
use spectralgpt_core::model::BUILTIN;

use crate::{SIZE, World, kinds, same};

/// Name, program, options, end of the output's name.
const RUNS: [(&str, &str, &str, &str); 11] = [
    ("striped", "gdal_translate", "-q", "tif"),
    ("tiled", "gdal_translate", "-q -co TILED=YES -co BLOCKXSIZE=64 -co BLOCKYSIZE=48", "tif"),
    ("COG", "gdal_translate", "-q -of COG", "tif"),
    // The palette has no entry for nodata, which PNG wants.
    ("PNG", "gdal_translate", "-q -of PNG -srcwin 0 0 391 199", "png"),
    ("colours", "gdal_translate", "-q -of PNG -expand rgba", "png"),
    ("swaths", "gdal_translate", "-q --config GDAL_SWATH_SIZE 1000", "tif"),
    ("window", "gdal_translate", "-q -srcwin 90 95 213 111", "tif"),
    ("a tenth", "gdal_translate", "-q -outsize 10% 10%", "tif"),
    ("odd scale", "gdal_translate", "-q -outsize 333 201", "tif"),
    ("enlarged", "gdal_translate", "-q -outsize 800 600", "tif"),
    ("warped", "gdalwarp", "-q -overwrite -multi -wo NUM_THREADS=4", "tif"),
];

#[test]
fn each_program_gets_the_map_and_each_chip_is_inferred_once() {
    let Some(world) = World::new() else { return };
    for kind in kinds() {
        let live = world.live("live.vrt", &["--kind", kind]);
        for (name, program, options, end) in RUNS {
            let file = |kind: &str| world.name(&format!("{name}.{kind}.{end}"));
            let convert = |from: &str, to: &str| {
                let arguments = options.split(' ').chain([from, to]).collect::<Vec<_>>();
                let said = world.run(program, &arguments);
                assert!(said.success, "{kind}, {name}: {}", said.err);
                said
            };
            let said = convert(&live, &file("live"));
            convert(&world.name("map.tif"), &file("map"));
            assert!(same(Path::new(&file("live")), Path::new(&file("map"))), "{kind}, {name}");
            assert_eq!(said.chips(), world.chips, "{kind}, {name}");
        }
    }
}

#[test]
fn a_change_model_gets_both_dates() {
    let Some(world) = World::new() else { return };
    let (model, out) = (world.path("change.onnx"), world.name("out.tif"));
    models::difference(&model);
    let dates = [("before", 7), ("after", 5)].map(|(date, step)| {
        let pixels = (0..SIZE.pixels()).map(|at| u16::try_from(at * step % 65_521).unwrap_or(0));
        let path = world.path(&format!("{date}.tif"));
        raster::write_u16(&path, SIZE, &["B02"], &pixels.collect::<Vec<_>>(), Some(0.0));
        path.display().to_string()
    });
    let model = model.display().to_string();
    for emit in ["classes", "scores"] {
        let map = world.name(&format!("{emit}.tif"));
        let run = |command: &str, file: &str, options: &[&str]| {
            let [before, after] = &dates;
            let all = [command, &model, before, after, "-o", file, "--emit", emit, "--overwrite"];
            program::done(&[&all, options].concat())
        };
        run("predict", &map, &[]);
        let pixels = raster::read(Path::new(&map)).pixels;
        let different = |value: f32| pixels.iter().filter(|pixel| **pixel == value).count();
        assert!(emit != "classes" || [0.0, 1.0, 255.0].iter().all(|value| different(*value) > 1));
        for kind in kinds() {
            let live = world.name("live.vrt");
            run("live", &live, &["--kind", kind]);
            let said = world.run("gdal_translate", &["-q", &live, &out]);
            assert!(said.success, "{kind}: {}", said.err);
            assert!(same(Path::new(&out), Path::new(&map)), "{kind}, {emit}");
        }
    }
}

#[test]
fn every_output_of_the_model_can_be_live() {
    let Some(world) = World::new() else { return };
    for emit in ["classes", "scores", "confidence", "entropy", "disagreement", "features", "valid"]
    {
        let (map, out) = (world.name(&format!("{emit}.tif")), world.name("out.tif"));
        world.predict(&map, &["--emit", emit, "--overlap", "64"]);
        for kind in kinds() {
            let options = ["--kind", kind, "--emit", emit, "--overlap", "64"];
            let live = world.live("live.vrt", &options);
            let said = world.run("gdal_translate", &["-q", &live, &out]);
            assert!(said.success, "{kind}: {}", said.err);
            assert!(same(Path::new(&out), Path::new(&map)), "{kind}, {emit}");
            assert!(said.chips() > 0, "{kind}, {emit}");
        }
    }
}

#[test]
fn a_glance_from_afar_infers_nothing_and_says_why() {
    let Some(world) = World::new() else { return };
    let (live, out) =
        (world.live("live.vrt", &["--kind", "pixel-function"]), world.name("far.tif"));
    let said = world.run("gdal_translate", &["-q", "-outsize", "2%", "2%", &live, &out]);
    assert!(said.success && said.err.contains("zoom in"), "{}", said.err);
    assert_eq!(said.chips(), 0);
    assert!(raster::read(Path::new(&out)).pixels.iter().all(|pixel| *pixel == 255.0));
}

/// A whole Sentinel-2 granule that holds nothing yet: written in a moment, as its blocks are absent.
const GRANULE: &str = "
out = gdal.GetDriverByName('GTiff').Create(argv[1], 10980, 10980, len(argv) - 2, gdal.GDT_UInt16,
    ['TILED=YES', 'SPARSE_OK=TRUE', 'BIGTIFF=YES'])
out.SetGeoTransform((600000, 10, 0, 5400000, 0, -10))
for number, name in enumerate(argv[2:], 1):
    out.GetRasterBand(number).SetDescription(name)
";

#[test]
fn a_granule_opens_at_once_and_infers_nothing() {
    let Some(world) = World::new() else { return };
    let scene = world.name("granule.tif");
    if raster::osgeo(GRANULE, &[vec![scene.clone()], crate::bands()].concat()).is_none() {
        return;
    }
    for kind in kinds() {
        let live = world.name(&format!("{kind}.vrt"));
        let arguments = ["live", BUILTIN, &scene, "-o", &live, "--kind", kind, "--dn-offset", "0"];
        program::done(&arguments);
        let started = Instant::now();
        let said = world.run("gdalinfo", &[&live]);
        assert!(said.success && said.out.contains("crops"), "{kind}: {}", said.err);
        let seconds = started.elapsed().as_secs_f64();
        assert!(seconds < 1.0 || !full(), "{kind}: {seconds:.2} s");
        assert_eq!(said.chips(), 0, "{kind}");
        let arguments =
            ["-q", "-srcwin", "5000", "7001", "301", "7", &live, &world.name("part.tif")];
        let said = world.run("gdal_translate", &arguments);
        assert!(said.success && (1..=30).contains(&said.chips()), "{kind}: {}", said.err);
    }
}
