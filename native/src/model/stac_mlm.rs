//! The STAC Machine Learning Model description (extension version 1.5), as properties of an item
//! and as an item of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::manifest::{Activation, Channel, Manifest, Normalisation, Task};
use crate::error::{Error, Result};
use crate::normalise::needed;

/// The key of the description among an ONNX file's `metadata_props`.
pub const KEY: &str = "stac_mlm";

/// The first pictures of Sentinel-2A; an item must say when.
const SENTINEL2_SINCE: &str = "2015-06-23T00:00:00Z";
/// What the extension's best practices write for "no end".
const NO_END: &str = "9999-12-31T23:59:59Z";

/// The extensions an item uses.
const EXTENSIONS: [&str; 3] = [
    "https://stac-extensions.github.io/mlm/v1.5.2/schema.json",
    "https://stac-extensions.github.io/classification/v1.1.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
];

/// The most that an item beside a model may have.
const ITEM_BYTES: u64 = 4 << 20;

/// A file that an item lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its name, beside the item.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Names the item beside a model.
pub fn item_path(model: &Path) -> PathBuf {
    model.with_extension("stac.json")
}

/// Describes a model by a STAC item: anywhere on earth, since Sentinel-2.
///
/// `data` is the file beside the model that holds its weights.
pub fn item(
    manifest: &Manifest,
    name: &str,
    parameters: u64,
    model: &Asset,
    data: Option<&Asset>,
) -> Value {
    let mut properties = properties(manifest, name, parameters);
    properties["datetime"] = Value::Null;
    properties["start_datetime"] = SENTINEL2_SINCE.into();
    properties["end_datetime"] = NO_END.into();
    properties["description"] =
        format!("SpectralGPT, {}: an ONNX model for Sentinel-2", manifest.task.name()).into();
    let bands: Vec<Value> =
        needed(&manifest.channels).iter().map(|name| json!({ "name": name })).collect();
    let mut assets = json!({ "model": asset(model, "The network", &["mlm:model"]) });
    assets["model"]["mlm:artifact_type"] = "ONNX".into();
    // The MLM extension wants them in the item, STAC there only if an asset has them too.
    (properties["bands"], assets["model"]["bands"]) = (bands.clone().into(), bands.into());
    if let Some(data) = data {
        assets["weights"] = asset(data, "The network's weights", &["mlm:weights"]);
    }
    json!({
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": EXTENSIONS,
        "id": name,
        "geometry": null,
        "properties": properties,
        "links": [],
        "assets": assets,
    })
}

fn asset(file: &Asset, title: &str, roles: &[&str]) -> Value {
    json!({
        "href": format!("./{}", file.name),
        "type": "application/octet-stream; framework=onnx",
        "title": title,
        "roles": roles,
        "file:size": file.bytes,
        // A multihash: sha2-256, 32 bytes.
        "file:checksum": format!("1220{}", file.sha256),
    })
}

/// Adds the description of an item beside a model to its metadata, if there is one and the model
/// has none.
pub(super) fn read_item_beside(
    model: &Path,
    metadata: &mut BTreeMap<String, String>,
) -> Result<()> {
    let path = item_path(model);
    if metadata.contains_key(KEY) || !path.is_file() {
        return Ok(());
    }
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(ITEM_BYTES).read_to_string(&mut text));
    read.map_err(|error| Error::file("read", &path, &error))?;
    let item: Value = serde_json::from_str(&text).map_err(|error| {
        Error::model(format!("'{}' beside it is not a STAC item ({error})", path.display()))
    })?;
    metadata.insert(KEY.to_owned(), item["properties"].to_string());
    Ok(())
}

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
    let outputs: Vec<Value> = manifest
        .outputs
        .iter()
        .map(|output| {
            json!({
                "name": output.name,
                "tasks": [task],
                "result": {
                    "shape": [-1, manifest.classes.len(), side, side],
                    "dim_order": ["batch", "class", "height", "width"],
                    "data_type": "float32",
                },
                "classification:classes": classes(manifest),
                "post_processing_function": post_processing(output.activation),
            })
        })
        .collect();
    json!({
        "mlm:name": name,
        "mlm:architecture": "SpectralGPT",
        "mlm:tasks": [task],
        "mlm:framework": "ONNX",
        "mlm:total_parameters": parameters,
        "mlm:pretrained": true,
        "mlm:batch_size_suggestion": 1,
        "mlm:accelerator_constrained": false,
        "mlm:input": [{
            "name": "image",
            "bands": bands(manifest),
            "input": {
                "shape": [-1, manifest.channels.len(), side, side],
                "dim_order": ["batch", "bands", "height", "width"],
                "data_type": "float32",
            },
            "value_scaling": scaling(&manifest.normalisation),
            "resize_type": null,
            "pre_processing_function": null,
        }],
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
