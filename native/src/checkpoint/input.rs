//! Takes a pickle's bytes from the front, never more than there are.

use std::io::BufRead;

use super::extent::unreadable;
use crate::error::{Error, Result};

/// Longest line, which is the name of a module or a class.
const MAX_LINE: u64 = 256;

/// Bytes still to be read, and how many there are.
#[derive(Debug)]
pub(super) struct Input<R> {
    reader: R,
    left: u64,
}

impl<R: BufRead> Input<R> {
    /// Starts at the reader's place; no more than `left` bytes will be taken.
    pub(super) fn new(reader: R, left: u64) -> Self {
        Self { reader, left }
    }

    /// Returns how many bytes may still be taken.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Takes a fixed number of bytes.
    ///
    /// # Errors
    /// - Model: there are fewer.
    /// - Io: they cannot be read.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.spend(N as u64)?;
        self.reader.read_exact(&mut bytes).map_err(|error| unreadable(&error))?;
        Ok(bytes)
    }

    /// Takes as many bytes as a length in the file says, which may lie.
    ///
    /// # Errors
    /// - Model: there are fewer.
    /// - Io: they cannot be read.
    pub(super) fn bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        self.spend(length)?;
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| damaged("a length"))?];
        self.reader.read_exact(&mut bytes).map_err(|error| unreadable(&error))?;
        Ok(bytes)
    }

    /// Takes UTF-8 text of a length that may lie.
    ///
    /// # Errors
    /// - Model: there are fewer bytes, or they are no text.
    /// - Io: they cannot be read.
    pub(super) fn text(&mut self, length: u64) -> Result<String> {
        String::from_utf8(self.bytes(length)?).map_err(|_| damaged("text"))
    }

    /// Takes a line without its end.
    ///
    /// # Errors
    /// - Model: it is too long, or no text.
    /// - Io: it cannot be read.
    pub(super) fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        let limit = self.left.min(MAX_LINE);
        let read = std::io::Read::take(&mut self.reader, limit).read_until(b'\n', &mut line);
        self.spend(read.map_err(|error| unreadable(&error))? as u64)?;
        match line.pop() {
            Some(b'\n') => String::from_utf8(line).map_err(|_| damaged("a name")),
            _ => Err(damaged("a name")),
        }
    }

    fn spend(&mut self, count: u64) -> Result<()> {
        self.left = self.left.checked_sub(count).ok_or_else(|| damaged("its end"))?;
        Ok(())
    }
}

/// Makes the error for a pickle that cannot be right.
pub(super) fn damaged(what: &str) -> Error {
    Error::model(format!("the pickle inside is damaged at {what}; copy or download the file again"))
}
