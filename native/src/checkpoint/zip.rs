//! Finds the entries of torch's zip dialect: stored, in one piece, and both of their headers agree.

use std::collections::HashMap;
use std::fs::File;

use super::extent::{Extent, read_at};
use super::input::Input;
use super::pickle;
use super::value::Pickle;
use crate::error::{Error, Result};
use record::{Fields, Record};

mod record;

const MAX_ENTRIES: u64 = 1 << 16;
const MAX_DIRECTORY: u64 = 1 << 24;

/// Reads the object and finds its storages by key.
///
/// # Errors
/// - Model: as for [`entries`], or big-endian, or naming what is not on the list.
/// - Io: the file cannot be read.
pub(super) fn contents(file: &File, length: u64) -> Result<(Pickle, HashMap<String, Extent>)> {
    let entries = entries(file, length)?;
    let roots: Vec<&str> =
        entries.keys().filter_map(|name| name.strip_suffix("/data.pkl")).collect();
    let &[root] = roots.as_slice() else {
        return Err(Error::model(
            "this is a zip without one data.pkl, so not a PyTorch checkpoint",
        ));
    };
    let small = |name: &str, limit| {
        let extent = entries.get(&format!("{root}/{name}"));
        extent.map(|e| e.bytes(file, limit).map_err(|error| error.at(name))).transpose()
    };
    if small("byteorder", 16)?.is_some_and(|order| order != b"little") {
        return Err(Error::model(
            "the file is not little-endian; load it with torch and save it on a common machine",
        ));
    }
    let bytes = small("data.pkl", pickle::MAX_BYTES)?.unwrap_or_default();
    let object = pickle::load(&mut Input::new(bytes.as_slice(), bytes.len() as u64))?;
    let folder = format!("{root}/data/");
    let key = |name: &str| name.strip_prefix(&folder).map(str::to_owned);
    let storages = entries.iter().filter_map(|(name, extent)| Some((key(name)?, extent.clone())));
    Ok((object, storages.collect()))
}

/// Lists the entries of an archive by name; nothing of them is read but their headers.
///
/// # Errors
/// - Model: truncated, damaged, or using what torch.save never uses (compression, encryption,
///   links, names that leave the archive, entries that overlap or share a name).
/// - Io: the file cannot be read.
fn entries(file: &File, length: u64) -> Result<HashMap<String, Extent>> {
    let directory = directory(file, length)?;
    let mut bytes = vec![0; usize::try_from(directory.length).unwrap_or(0)];
    read_at(file, &mut bytes, directory.start)?;
    let mut fields = Fields(&bytes);
    let mut entries = HashMap::new();
    let mut ranges = Vec::new();
    for _ in 0..directory.entries {
        let record = Record::parse(&mut fields)?;
        let (extent, end) = record.locate(file, directory.start)?;
        ranges.push((record.offset, end));
        if entries.insert(record.name.clone(), extent).is_some() {
            return Err(record.strange("appears twice"));
        }
    }
    ranges.sort_unstable();
    let overlap = ranges.windows(2).any(|pair| pair[0].1 > pair[1].0);
    if overlap || !fields.0.is_empty() {
        return Err(damaged());
    }
    Ok(entries)
}

struct Directory {
    start: u64,
    length: u64,
    entries: u64,
}

/// Reads the three end records, which close the file and say where the directory lies.
fn directory(file: &File, length: u64) -> Result<Directory> {
    let mut tail = [0; 56 + 20 + 22];
    let position = length.checked_sub(tail.len() as u64).ok_or_else(damaged)?;
    read_at(file, &mut tail, position)?;
    if tail[56..60] != *b"PK\x06\x07" && tail[76..80] == *b"PK\x05\x06" {
        return Err(Error::model(
            "the archive was packed anew by another program; load it with torch and save it again",
        ));
    }
    let mut fields = Fields(&tail);
    let mark = [*b"PK\x06\x06\x2c\0\0\0\0\0\0\0", fields.array()?];
    fields.take(4)?; // versions
    let disks = fields.u64()?;
    let [here, entries, size, start] = fields.numbers()?;
    let found = Directory { start, length: size, entries };
    let adjoins = start.checked_add(size) == Some(position);
    if mark[0] != mark[1] || disks != 0 || here != entries || !adjoins {
        return Err(damaged());
    }
    if fields.0 != found.closing(position) {
        return Err(damaged());
    }
    if entries > MAX_ENTRIES || size > MAX_DIRECTORY {
        return Err(Error::model(format!(
            "the file has {entries} entries in a directory of {size} bytes; \
             a checkpoint has at most {MAX_ENTRIES} in {MAX_DIRECTORY}"
        )));
    }
    Ok(found)
}

impl Directory {
    /// Returns the records that must follow the zip64 end record at the given position.
    fn closing(&self, position: u64) -> Vec<u8> {
        let entries = u16::try_from(self.entries).unwrap_or(u16::MAX).to_le_bytes();
        let short = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        [
            b"PK\x06\x07\0\0\0\0",
            &position.to_le_bytes()[..],
            b"\x01\0\0\0PK\x05\x06\0\0\0\0",
            &entries,
            &entries,
            &short(self.length),
            &short(self.start),
            b"\0\0",
        ]
        .concat()
    }
}

fn damaged() -> Error {
    Error::model(
        "the file is truncated or damaged, or was not written by torch.save; copy or download it again",
    )
}
