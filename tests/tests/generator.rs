//! Compares the generator with the numbers that came with the golden data.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use conformance::{detgen, segment, shared};
use serde_json::Value;

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum()
}

#[test]
fn tensors_and_inputs_are_the_originals() {
    let Some(path) = shared("reference/goldens/generator_probe.json") else { return };
    let probe: Value = serde_json::from_reader(std::fs::File::open(path).unwrap()).unwrap();
    let entries = probe.as_object().unwrap();
    for (name, expected) in entries.iter().filter(|(name, _)| !name.starts_with("__")) {
        let shape = expected["shape"].as_array().unwrap();
        let size = |n: &Value| usize::try_from(n.as_u64().unwrap()).unwrap();
        let shape: Vec<usize> = shape.iter().map(size).collect();
        let values = detgen::tensor(name, &shape, "");
        let seed = format!("{:#x}", detgen::fnv1a64(name));
        assert_eq!(seed, expected["seed_fnv1a64"].as_str().unwrap(), "{name}");
        for (value, bits) in values.iter().zip(expected["first4_bits"].as_array().unwrap()) {
            assert_eq!(format!("{:#010x}", value.to_bits()), bits.as_str().unwrap(), "{name}");
        }
        assert_eq!(f64::from(values[values.len() - 1]), expected["last"].as_f64().unwrap());
        let off = (sum(&values) - expected["sum_f64"].as_f64().unwrap()).abs();
        assert!(off < 1e-6, "{name}: sum differs by {off}");
    }
    let image = detgen::image("input", 12, 128, 128);
    let expected = &entries["__image_input"];
    assert_eq!(
        f64::from(image[(5 * 128 + 77) * 128 + 31]),
        expected["at_5_77_31"].as_f64().unwrap()
    );
    assert_eq!(sum(&image), expected["sum"].as_f64().unwrap());
    let raw = detgen::raw_u16("eurosat", 13, 64, 64, 200, 3800);
    let total: u64 = raw.iter().map(|&dn| u64::from(dn)).sum();
    assert_eq!(total, entries["__raw_eurosat"]["sum"].as_u64().unwrap());
    assert_eq!(raw.iter().max().copied().map(u64::from), entries["__raw_eurosat"]["max"].as_u64());
}

#[test]
fn the_segmentation_model_has_the_published_size() {
    let shapes = segment::segment_shapes(12, 1.0, 13);
    let values: usize = shapes.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
    assert_eq!((shapes.len(), values), (266, 109_244_946));
}
