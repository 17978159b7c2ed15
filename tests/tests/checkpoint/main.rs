//! Reads checkpoints: ours, torch's, the reference writer's, and thousands that are damaged.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod crafted;
mod damaged;
mod matrix;
mod safetensors;
mod sound;

use std::path::Path;
use std::time::{Duration, Instant};

use conformance::detgen;
use conformance::segment::Tensor;
use conformance::torch::Archive;
use spectralgpt_core::checkpoint::{Checkpoint, Weights};
use spectralgpt_core::error::{Kind, Result};
use tempfile::TempDir;

/// Three small tensors, none square, one without axes.
fn small() -> Vec<Tensor> {
    [("patch_embed.proj.weight", vec![5, 3, 2]), ("norm.bias", vec![7]), ("scale", vec![])]
        .map(|(name, shape)| (name.to_owned(), shape.clone(), detgen::tensor(name, &shape, "")))
        .to_vec()
}

/// Reads every tensor; the order is the file's.
fn read_all(path: &Path) -> Result<Vec<Tensor>> {
    let checkpoint = Checkpoint::open(path)?;
    let read = |name: &&str| {
        let shape = checkpoint.shape(name).unwrap().to_vec();
        Ok((name.to_string(), shape, checkpoint.read(name)?))
    };
    checkpoint.names().iter().map(read).collect()
}

fn bits(tensors: &[Tensor]) -> Vec<(&str, &[usize], Vec<u32>)> {
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    tensors.iter().map(|(name, shape, values)| (name.as_str(), &shape[..], bits(values))).collect()
}

/// Writes bytes to a file and reads it; an error must be a model's.
fn outcome(folder: &TempDir, bytes: &[u8]) -> Option<Vec<Tensor>> {
    let path = folder.path().join("changed.pth");
    std::fs::write(&path, bytes).unwrap();
    let begun = Instant::now();
    let tensors = read_all(&path).map_err(|error| assert_eq!(error.kind(), Kind::Model, "{error}"));
    assert!(begun.elapsed() < Duration::from_secs(2));
    tensors.ok()
}

/// Wraps a pickle in an archive whose checksums are right.
fn archive(pickle: &[u8], storages: &[Vec<u8>]) -> Vec<u8> {
    let mut archive = Archive::new(Vec::new(), "archive");
    archive.record("data.pkl", pickle).unwrap();
    for (key, bytes) in storages.iter().enumerate() {
        archive.record(&format!("data/{key}"), bytes).unwrap();
    }
    archive.finish().unwrap()
}

fn storages(tensors: &[Tensor]) -> Vec<Vec<u8>> {
    let bytes = |values: &Vec<f32>| values.iter().flat_map(|v| v.to_le_bytes()).collect();
    tensors.iter().map(|(_, _, values)| bytes(values)).collect()
}

/// Pickles a flat dictionary with one tensor: its type and count, then offset, shape, strides.
fn view(dtype: &str, count: &[u8], place: &[u8]) -> Vec<u8> {
    [
        b"}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\n",
        dtype.as_bytes(),
        b"Storage\nX\x01\0\0\x000X\x03\0\0\0cpu",
        count,
        b"tQ",
        place,
        b"\x89ccollections\nOrderedDict\n)RtRs.",
    ]
    .concat()
}
