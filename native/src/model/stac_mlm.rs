//! The STAC Machine Learning Model description (extension version 1.5), as properties of an item.

use serde_json::{Value, json};

use super::manifest::{Activation, Channel, Manifest, Normalisation, Output, OutputKind, Task};

/// The key of the description among an ONNX file's `metadata_props`.
pub const KEY: &str = "stac_mlm";

/// Describes a model by the extension's properties; what it has no word for goes under
/// `mlm:hyperparameters` with the prefix `sgpt.`.
pub fn properties(manifest: &Manifest, name: &str, parameters: u64) -> Value {
    // The extension has no words for two dates, several labels, features or reconstruction.
    let task = match manifest.task {
        Task::Segment | Task::Change => "semantic-segmentation",
        Task::Classify => "scene-classification",
        Task::Multilabel => "classification",
        Task::Embed => "similarity-search",
        Task::Reconstruct => "regression",
    };
    let side = manifest.chip_px;
    let outputs: Vec<Value> =
        manifest.outputs.iter().map(|output| described(manifest, output, task)).collect();
    let inputs: Vec<Value> =
        manifest.task.inputs().iter().map(|name| input(manifest, name)).collect();
    json!({
        "mlm:name": name,
        "mlm:architecture": "SpectralGPT",
        "mlm:tasks": [task],
        "mlm:framework": "ONNX",
        "mlm:total_parameters": parameters,
        "mlm:pretrained": true,
        "mlm:batch_size_suggestion": 1,
        "mlm:accelerator_constrained": false,
        "mlm:input": inputs,
        "mlm:output": outputs,
        "mlm:hyperparameters": {
            "sgpt.chip": side,
            "sgpt.overlap": manifest.default_overlap(),
            "sgpt.halo": manifest.halo_px,
            "sgpt.blend": "raised-cosine",
            "sgpt.ground_resolution_m": manifest.ground_resolution_m,
            "sgpt.assumed": manifest.assumed,
        },
    })
}

fn input(manifest: &Manifest, name: &str) -> Value {
    let side = manifest.chip_px;
    json!({
        "name": name,
        "bands": bands(manifest),
        "input": {
            "shape": [-1, manifest.channels.len(), side, side],
            "dim_order": ["batch", "bands", "height", "width"],
            "data_type": "float32",
        },
        "value_scaling": scaling(&manifest.normalisation),
        "resize_type": manifest.resize_px.map(|_| "interpolation-cubic"),
        "pre_processing_function": null,
    })
}

fn described(manifest: &Manifest, output: &Output, task: &str) -> Value {
    let (side, channels) = (manifest.chip_px, output.channels);
    let patches = side / manifest.patch_px;
    let map = |axis: &str, side: u32| {
        (json!([-1, channels, side, side]), json!(["batch", axis, "height", "width"]))
    };
    let (shape, dim_order) = match output.kind {
        OutputKind::ClassScores => map("class", side),
        OutputKind::Reconstruction => map("channel", side),
        OutputKind::PatchFeatures => map("channel", patches),
        OutputKind::SceneScores => (json!([-1, channels]), json!(["batch", "class"])),
        OutputKind::ChipFeatures => (json!([-1, channels]), json!(["batch", "channel"])),
    };
    let mut described = json!({
        "name": output.name,
        "tasks": [task],
        "result": { "shape": shape, "dim_order": dim_order, "data_type": "float32" },
        "post_processing_function": post_processing(output.activation),
    });
    if matches!(output.kind, OutputKind::ClassScores | OutputKind::SceneScores) {
        described["classification:classes"] = classes(manifest).into();
    }
    described
}

fn bands(manifest: &Manifest) -> Vec<Value> {
    let one = |channel: &Channel| match channel {
        Channel::Band(name) => json!(name),
        Channel::Mean(names) => json!({
            "name": "mean",
            "format": "python",
            "expression": format!("({}) / {}", names.join(" + "), names.len()),
        }),
    };
    manifest.channels.iter().map(one).collect()
}

fn classes(manifest: &Manifest) -> Vec<Value> {
    let one = |class: &super::manifest::Class| {
        json!({
            "value": class.value,
            "name": short(&class.name),
            "description": class.name,
            "color_hint": class.colour.trim_start_matches('#').to_uppercase(),
        })
    };
    manifest.classes.iter().map(one).collect()
}

/// Returns a name in the letters, digits, `-` and `_` that the classification extension allows.
fn short(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    name.chars().map(plain).collect()
}

fn scaling(normalisation: &Normalisation) -> Value {
    let per_band = |kind: &str, mean: &[f64], std: &[f64]| -> Value {
        let one = |(mean, std)| json!({ "type": kind, "mean": mean, "stddev": std });
        mean.iter().zip(std).map(one).collect()
    };
    let expression = match normalisation {
        Normalisation::None => return Value::Null,
        Normalisation::ZScore { mean, std } => return per_band("z-score", mean, std),
        Normalisation::ClippedBytes { mean, std } => format!(
            "numpy.trunc(numpy.clip((x - m + 2 * s) / (4 * s) * 255, 0, 255)) / 255 \
             with m = {mean:?} and s = {std:?} per band"
        ),
        Normalisation::ChipMinMax { epsilon } => format!(
            "(x - x.min(axis=(-2, -1), keepdims=True)) / \
             (x.max(axis=(-2, -1), keepdims=True) - x.min(axis=(-2, -1), keepdims=True) + {epsilon})"
        ),
    };
    json!([{ "type": "processing", "format": "python", "expression": expression }])
}

fn post_processing(activation: Activation) -> Value {
    let expression = match activation {
        Activation::None => return Value::Null,
        Activation::Softmax => "scipy.special.softmax(x, axis=1)",
        Activation::LogSoftmax => "numpy.exp(x)",
        Activation::Sigmoid => "scipy.special.expit(x)",
    };
    json!({ "format": "python", "expression": expression })
}
