//! docs/manifest.schema.json describes the manifests that are written and read, no more, no less.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use conformance::models::{plain_manifest, profile_manifest};
use conformance::schema::violations;
use serde_json::{Value, json};
use spectralgpt_core::model::manifest::{
    Activation, Channel, Manifest, OutputKind, Task, Training,
};
use spectralgpt_core::model::profile::PROFILES;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../docs/manifest.schema.json")).unwrap()
}

/// Returns a manifest with every key.
fn full() -> Manifest {
    Manifest {
        channels: vec![Channel::Band("B02".into()), Channel::Mean(vec!["B02".into()])],
        processing_level: Some("L2A".into()),
        profile: Some("segmunich".into()),
        portable: true,
        resize_px: Some(146),
        overlap_px: Some(32),
        heads: Some(12),
        assumed: vec!["heads".into()],
        checkpoint_sha256: Some(String::new()),
        external_data_sha256: Some(String::new()),
        training: Some(Training {
            origin_sha256: String::new(),
            labels: "fields.gpkg".into(),
            field: Some("use".into()),
            features: Some("encoder".into()),
            head: "mlp".into(),
            strength: 0.01,
            seed: 0,
            pixels: 1000,
            blocks: 12,
            block_px: 32,
            folds: 5,
            overall_accuracy: 0.9,
            macro_f1: 0.8,
            majority_rate: 0.5,
        }),
        ..plain_manifest(3, 4)
    }
}

#[test]
fn every_manifest_fits_and_every_key_is_described() {
    let schema = schema();
    let mut manifests = vec![full(), plain_manifest(2, 0)];
    manifests.extend(PROFILES.iter().map(profile_manifest));
    manifests.extend(Task::ALL.map(|task| Manifest { task, ..full() }));
    for activation in [Activation::Softmax, Activation::LogSoftmax, Activation::Sigmoid] {
        let mut manifest = full();
        manifest.outputs[0].activation = activation;
        manifests.push(manifest);
    }
    let kinds = [
        OutputKind::SceneScores,
        OutputKind::PatchFeatures,
        OutputKind::ChipFeatures,
        OutputKind::Reconstruction,
    ];
    for kind in kinds {
        let mut manifest = full();
        manifest.outputs[0].kind = kind;
        manifests.push(manifest);
    }
    for manifest in manifests {
        let value: Value = serde_json::from_str(&manifest.to_json()).unwrap();
        assert_eq!(violations(&schema, &value, ""), Vec::<String>::new());
    }
    let written: Value = serde_json::from_str(&full().to_json()).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&schema["properties"]), keys(&written));
}

#[test]
fn what_the_schema_requires_the_reader_requires() {
    let schema = schema();
    let whole: Value = serde_json::from_str(&full().to_json()).unwrap();
    for key in whole.as_object().unwrap().keys() {
        let mut part = whole.clone();
        part.as_object_mut().unwrap().remove(key);
        let required = schema["required"].as_array().unwrap().contains(&json!(key));
        assert_eq!(!violations(&schema, &part, "").is_empty(), required, "{key}");
        let words =
            Manifest::parse(&part.to_string()).err().map(|error| error.message().to_owned());
        let missing = words.is_some_and(|words| words.contains("missing field"));
        assert_eq!(missing, required, "{key}");
    }
    for (key, value) in
        [("task", json!("x")), ("chip_px", json!(0)), ("schema", json!(2)), ("new", json!(1))]
    {
        let mut other = whole.clone();
        other[key] = value;
        assert_eq!(violations(&schema, &other, "").len(), 1, "{key}");
    }
}
