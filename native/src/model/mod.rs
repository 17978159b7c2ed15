//! A model file and what it says of itself.

pub mod deepness;
pub mod manifest;
pub mod profile;
pub mod stac_mlm;

/// The key of the manifest among an ONNX file's `metadata_props`.
pub const MANIFEST_KEY: &str = "spectralgpt";
