//! Lists the tensors of a network: names, shapes, order as in its `state_dict`.

use std::collections::BTreeMap;

use super::config::{Config, Head};
use super::shapes::text;
use crate::checkpoint::Weights;
use crate::error::{Error, Result};

/// Names in an error before the rest is only counted.
const NAMED: usize = 4;

/// Names and shapes, in order.
pub(super) type Table = Vec<(String, Vec<usize>)>;

/// Returns every tensor that a checkpoint of the network holds.
pub(super) fn expected(config: &Config) -> Table {
    let &Config { dim, patch, group_bands, groups, stored_side, .. } = config;
    let mut table: Table = vec![
        ("pos_embed_spatial".into(), vec![1, stored_side * stored_side, dim]),
        ("pos_embed_temporal".into(), vec![1, groups, dim]),
    ];
    affine(&mut table, "patch_embed.proj", &[dim, 1, group_bands, patch, patch]);
    for i in 0..config.depth {
        block(&mut table, &format!("blocks.{i}"), dim);
    }
    affine(&mut table, "norm", &[dim]);
    head(&mut table, config, &config.head);
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

fn block(table: &mut Table, name: &str, dim: usize) {
    affine(table, &format!("{name}.norm1"), &[dim]);
    for part in ["q", "k", "v", "proj"] {
        affine(table, &format!("{name}.attn.{part}"), &[dim, dim]);
    }
    affine(table, &format!("{name}.norm2"), &[dim]);
    affine(table, &format!("{name}.mlp.fc1"), &[4 * dim, dim]);
    affine(table, &format!("{name}.mlp.fc2"), &[dim, 4 * dim]);
}

fn head(table: &mut Table, config: &Config, head: &Head) {
    let &Head { levels: [fine, middle, coarse], top, width, classes } = head;
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
    affine(table, "fc.0", &[1, config.groups]);
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
