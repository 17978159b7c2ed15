//! Writes a model as a stream: one tensor is in memory at a time.
//!
//! Fields of a protobuf message may stand in any order and be put one after the other, so a
//! message is what prost makes of its small parts, followed by its tensors as they are made.

use std::io::Write;

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::graph::{Data, Graph, Initialiser};
use super::proto;
use crate::checkpoint::Weights;
use crate::error::{Error, Result};

/// `ModelProto.graph`, `GraphProto.initializer` and `TensorProto.raw_data`.
const GRAPH: u32 = 7;
const INITIALIZER: u32 = 5;
const RAW_DATA: u32 = 9;

/// The first IR version for opset 20, and that opset.
const IR_VERSION: i64 = 9;
const OPSET: i64 = 20;

/// A protobuf message has at most this many bytes.
const LIMIT: u64 = i32::MAX as u64;

/// Writes a model file; equal arguments give equal bytes.
///
/// `metadata` becomes `metadata_props`, in the given order, near the start of the file.
///
/// # Errors
/// - Model: a weight is missing or has another shape, or the model would exceed 2 GiB.
/// - Io: a weight cannot be read, or `out` does not take the bytes.
pub fn write(
    graph: &Graph,
    weights: &dyn Weights,
    metadata: &[(String, String)],
    out: &mut dyn Write,
) -> Result<()> {
    let head = model_head(metadata);
    let body = graph.to_proto().encode_to_vec();
    let tensors: Vec<_> = graph.initialisers().iter().map(|t| tensor_head(graph, t)).collect();
    let length = tensors.iter().fold(body.len() as u64, |n, t| n.saturating_add(t.length()));
    let total = length.saturating_add(head.len() as u64 + 16); // the graph's own key and length
    if total > LIMIT {
        return Err(Error::model(format!(
            "the model would have {} MiB, and one ONNX file holds at most 2047; \
             give a checkpoint of a smaller model",
            total >> 20
        )));
    }
    put(out, &head)?;
    put(out, &length_delimited(GRAPH, length))?;
    put(out, &body)?;
    for (tensor, head) in graph.initialisers().iter().zip(&tensors) {
        put(out, &head.bytes)?;
        put_data(out, tensor, weights)?;
    }
    out.flush().map_err(|error| unwritten(&error))
}

fn model_head(metadata: &[(String, String)]) -> Vec<u8> {
    let entry = |(key, value): &(String, String)| proto::StringStringEntryProto {
        key: key.clone(),
        value: value.clone(),
    };
    let model = proto::ModelProto {
        ir_version: IR_VERSION,
        producer_name: "spectralgpt".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: None,
        opset_import: vec![proto::OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: metadata.iter().map(entry).collect(),
    };
    model.encode_to_vec()
}

/// Everything of an initialiser up to its numbers, and how many bytes of those follow.
struct TensorHead {
    bytes: Vec<u8>,
    data: u64,
}

impl TensorHead {
    fn length(&self) -> u64 {
        (self.bytes.len() as u64).saturating_add(self.data)
    }
}

fn tensor_head(graph: &Graph, tensor: &Initialiser) -> TensorHead {
    let width = if matches!(tensor.data, Data::Ints(_)) { 8 } else { 4 };
    let data = tensor.dims.iter().fold(width, |n: u64, &axis| n.saturating_mul(axis as u64));
    let mut fields = graph.tensor_proto(tensor).encode_to_vec();
    fields.extend(length_delimited(RAW_DATA, data));
    let length = (fields.len() as u64).saturating_add(data);
    let mut bytes = length_delimited(INITIALIZER, length);
    bytes.append(&mut fields);
    TensorHead { bytes, data }
}

fn length_delimited(field: u32, length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(field, WireType::LengthDelimited, &mut bytes);
    encode_varint(length, &mut bytes);
    bytes
}

fn put_data(out: &mut dyn Write, tensor: &Initialiser, weights: &dyn Weights) -> Result<()> {
    let count = tensor.dims.iter().product();
    match &tensor.data {
        Data::Ints(values) => put_numbers(out, values, count, i64::to_le_bytes),
        Data::Floats(recipe) => put_numbers(out, &recipe(weights)?, count, f32::to_le_bytes),
    }
}

fn put_numbers<T: Copy, const N: usize>(
    out: &mut dyn Write,
    values: &[T],
    count: usize,
    bytes: impl Fn(T) -> [u8; N],
) -> Result<()> {
    if values.len() != count {
        return Err(Error::failed(format!(
            "{} numbers were made for a tensor of {count}; please report this",
            values.len()
        )));
    }
    let mut buffer = Vec::with_capacity(1 << 16);
    for part in values.chunks((1 << 16) / N) {
        buffer.clear();
        buffer.extend(part.iter().flat_map(|&n| bytes(n)));
        put(out, &buffer)?;
    }
    Ok(())
}

fn put(out: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).map_err(|error| unwritten(&error))
}

fn unwritten(error: &std::io::Error) -> Error {
    Error::io(format!("cannot write the model: {error}"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::error::Kind;

    struct NoWeights;

    impl Weights for NoWeights {
        fn names(&self) -> Vec<&str> {
            Vec::new()
        }
        fn shape(&self, _: &str) -> Option<&[usize]> {
            None
        }
        fn read(&self, name: &str) -> Result<Vec<f32>> {
            Err(Error::model(name))
        }
    }

    /// Returns a model of every kind of part.
    pub(in crate::onnx) fn model(metadata: &[(String, String)]) -> Vec<u8> {
        let mut graph = Graph::new("doubler");
        let x = graph.input("image", &[3, 5]);
        let two = graph.floats("two", &[3, 1], vec![2.0; 3]);
        let big = graph.floats("big", &[3, 5000], vec![0.5; 15000]);
        let y = graph.mul(x, two);
        let row = graph.ints(&[1], vec![4]);
        let small = graph.gather(big, row, 1);
        let y = graph.add(y, small);
        graph.output("scores", y, &[3, 5]);
        let mut bytes = Vec::new();
        write(&graph, &NoWeights, metadata, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_model_is_one_protobuf_message() {
        let bytes = model(&[("key".into(), "value".into())]);
        let message = proto::ModelProto::decode(bytes.as_slice()).unwrap();
        assert_eq!((message.ir_version, message.opset_import[0].version), (9, 20));
        assert_eq!(message.metadata_props[0].value, "value");
        let graph = message.graph.unwrap();
        let kinds: Vec<_> = graph.node.iter().map(|node| node.op_type.as_str()).collect();
        assert_eq!(kinds, ["Mul", "Gather", "Add"]);
        assert_eq!(graph.node[1].attribute[0].i, Some(1));
        assert_eq!(graph.node[2].output, ["scores"]);
        let [two, big, row] = graph.initializer.try_into().unwrap();
        assert_eq!((two.name.as_str(), two.dims), ("two", vec![3, 1]));
        assert_eq!(two.raw_data, 2.0_f32.to_le_bytes().repeat(3));
        assert_eq!((big.data_type, big.raw_data.len()), (proto::FLOAT, 60_000));
        assert_eq!((row.data_type, row.raw_data), (proto::INT64, 4_i64.to_le_bytes().into()));
    }

    #[test]
    fn what_cannot_be_written_says_why() {
        let graph = |axis, values| {
            let mut graph = Graph::new("");
            graph.floats("w", &[axis, axis], values);
            graph
        };
        let kind = |graph: &Graph, out: &mut dyn Write| {
            write(graph, &NoWeights, &[], out).unwrap_err().kind()
        };
        assert_eq!(kind(&graph(usize::MAX, vec![]), &mut Vec::new()), Kind::Model);
        assert_eq!(kind(&graph(1 << 15, vec![]), &mut Vec::new()), Kind::Model);
        assert_eq!(kind(&graph(2, vec![0.0; 3]), &mut Vec::new()), Kind::Failed);
        assert_eq!(kind(&graph(2, vec![0.0; 4]), &mut [0; 50].as_mut_slice()), Kind::Io);
    }
}
