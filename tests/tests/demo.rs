//! The first command: a scene of ours, the built-in model's map of it, and how right it is.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::fs;

use conformance::{program, tell};
use serde_json::Value;

#[test]
fn the_built_in_model_maps_a_scene_it_never_saw_better_than_single_pixels_can() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("demo");
    let demo =
        |more: &[&str]| program::run(&[&["demo", made.to_str().unwrap(), "--json"], more].concat());
    let first = demo(&[]);
    assert_eq!(first.code, Some(0), "{}", first.err);
    let report: Value = serde_json::from_str(&first.out).unwrap();
    let share = |key: &str| report[key].as_f64().unwrap();
    let (accuracy, baseline) = (share("accuracy"), share("baseline_accuracy"));
    tell(&format!("demo: accuracy {accuracy:.4}, nearest mean {baseline:.4}"));
    assert!(accuracy >= 0.9 && accuracy > baseline, "{accuracy} {baseline}");

    let bytes = |name: &str| fs::read(made.join(name)).unwrap();
    let names = ["scene.tif", "truth.tif", "map.tif", "map.confidence.tif", "demo.png"];
    let before = names.map(bytes);
    let refused = demo(&[]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(refused.out.contains("--overwrite"), "{}", refused.out);
    fs::remove_file(made.join("scene.tif")).unwrap();
    assert_eq!(demo(&[]).code, Some(2), "the others are still in the way");
    assert!(!made.join("scene.tif").exists(), "nothing is written before all is known to fit");
    assert_eq!(demo(&["--overwrite"]).code, Some(0));
    assert!(before == names.map(bytes), "the same scene, map and picture every time");
}
