//! Walks the fields of protobuf messages in a file, reading only what is asked for.

use std::io::{BufReader, ErrorKind, Read, Seek};

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

/// What keeping a message costs besides its bytes.
pub(super) const FLAT_RATE: u64 = 256;

/// What follows a field's key: a number, already read, or so many bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Payload {
    Number(u64),
    Bytes(u64),
}

/// A place in a file of messages.
pub(super) struct Fields<F> {
    file: BufReader<F>,
    position: u64,
    budget: u64,
}

impl<F: Read + Seek> Fields<F> {
    /// Starts at the file's beginning; messages of no more than `budget` bytes will be kept.
    pub(super) fn new(file: F, budget: u64) -> Self {
        // Most of a model is skipped: a small buffer wastes little where a skip leaves it.
        Self { file: BufReader::with_capacity(512, file), position: 0, budget }
    }

    /// Returns the bytes before this place.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Reads the next field's number of a message that ends at `end`; `None` is its end.
    pub(super) fn next(&mut self, end: u64) -> std::io::Result<Option<(u32, Payload)>> {
        if self.position == end {
            return Ok(None);
        }
        let key = self.varint()?;
        let payload = match key & 7 {
            0 => Payload::Number(self.varint()?),
            1 => Payload::Bytes(8),
            2 => Payload::Bytes(self.varint()?),
            5 => Payload::Bytes(4),
            _ => return Err(invalid("unknown wire type")),
        };
        let length = if let Payload::Bytes(length) = payload { length } else { 0 };
        match u32::try_from(key >> 3) {
            _ if self.position > end || length > end - self.position => {
                Err(invalid("a field ends outside its message"))
            }
            Ok(number) if number > 0 => Ok(Some((number, payload))),
            _ => Err(invalid("a field has no valid number")),
        }
    }

    /// Reads a message of so many bytes whole.
    pub(super) fn message<M: Message + Default>(&mut self, bytes: u64) -> std::io::Result<M> {
        self.keep(bytes)?;
        let mut content = Vec::new();
        self.file.by_ref().take(bytes).read_to_end(&mut content)?;
        self.position += bytes;
        Ok(M::decode(content.as_slice())?)
    }

    /// Appends a field, key and all, to a message that is being put together.
    pub(super) fn copy(
        &mut self,
        (number, payload): (u32, Payload),
        into: &mut Vec<u8>,
    ) -> std::io::Result<()> {
        match payload {
            Payload::Number(value) => {
                encode_key(number, WireType::Varint, into);
                encode_varint(value, into);
            }
            Payload::Bytes(bytes) => {
                self.keep(bytes)?;
                encode_key(number, WireType::LengthDelimited, into);
                encode_varint(bytes, into);
                let read = self.file.by_ref().take(bytes).read_to_end(into)?;
                self.position += read as u64;
            }
        }
        Ok(())
    }

    /// Accounts for something of so many bytes that is kept.
    pub(super) fn keep(&mut self, bytes: u64) -> std::io::Result<()> {
        let left = self.budget.checked_sub(bytes.saturating_add(FLAT_RATE));
        self.budget = left.ok_or_else(|| invalid("its descriptions exceed 64 MiB"))?;
        Ok(())
    }

    /// Passes over what follows a field's key.
    pub(super) fn skip(&mut self, payload: Payload) -> std::io::Result<()> {
        let Payload::Bytes(bytes) = payload else { return Ok(()) };
        self.position += bytes;
        let bytes = i64::try_from(bytes).map_err(|_| invalid("a field is too long"))?;
        self.file.seek_relative(bytes)
    }

    fn varint(&mut self) -> std::io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.file.read_exact(&mut byte)?;
            self.position += 1;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(invalid("a number is too long"))
    }
}

pub(super) fn invalid(message: &str) -> std::io::Error {
    std::io::Error::new(ErrorKind::InvalidData, message)
}
