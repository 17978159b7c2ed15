//! Reads stretches of a file by position and checks their checksums.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

use crate::error::{Error, Result};

/// Bytes read at a time; a multiple of every element's size.
const CHUNK: usize = 1 << 18;

/// Where some bytes lie in a file, and their checksum if the file has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: u64,
    pub(super) length: u64,
    pub(super) crc: Option<u32>,
}

impl Extent {
    /// Passes the bytes on in chunks; they are good only if no error follows.
    ///
    /// # Errors
    /// - Model: the file ends early, or the checksum differs.
    /// - Io: the file cannot be read.
    pub(super) fn stream(&self, file: &File, mut each: impl FnMut(&[u8])) -> Result<()> {
        let mut buffer = vec![0; at_most(CHUNK, self.length)];
        let mut hasher = crc32fast::Hasher::new();
        let mut done = 0;
        while done < self.length {
            let part = &mut buffer[..at_most(CHUNK, self.length - done)];
            read_at(file, part, self.start + done)?;
            if self.crc.is_some() {
                hasher.update(part);
            }
            each(part);
            done += part.len() as u64;
        }
        if self.crc.is_none_or(|crc| crc == hasher.finalize()) {
            return Ok(());
        }
        Err(Error::model("its bytes do not match their checksum; copy or download the file again"))
    }

    /// Reads all bytes, if there are no more than `limit`.
    ///
    /// # Errors
    /// - Model: too many, or as for [`stream`](Self::stream).
    /// - Io: the file cannot be read.
    pub(super) fn bytes(&self, file: &File, limit: u64) -> Result<Vec<u8>> {
        if self.length > limit {
            return Err(Error::model(format!(
                "it has {} bytes, and at most {limit} are read",
                self.length
            )));
        }
        let mut bytes = Vec::with_capacity(at_most(usize::MAX, self.length));
        self.stream(file, |part| bytes.extend_from_slice(part))?;
        Ok(bytes)
    }
}

/// Fills the buffer from a position.
///
/// # Errors
/// - Model: the file ends early.
/// - Io: the file cannot be read.
pub(super) fn read_at(file: &File, buffer: &mut [u8], position: u64) -> Result<()> {
    file.read_exact_at(buffer, position).map_err(|error| unreadable(&error))
}

/// Tells a file that is too short from one that the system cannot read.
pub(super) fn unreadable(error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => Error::model("the file ends early; copy or download it again"),
        _ => Error::io(format!("cannot be read: {error}")),
    }
}

fn at_most(limit: usize, wanted: u64) -> usize {
    usize::try_from(wanted).map_or(limit, |wanted| wanted.min(limit))
}
