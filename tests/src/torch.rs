//! Writes checkpoints as torch 1.13 does: a zip of stored entries around a protocol 2 pickle, or
//! the older row of pickles.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// What stands around the tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrap {
    /// `{model, optimizer, lr_scheduler, args, epoch}`, as the segmentation training script saves.
    Published,
    /// The tensors alone.
    Flat,
    /// The tensors alone, every key prefixed `module.`, as a `DataParallel` model has them.
    Module,
}

/// Writes a checkpoint of f32 tensors: (key, shape, values in row-major order).
///
/// # Errors
/// Whatever the file system says; `InvalidInput` for sizes the format cannot hold.
pub fn write(
    path: &Path,
    tensors: &[(String, Vec<usize>, Vec<f32>)],
    wrap: Wrap,
) -> io::Result<()> {
    let root = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut archive = Archive::new(BufWriter::new(File::create(path)?), &root);
    archive.record("data.pkl", &pickle(tensors, wrap)?)?;
    let mut keys: Vec<(String, &[f32])> =
        tensors.iter().enumerate().map(|(key, t)| (key.to_string(), t.2.as_slice())).collect();
    keys.sort_by(|a, b| a.0.cmp(&b.0)); // torch writes storages by name: 0, 1, 10, 11, ...
    for (key, values) in keys {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        archive.record(&format!("data/{key}"), &bytes)?;
    }
    archive.record("version", b"3\n")?;
    archive.finish()?.flush()
}

/// Makes the pickle of a checkpoint whose storages are numbered in the order of the tensors.
///
/// # Errors
/// `InvalidInput`: a key, a count or a size beyond 31 bits.
pub fn pickle(tensors: &[(String, Vec<usize>, Vec<f32>)], wrap: Wrap) -> io::Result<Vec<u8>> {
    let mut out = Pickle(vec![0x80, 2]);
    match wrap {
        Wrap::Published => out.published(tensors)?,
        Wrap::Flat => out.state_dict(tensors, "")?,
        Wrap::Module => out.state_dict(tensors, "module.")?,
    }
    out.ops(b".");
    Ok(out.0)
}

/// Makes a file in the layout from before torch 1.6: pickles, then counts and values.
///
/// # Errors
/// `InvalidInput`: as for [`pickle`].
pub fn legacy(tensors: &[(String, Vec<usize>, Vec<f32>)], wrap: Wrap) -> io::Result<Vec<u8>> {
    let mut out = Pickle(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec());
    out.ops(b"\x80\x02M\xe9\x03.\x80\x02}");
    out.text("little_endian")?;
    out.ops(b"\x88s.");
    out.ops(&pickle(tensors, wrap)?);
    out.ops(b"\x80\x02](");
    (0..tensors.len()).try_for_each(|key| out.text(&key.to_string()))?;
    out.ops(b"e.");
    for (_, _, values) in tensors {
        out.ops(&(values.len() as u64).to_le_bytes());
        values.iter().for_each(|value| out.ops(&value.to_le_bytes()));
    }
    Ok(out.0)
}

struct Pickle(Vec<u8>);

impl Pickle {
    fn ops(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.ops(b"X");
        self.ops(&fitting::<u32>(text.len())?.to_le_bytes());
        self.ops(text.as_bytes());
        Ok(())
    }

    fn int(&mut self, value: usize) -> io::Result<()> {
        self.ops(b"J");
        self.ops(&fitting::<i32>(value)?.to_le_bytes());
        Ok(())
    }

    fn tuple(&mut self, values: impl IntoIterator<Item = usize>) -> io::Result<()> {
        self.ops(b"(");
        values.into_iter().try_for_each(|value| self.int(value))?;
        self.ops(b"t");
        Ok(())
    }

    fn published(&mut self, tensors: &[(String, Vec<usize>, Vec<f32>)]) -> io::Result<()> {
        self.ops(b"}(");
        self.text("model")?;
        self.state_dict(tensors, "")?;
        self.text("optimizer")?;
        self.ops(b"}(");
        self.text("state")?;
        self.ops(b"}");
        self.text("param_groups")?;
        self.ops(b"]u");
        self.text("lr_scheduler")?;
        self.ops(b"}");
        self.text("args")?;
        self.ops(b"cargparse\nNamespace\n)\x81}");
        self.text("lr")?;
        self.ops(b"G");
        self.ops(&1e-4_f64.to_be_bytes());
        self.ops(b"sb");
        self.text("epoch")?;
        self.int(12)?;
        self.ops(b"u");
        Ok(())
    }

    /// Writes an `OrderedDict` of tensors, with the attribute that state dicts carry.
    fn state_dict(
        &mut self,
        tensors: &[(String, Vec<usize>, Vec<f32>)],
        prefix: &str,
    ) -> io::Result<()> {
        self.ops(b"ccollections\nOrderedDict\n)R(");
        for (key, (name, shape, values)) in tensors.iter().enumerate() {
            self.text(&format!("{prefix}{name}"))?;
            self.tensor(key, shape, values.len())?;
        }
        self.ops(b"u}");
        self.text("_metadata")?;
        self.ops(b"ccollections\nOrderedDict\n)Rsb");
        Ok(())
    }

    /// Writes a contiguous f32 tensor; what repeats is written once and recalled from the memo.
    fn tensor(&mut self, key: usize, shape: &[usize], numel: usize) -> io::Result<()> {
        let again = key > 0;
        self.ops(if again { b"h\x00((" } else { b"ctorch._utils\n_rebuild_tensor_v2\nq\x00((" });
        if again {
            self.ops(b"h\x01h\x02");
        } else {
            self.text("storage")?;
            self.ops(b"q\x01ctorch\nFloatStorage\nq\x02");
        }
        self.text(&key.to_string())?;
        self.text("cpu")?;
        self.int(numel)?;
        self.ops(b"tQK\x00");
        self.tuple(shape.iter().copied())?;
        self.tuple((0..shape.len()).map(|axis| shape[axis + 1..].iter().product()))?;
        self.ops(b"\x89ccollections\nOrderedDict\n)RtR");
        Ok(())
    }
}

/// Writes torch's zip dialect: stored entries, data on 64-byte borders, checksums after the data.
#[derive(Debug)]
pub struct Archive<W: Write> {
    out: W,
    root: String,
    position: usize,
    central: Vec<u8>,
    entries: usize,
}

impl<W: Write> Archive<W> {
    /// Starts an archive whose entries all lie under `root/`.
    pub fn new(out: W, root: &str) -> Self {
        Self { out, root: root.to_owned(), position: 0, central: Vec::new(), entries: 0 }
    }

    /// Appends one entry.
    ///
    /// # Errors
    /// Those of the writer; `InvalidInput` beyond 4 GiB.
    pub fn record(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        let path = format!("{}/{name}", self.root);
        let (start, size) = (fitting::<u32>(self.position)?, fitting::<u32>(data.len())?);
        let length = fitting::<u16>(path.len())?.to_le_bytes();
        let pad = (64 - (self.position + 30 + path.len() + 4) % 64) % 64;
        let sums = [crc32fast::hash(data), size, size].map(u32::to_le_bytes).concat();
        let local = b"PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00\x00\x00";
        let extra = fitting::<u16>(pad + 4)?.to_le_bytes();
        let pad_length = fitting::<u16>(pad)?.to_le_bytes();
        let head = [&local[..], &[0; 12], &length, &extra, path.as_bytes()].concat();
        let filler = [&b"FB"[..], &pad_length, &vec![b'Z'; pad]].concat();
        for part in [&head[..], &filler, data, b"PK\x07\x08", &sums] {
            self.out.write_all(part)?;
            self.position += part.len();
        }
        let fixed = b"PK\x01\x02\x00\x00\x00\x00\x08\x08\x00\x00\x00\x00\x00\x00";
        let start = start.to_le_bytes();
        for part in [&fixed[..], &sums, &length, &[0; 12], &start, path.as_bytes()] {
            self.central.extend_from_slice(part);
        }
        self.entries += 1;
        Ok(())
    }

    /// Writes the central directory and its two ends, and returns the writer.
    ///
    /// # Errors
    /// Those of the writer; `InvalidInput` beyond 65,534 entries.
    pub fn finish(mut self) -> io::Result<W> {
        let (start, length) = (self.position as u64, self.central.len() as u64);
        let (end, entries) = (start + length, self.entries as u64);
        let words =
            |values: &[u64]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
        let count = fitting::<u16>(self.entries)?.to_le_bytes();
        let length_32 = fitting::<u32>(self.central.len())?.to_le_bytes();
        let start_32 = fitting::<u32>(self.position)?.to_le_bytes();
        let locator = [&b"PK\x06\x07\0\0\0\0"[..], &words(&[end]), b"\x01\0\0\0"].concat();
        let end_64 = [b"PK\x06\x06", &words(&[44])[..], b"\x1e\x03\x2d\0\0\0\0\0\0\0\0\0"].concat();
        let end_32 = [&count[..], &count, &length_32, &start_32, b"\0\0"].concat();
        for part in [
            &self.central[..],
            &end_64,
            &words(&[entries, entries, length, start]),
            &locator,
            b"PK\x05\x06\0\0\0\0",
            &end_32,
        ] {
            self.out.write_all(part)?;
        }
        Ok(self.out)
    }
}

fn fitting<T: TryFrom<usize>>(value: usize) -> io::Result<T> {
    T::try_from(value).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{value} is too large for the format"))
    })
}
