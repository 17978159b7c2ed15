//! Finds the parts of a file as torch.save wrote it before 1.6: pickles, then storages in a row.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;

use super::extent::{Extent, read_at};
use super::input::Input;
use super::pickle;
use super::tensor::Storage;
use super::value::{Pickle, Value};
use crate::error::{Error, Result};

/// What every such file begins with, after the pickle protocol: the magic number, pickled.
pub(super) const MAGIC: [u8; 13] = *b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Reads the object and finds its storages by key; these have no checksum in this layout.
///
/// # Errors
/// - Model: truncated, damaged, big-endian, or naming what is not on the list.
/// - Io: the file cannot be read.
pub(super) fn contents(file: &File, length: u64) -> Result<(Pickle, HashMap<String, Extent>)> {
    let limit = length.min(pickle::MAX_BYTES);
    let mut input = Input::new(BufReader::new(file), limit);
    pickle::load(&mut input)?; // the magic number
    let protocol = pickle::load(&mut input)?;
    if !matches!(protocol.root(), Value::Int(1001)) {
        return Err(Error::model(
            "the file has a protocol other than 1001; load it with torch and save it again",
        ));
    }
    let system = pickle::load(&mut input)?;
    let facts = system.named(system.root())?.unwrap_or_default();
    if !facts.iter().any(|fact| matches!(fact, ("little_endian", Value::Bool(true)))) {
        return Err(Error::model(
            "the file is not little-endian; load it with torch and save it on a common machine",
        ));
    }
    let object = pickle::load(&mut input)?;
    let keys = pickle::load(&mut input)?;
    let storages = storages(file, length, limit - input.left(), &object, &keys)?;
    Ok((object, storages))
}

/// Walks over the storages, each a count and its elements, to the end of the file.
fn storages(
    file: &File,
    length: u64,
    mut position: u64,
    object: &Pickle,
    keys: &Pickle,
) -> Result<HashMap<String, Extent>> {
    let damaged = || Error::model("its list of storages is damaged; copy or download it again");
    let mentioned: HashMap<&str, &Storage> =
        object.storages.iter().map(|storage| (storage.key.as_str(), &**storage)).collect();
    let mut extents = HashMap::new();
    let Value::List(keys_in_order) = keys.root() else { return Err(damaged()) };
    for &key in keys_in_order {
        let Value::Text(key) = keys.value(key) else { return Err(damaged()) };
        let storage = mentioned.get(key.as_str()).ok_or_else(damaged)?;
        let mut count = [0; 8];
        read_at(file, &mut count, position)?;
        let bytes = u64::from_le_bytes(count).checked_mul(storage.dtype.bytes() as u64);
        let extent = Extent { start: position + 8, length: bytes.ok_or_else(damaged)?, crc: None };
        position = extent.start.checked_add(extent.length).ok_or_else(damaged)?;
        if position > length || extents.insert(key.clone(), extent).is_some() {
            return Err(damaged());
        }
    }
    if position == length { Ok(extents) } else { Err(damaged()) }
}
