//! Deepness's metadata keys, so that its users see the same model.

use super::manifest::{Manifest, Task};

/// Returns `metadata_props` entries as Deepness reads them: each value is JSON text.
///
/// The tile size goes under both keys: its documentation says `tiles_size`, its code `tile_size`.
pub fn properties(manifest: &Manifest) -> Vec<(String, String)> {
    let names: serde_json::Map<_, _> = manifest
        .classes
        .iter()
        .map(|class| (class.value.to_string(), class.name.clone().into()))
        .collect();
    let kind = match manifest.task {
        Task::Segment | Task::Change => "Segmentor",
        Task::Classify | Task::Multilabel => "Recognition",
        Task::Embed | Task::Reconstruct => "Regressor",
    };
    let overlap = f64::from(manifest.default_overlap()) * 100.0 / f64::from(manifest.chip_px);
    let text = |value: serde_json::Value| value.to_string();
    // A class is taken although its score is below a half, and no small area is removed.
    let as_it_is = [("seg_thresh", text(0.0.into())), ("seg_small_segment", text(0.into()))];
    let as_it_is = as_it_is.into_iter().filter(|_| manifest.portable);
    [
        ("model_type", text(kind.into())),
        ("class_names", text(names.into())),
        ("resolution", text((manifest.ground_resolution_m * 100.0).into())),
        ("tiles_size", text(manifest.chip_px.into())),
        ("tile_size", text(manifest.chip_px.into())),
        ("tiles_overlap", text(overlap.into())),
    ]
    .into_iter()
    .chain(as_it_is)
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}
