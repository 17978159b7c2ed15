//! Small networks that tell how fast a machine computes, without a model.

use std::path::Path;

use crate::checkpoint::Weights;
use crate::error::Result;
use crate::onnx::{Graph, write};
use crate::runtime::session::{ProviderReport, Session, SessionOptions};
use crate::spectralgpt::build_block;

/// The base network's: tokens of a chip of 128 pixels, their width, attention heads.
const TOKENS: usize = 1024;
const DIM: usize = 768;
const HEADS: usize = 12;

/// Pairs of matrix products that follow each other.
const PAIRS: usize = 4;

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// A block of the base encoder, on one chip.
    Block,
    /// Matrix products of the widths of its linear layers, and nothing else: the machine's best.
    Products,
}

/// A small network, loaded.
#[derive(Debug)]
pub struct Probed {
    session: Session,
    input: Vec<f32>,
    flop: f64,
}

/// Loads a small network.
///
/// # Errors
/// As [`Session::open`].
pub fn probe(probe: Probe, options: &SessionOptions) -> Result<Probed> {
    let (name, graph, flop) = match probe {
        Probe::Block => ("builtin:block", build_block(DIM, HEADS, TOKENS), block_flop()),
        Probe::Products => ("builtin:products", products(), products_flop()),
    };
    let mut bytes = Vec::new();
    write(&graph, &Drawn, &[], &mut bytes)?;
    let options = SessionOptions { batch: 1, ..options.clone() };
    let session = Session::open_bytes(Path::new(name), &bytes, &options)?;
    Ok(Probed { session, input: draw(name, TOKENS * DIM, 1.0), flop })
}

impl Probed {
    /// Runs it once.
    ///
    /// # Errors
    /// - Model: ONNX Runtime failed.
    pub fn run(&self) -> Result<()> {
        self.session.run(&[&self.input], &[]).map(drop)
    }

    /// Returns the floating point operations of a run's matrix products.
    pub fn flop(&self) -> f64 {
        self.flop
    }

    /// States who computes.
    pub fn report(&self) -> ProviderReport {
        self.session.report()
    }
}

/// Four square layers, two between `DIM` and `4 DIM`, two products of all tokens with all.
fn block_flop() -> f64 {
    let linear = 4 * DIM * DIM + 2 * 4 * DIM * DIM;
    (2 * TOKENS * (linear + 2 * TOKENS * DIM)) as f64
}

fn products_flop() -> f64 {
    (2 * PAIRS * 2 * TOKENS * 4 * DIM * DIM) as f64
}

fn products() -> Graph {
    let mut graph = Graph::new("products");
    let mut x = graph.input("tokens", &[TOKENS, DIM]);
    for pair in 0..PAIRS {
        for (part, from, to) in [("fc1", DIM, 4 * DIM), ("fc2", 4 * DIM, DIM)] {
            x = graph.matmul_stored(x, &format!("blocks.{pair}.mlp.{part}.weight"), from, to, 1.0);
        }
    }
    graph.output("out", x, &[TOKENS, DIM]);
    graph
}

/// Weights from a formula, of the variance that keeps a signal's.
struct Drawn;

impl Weights for Drawn {
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    fn shape(&self, _name: &str) -> Option<&[usize]> {
        None
    }

    fn read(&self, name: &str) -> Result<Vec<f32>> {
        let wide = 4 * DIM;
        Ok(match name.rsplit('.').collect::<Vec<_>>()[..] {
            ["weight", "fc1", ..] => draw(name, wide * DIM, (3.0 / DIM as f32).sqrt()),
            ["weight", "fc2", ..] => draw(name, wide * DIM, (3.0 / wide as f32).sqrt()),
            ["weight", "norm1" | "norm2", ..] => vec![1.0; DIM],
            ["weight", ..] => draw(name, DIM * DIM, (3.0 / DIM as f32).sqrt()),
            ["bias", "fc1", ..] => draw(name, wide, 0.1),
            _ => draw(name, DIM, 0.1),
        })
    }
}

/// Draws from [-scale, scale): the upper bits of a linear congruential stream that the name starts.
fn draw(name: &str, count: usize, scale: f32) -> Vec<f32> {
    let seed = name.bytes().fold(1_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / 8_388_608.0 - 1.0) * scale
    };
    (0..count).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve blocks: 173.9 GFLOP in linear layers, 38.7 in attention.
    #[test]
    fn operations_are_those_of_the_published_widths() {
        assert!((12.0 * block_flop() / 1e9 - 212.6).abs() < 0.1);
        assert!((products_flop() / 1e9 - 38.7).abs() < 0.1);
    }

    #[test]
    fn probes_load_and_run() {
        for kind in [Probe::Block, Probe::Products] {
            match probe(kind, &SessionOptions::default()) {
                Ok(probed) => probed.run().unwrap(),
                Err(error) => assert!(error.message().contains("ONNX Runtime"), "{error}"),
            }
        }
    }
}
