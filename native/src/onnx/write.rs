//! Writes a model as a stream: one tensor is in memory at a time.
//!
//! Fields of a protobuf message may stand in any order and be put one after the other, so a
//! message is what prost makes of its small parts, followed by its tensors as they are made.

use std::io::Write;

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::graph::Graph;
use super::proto;
use super::stored::{Stored, WeightFormat};
use crate::checkpoint::Weights;
use crate::error::{Error, Result};

/// `ModelProto.graph`.
const GRAPH: u32 = 7;

/// The first IR version for opset 20, and that opset.
const IR_VERSION: i64 = 9;
const OPSET: i64 = 20;

/// Who wrote the model, as models of ours say.
pub(super) const PRODUCER: &str = "spectralgpt";

/// The most bytes that one ONNX file, a protobuf message, can have.
pub const LIMIT: u64 = i32::MAX as u64;

/// Writes a model file that holds its weights, in f32; equal arguments give equal bytes.
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
    Writer::new(graph, weights, WeightFormat::default()).write(metadata, out)
}

/// Stands for the weights of a graph that has its own.
#[derive(Debug, Clone, Copy)]
pub struct NoWeights;

impl Weights for NoWeights {
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    fn shape(&self, _name: &str) -> Option<&[usize]> {
        None
    }

    fn read(&self, name: &str) -> Result<Vec<f32>> {
        Err(Error::failed(format!("there is no weight '{name}'; please report this")))
    }
}

/// Writes a graph and its weights, into one file or into two.
#[allow(missing_debug_implementations, reason = "weights are anything")]
pub struct Writer<'a> {
    graph: &'a Graph,
    weights: &'a dyn Weights,
    format: WeightFormat,
}

impl<'a> Writer<'a> {
    /// Plans to write a graph whose weights are stored so.
    pub fn new(graph: &'a Graph, weights: &'a dyn Weights, format: WeightFormat) -> Self {
        Self { graph, weights, format }
    }

    /// Returns the bytes of a file that holds everything but metadata.
    pub fn bytes(&self) -> u64 {
        self.body().len() as u64 + total(&self.tensors(None))
    }

    /// Writes a model file that holds its weights; as [`write`](write()).
    ///
    /// # Errors
    /// As [`write`](write()).
    pub fn write(&self, metadata: &[(String, String)], out: &mut dyn Write) -> Result<()> {
        self.model(metadata, &self.tensors(None), out)
    }

    /// Writes the weights' own file: each large one at a multiple of 4096 bytes.
    ///
    /// # Errors
    /// As [`write`](write()).
    pub fn write_data(&self, out: &mut dyn Write) -> Result<()> {
        let mut written = 0;
        for tensor in self.tensors(Some("")) {
            let Some(offset) = tensor.offset else { continue };
            let gap = usize::try_from(offset - written).unwrap_or_default();
            put(out, &vec![0; gap])?;
            tensor.put_numbers(self.weights, out)?;
            written = offset + tensor.data;
        }
        out.flush().map_err(|error| unwritten(&error))
    }

    /// Writes a model file whose large weights are in the file `name` beside it.
    ///
    /// # Errors
    /// As [`write`](write()).
    pub fn write_beside(
        &self,
        metadata: &[(String, String)],
        name: &str,
        out: &mut dyn Write,
    ) -> Result<()> {
        self.model(metadata, &self.tensors(Some(name)), out)
    }

    fn tensors(&self, beside: Option<&'a str>) -> Vec<Stored<'a>> {
        let mut end = 0;
        let plan = |tensor| Stored::plan(self.graph, tensor, self.format, beside, &mut end);
        self.graph.initialisers().iter().map(plan).collect()
    }

    /// Returns the graph without its tensors; halves are cast to f32 before anything else.
    fn body(&self) -> Vec<u8> {
        let mut graph = self.graph.to_proto();
        let tensors = self.tensors(None);
        let casts = tensors.iter().filter_map(Stored::cast);
        graph.node.splice(0..0, casts);
        graph.encode_to_vec()
    }

    fn model(
        &self,
        metadata: &[(String, String)],
        tensors: &[Stored<'_>],
        out: &mut dyn Write,
    ) -> Result<()> {
        let (head, body) = (model_head(metadata), self.body());
        let length = total(tensors).saturating_add(body.len() as u64);
        let all = length.saturating_add(head.len() as u64 + 16); // the graph's own key and length
        if all > LIMIT {
            return Err(Error::model(format!(
                "the model would have {} MiB, and one ONNX file holds at most 2047; \
                 give a checkpoint of a smaller model",
                all >> 20
            )));
        }
        put(out, &head)?;
        put(out, &length_delimited(GRAPH, length))?;
        put(out, &body)?;
        for tensor in tensors {
            put(out, &tensor.head)?;
            if tensor.offset.is_none() {
                tensor.put_numbers(self.weights, out)?;
            }
        }
        out.flush().map_err(|error| unwritten(&error))
    }
}

/// Returns the bytes that tensors take in the model file.
fn total(tensors: &[Stored<'_>]) -> u64 {
    tensors.iter().fold(0, |n: u64, tensor| n.saturating_add(tensor.length()))
}

fn model_head(metadata: &[(String, String)]) -> Vec<u8> {
    let entry = |(key, value): &(String, String)| proto::StringStringEntryProto {
        key: key.clone(),
        value: value.clone(),
    };
    let model = proto::ModelProto {
        ir_version: IR_VERSION,
        producer_name: PRODUCER.into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: None,
        opset_import: vec![proto::OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: metadata.iter().map(entry).collect(),
    };
    model.encode_to_vec()
}

pub(super) fn length_delimited(field: u32, length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(field, WireType::LengthDelimited, &mut bytes);
    encode_varint(length, &mut bytes);
    bytes
}

pub(super) fn put(out: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).map_err(|error| unwritten(&error))
}

fn unwritten(error: &std::io::Error) -> Error {
    Error::io(format!("cannot write the model: {error}"))
}

#[cfg(test)]
pub(super) mod tests {
    use half::f16;

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

    /// Returns a graph of every kind of part.
    pub(in crate::onnx) fn graph() -> Graph {
        let mut graph = Graph::new("doubler");
        let x = graph.input("image", &[3, 5]);
        let two = graph.floats("two", &[3, 1], vec![2.0; 3]);
        let big = graph.floats("big", &[3, 5000], vec![0.5; 15000]);
        let y = graph.mul(x, two);
        let row = graph.ints(&[1], vec![4]);
        let small = graph.gather(big, row, 1);
        let y = graph.add(y, small);
        graph.output("scores", y, &[3, 5]);
        graph
    }

    /// Returns that graph's model.
    pub(in crate::onnx) fn model(metadata: &[(String, String)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&graph(), &NoWeights, metadata, &mut bytes).unwrap();
        bytes
    }

    /// Returns that graph's model and the file beside it.
    pub(in crate::onnx) fn model_and_data(name: &str, format: WeightFormat) -> [Vec<u8>; 2] {
        let (graph, mut model, mut data) = (graph(), Vec::new(), Vec::new());
        let writer = Writer::new(&graph, &NoWeights, format);
        writer.write_beside(&[], name, &mut model).unwrap();
        writer.write_data(&mut data).unwrap();
        [model, data]
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

    #[test]
    fn halves_are_cast_and_what_they_cannot_hold_is_named() {
        let (graph, mut bytes) = (graph(), Vec::new());
        let writer = Writer::new(&graph, &NoWeights, WeightFormat::Fp16);
        writer.write(&[], &mut bytes).unwrap();
        assert!(writer.bytes() < bytes.len() as u64 && writer.bytes() + 100 > bytes.len() as u64);
        let model = proto::ModelProto::decode(bytes.as_slice()).unwrap().graph.unwrap();
        assert_eq!((model.node[0].op_type.as_str(), &*model.node[0].output[0]), ("Cast", "big"));
        assert_eq!(model.node[0].input, ["big.fp16"]);
        let [two, big, _] = model.initializer.try_into().unwrap();
        assert_eq!((two.name.as_str(), two.data_type), ("two", proto::FLOAT));
        assert_eq!((big.name.as_str(), big.data_type), ("big.fp16", proto::FLOAT16));
        assert_eq!(big.raw_data, f16::from_f32(0.5).to_le_bytes().repeat(15000));
        let mut graph = Graph::new("");
        graph.floats("blocks.3", &[40, 50], vec![65_520.0; 2000]);
        let writer = Writer::new(&graph, &NoWeights, WeightFormat::Fp16);
        let error = writer.write(&[], &mut Vec::new()).unwrap_err();
        assert!(error.message().contains("'blocks.3' holds 65520"), "{error}");
    }

    #[test]
    fn large_weights_stand_in_a_file_of_their_own_where_the_model_says() {
        for (format, width) in [(WeightFormat::Fp32, 4), (WeightFormat::Fp16, 2)] {
            let [model, data] = model_and_data("m.onnx.data", format);
            let graph = proto::ModelProto::decode(model.as_slice()).unwrap().graph.unwrap();
            let [two, big, row] = graph.initializer.try_into().unwrap();
            assert_eq!((two.raw_data.len(), row.raw_data.len()), (12, 8));
            assert!(two.external_data.is_empty() && two.data_location == 0);
            assert!(big.raw_data.is_empty() && big.data_location == proto::EXTERNAL);
            let entry = |at: usize| (&*big.external_data[at].key, &*big.external_data[at].value);
            assert_eq!(entry(0), ("location", "m.onnx.data"));
            assert_eq!(entry(1), ("offset", "0"));
            assert_eq!(entry(2), ("length", &*(15000 * width).to_string()));
            assert_eq!(data.len(), 15000 * width);
        }
    }

    #[test]
    fn operators_stand_before_and_after_a_network() {
        let mut graph = graph();
        graph.before("image", &[1, 5], |graph, x| graph.add(x, x)).unwrap();
        graph.after("scores", "halves", |graph, y| graph.mul(y, y)).unwrap();
        assert!(graph.before("x", &[], |_, x| x).is_err());
        assert!(graph.after("scores", "y", |_, x| x).is_err());
        let model = graph.to_proto();
        let shown = |node: &proto::NodeProto| {
            (node.op_type.clone(), node.input.join(" "), node.output.join(" "))
        };
        let [first, second, .., next, last] = model.node.as_slice() else { panic!() };
        let (added, raw) = (&first.output[0], "scores.raw");
        assert_eq!((shown(first).1, &second.input[0]), ("image image".into(), added));
        assert_eq!(next.output, [raw]);
        assert_eq!(shown(last), ("Mul".into(), format!("{raw} {raw}"), "halves".into()));
        assert_eq!((&*model.input[0].name, &*model.output[0].name), ("image", "halves"));
        let names: std::collections::BTreeSet<_> =
            model.node.iter().flat_map(|node| &node.output).collect();
        assert_eq!(names.len(), model.node.len());
    }
}
