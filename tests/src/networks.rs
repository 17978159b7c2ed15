//! Lists the tensors of the published networks, as their state dicts do, and writes checkpoints.

use std::path::Path;

use crate::detgen;
use crate::segment::{List, segment_shapes};
use crate::torch::{self, Wrap};

/// The base networks, of published widths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// 10 classes per chip; one table of all tokens' positions, as the authors' script makes it.
    Classify,
    /// 10 classes per chip; separate tables.
    ClassifySeparate,
    /// 2 classes per pixel from two dates.
    Change,
    /// The masked autoencoder for chips of so many pixels, with so many blocks in its decoder.
    Autoencoder {
        /// Side of a chip in pixels.
        side: usize,
        /// Blocks of the decoder.
        decoder_depth: usize,
    },
}

/// Lists keys and shapes of a checkpoint with so many blocks in the encoder.
pub fn shapes(network: Network, depth: usize) -> Vec<(String, Vec<usize>)> {
    let mut list = List::new(16);
    match network {
        Network::Change => return segment_shapes(depth, 1.0, 2),
        Network::Classify => list.push("pos_embed", &[1, 1024, 768]),
        Network::ClassifySeparate => list.places("", 256, 768),
        Network::Autoencoder { side, .. } => {
            list.places("", (side / 8).pow(2), 768);
            list.push("mask_token", &[1, 1, 512]);
            list.places("decoder_", (side / 8).pow(2), 512);
        }
    }
    list.encoder(depth);
    if let Network::Autoencoder { decoder_depth, .. } = network {
        list.affine("decoder_embed", &[512, 768]);
        list.blocks("decoder_blocks", decoder_depth, 512);
        list.affine("decoder_norm", &[512]);
        list.affine("decoder_pred", &[192, 512]);
    } else {
        list.affine("head", &[10, 768]);
    }
    list.shapes
}

/// Writes a checkpoint of generated weights, laid out as the authors' scripts do.
///
/// # Panics
/// It cannot be written.
pub fn checkpoint(path: &Path, network: Network, depth: usize) {
    let generated = |(name, shape): (String, Vec<usize>)| {
        let values = detgen::tensor(&name, &shape, "");
        (name, shape, values)
    };
    let tensors: Vec<_> = shapes(network, depth).into_iter().map(generated).collect();
    let wrap = if network == Network::Change { Wrap::Module } else { Wrap::Published };
    torch::write(path, &tensors, wrap).expect("a checkpoint");
}
