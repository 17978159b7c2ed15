//! Reads an entry's two headers and compares them.

use std::fs::File;

use super::super::extent::{Extent, read_at};
use super::damaged;
use crate::error::{Error, Result};

const MAX_NAME: usize = 512;
const HAS_DESCRIPTOR: u16 = 1 << 3;
const UTF8_NAME: u16 = 1 << 11;

/// What the directory says of one entry.
pub(super) struct Record {
    pub(super) name: String,
    flags: u16,
    crc: u32,
    size: u64,
    pub(super) offset: u64,
}

impl Record {
    /// Reads one record of the directory.
    pub(super) fn parse(fields: &mut Fields) -> Result<Self> {
        if fields.array()? != *b"PK\x01\x02" {
            return Err(damaged());
        }
        fields.take(4)?; // versions
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.take(4)?; // time, date
        let (crc, packed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let [name, extra, comment] = [fields.u16()?, fields.u16()?, fields.u16()?];
        fields.take(4)?; // disk, internal attributes
        let (attributes, offset) = (fields.u32()?, fields.u32()?);
        let name = plain_name(fields.take(name.into())?)?;
        let extra = fields.take(extra.into())?;
        fields.take(comment.into())?;
        let [size, packed, offset] = widen(extra, [size, packed, offset])?;
        let is_link = attributes >> 28 == 0xa;
        let problem = if flags & 1 != 0 {
            "is encrypted"
        } else if method != 0 || packed != size {
            "is compressed"
        } else if flags & !(HAS_DESCRIPTOR | UTF8_NAME) != 0 || is_link {
            "is no plain file"
        } else {
            return Ok(Self { name, flags, crc, size, offset });
        };
        Err(strange(&name, problem))
    }

    /// Compares with the header at the data, and returns where these lie and where all ends.
    pub(super) fn locate(&self, file: &File, limit: u64) -> Result<(Extent, u64)> {
        let mut header = [0; 30];
        let differs = || self.strange("has two headers that differ");
        let after = self.offset.checked_add(header.len() as u64).filter(|&end| end <= limit);
        let after = after.ok_or_else(damaged)?;
        read_at(file, &mut header, self.offset)?;
        let mut fields = Fields(&header);
        let marked = fields.array()? == *b"PK\x03\x04";
        fields.take(2)?; // version
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.take(4)?; // time, date
        let (crc, sizes) = (fields.u32()?, [fields.u32()?, fields.u32()?]);
        let (name, extra) = (fields.u16()?, fields.u16()?);
        if !marked || flags != self.flags || method != 0 || usize::from(name) != self.name.len() {
            return Err(differs());
        }
        let mut rest = vec![0; usize::from(name) + usize::from(extra)];
        let data = after + rest.len() as u64;
        let end = data.checked_add(self.size).filter(|&end| end <= limit).ok_or_else(damaged)?;
        read_at(file, &mut rest, after)?;
        let (name, extra) = rest.split_at(name.into());
        let sizes = widen(extra, [sizes[0], sizes[1], 0])?;
        let later = flags & HAS_DESCRIPTOR != 0 && crc == 0 && sizes == [0; 3];
        let now = crc == self.crc && sizes == [self.size, self.size, 0];
        if name != self.name.as_bytes() || !(later || now) {
            return Err(differs());
        }
        let length =
            if flags & HAS_DESCRIPTOR == 0 { 0 } else { self.descriptor(file, end, limit)? };
        Ok((Extent { start: data, length: self.size, crc: Some(self.crc) }, end + length))
    }

    /// Makes the error that names this entry.
    pub(super) fn strange(&self, what: &str) -> Error {
        strange(&self.name, what)
    }

    /// Compares with the record after the data, and returns its length.
    fn descriptor(&self, file: &File, position: u64, limit: u64) -> Result<u64> {
        let mut found = vec![0; usize::try_from((limit - position).min(24)).unwrap_or(0)];
        read_at(file, &mut found, position)?;
        let head = [*b"PK\x07\x08", self.crc.to_le_bytes()].concat();
        let wide = [&head[..], &self.size.to_le_bytes(), &self.size.to_le_bytes()].concat();
        let narrow = [&head[..], &wide[8..12], &wide[8..12]].concat();
        let fits = self.size <= u32::MAX.into();
        [wide, narrow]
            .iter()
            .find(|record| found.starts_with(record) && (fits || record.len() == 24))
            .map(|record| record.len() as u64)
            .ok_or_else(|| self.strange("has two headers that differ"))
    }
}

/// Replaces numbers that did not fit 32 bits by those of the zip64 field.
fn widen(extra: &[u8], numbers: [u32; 3]) -> Result<[u64; 3]> {
    let mut wide = Fields(&[]);
    if numbers.contains(&u32::MAX) {
        let mut fields = Fields(extra);
        while !fields.0.is_empty() {
            let (id, length) = (fields.u16()?, fields.u16()?);
            let content = fields.take(length.into())?;
            if id == 1 {
                wide = Fields(content);
            }
        }
    }
    let mut widened = numbers.map(u64::from);
    for number in widened.iter_mut().filter(|number| **number == u64::from(u32::MAX)) {
        *number = wide.u64()?;
    }
    Ok(widened)
}

/// Accepts a relative name that stays inside the archive.
fn plain_name(bytes: &[u8]) -> Result<String> {
    let name = std::str::from_utf8(bytes).map_err(|_| damaged())?;
    let inside = |part| !["", ".", ".."].contains(&part);
    let odd = |c: char| c.is_control() || c == '\\';
    if bytes.len() <= MAX_NAME && name.split('/').all(inside) && !name.contains(odd) {
        return Ok(name.to_owned());
    }
    let shown: String = name.chars().take(80).flat_map(char::escape_default).collect();
    Err(strange(&shown, "has a name that leaves the archive"))
}

/// Little-endian fields, taken from the front.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn numbers<const N: usize>(&mut self) -> Result<[u64; N]> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = self.u64()?;
        }
        Ok(numbers)
    }
}

fn strange(name: &str, what: &str) -> Error {
    Error::model(format!("the entry '{name}' {what}, as torch.save never writes it; refused"))
}
