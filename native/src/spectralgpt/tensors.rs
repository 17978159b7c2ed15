//! Lists the tensors of a network: names and shapes.

use std::collections::BTreeMap;

use super::config::Config;
use super::head::{Decoder, Head, PixelHead};
use super::shapes::text;
use super::tables::Tables;
use crate::checkpoint::Weights;
use crate::error::{Error, Result};

/// Names in an error before the rest is only counted.
const NAMED: usize = 4;

/// Names and shapes.
pub(super) type Table = Vec<(String, Vec<usize>)>;

/// Returns every tensor that a checkpoint of the network holds.
pub(super) fn expected(config: &Config) -> Table {
    let &Config { dim, patch, group_bands, .. } = config;
    let mut table = Table::new();
    places(&mut table, config, "", dim);
    affine(&mut table, "patch_embed.proj", &[dim, 1, group_bands, patch, patch]);
    for i in 0..config.depth {
        block(&mut table, &format!("blocks.{i}"), dim);
    }
    affine(&mut table, "norm", &[dim]);
    match &config.head {
        Head::Scene { classes } => affine(&mut table, "head", &[*classes, dim]),
        Head::Pixels(head) => upernet(&mut table, config, head),
        Head::Decoder(head) => decoder(&mut table, config, head),
    }
    table
}

/// Checks that a checkpoint holds exactly the network's tensors.
///
/// # Errors
/// - Model: tensors are missing, have another shape, or belong to something else.
pub(super) fn check(weights: &dyn Weights, config: &Config) -> Result<()> {
    let expected: BTreeMap<_, _> = expected(config).into_iter().collect();
    let mut faults = Vec::new();
    for (name, shape) in &expected {
        match weights.shape(name) {
            None => faults.push(format!("'{name}' is missing")),
            Some(given) if given != shape => faults.push(format!(
                "'{name}' has the shape [{}] instead of [{}]",
                text(given),
                text(shape)
            )),
            Some(_) => {}
        }
    }
    let names = weights.names();
    let unknown = names.iter().filter(|name| !expected.contains_key(**name));
    faults.extend(unknown.map(|name| format!("'{name}' belongs to no such model")));
    if faults.is_empty() {
        return Ok(());
    }
    let more = match faults.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!(", and {n} more such faults"),
    };
    faults.truncate(NAMED);
    Err(Error::model(format!(
        "the checkpoint is not a SpectralGPT {} model: {}{more}; give the checkpoint as the \
         authors' training script saves it",
        config.task.name(),
        faults.join(", ")
    )))
}

/// The tables of where tokens are, so wide.
fn places(table: &mut Table, config: &Config, prefix: &str, dim: usize) {
    let places = config.stored_side * config.stored_side;
    let mut push = |part: &str, length| {
        table.push((format!("{prefix}pos_embed{part}"), vec![1, length, dim]));
    };
    match config.tables {
        Tables::Joint => push("", config.groups * places),
        Tables::Separate => {
            push("_spatial", places);
            push("_temporal", config.groups);
        }
    }
}

fn block(table: &mut Table, name: &str, dim: usize) {
    affine(table, &format!("{name}.norm1"), &[dim]);
    for part in ["q", "k", "v", "proj"] {
        affine(table, &format!("{name}.attn.{part}"), &[dim, dim]);
    }
    affine(table, &format!("{name}.norm2"), &[dim]);
    affine(table, &format!("{name}.mlp.fc1"), &[4 * dim, dim]);
    affine(table, &format!("{name}.mlp.fc2"), &[dim, 4 * dim]);
}

fn upernet(table: &mut Table, config: &Config, head: &PixelHead) {
    let &PixelHead { levels: [fine, middle, coarse], top, width, classes, summed } = head;
    affine(table, "cls_seg.0", &[classes, width, 3, 3]);
    for i in 0..4 {
        affine(table, &format!("decoder.PPMHead.psp_modules.{i}.1"), &[width, top, 1, 1]);
    }
    conv_norm(table, "decoder.PPMHead.final", width, 4 * width + top);
    for (i, level) in [(1, coarse), (2, middle), (3, fine)] {
        conv_norm(table, &format!("decoder.Conv_fuse{i}"), width, level.channels);
        conv_norm(table, &format!("decoder.Conv_fuse{i}_"), width, width);
    }
    conv_norm(table, "decoder.fuse_all", width, 4 * width);
    affine(table, "decoder.conv_x1", &[width, width, 1, 1]);
    for (i, level) in head.levels.iter().enumerate() {
        let (name, side) = (format!("conv{i}"), config.upsampling(i));
        conv_norm(table, &name, level.middle, config.dim);
        table.push((format!("{name}.3.weight"), vec![level.middle, level.channels, side, side]));
        table.push((format!("{name}.3.bias"), vec![level.channels]));
    }
    conv_norm(table, "conv3", top, config.dim);
    // One group needs no sum: whatever is there is not used.
    if let Some(groups) = if config.groups == 1 { summed } else { Some(config.groups) } {
        affine(table, "fc.0", &[1, groups]);
    }
}

fn decoder(table: &mut Table, config: &Config, head: &Decoder) {
    let dim = head.dim;
    table.push(("mask_token".into(), vec![1, 1, dim]));
    places(table, config, "decoder_", dim);
    affine(table, "decoder_embed", &[dim, config.dim]);
    for i in 0..head.depth {
        block(table, &format!("decoder_blocks.{i}"), dim);
    }
    affine(table, "decoder_norm", &[dim]);
    affine(table, "decoder_pred", &[config.token_pixels(), dim]);
}

/// A 1x1 convolution and the normalisation after it.
fn conv_norm(table: &mut Table, name: &str, to: usize, from: usize) {
    affine(table, &format!("{name}.0"), &[to, from, 1, 1]);
    affine(table, &format!("{name}.1"), &[to]);
}

/// A weight and a bias as long as the weight's first axis.
fn affine(table: &mut Table, name: &str, weight: &[usize]) {
    table.push((format!("{name}.weight"), weight.into()));
    table.push((format!("{name}.bias"), weight[..1].into()));
}
