//! GDAL's own programs.

use std::path::Path;
use std::time::Instant;

use conformance::{full, program, raster};
use spectralgpt_core::model::BUILTIN;

use crate::{World, same};

/// Name, program, options, end of the output's name.
const RUNS: [(&str, &str, &str, &str); 10] = [
    ("striped", "gdal_translate", "-q", "tif"),
    ("tiled", "gdal_translate", "-q -co TILED=YES -co BLOCKXSIZE=64 -co BLOCKYSIZE=48", "tif"),
    ("COG", "gdal_translate", "-q -of COG", "tif"),
    // The palette has no entry for nodata, which PNG wants.
    ("PNG", "gdal_translate", "-q -of PNG -srcwin 0 0 391 199", "png"),
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
    let live = world.live("live.vrt", &["--kind", "pixel-function"]);
    for (name, program, options, end) in RUNS {
        let file = |kind: &str| world.name(&format!("{name}.{kind}.{end}"));
        let convert = |from: &str, to: &str| {
            let arguments = options.split(' ').chain([from, to]).collect::<Vec<_>>();
            let said = world.run(program, &arguments);
            assert!(said.success, "{name}: {}", said.err);
            said
        };
        let said = convert(&live, &file("live"));
        convert(&world.name("map.tif"), &file("map"));
        assert!(same(Path::new(&file("live")), Path::new(&file("map"))), "{name}");
        assert_eq!(said.chips(), world.chips, "{name}");
    }
}

#[test]
fn every_output_of_the_model_can_be_live() {
    let Some(world) = World::new() else { return };
    for emit in ["classes", "scores", "confidence", "entropy", "disagreement", "features", "valid"]
    {
        let (map, out) = (world.name(&format!("{emit}.tif")), world.name("out.tif"));
        world.predict(&map, &["--emit", emit, "--overlap", "64"]);
        let options = ["--kind", "pixel-function", "--emit", emit, "--overlap", "64"];
        let said = world.run("gdal_translate", &["-q", &world.live("live.vrt", &options), &out]);
        assert!(said.success, "{}", said.err);
        assert!(same(Path::new(&out), Path::new(&map)), "{emit}");
        assert!(said.chips() > 0, "{emit}");
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
    let live = world.name("granule.vrt");
    let arguments = ["live", BUILTIN, &scene, "-o", &live, "--kind", "pixel-function"];
    program::done(&[&arguments[..], &["--dn-offset", "0"]].concat());
    let started = Instant::now();
    let said = world.run("gdalinfo", &[&live]);
    assert!(said.success && said.out.contains("crops"), "{}", said.err);
    let seconds = started.elapsed().as_secs_f64();
    assert!(seconds < 1.0 || !full(), "{seconds:.2} s");
    assert_eq!(said.chips(), 0);
    let arguments = ["-q", "-srcwin", "5000", "7001", "301", "7", &live, &world.name("part.tif")];
    let said = world.run("gdal_translate", &arguments);
    assert!(said.success && (1..=12).contains(&said.chips()), "{}", said.err);
}
