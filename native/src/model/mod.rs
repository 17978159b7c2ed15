//! A model file and what it says of itself.

pub mod beside;
mod builtin;
pub mod classes;
pub mod deepness;
pub mod foreign;
pub mod manifest;
pub mod portable;
pub mod profile;
pub mod stac_item;
pub mod stac_mlm;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};
use crate::hidden::hex;
use crate::onnx::{Dim, ModelFacts, Place, ValueFacts, read_metadata, read_metadata_of};
use crate::runtime::session::{Session, SessionOptions};
use manifest::{Activation, Manifest, OutputKind};

pub use builtin::BUILTIN;

/// The key of the manifest among an ONNX file's `metadata_props`.
pub const MANIFEST_KEY: &str = "spectralgpt";

/// A model, described; a file's weights stay on disk.
#[derive(Debug, Clone)]
pub struct Model {
    path: PathBuf,
    bytes: Option<Bytes>,
    manifest: Manifest,
}

/// A model that is not in a file of its own.
#[derive(Clone)]
enum Bytes {
    Embedded(&'static [u8]),
    Given(Arc<[u8]>),
}

impl Bytes {
    fn get(&self) -> &[u8] {
        match self {
            Bytes::Embedded(bytes) => bytes,
            Bytes::Given(bytes) => bytes,
        }
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.get().len())
    }
}

impl Model {
    /// Opens a model that describes itself: a file that [`convert`](crate::convert::convert)
    /// wrote, another's that [`foreign::manifest`] understands without help, or a built-in one by
    /// its name, [`BUILTIN`].
    ///
    /// # Errors
    /// - Model: missing, not an ONNX model, without a description, its description and its
    ///   network contradict each other, or its weights are in a file that cannot be used.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, None)
    }

    /// Opens a model, told what the outputs of another's model still need.
    ///
    /// # Errors
    /// - Usage: `activation` is given for a model that says it itself.
    /// - Model: as [`open`](Self::open).
    pub fn open_with(path: &Path, activation: Option<Activation>) -> Result<Self> {
        if let Some(bytes) = builtin::named(path)? {
            return Self::of_bytes(path.to_owned(), Bytes::Embedded(bytes), activation);
        }
        let at = |error: Error| error.at(&format!("model '{}'", path.display()));
        let mut facts = read_metadata(path).map_err(|error| match error.kind() {
            Kind::Io => Error::model(error.message()),
            _ => error,
        })?;
        if !facts.metadata.contains_key(MANIFEST_KEY) {
            stac_item::read_beside(path, &mut facts.metadata).map_err(at)?;
        }
        let manifest = describe(&facts, activation).map_err(at)?;
        let sha256 = manifest.external_data_sha256.as_deref();
        beside::check(path, &facts.external, sha256).map_err(at)?;
        Ok(Self { path: path.to_owned(), bytes: None, manifest })
    }

    /// Opens a model that the caller holds: the bytes of a model file, told what the outputs of
    /// another's model still need. Its name is `memory:` and a part of the bytes' SHA-256.
    ///
    /// # Errors
    /// - Usage: `activation` is given for a model that says it itself.
    /// - Model: not an ONNX model, without a description, its description and its network
    ///   contradict each other, or its weights are in another file.
    pub fn from_bytes(bytes: Arc<[u8]>, activation: Option<Activation>) -> Result<Self> {
        let name = format!("memory:{}", &hex(&Sha256::digest(&bytes))[..16]);
        Self::of_bytes(name.into(), Bytes::Given(bytes), activation)
    }

    fn of_bytes(path: PathBuf, bytes: Bytes, activation: Option<Activation>) -> Result<Self> {
        let at = |error: Error| error.at(&format!("model '{}'", path.display()));
        let facts = read_metadata_of(bytes.get()).map_err(at)?;
        let manifest = describe(&facts, activation).map_err(at)?;
        if let Some(tensor) = facts.external.first() {
            return Err(at(Error::model(format!(
                "its weights are in a file '{}', which a model in memory cannot have; open it by \
                 its path",
                tensor.location
            ))));
        }
        Ok(Self { path, bytes: Some(bytes), manifest })
    }

    /// Loads the network, or joins a session that has loaded it with the same options.
    ///
    /// # Errors
    /// - Usage: the options contradict each other.
    /// - Model: no ONNX Runtime, no such device, or not a model that it can run.
    pub fn load(&self, options: &SessionOptions) -> Result<Session> {
        match &self.bytes {
            Some(bytes) => Session::open_bytes(&self.path, bytes.get(), options),
            None => Session::open(&self.path, options),
        }
    }

    /// Returns where its network is.
    pub(crate) fn place(&self) -> Place {
        match &self.bytes {
            Some(Bytes::Given(bytes)) => Place::Memory(Arc::clone(bytes)),
            Some(Bytes::Embedded(bytes)) => Place::Memory(Arc::from(*bytes)),
            None => Place::File(self.path.clone()),
        }
    }

    /// Returns the file, or the name of a model without one.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the model says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

fn describe(facts: &ModelFacts, activation: Option<Activation>) -> Result<Manifest> {
    let manifest = match facts.metadata.get(MANIFEST_KEY) {
        Some(json) => described(json, activation),
        None => foreign::manifest(facts, activation),
    }?;
    check(&manifest, facts)?;
    Ok(manifest)
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
