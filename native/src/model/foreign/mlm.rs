//! Reads a STAC Machine Learning Model description, the properties of an item.

use serde_json::Value;

use super::{Described, Named, wrong};
use crate::error::{Error, Result};
use crate::model::manifest::Activation;

/// Reads a description of a segmentation model with one input and one output.
pub(super) fn read(json: &str) -> Result<Described> {
    let properties: Value =
        serde_json::from_str(json).map_err(|_| wrong("stac_mlm", "a JSON object"))?;
    let tasks = properties["mlm:tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !tasks.iter().any(|task| task == "semantic-segmentation") {
        let tasks: Vec<&str> = tasks.iter().filter_map(Value::as_str).collect();
        return Err(Error::model(format!(
            "its metadata 'mlm:tasks' is '{}'; 'semantic-segmentation' is needed",
            tasks.join(", ")
        )));
    }
    let (input, output) = (&properties["mlm:input"][0], &properties["mlm:output"][0]);
    let own = &properties["mlm:hyperparameters"];
    let pixels = |key: &str| own[key].as_u64().and_then(|px| u32::try_from(px).ok());
    Ok(Described {
        bands: bands(&input["bands"])?,
        scaling: scaling(&input["value_scaling"])?,
        classes: classes(&output["classification:classes"])?,
        activation: activation(&output["post_processing_function"]),
        resolution_m: own["sgpt.ground_resolution_m"].as_f64(),
        side_px: side(&input["input"]),
        overlap_px: pixels("sgpt.overlap"),
        halo_px: pixels("sgpt.halo").unwrap_or(0),
    })
}

fn side(input: &Value) -> Option<u32> {
    let order = input["dim_order"].as_array()?;
    let width = order.iter().position(|name| name == "width")?;
    u32::try_from(input["shape"][width].as_u64()?).ok()
}

fn bands(bands: &Value) -> Result<Option<Vec<String>>> {
    let Some(list) = bands.as_array().filter(|list| !list.is_empty()) else { return Ok(None) };
    let name = |band: &Value| {
        let plain = band["expression"].is_null();
        band.as_str().or(band["name"].as_str().filter(|_| plain)).map(str::to_owned)
    };
    let names: Option<Vec<String>> = list.iter().map(name).collect();
    names.map(Some).ok_or_else(|| wrong("mlm:input", "made of bands as they are"))
}

/// Returns what every linear scaling comes to: (x - mean) / std.
fn scaling(scaling: &Value) -> Result<Option<Vec<(f64, f64)>>> {
    let Some(list) = scaling.as_array() else { return Ok(None) };
    let pair = |one: &Value| {
        let number = |key: &str| one[key].as_f64();
        match one["type"].as_str() {
            None => Some((0.0, 1.0)),
            Some("z-score") => Some((number("mean")?, number("stddev")?)),
            Some("min-max") => {
                let low = number("minimum")?;
                Some((low, number("maximum")? - low))
            }
            Some("offset") => Some((number("value")?, 1.0)),
            Some("scale") => Some((0.0, number("value")?)),
            Some(_) => None,
        }
    };
    let pairs: Option<Vec<_>> = list.iter().map(pair).collect();
    let needed = "a list of z-score, min-max, offset or scale, one for each band";
    pairs.map(Some).ok_or_else(|| wrong("value_scaling", needed))
}

/// Returns the classes in the order of their values, which must be 0, 1, 2 and so on.
fn classes(classes: &Value) -> Result<Option<Vec<Named>>> {
    let Some(list) = classes.as_array().filter(|list| !list.is_empty()) else { return Ok(None) };
    let one = |value: usize| {
        let class = list.iter().find(|class| class["value"] == value)?;
        let name = ["title", "description", "name"].iter().find_map(|key| class[*key].as_str())?;
        let hex = class["color_hint"]
            .as_str()
            .filter(|hex| hex.len() == 6 && hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        Some((name.to_owned(), hex.map(|hex| format!("#{}", hex.to_lowercase()))))
    };
    let named: Option<Vec<_>> = (0..list.len()).map(one).collect();
    let needed = "a list that names the classes 0, 1, 2 and so on";
    named.map(Some).ok_or_else(|| wrong("classification:classes", needed))
}

/// Recognises what is applied to the output by the name of a well-known function.
fn activation(function: &Value) -> Option<Activation> {
    let expression = function["expression"].as_str()?.to_lowercase();
    let has = |word: &str| expression.contains(word);
    match () {
        () if has("log_softmax") || has("logsoftmax") => None,
        () if has("softmax") => Some(Activation::Softmax),
        () if has("sigmoid") || has("expit") => Some(Activation::Sigmoid),
        () if expression.replace(' ', "") == "numpy.exp(x)" => Some(Activation::LogSoftmax),
        () => None,
    }
}
