//! A STAC item beside a model: its description, the bands it needs, its files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::manifest::Manifest;
use super::stac_mlm::{KEY, properties};
use crate::error::{Error, Result};
use crate::normalise::needed;

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
pub fn path(model: &Path) -> PathBuf {
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
pub(super) fn read_beside(model: &Path, metadata: &mut BTreeMap<String, String>) -> Result<()> {
    let file = path(model);
    if metadata.contains_key(KEY) || !file.is_file() {
        return Ok(());
    }
    let mut text = String::new();
    let read = File::open(&file).and_then(|open| open.take(ITEM_BYTES).read_to_string(&mut text));
    read.map_err(|error| Error::file("read", &file, &error))?;
    let item: Value = serde_json::from_str(&text).map_err(|error| {
        Error::model(format!("'{}' beside it is not a STAC item ({error})", file.display()))
    })?;
    metadata.insert(KEY.to_owned(), item["properties"].to_string());
    Ok(())
}
