//! Holds each operator of the networks to PyTorch's, run by ONNX Runtime.

use std::io::Write;

use super::fold::Upsampling;
use super::maps::Map;
use super::synthetic::{generate, golden};
use crate::checkpoint::Weights;
use crate::error::{Error, Result};
use crate::onnx::{Graph, Value, write};
use crate::runtime::session::{Session, SessionOptions};

const TOLERANCE: f32 = 1e-5;

/// Any tensor the generator can make.
struct Generated;

impl Weights for Generated {
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    fn shape(&self, _name: &str) -> Option<&[usize]> {
        None
    }

    fn read(&self, name: &str) -> Result<Vec<f32>> {
        match name {
            "op.gn.weight" | "op.gn.bias" => Ok(generate(name, &[64])),
            "op.ln.weight" | "op.ln.bias" => Ok(generate(name, &[768])),
            "op.convt.weight" => Ok(generate(name, &[64, 8, 4, 4])),
            "op.convt.bias" => Ok(generate(name, &[8])),
            _ => Err(Error::model(format!("no tensor {name}"))),
        }
    }
}

/// Runs a graph of one input of shape (batch, `dims`...) and returns all of its outputs.
fn run(input: &[f32], dims: &[usize], make: impl FnOnce(&mut Graph, Value)) -> Vec<Vec<f32>> {
    let mut graph = Graph::new("operators");
    let value = graph.input("x", dims);
    make(&mut graph, value);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operators.onnx");
    write(&graph, &Generated, &[], &mut std::fs::File::create(&path).unwrap()).unwrap();
    let batch = input.len() / dims.iter().product::<usize>();
    let options = SessionOptions { batch, ..SessionOptions::default() };
    let tensors = Session::open(&path, &options).unwrap().run(&[input], &[]).unwrap();
    tensors.into_iter().map(|tensor| tensor.values).collect()
}

/// Compares, tells the largest difference; `false` if the golden array is not here.
fn check(name: &str, ours: impl Iterator<Item = f32>) -> bool {
    let Some(theirs) = golden(name) else { return false };
    let ours: Vec<f32> = ours.collect();
    assert_eq!(ours.len(), theirs.len(), "{name}");
    let largest = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let _ = writeln!(std::io::stderr(), "golden {name:<40} {largest:9.2e} of {TOLERANCE:.0e}");
    assert!(
        ours.iter().all(|value| value.is_finite()) && largest <= TOLERANCE,
        "{name}: {largest}"
    );
    true
}

/// Returns every n-th channel of a map of `channels`.
fn every(n: usize, channels: usize, map: &[f32]) -> impl Iterator<Item = f32> {
    let planes = map.chunks_exact(map.len() / channels).step_by(n);
    planes.flatten().copied().collect::<Vec<_>>().into_iter()
}

#[test]
fn gelu_and_layer_normalisation_are_pytorchs() {
    let Some(gelu) = golden("op_gelu") else { return };
    let (x, expected) = gelu.split_at(1025);
    let ours = run(x, &[1025], |graph, x| {
        let y = graph.gelu(x);
        graph.output("y", y, &[1025]);
    });
    check("op_gelu", x.iter().chain(&ours[0]).copied());
    assert_eq!(expected.len(), 1025);
    let Some(rows) = golden("op_layernorm_in") else { return };
    let ours = run(&rows, &[768], |graph, x| {
        let [scale, bias] = ["op.ln.weight", "op.ln.bias"].map(|name| graph.stored(name, &[768]));
        let y = graph.layer_normalization(x, scale, bias, 1e-6);
        graph.output("y", y, &[768]);
    });
    check("op_layernorm", ours[0].iter().copied());
}

#[test]
fn group_normalisation_pooling_resizing_and_upsampling_are_pytorchs() {
    let input = generate("op.map", &[1, 64, 16, 16]);
    let ours = run(&input, &[64, 16, 16], |graph, value| {
        let x = Map { value, channels: 64, side: 16 };
        for groups in [32, 16] {
            let y = graph.group_norm(x, "op.gn", groups);
            graph.output_map(&format!("gn{groups}"), y);
        }
        for side in [1, 2, 3, 6] {
            let pooled = graph.pool_map(x, side);
            graph.output_map(&format!("pool{side}"), pooled);
            let resized = graph.resize_map(pooled, 16);
            graph.output_map(&format!("resize{side}"), resized);
        }
        for side in [32, 128] {
            let y = graph.resize_map(x, side);
            graph.output_map(&format!("to{side}"), y);
        }
        let up = Upsampling { name: "op.convt".into(), to: 8, from: 64, side: 4 };
        let y = graph.upsample(x, up, None);
        graph.output_map("convt", y);
    });
    let names = [
        ("op_groupnorm32", 4),
        ("op_groupnorm16", 4),
        ("op_adaptive_max_pool_1", 4),
        ("op_bilinear_ac_1_to_16", 16),
        ("op_adaptive_max_pool_2", 4),
        ("op_bilinear_ac_2_to_16", 16),
        ("op_adaptive_max_pool_3", 4),
        ("op_bilinear_ac_3_to_16", 16),
        ("op_adaptive_max_pool_6", 4),
        ("op_bilinear_ac_6_to_16", 16),
        ("op_bilinear_ac_16_to_32", 16),
        ("op_bilinear_ac_16_to_128", 32),
        ("op_convtranspose_k4s4", 2),
    ];
    for ((name, n), map) in names.into_iter().zip(&ours) {
        let channels = if name.starts_with("op_conv") { 8 } else { 64 };
        if !check(name, every(n, channels, map)) {
            return;
        }
    }
    assert_eq!(ours.len(), names.len());
}
