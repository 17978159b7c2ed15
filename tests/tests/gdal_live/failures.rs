//! What goes wrong is said in the words of the program, and no output is left.

use std::path::Path;

use conformance::program;
use spectralgpt_core::model::BUILTIN;

use crate::World;

/// Translates a live raster, which must fail; returns what was said.
fn refused(world: &World, live: &str, variables: &[(&str, &str)]) -> String {
    let out = world.name("refused.tif");
    let said = world.run_with("gdal_translate", &["-q", live, &out], variables);
    assert!(!said.success && !Path::new(&out).exists(), "{}", said.err);
    said.err
}

#[test]
fn a_read_that_cannot_be_served_fails_and_leaves_nothing() {
    let Some(world) = World::new() else { return };
    let function = ["--kind", "pixel-function"];
    let live = world.live("live.vrt", &function);
    let changed = |from: &str, to: &str| {
        let file = world.path("changed.vrt");
        let xml = std::fs::read_to_string(&live).unwrap();
        assert!(xml.contains(from));
        std::fs::write(&file, xml.replace(from, to)).unwrap();
        file.display().to_string()
    };
    let words = refused(&world, &changed(BUILTIN, "/nowhere/model.onnx"), &[]);
    assert!(words.contains("/nowhere/model.onnx"), "{words}");
    let words = refused(&world, &changed("emit=\"classes\"", "emit=\"anomaly\""), &[]);
    assert!(words.contains("ask for one or more of classes"), "{words}");
    let words = refused(&world, &changed("device=", "devise="), &[]);
    assert!(words.contains("'devise'") && words.contains("device"), "{words}");
    let words = refused(&world, &changed("band=\"1\"/>", "band=\"7\"/>"), &[]);
    assert!(words.contains("1 band(s)"), "{words}");
    let words =
        refused(&world, &live, &[("SPECTRALGPT_ORT_LIBRARY", "/nowhere/libonnxruntime.so")]);
    assert!(words.contains("/nowhere/libonnxruntime.so"), "{words}");
    let scene = world.path("scene.tif");
    let whole = std::fs::read(&scene).unwrap();
    std::fs::rename(&scene, world.path("elsewhere.tif")).unwrap();
    let words = refused(&world, &live, &[]);
    assert!(words.contains("scene.tif"), "{words}");
    std::fs::write(&scene, &whole[..whole.len() / 2]).unwrap();
    let words = refused(&world, &live, &[]);
    assert!(words.contains("cannot read") && words.contains("scene.tif"), "{words}");
    std::fs::write(&scene, whole).unwrap();
    assert!(world.run("gdal_translate", &["-q", &live, &world.name("again.tif")]).success);
}

#[test]
fn a_live_raster_is_refused_before_it_is_written() {
    let Some(world) = World::new() else { return };
    let (scene, live) = (world.name("scene.tif"), world.name("live.vrt"));
    let refused = |arguments: &[&str]| {
        let all = [&["live", BUILTIN, &scene, "-o", &live, "--dn-offset", "0"], arguments].concat();
        let run = program::run(&all);
        assert!(!Path::new(&live).exists(), "{arguments:?}");
        (run.code, run.err)
    };
    assert_eq!(refused(&["--overlap", "3"]).0, Some(2));
    assert_eq!(refused(&["--emit", "anomaly"]).0, Some(2));
    assert_eq!(refused(&["--kind", "other"]).0, Some(2));
    assert_eq!(refused(&["--bands", "B02"]).0, Some(2));
    let (code, words) = refused(&["--kind", "pixel-function", "--relative"]);
    assert!(code == Some(2) && words.contains("give --kind processed"), "{words}");
    world.live("live.vrt", &[]);
    let again = program::run(&["live", BUILTIN, &scene, "-o", &live, "--dn-offset", "0"]);
    assert!(again.code == Some(2) && again.err.contains("--overwrite"), "{}", again.err);
}
