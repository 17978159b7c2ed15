//! Reads trained weights from the files people hold.

mod extent;
mod input;
mod legacy;
mod pickle;
mod safetensors;
mod tensor;
mod value;
mod zip;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use extent::{Extent, read_at};
use tensor::Tensor;
use value::{Pickle, Value};

/// Named tensors, read one at a time.
pub trait Weights: Sync {
    /// Lists the names of floating-point tensors, in file order, without the prefixes that
    /// wrapping a model puts before all of them.
    fn names(&self) -> Vec<&str>;

    /// Returns a tensor's shape, or `None` if there is no such tensor.
    fn shape(&self, name: &str) -> Option<&[usize]>;

    /// Reads a tensor as f32, row-major.
    ///
    /// # Errors
    /// - Model: no such tensor, not floating point, or its bytes do not match their checksum.
    /// - Io: the file cannot be read.
    fn read(&self, name: &str) -> Result<Vec<f32>>;
}

/// A file of torch.save or of safetensors, whose tensors are read one at a time; code in it is
/// never run.
///
/// Damage is noticed wherever the file has checksums: everywhere in a zip, nowhere in the layout
/// from before torch 1.6 nor in safetensors. In those two, a changed byte among the values gives
/// another value and no error: compare [`sha256`](Self::sha256) with the publisher's.
#[derive(Debug)]
pub struct Checkpoint {
    file: File,
    length: u64,
    place: String,
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    tensor: Arc<Tensor>,
    extent: Extent,
}

impl Checkpoint {
    /// Opens a checkpoint: the dictionary of tensors itself, or one under `model` or `state_dict`.
    ///
    /// A `module.` or `model.` before every name is dropped, also one inside the other. An
    /// optimizer's state is not read.
    ///
    /// # Errors
    /// - Model: not a checkpoint, truncated, damaged, naming code to be run, or without tensors.
    /// - Io: the file cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let place = format!("'{}'", path.display());
        let (file, length) = plain_file(path)?;
        let entries = entries(&file, length).map_err(|error| error.at(&place))?;
        let by_name = entries.iter().enumerate().map(|(at, e)| (e.name.clone(), at)).collect();
        Ok(Self { file, length, place, entries, by_name })
    }

    /// Computes the SHA-256 of the whole file, in lower-case hexadecimal digits.
    ///
    /// # Errors
    /// - Model: the file has become shorter.
    /// - Io: the file cannot be read.
    pub fn sha256(&self) -> Result<String> {
        let whole = Extent { start: 0, length: self.length, crc: None };
        let mut hasher = Sha256::new();
        whole.stream(&self.file, |part| hasher.update(part)).map_err(|e| e.at(&self.place))?;
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).map(|&at| &self.entries[at])
    }
}

impl Weights for Checkpoint {
    fn names(&self) -> Vec<&str> {
        let floating = self.entries.iter().filter(|entry| entry.tensor.is_floating());
        floating.map(|entry| entry.name.as_str()).collect()
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entry(name).map(|entry| entry.tensor.shape.as_slice())
    }

    fn read(&self, name: &str) -> Result<Vec<f32>> {
        let place = format!("{}: tensor '{}'", self.place, shown(name));
        let entry = self
            .entry(name)
            .ok_or_else(|| Error::model("there is no such tensor in the checkpoint").at(&place))?;
        entry.tensor.read(&self.file, &entry.extent).map_err(|error| error.at(&place))
    }
}

/// Opens a file that is a file: a pipe would wait, a device would never end.
fn plain_file(path: &Path) -> Result<(File, u64)> {
    let unreadable = |error: std::io::Error| Error::file("read", path, &error);
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Error::model(format!(
            "'{}' is not a file; a checkpoint is a file of torch.save",
            path.display()
        )));
    }
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    Ok((file, length))
}

/// Tells the layouts apart by their first bytes, and lists the tensors.
fn entries(file: &File, length: u64) -> Result<Vec<Entry>> {
    let mut head = [0; 2 + legacy::MAGIC.len()];
    let known = usize::try_from(length).map_or(head.len(), |length| length.min(head.len()));
    read_at(file, &mut head[..known], 0)?;
    let mut entries = if head.starts_with(b"PK\x03\x04") {
        let (pickle, storages) = zip::contents(file, length)?;
        pickled(&pickle, &storages)?
    } else if head[0] == 0x80 && head[2..] == legacy::MAGIC {
        let (pickle, storages) = legacy::contents(file, length)?;
        pickled(&pickle, &storages)?
    } else if safetensors::is_meant(&head[..known], length) {
        safetensors::contents(file, length)?
    } else if length == 0 {
        return Err(Error::model("the file is empty; copy or download it again"));
    } else {
        return Err(Error::model(
            "this is not a PyTorch checkpoint: neither a zip of torch.save, nor its older layout, \
             nor safetensors; give the .pth file itself",
        ));
    };
    drop_prefixes(&mut entries);
    Ok(entries)
}

/// Finds the dictionary of tensors, and where the values of each lie.
fn pickled(pickle: &Pickle, storages: &HashMap<String, Extent>) -> Result<Vec<Entry>> {
    let top = pickle.named(pickle.root())?.ok_or_else(|| {
        Error::model("the file holds no dictionary of tensors; save model.state_dict()")
    })?;
    let wrapped = ["model", "state_dict"]
        .iter()
        .find_map(|key| top.iter().find(|(name, value)| name == key && is_dict(value)));
    let all = match wrapped {
        Some((_, dict)) => pickle.named(dict)?.unwrap_or_default(),
        None => top,
    };
    let tensors: Vec<_> = all
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Tensor(tensor) => Some((*name, tensor)),
            _ => None,
        })
        .collect();
    if tensors.is_empty() {
        let found: Vec<_> = all.iter().take(8).map(|(name, _)| shown(name)).collect();
        return Err(Error::model(format!(
            "there are no tensors at its top level or under 'model' or 'state_dict' (found: {})",
            found.join(", ")
        )));
    }
    let entry = |(name, tensor): (&str, &Arc<Tensor>)| {
        let key = &tensor.storage.key;
        let missing = || {
            let place = format!("tensor '{}'", shown(name));
            Error::model(format!("its storage '{key}' is not in the file")).at(&place)
        };
        let extent = storages.get(key).ok_or_else(missing)?.clone();
        Entry::new(name.to_owned(), Arc::clone(tensor), extent)
    };
    tensors.into_iter().map(entry).collect()
}

fn is_dict(value: &Value) -> bool {
    matches!(value, Value::Dict(_))
}

impl Entry {
    /// Checks that the tensor lies inside its bytes.
    fn new(name: String, tensor: Arc<Tensor>, extent: Extent) -> Result<Self> {
        let place = || format!("tensor '{}'", shown(&name));
        tensor.check(&extent).map_err(|error| error.at(&place()))?;
        Ok(Self { name, tensor, extent })
    }
}

/// Drops what a wrapper put before all names: `DataParallel`'s `module.`, an attribute's `model.`.
fn drop_prefixes(entries: &mut [Entry]) {
    let shared = |entries: &[Entry], prefix: &str| {
        !entries.is_empty() && entries.iter().all(|entry| entry.name.starts_with(prefix))
    };
    while let Some(prefix) = ["module.", "model."].iter().find(|prefix| shared(entries, prefix)) {
        entries.iter_mut().for_each(|entry| drop(entry.name.drain(..prefix.len())));
    }
}

/// Makes text of a file fit for a message: short, and without control characters.
fn shown(text: &str) -> String {
    text.chars().take(100).map(|c| if c.is_control() { '?' } else { c }).collect()
}
