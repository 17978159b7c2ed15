//! Compares with what the original PyTorch code gave; the arrays stay in the shared data.

use serde_json::Value;

use crate::{npy, shared, tell};

/// An array of the original's output and how near ours must come.
#[derive(Debug)]
pub struct Golden {
    name: String,
    /// The array.
    pub array: npy::Array,
    /// The largest absolute difference that rounding explains.
    pub tolerance: f32,
}

/// Loads an array of `reference/goldens`; `None`, said aloud, where the shared data are not.
///
/// # Panics
/// The file or its entry in the index is damaged.
pub fn load(name: &str) -> Option<Golden> {
    let path = shared(&format!("reference/goldens/{name}.npy"))?;
    let index = std::fs::read(path.with_file_name("index.json")).expect("the goldens' index");
    let index: Value = serde_json::from_slice(&index).expect("the goldens' index is JSON");
    let entry = find(&index, name).expect("the index lists every array");
    #[allow(clippy::cast_possible_truncation, reason = "a tolerance")]
    let tolerance = entry["atol"].as_f64().unwrap_or(0.0) as f32;
    let array = npy::read(&path).expect("a golden array");
    Some(Golden { name: name.to_owned(), array, tolerance })
}

/// Finds the entry of an array, wherever the index keeps it.
fn find<'a>(index: &'a Value, name: &str) -> Option<&'a Value> {
    let is = |entry: &Value| {
        ["name", "file"].iter().any(|key| {
            entry[*key].as_str().is_some_and(|text| text.trim_end_matches(".npy") == name)
        })
    };
    match index {
        Value::Object(map) => {
            let direct = map.get(name).or_else(|| map.get(&format!("{name}.npy")));
            direct.or_else(|| map.values().find_map(|value| find(value, name)))
        }
        Value::Array(list) => {
            list.iter().find(|entry| is(entry)).or_else(|| list.iter().find_map(|v| find(v, name)))
        }
        _ => None,
    }
}

/// Returns the name that a stage of the original has as an output of our network.
pub fn output(stage: &str) -> &str {
    if stage == "fused" { "patch_features" } else { stage }
}

impl Golden {
    /// Asserts that values are within the tolerance; tells the largest difference.
    ///
    /// # Panics
    /// They are not, or their number is another.
    pub fn check(&self, values: &[f32]) {
        assert_eq!(values.len(), self.array.values.len(), "{}", self.name);
        let difference = |(ours, theirs): (&f32, &f32)| (ours - theirs).abs();
        let largest = values.iter().zip(&self.array.values).map(difference).fold(0.0, nan_max);
        tell(&format!("golden {:<40} {largest:9.2e} of {:.0e}", self.name, self.tolerance));
        assert!(largest <= self.tolerance, "{}: {largest} > {}", self.name, self.tolerance);
    }

    /// Asserts that all but a few of the values are equal; tells how many are not.
    ///
    /// # Panics
    /// More differ, or their number is another.
    pub fn check_pixels(&self, values: &[f32], most: usize) {
        assert_eq!(values.len(), self.array.values.len(), "{}", self.name);
        let different = values.iter().zip(&self.array.values).filter(|(a, b)| a != b).count();
        tell(&format!("golden {:<40} {different:>6} px of {most}", self.name));
        assert!(different <= most, "{}: {different} pixels differ", self.name);
    }
}

/// A maximum that does not lose a NaN.
fn nan_max(a: f32, b: f32) -> f32 {
    if b.is_nan() || b > a { b } else { a }
}
