//! Remembers which rows of an unfinished output are safely on disk, so that a killed run can go on.
//!
//! A journal is a header, then entries. An entry names the row after its last and is chained to all
//! before it: `SHA-256(previous ‖ rows ‖ row after the last)`. So whatever a kill or a fault leaves,
//! only rows whose bytes are those that were written count.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Bytes of a SHA-256.
const HASH: usize = 32;
/// Bytes of an entry: the row after its last, little-endian, and the hash.
const ENTRY: usize = 4 + HASH;
/// Bytes of rows that are hashed at once.
const PART: usize = 1 << 20;

/// The journal of one output's rows.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// What the next entry's hash has seen: the entry before, and the rows since.
    hash: Sha256,
}

impl Journal {
    /// Starts a journal without entries. `key` names everything that the rows depend on.
    ///
    /// # Errors
    /// - Io: it cannot be written.
    pub(crate) fn create(path: &Path, key: &str) -> Result<Self> {
        let header = header(key);
        let mut journal = Self::open(path, header, true)?;
        journal.put(&header)?;
        Ok(journal)
    }

    /// Goes on with the journal of an interrupted run and returns how many rows count; what comes
    /// after them, here and in `rows`, is cut off. `None` if there is no journal of this key.
    ///
    /// # Errors
    /// - Io: a file cannot be read or cut.
    pub(crate) fn resume(
        path: &Path,
        key: &str,
        rows: &mut File,
        row_bytes: u64,
        height: u32,
    ) -> Result<Option<(Self, u32)>> {
        let unusable = |error| Error::file("go on with", path, &error);
        let bytes = match std::fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(unusable)?,
        };
        let header = header(key);
        let Some(entries) = bytes.strip_prefix(&header) else { return Ok(None) };
        let mut journal = Self::open(path, header, false)?;
        let (mut end, mut good) = (0, HASH);
        rows.rewind().map_err(unusable)?;
        for entry in entries.chunks_exact(ENTRY) {
            let (row, hash) = entry.split_at(4);
            let row = u32::from_le_bytes([row[0], row[1], row[2], row[3]]);
            let whole = row > end && row <= height;
            let length = u64::from(row.saturating_sub(end)) * row_bytes;
            if !whole || !journal.add_from(rows, length).map_err(unusable)? {
                break;
            }
            if journal.seal(row)[..] != *hash {
                break;
            }
            journal.hash = Sha256::new_with_prefix(hash);
            (end, good) = (row, good + ENTRY);
        }
        let last = if end == 0 { &header } else { &bytes[good - HASH..good] };
        journal.hash = Sha256::new_with_prefix(last);
        let cut = |file: &mut File, length: u64| {
            file.set_len(length).and_then(|()| file.seek(SeekFrom::End(0)))
        };
        cut(&mut journal.file, good as u64).map_err(unusable)?;
        cut(rows, u64::from(end) * row_bytes).map_err(unusable)?;
        Ok(Some((journal, end)))
    }

    /// Takes note of rows that were written since the last entry.
    pub(crate) fn add(&mut self, rows: &[u8]) {
        self.hash.update(rows);
    }

    /// Makes an entry of the rows since the last, which must be on the disk. `end` is the row after
    /// them.
    ///
    /// # Errors
    /// - Io: it cannot be written.
    pub(crate) fn commit(&mut self, end: u32) -> Result<()> {
        let hash = self.seal(end);
        self.hash = Sha256::new_with_prefix(hash);
        self.put(&[&end.to_le_bytes()[..], &hash].concat())
    }

    fn open(path: &Path, header: [u8; HASH], new: bool) -> Result<Self> {
        let file = File::options().write(true).create(new).truncate(new).open(path);
        let file = file.map_err(|error| Error::file("write", path, &error))?;
        Ok(Self { path: path.to_owned(), file, hash: Sha256::new_with_prefix(header) })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| Error::file("write", &self.path, &error))
    }

    /// Takes note of the next bytes of a file; false if it has fewer.
    fn add_from(&mut self, rows: &mut File, mut length: u64) -> std::io::Result<bool> {
        let mut part = vec![0; PART];
        while length > 0 {
            let next = usize::try_from(length).unwrap_or(PART).min(PART);
            match rows.read_exact(&mut part[..next]) {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
                read => read?,
            }
            self.hash.update(&part[..next]);
            length -= next as u64;
        }
        Ok(true)
    }

    /// Returns the hash of an entry that ends here.
    fn seal(&self, end: u32) -> [u8; HASH] {
        self.hash.clone().chain_update(end.to_le_bytes()).finalize().into()
    }
}

/// Returns the first bytes of a journal, which no other key has.
fn header(key: &str) -> [u8; HASH] {
    Sha256::new_with_prefix("spectralgpt journal 1\0").chain_update(key).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: usize = 5;

    fn rows(first: u8, end: u8) -> Vec<u8> {
        (first..end).flat_map(|row| [row; ROW]).collect()
    }

    /// A journal of entries that end after rows 3, 4 and 9, and 9 rows.
    fn sample(folder: &Path) -> (Vec<u8>, Vec<u8>) {
        let path = folder.join("sample");
        let mut journal = Journal::create(&path, "key").unwrap();
        for (first, end) in [(0, 3), (3, 4), (4, 9)] {
            journal.add(&rows(first, end));
            journal.commit(end.into()).unwrap();
        }
        (std::fs::read(path).unwrap(), rows(0, 9))
    }

    /// Resumes from damaged bytes, goes on to 12 rows, resumes again; returns the rows that counted.
    fn outcome(folder: &Path, journal: &[u8], stored: &[u8]) -> Option<u32> {
        let (path, data) = (folder.join("journal"), folder.join("rows"));
        std::fs::write(&path, journal).unwrap();
        std::fs::write(&data, stored).unwrap();
        let open = || File::options().read(true).write(true).open(&data).unwrap();
        let mut file = open();
        let (mut journal, end) =
            Journal::resume(&path, "key", &mut file, ROW as u64, 12).unwrap()?;
        let rest = rows(u8::try_from(end).unwrap(), 12);
        file.write_all(&rest).unwrap();
        journal.add(&rest);
        journal.commit(12).unwrap();
        assert_eq!(std::fs::read(&data).unwrap(), rows(0, 12), "never wrong pixels");
        let again = Journal::resume(&path, "key", &mut open(), ROW as u64, 12).unwrap();
        assert_eq!(again.unwrap().1, 12);
        Some(end)
    }

    #[test]
    fn counts_whole_rows_only_whatever_is_flipped_or_cut() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, stored) = sample(folder.path());
        let outcome = |journal: &[u8], stored: &[u8]| outcome(folder.path(), journal, stored);
        assert_eq!(outcome(&journal, &stored), Some(9));
        let after = |entries: usize| Some([0, 3, 4, 9][entries]);
        let flipped = |bytes: &[u8], at: usize, bit: u8| {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1 << bit;
            bytes
        };
        for at in 0..journal.len() {
            let cut = at.checked_sub(HASH).and_then(|length| after(length / ENTRY));
            assert_eq!(outcome(&journal[..at], &stored), cut, "cut at {at}");
            for bit in 0..8 {
                let found = outcome(&flipped(&journal, at, bit), &stored);
                assert_eq!(found, cut, "bit {bit} of byte {at} flipped");
            }
        }
        for at in 0..stored.len() {
            let good = [3, 4, 9].iter().filter(|end| **end * ROW <= at).count();
            assert_eq!(outcome(&journal, &stored[..at]), after(good), "rows cut at {at}");
            assert_eq!(outcome(&journal, &flipped(&stored, at, 0)), after(good), "row byte {at}");
        }
        for extra in [&[0; 1][..], &[0; ENTRY], &[255; 100], &journal] {
            let longer = [&journal, extra].concat();
            assert_eq!(outcome(&longer, &[&stored, extra].concat()), Some(9));
        }
    }

    #[test]
    fn another_key_or_none_is_no_journal() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut none) = (folder.path().join("journal"), tempfile::tempfile().unwrap());
        let mut resume = |key| Journal::resume(&path, key, &mut none, 1, 1).unwrap().is_some();
        assert!(!resume("a"));
        Journal::create(&path, "a").unwrap();
        assert!(resume("a") && !resume("b"));
    }
}
