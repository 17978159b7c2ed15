//! Draws weights by formula, the same in every language, and reads what the original made of them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::config::Config;
use super::head::{Decoder, Head, Level, PixelHead};
use super::tables::Tables;
use super::tensors::{self, Table};
use crate::checkpoint::Weights;
use crate::error::{Error, Result};
use crate::model::manifest::Task;

/// A checkpoint that is computed when it is read.
pub(super) struct Synthetic {
    names: Vec<String>,
    pub(super) shapes: BTreeMap<String, Vec<usize>>,
}

impl Synthetic {
    pub(super) fn new(config: &Config) -> Self {
        Self::from(tensors::expected(config))
    }

    pub(super) fn from(table: Table) -> Self {
        let names = table.iter().map(|(name, _)| name.clone()).collect();
        Self { names, shapes: table.into_iter().collect() }
    }

    pub(super) fn set(&mut self, name: &str, shape: Option<&[usize]>) {
        self.names.retain(|known| known != name);
        self.shapes.remove(name);
        if let Some(shape) = shape {
            self.names.push(name.into());
            self.shapes.insert(name.into(), shape.into());
        }
    }
}

impl Weights for Synthetic {
    fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.shapes.get(name).map(Vec::as_slice)
    }

    fn read(&self, name: &str) -> Result<Vec<f32>> {
        let shape = self.shapes.get(name).ok_or_else(|| Error::model(name))?;
        Ok(generate(name, shape))
    }
}

/// Returns the base network's shape, its widths divided by `narrower`.
pub(super) fn base(depth: usize, narrower: usize) -> Config {
    let level = |middle: usize, channels: usize| Level {
        middle: middle / narrower,
        channels: channels / narrower,
    };
    let levels = [level(512, 256), level(512, 512), level(1024, 1024)];
    let dim = 768 / narrower;
    Config {
        task: Task::Segment,
        dim,
        depth,
        heads: dim / 64,
        patch: 8,
        group_bands: 3,
        groups: 4,
        tables: Tables::Separate,
        stored_side: 16,
        side: 16,
        head: Head::Pixels(PixelHead {
            levels,
            top: 2048 / narrower,
            width: 256 / narrower,
            classes: 13,
            summed: Some(4),
        }),
    }
}

/// Returns the base network's shape for a task; a classifier has 10 classes and a joint table.
pub(super) fn network(task: Task, depth: usize, narrower: usize) -> Config {
    let mut config = Config { task, ..base(depth, narrower) };
    match (&mut config.head, task) {
        (Head::Pixels(head), Task::Change) => head.classes = 2,
        (head, Task::Classify | Task::Multilabel) => {
            *head = Head::Scene { classes: 10 };
            config.tables = Tables::Joint;
        }
        (head, Task::Embed | Task::Reconstruct) => {
            let dim = 512 / narrower;
            *head = Head::Decoder(Decoder { dim, depth: 1, heads: dim / 32 });
        }
        _ => {}
    }
    config
}

/// Returns the tensor that the golden data's generator gives for a name and shape.
pub(super) fn generate(name: &str, shape: &[usize]) -> Vec<f32> {
    let (scale, offset) = rule(name, shape);
    draw(name, shape.iter().product()).into_iter().map(|u| scale * u + offset).collect()
}

/// Returns numbers in [-1, 1), multiples of 2^-23.
pub(crate) fn draw(name: &str, count: usize) -> Vec<f32> {
    let hash = |h: u64, byte: u8| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, hash);
    let number = |i: u64| {
        let z = seed.wrapping_add((i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 - 8_388_608.0
    };
    (0..count as u64).map(|i| number(i) / 8_388_608.0).collect()
}

#[allow(clippy::cast_possible_truncation, reason = "the rule rounds to f32 once")]
fn rule(name: &str, shape: &[usize]) -> (f32, f32) {
    let is_weight = name.ends_with(".weight");
    if shape.len() == 1 {
        return (0.1, if is_weight { 1.0 } else { 0.0 });
    }
    if !is_weight {
        return (1.0, 0.0);
    }
    let transposed = ["conv0.3.weight", "conv1.3.weight", "conv2.3.weight"].contains(&name);
    let fan = if transposed { shape[0] } else { shape[1..].iter().product() };
    let gain = match name {
        _ if name.ends_with(".attn.q.weight") || name.ends_with(".attn.k.weight") => 3.0,
        _ if name.ends_with(".attn.proj.weight") => 0.5,
        _ => 1.0,
    };
    (((3.0 / fan as f64).sqrt() * gain) as f32, 0.0)
}

/// Reads a golden array of f32, or says that it is not there.
pub(crate) fn golden(name: &str) -> Option<Vec<f32>> {
    let shared = std::env::var_os("SPECTRALGPT_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let Ok(bytes) = std::fs::read(shared.join(format!("reference/goldens/{name}.npy"))) else {
        // Written past the test runner's capture, so that it is seen.
        let _ = writeln!(std::io::stderr(), "skipped: shared data not found ({name})");
        return None;
    };
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (values, _) = bytes[header..].as_chunks();
    Some(values.iter().map(|value| f32::from_le_bytes(*value)).collect())
}
