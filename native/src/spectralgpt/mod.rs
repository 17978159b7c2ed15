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
#[cfg(test)]
mod operators;
mod pool;
mod positions;
mod recipe;
mod shapes;
#[cfg(test)]
mod synthetic;
mod tensors;
mod transformer;
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
        let tokens = graph.finish(&encoded);
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
#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::synthetic::{Synthetic, base};
    use super::*;
    use crate::checkpoint::Weights;
    use crate::error::Result;
    use crate::onnx::write;

    /// Remembers what was read.
    struct Witness(Synthetic, Mutex<BTreeSet<String>>);

    impl Weights for Witness {
        fn names(&self) -> Vec<&str> {
            self.0.names()
        }
        fn shape(&self, name: &str) -> Option<&[usize]> {
            self.0.shape(name)
        }
        fn read(&self, name: &str) -> Result<Vec<f32>> {
            self.1.lock().unwrap().insert(name.into());
            self.0.read(name)
        }
    }

    #[test]
    fn every_tensor_but_the_unused_norm_reaches_the_file_and_equal_input_gives_equal_bytes() {
        let weights = Witness(Synthetic::new(&base(2, 8)), Mutex::default());
        let choices = Choices { heads: Some(4), image_size: Some(96), ..Choices::default() };
        let config = Config::read(&weights, &choices).unwrap();
        let convert = |probes| {
            let mut bytes = Vec::new();
            write(&build(&config, probes), &weights, &[], &mut bytes).unwrap();
            bytes
        };
        let bytes = convert(false);
        let mut read = std::mem::take(&mut *weights.1.lock().unwrap());
        assert!(read.insert("norm.weight".into()) && read.insert("norm.bias".into()));
        assert!(read.iter().map(String::as_str).eq(weights.0.shapes.keys()));
        assert_eq!(bytes, convert(false));
        assert!(convert(true).len() > bytes.len());
    }
}
