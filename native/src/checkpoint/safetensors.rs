//! Lists the tensors of a safetensors file: a JSON header, then their bytes in one piece.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};

use super::extent::Extent;
use super::tensor::{DType, Storage, Tensor};
use super::{Entry, shown};
use crate::error::{Error, Result};

/// The header of the largest model has a fiftieth of this.
const MAX_HEADER: u64 = 1 << 24;
const MAX_TENSORS: usize = 1 << 16;
/// The bytes that say how long the header is.
const LENGTH: u64 = 8;

/// What the header says of one tensor.
#[derive(Deserialize)]
struct Described {
    dtype: String,
    shape: Vec<usize>,
    /// Its bytes, counted from the end of the header.
    data_offsets: [u64; 2],
}

/// Tells a safetensors file by its start: a length that fits the file, then an object.
pub(super) fn is_meant(head: &[u8], length: u64) -> bool {
    matches!(head.split_first_chunk(), Some((&header, [b'{', ..]))
        if u64::from_le_bytes(header) <= length - LENGTH)
}

/// Lists the tensors, in the order of their bytes, each with its place; there are no checksums.
///
/// # Errors
/// - Model: the header is no JSON, too long, names a tensor twice, or does not fit the bytes.
/// - Io: the file cannot be read.
pub(super) fn contents(file: &File, length: u64) -> Result<Vec<Entry>> {
    let size = Extent { start: 0, length: LENGTH, crc: None }.bytes(file, LENGTH)?;
    let size = size.as_slice().try_into().map_or(0, u64::from_le_bytes);
    let header = Extent { start: LENGTH, length: size, crc: None };
    let header = header.bytes(file, MAX_HEADER).map_err(|error| error.at("its header"))?;
    let Header(mut described) = serde_json::from_slice(&header).map_err(|error| {
        Error::model(format!("its header is damaged ({error}); copy or download it again"))
    })?;
    described.sort_by_key(|(_, tensor)| tensor.data_offsets);
    let data = LENGTH + size;
    let mut end = 0;
    let mut tensors = Vec::with_capacity(described.len());
    for (name, tensor) in described {
        let [start, stop] = tensor.data_offsets;
        if start != end || stop < start || stop > length - data {
            return Err(unfitting());
        }
        end = stop;
        let extent = Extent { start: data + start, length: stop - start, crc: None };
        let tensor = tensor.view(&name)?;
        tensors.push(Entry::new(name, tensor, extent)?);
    }
    if end == length - data { Ok(tensors) } else { Err(unfitting()) }
}

impl Described {
    /// Returns it as the whole of a storage of its own.
    fn view(self, name: &str) -> Result<Arc<Tensor>> {
        let place = || format!("tensor '{}'", shown(name));
        let dtype = DType::of_safetensors(&self.dtype).ok_or_else(|| {
            let given = shown(&self.dtype);
            Error::model(format!("its values are {given}, which are not read")).at(&place())
        })?;
        let mut count = Some(1usize);
        let mut strides: Vec<usize> = Vec::with_capacity(self.shape.len());
        for &axis in self.shape.iter().rev() {
            strides.push(count.ok_or_else(|| unfitting().at(&place()))?);
            count = count.and_then(|count| count.checked_mul(axis));
        }
        strides.reverse();
        let count = count.ok_or_else(|| unfitting().at(&place()))?;
        let storage = Arc::new(Storage { key: shown(name), dtype, count });
        Ok(Arc::new(Tensor { storage, offset: 0, shape: self.shape, strides }))
    }
}

fn unfitting() -> Error {
    Error::model(
        "its tensors do not fill its bytes one after the other; copy or download the file again",
    )
}

/// The header's tensors, each name once; a plain map would keep the last of equal names.
struct Header(Vec<(String, Described)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Header;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("tensors by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Header, A::Error> {
        let (mut tensors, mut names) = (Vec::new(), HashSet::new());
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format!("the name '{}' appears twice", shown(&name))));
            } else if names.len() > MAX_TENSORS {
                return Err(A::Error::custom(format!("it names more than {MAX_TENSORS} tensors")));
            } else if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
            } else {
                tensors.push((name, map.next_value()?));
            }
        }
        Ok(Header(tensors))
    }
}
