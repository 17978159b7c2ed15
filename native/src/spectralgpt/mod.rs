//! The networks of SpectralGPT, as ONNX graphs.
//!
//! A graph has the input `image`, (batch, band, row, column), normalised, and gives what the
//! original network gives, by less work: layers with nothing nonlinear between them are one, and
//! what can be done at a low resolution is.

mod algebra;
mod config;
mod encoder;
mod fold;
mod maps;
mod pool;
mod positions;
mod recipe;
#[cfg(test)]
mod synthetic;
mod tensors;
mod upernet;

pub use config::{Choices, Config, Head, Level};

use crate::onnx::Graph;

/// Name of the network's input, (batch, channel, row, column).
pub const INPUT: &str = "image";
/// Name of the network's output, (batch, class, row, column).
pub const OUTPUT: &str = "logits";

/// Builds a segmentation network; its output is `logits`, (batch, class, row, column).
///
/// With `probes`, inner results of the original network are outputs too, under the names of its
/// parts: `tokens` (batch, token, dim), and the maps `fused`, `conv0` to `conv3`, `ppm`, `fpn2` to
/// `fpn4` and `fuse_all`.
pub fn build(config: &Config, probes: bool) -> Graph {
    let mut graph = Graph::new("SpectralGPT");
    let side = config.image_size();
    let image = graph.input(INPUT, &[config.bands(), side, side]);
    let encoded = graph.encode(config, image);
    let fused = graph.fuse_groups(config, &encoded);
    let pyramid = graph.pyramid(config, fused);
    let decoded = graph.decode(config, &pyramid);
    let logits = graph.conv3x3(decoded.joined, "cls_seg.0", config.head.classes);
    graph.output_map(OUTPUT, logits);
    if probes {
        let tokens = graph.finish(config, &encoded);
        graph.output("tokens", tokens, &[config.tokens(), config.dim]);
        graph.output_map("fused", fused);
        for i in 0..3 {
            let level = graph.level(config, &pyramid, i);
            graph.output_map(&format!("conv{i}"), level);
        }
        graph.output_map("conv3", pyramid.top);
        for (name, step) in ["ppm", "fpn2", "fpn3", "fpn4"].into_iter().zip(decoded.steps) {
            graph.output_map(name, step);
        }
        graph.output_map("fuse_all", decoded.joined);
    }
    graph
}
