//! Says what a run would do before it does it: bands found, offset, extent, chips.

use serde_json::{Value, json};

use crate::error::Result;
use crate::inputs::{Date, Inputs};
use crate::model::manifest::Manifest;
use crate::normalise::needed;
use crate::options::Options;
use crate::raster::gdal::GdalApi;

/// Opens the rasters of a run and describes it as a JSON object: `inputs` (`name`, and `bands` with
/// the `name` that the model needs and its `number` in the raster, from 1), `dn_offset`, the
/// `window` that is mapped (`column`, `row`, `width`, `height`), `chips`, `chip_px`, `overlap_px`.
/// No network is loaded.
///
/// # Errors
/// - Usage: the options contradict each other or do not fit the model.
/// - Input: a raster cannot be used.
pub fn preview(
    api: &'static GdalApi,
    manifest: &Manifest,
    inputs: &[&str],
    options: &Options,
) -> Result<Value> {
    let inputs = Inputs::open(api, manifest, inputs, options)?;
    let plan = inputs.plan(manifest, options)?;
    let names = needed(&manifest.channels);
    let band = |(name, number): (&&str, &usize)| json!({ "name": name, "number": number });
    let date = |date: &Date| {
        let bands: Vec<Value> = names.iter().zip(&date.bands).map(band).collect();
        json!({ "name": date.name, "bands": bands })
    };
    let window = plan.window();
    Ok(json!({
        "inputs": inputs.dates().iter().map(date).collect::<Vec<_>>(),
        "dn_offset": inputs.dn_offset(),
        "window": {
            "column": window.col,
            "row": window.row,
            "width": window.size.width,
            "height": window.size.height,
        },
        "chips": plan.len(),
        "chip_px": plan.grid().chip(),
        "overlap_px": plan.grid().overlap(),
    }))
}
