//! A model file and what it says of itself.

pub mod beside;
pub mod classes;
pub mod deepness;
pub mod foreign;
pub mod manifest;
pub mod portable;
pub mod profile;
pub mod stac_item;
pub mod stac_mlm;

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::onnx::{Dim, ModelFacts, ValueFacts, read_metadata};
use manifest::{Activation, Manifest, OutputKind};

/// The key of the manifest among an ONNX file's `metadata_props`.
pub const MANIFEST_KEY: &str = "spectralgpt";

/// A model file, described; its weights stay on disk.
#[derive(Debug, Clone)]
pub struct Model {
    path: PathBuf,
    manifest: Manifest,
}

impl Model {
    /// Opens a model file that describes itself: one that [`convert`](crate::convert::convert)
    /// wrote, or another's that [`foreign::manifest`] understands without help.
    ///
    /// # Errors
    /// - Model: missing, not an ONNX model, without a description, its description and its
    ///   network contradict each other, or its weights are in a file that cannot be used.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, None)
    }

    /// Opens a model file, told what the outputs of another's model still need.
    ///
    /// # Errors
    /// - Usage: `activation` is given for a model that says it itself.
    /// - Model: as [`open`](Self::open).
    pub fn open_with(path: &Path, activation: Option<Activation>) -> Result<Self> {
        let at = |error: Error| error.at(&format!("model '{}'", path.display()));
        let mut facts = read_metadata(path).map_err(|error| match error.kind() {
            Kind::Io => Error::model(error.message()),
            _ => error,
        })?;
        let manifest = match facts.metadata.get(MANIFEST_KEY) {
            Some(json) => described(json, activation),
            None => {
                stac_item::read_beside(path, &mut facts.metadata).map_err(at)?;
                foreign::manifest(&facts, activation)
            }
        };
        let manifest = manifest.map_err(at)?;
        check(&manifest, &facts).map_err(at)?;
        let sha256 = manifest.external_data_sha256.as_deref();
        beside::check(path, &facts.external, sha256).map_err(at)?;
        Ok(Self { path: path.to_owned(), manifest })
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the model says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

fn described(json: &str, activation: Option<Activation>) -> Result<Manifest> {
    if activation.is_some() {
        return Err(Error::usage(
            "the model says itself what its outputs need; leave --activation out",
        ));
    }
    Manifest::parse(json)
}

/// Compares the description with the network's inputs and outputs.
fn check(manifest: &Manifest, facts: &ModelFacts) -> Result<()> {
    let side = u64::from(manifest.chip_px);
    let names = manifest.task.inputs();
    if facts.inputs.len() != names.len() {
        let (found, wanted) = (facts.inputs.len(), names.len());
        return Err(Error::model(format!("its network has {found} inputs, {wanted} expected")));
    }
    for input in &facts.inputs {
        fits(input, &[manifest.channels.len() as u64, side, side])?;
    }
    for output in &manifest.outputs {
        let found = facts.outputs.iter().find(|value| value.name == output.name);
        let missing = || Error::model(format!("its network has no output '{}'", output.name));
        let (channels, patches) = (u64::from(output.channels), side / u64::from(manifest.patch_px));
        let shape = match output.kind {
            OutputKind::ClassScores | OutputKind::Reconstruction => vec![channels, side, side],
            OutputKind::PatchFeatures => vec![channels, patches, patches],
            OutputKind::SceneScores | OutputKind::ChipFeatures => vec![channels],
        };
        fits(found.ok_or_else(missing)?, &shape)?;
    }
    Ok(())
}

fn fits(value: &ValueFacts, wanted: &[u64]) -> Result<()> {
    let fixed = |dim: &Dim, wanted: u64| !matches!(dim, Dim::Fixed(length) if *length != wanted);
    let same = value.dims.is_empty()
        || value.dims.len() == wanted.len() + 1
            && value.dims[1..].iter().zip(wanted).all(|(dim, wanted)| fixed(dim, *wanted));
    if same {
        return Ok(());
    }
    let wanted: Vec<String> = wanted.iter().map(u64::to_string).collect();
    Err(Error::model(format!(
        "its network's '{}' does not have the shape that the description gives, batch x {}",
        value.name,
        wanted.join(" x ")
    )))
}
