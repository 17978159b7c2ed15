//! The networks of SpectralGPT, as ONNX graphs.
//!
//! A graph has an input for each date, (batch, band, row, column), normalised, and gives what the
//! original network gives, by less work: layers with nothing nonlinear between them are one, and
//! what can be done at a low resolution, or after a mean, is.

mod algebra;
mod chip;
mod config;
mod encoder;
mod fold;
mod fuse;
mod head;
mod heads;
mod maps;
#[cfg(test)]
mod operators;
mod outputs;
mod passes;
mod pixels;
mod pool;
mod positions;
mod recipe;
mod reconstruct;
mod shapes;
#[cfg(test)]
pub(crate) mod synthetic;
mod tables;
mod task;
mod tensors;
mod transformer;
mod upernet;

pub use config::{Choices, Config};
pub use head::{Decoder, Head, Level, PixelHead};
pub use outputs::{ENCODED, LOGITS, PATCH_FEATURES, PIXEL_FEATURES};
pub use tables::Tables;

use crate::error::{Error, Result};
use crate::model::manifest::Task;
use crate::onnx::Graph;

/// Builds a network with the inputs [`Task::inputs`] and the outputs [`Config::outputs`].
///
/// Reconstruction also gives `loss`, (batch, 1): the pretraining's loss, the mean of its passes.
///
/// With `probes`, inner results of the original network are outputs too, under the names of its
/// parts: `tokens` (batch, token, dim), of both dates for change detection; of a classifier also
/// `patches` (batch, token, dim), before they are told where they are, and `feature` (batch, dim);
/// where pixels are scored also the maps `conv0` to `conv3`, `ppm`, `fpn2` to `fpn4` and
/// `fuse_all`. Reconstruction has none.
pub fn build(config: &Config, probes: bool) -> Graph {
    let mut graph = Graph::new("SpectralGPT");
    match &config.head {
        Head::Scene { classes } => graph.classify(config, *classes, probes),
        Head::Pixels(head) => graph.score_pixels(config, head, probes),
        Head::Decoder(_) if config.task == Task::Embed => graph.embed(config, probes),
        Head::Decoder(decoder) => graph.reconstruct(config, decoder),
    }
    graph
}

/// Builds one pass of an autoencoder, which sees the tokens given, in that order.
///
/// Its outputs are `latent` (batch, token seen, dim), `pred` (batch, token, pixel) of all tokens,
/// `reconstruction` (batch, band, row, column) and `loss` (batch, 1).
///
/// # Errors
/// - Usage: the network is no autoencoder, or there are no such tokens.
pub fn build_pass(config: &Config, visible: &[usize]) -> Result<Graph> {
    let Head::Decoder(decoder) = &config.head else {
        return Err(Error::usage(format!(
            "a masked pass was asked of a network for the task {}; give a masked autoencoder",
            config.task.name()
        )));
    };
    let mut graph = Graph::new("SpectralGPT");
    graph.reconstruct_once(config, decoder, &passes::Passes::one(config.tokens(), visible)?);
    Ok(graph)
}

/// Builds one block of an encoder alone, on tokens (batch, token, dim): what a network spends its time on.
pub(crate) fn build_block(dim: usize, heads: usize, tokens: usize) -> Graph {
    let mut graph = Graph::new("block");
    let x = graph.input("tokens", &[tokens, dim]);
    let stack = transformer::Stack { name: "blocks", dim, depth: 1, heads, tokens };
    let encoded = graph.transform(&stack, x);
    let x = graph.finish(&encoded);
    graph.output("out", x, &[tokens, dim]);
    graph
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::synthetic::{Synthetic, draw, network};
    use super::*;
    use crate::checkpoint::Weights;
    use crate::error::Result;
    use crate::onnx::write;
    use crate::runtime::session::{Session, SessionOptions};

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
    fn what_a_task_needs_reaches_the_file_and_equal_input_gives_equal_bytes() {
        let fc2 = "blocks.1.mlp.fc2.bias";
        let no_trace = ".attn.k.bias"; // softmax is the same without it
        for (task, unused) in [
            (Task::Classify, &[][..]),
            (Task::Segment, &["norm."]),
            (Task::Change, &["norm.", "fc.0.bias", fc2]), // these biases cancel
            (Task::Embed, &["decoder_", "mask_token"]),
            (Task::Reconstruct, &[]),
        ] {
            let weights = Witness(Synthetic::new(&network(task, 2, 8)), Mutex::default());
            let (heads, image_size) = (Some(4), Some(96));
            let choices = Choices { task: Some(task), heads, image_size, ..Choices::default() };
            let config = Config::read(&weights, &choices).unwrap();
            let convert = |probes| {
                let mut bytes = Vec::new();
                write(&build(&config, probes), &weights, &[], &mut bytes).unwrap();
                bytes
            };
            let bytes = convert(false);
            let read = std::mem::take(&mut *weights.1.lock().unwrap());
            for name in weights.0.names() {
                let is_unused =
                    name.ends_with(no_trace) || unused.iter().any(|start| name.starts_with(start));
                assert_eq!(read.contains(name), !is_unused, "{} {name}", task.name());
            }
            assert!(bytes == convert(false));
            assert!(task == Task::Reconstruct || convert(true) != bytes);
        }
    }

    #[test]
    fn a_batch_is_its_chips_one_by_one() {
        for task in [Task::Classify, Task::Segment, Task::Change, Task::Embed, Task::Reconstruct] {
            let config = Config { side: 6, ..network(task, 2, 4) };
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.onnx");
            let mut file = std::fs::File::create(&path).unwrap();
            write(&build(&config, false), &Synthetic::new(&config), &[], &mut file).unwrap();
            let run = |batch: usize, dates: &[Vec<f32>]| {
                let options = SessionOptions { batch, ..SessionOptions::default() };
                let dates: Vec<_> = dates.iter().map(Vec::as_slice).collect();
                Session::open(&path, &options).unwrap().run(&dates, &[]).unwrap()
            };
            let chips = |name: &str| -> Vec<_> {
                let date = |date: &&str| draw(&format!("{date}{name}"), 12 * 48 * 48);
                config.task.inputs().iter().map(date).collect()
            };
            let [first, second] = ["1", "2"].map(chips);
            let both: Vec<_> =
                first.iter().zip(&second).map(|(a, b)| [&a[..], b].concat()).collect();
            let [first, second, both] =
                [(1, first), (1, second), (2, both)].map(|(n, x)| run(n, &x));
            for ((first, second), both) in first.iter().zip(&second).zip(&both) {
                let alone = first.values.iter().chain(&second.values);
                let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4;
                assert!(alone.zip(&both.values).all(near), "{}", task.name());
                assert!(first.values != second.values);
            }
        }
    }
}
