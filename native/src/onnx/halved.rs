//! Rewrites a network of ours to compute in halves, for a provider that computes as a model is
//! written, such as CUDA.

use std::borrow::Cow;

use half::f16;
use prost::Message;

use super::attention::{DOMAIN, fuse};
use super::graph::{Attribute, attribute_proto};
use super::proto::{self, FLOAT, FLOAT16, GraphProto, NodeProto, TensorProto};
use super::write::PRODUCER;
use crate::error::{Error, Result};

/// Returns the model with its weights and its arithmetic in half, and each attention one operator;
/// inputs and outputs stay single.
///
/// # Errors
/// - Usage: another program wrote the model, it scales chips by itself, its weights are in another
///   file, or one is larger than 65504.
/// - Model: it is damaged.
pub fn halved(bytes: Cow<'_, [u8]>) -> Result<Vec<u8>> {
    let damaged = |_| Error::model("it is not an ONNX model or is damaged");
    let mut model = proto::ModelProto::decode(&*bytes).map_err(damaged)?;
    drop(bytes); // as large as the model
    if model.producer_name != PRODUCER {
        return Err(single("another program wrote this model"));
    }
    let graph = model.graph.as_mut().ok_or_else(|| Error::model("it holds no graph"))?;
    if graph.node.iter().any(|node| node.op_type == "Div") {
        // Digital numbers have more digits than halves.
        return Err(single("this model was converted with --portable, and scales chips by itself"));
    }
    if graph.initializer.iter().any(|tensor| tensor.data_location == proto::EXTERNAL) {
        return Err(single("this model's weights are in another file"));
    }
    halve_weights(graph)?;
    cast_ends(graph);
    if fuse(graph) > 0 {
        model.opset_import.push(proto::OperatorSetIdProto { domain: DOMAIN.into(), version: 1 });
    }
    Ok(model.encode_to_vec())
}

/// Halves all weights, but what says how much larger a map becomes: that is single by definition.
fn halve_weights(graph: &mut GraphProto) -> Result<()> {
    let resizes = graph.node.iter().filter(|node| node.op_type == "Resize");
    let scales: Vec<&String> = resizes.flat_map(|node| node.input.iter().skip(1)).collect();
    let floats = graph.initializer.iter_mut().filter(|tensor| tensor.data_type == FLOAT);
    floats.filter(|tensor| !scales.contains(&&tensor.name)).try_for_each(halve)?;
    // A file of halves makes singles of them.
    let casts = graph.node.iter_mut().filter(|node| node.op_type == "Cast");
    for to in casts.flat_map(|node| &mut node.attribute).filter(|it| it.name == "to") {
        to.i = to.i.map(|kind| if kind == i64::from(FLOAT) { FLOAT16.into() } else { kind });
    }
    Ok(())
}

fn halve(tensor: &mut TensorProto) -> Result<()> {
    let (values, rest) = tensor.raw_data.as_chunks();
    let values: Vec<f32> = values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    if !rest.is_empty() {
        return Err(Error::model(format!("its weight '{}' is cut short", tensor.name)));
    }
    if values.iter().any(|value| value.is_finite() && !f16::from_f32(*value).is_finite()) {
        return Err(single("a weight is larger than 65504, where a half ends"));
    }
    tensor.raw_data = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
    tensor.data_type = FLOAT16;
    Ok(())
}

/// Makes halves of what is given, and singles of what is returned.
fn cast_ends(graph: &mut GraphProto) {
    let ends = |ports: &[proto::ValueInfoProto]| -> Vec<String> {
        ports.iter().map(|port| port.name.clone()).collect()
    };
    let (given, returned) = (ends(&graph.input), ends(&graph.output));
    for node in &mut graph.node {
        for name in node.input.iter_mut().chain(&mut node.output) {
            if given.contains(name) || returned.contains(name) {
                *name = inner(name);
            }
        }
    }
    let first = given.iter().map(|name| cast(name, &inner(name), FLOAT16));
    let last = returned.iter().map(|name| cast(&inner(name), name, FLOAT));
    graph.node = first.chain(std::mem::take(&mut graph.node)).chain(last).collect();
}

/// Names a value between the casts.
fn inner(name: &str) -> String {
    format!("{name}.half")
}

fn cast(from: &str, to: &str, kind: i32) -> NodeProto {
    NodeProto {
        input: vec![from.into()],
        output: vec![to.into()],
        name: format!("{to}.cast"), // no other operator's
        op_type: "Cast".into(),
        attribute: vec![attribute_proto(&("to".into(), Attribute::Int(kind.into())))],
        ..NodeProto::default()
    }
}

/// Says why the arithmetic has to stay single.
fn single(why: &str) -> Error {
    Error::usage(format!("precision fp16: {why}; give --precision fp32"))
}
