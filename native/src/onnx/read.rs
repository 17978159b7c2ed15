//! Reads a network that we wrote back into a graph; its weights stay in the file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use prost::Message;
use sha2::{Digest, Sha256};

use super::fields::{Fields, Payload, invalid};
use super::graph::{Attribute, Graph, Value};
use super::proto;
use crate::error::{Error, Result};
use crate::hidden::hex;

/// `ModelProto.graph`; `GraphProto.node`, `.initializer`, `.input`, `.output`.
const GRAPH: u32 = 7;
const NODE: u32 = 1;
const INITIALIZER: u32 = 5;
const INPUT: u32 = 11;
const OUTPUT: u32 = 12;
/// `TensorProto.raw_data`.
const RAW_DATA: u32 = 9;

/// The most that nodes and small tensors may take.
const BUDGET: u64 = 64 << 20;
/// Bytes of a weight that are in memory at a time.
const PIECE: u64 = 1 << 20;

/// Where a network is read from.
#[derive(Debug, Clone)]
pub enum Place {
    /// A model file.
    File(PathBuf),
    /// A model in memory.
    Memory(Arc<[u8]>),
}

/// A tensor's numbers in a model.
#[derive(Debug, Clone)]
pub(super) struct Copied {
    place: Arc<Place>,
    start: u64,
    bytes: u64,
}

impl Copied {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Copies the numbers.
    ///
    /// # Errors
    /// - Io: they cannot be read, or `out` does not take them.
    pub(super) fn copy(&self, out: &mut dyn Write) -> Result<()> {
        let failed = |error: std::io::Error| Error::io(format!("cannot copy a weight: {error}"));
        let mut source = self.place.open()?;
        source.seek(SeekFrom::Start(self.start)).map_err(failed)?;
        let mut buffer = Vec::new();
        let mut left = self.bytes;
        while left > 0 {
            buffer.clear();
            let piece = left.min(PIECE);
            source.by_ref().take(piece).read_to_end(&mut buffer).map_err(failed)?;
            if buffer.len() as u64 != piece {
                return Err(failed(ErrorKind::UnexpectedEof.into()));
            }
            out.write_all(&buffer).map_err(failed)?;
            left -= piece;
        }
        Ok(())
    }
}

/// What a model is read from.
trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

impl Place {
    /// Returns the SHA-256 of the model, in hexadecimal digits.
    ///
    /// # Errors
    /// - Io: it cannot be read.
    pub fn sha256(&self) -> Result<String> {
        let mut hash = Sha256::new();
        let failed = |error: std::io::Error| Error::io(format!("cannot read the model: {error}"));
        let mut source = BufReader::with_capacity(1 << 20, self.open()?);
        loop {
            let bytes = source.fill_buf().map_err(failed)?;
            if bytes.is_empty() {
                return Ok(hex(&hash.finalize()));
            }
            hash.update(bytes);
            let length = bytes.len();
            source.consume(length);
        }
    }

    fn open(&self) -> Result<Box<dyn Source>> {
        match self {
            Place::File(path) => {
                let file = File::open(path).map_err(|error| Error::file("open", path, &error))?;
                Ok(Box::new(file))
            }
            Place::Memory(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
        }
    }
}

impl Graph {
    /// Reads a network that we wrote.
    ///
    /// # Errors
    /// - Model: it is none of ours, is damaged, or its weights are in another file.
    /// - Io: the file cannot be read.
    pub fn read(place: &Place) -> Result<Self> {
        let mut source = place.open()?;
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => Error::model(format!(
                "its network cannot be taken apart ({error}); give a model that 'spectralgpt \
                 convert' wrote"
            )),
            _ => Error::io(format!("cannot read the model: {error}")),
        };
        let length = source.seek(SeekFrom::End(0)).map_err(failed)?;
        source.rewind().map_err(failed)?;
        let mut fields = Fields::new(source, BUDGET);
        Parts::read(&mut fields, length).and_then(|parts| parts.graph(place)).map_err(failed)
    }
}

/// A tensor's description without its numbers, and where they are.
struct Tensor {
    about: proto::TensorProto,
    start: u64,
    bytes: u64,
}

/// A network's parts in the order of the file.
#[derive(Default)]
struct Parts {
    nodes: Vec<proto::NodeProto>,
    tensors: Vec<Tensor>,
    inputs: Vec<proto::ValueInfoProto>,
    outputs: Vec<proto::ValueInfoProto>,
}

impl Parts {
    fn read<F: Read + Seek>(fields: &mut Fields<F>, end: u64) -> std::io::Result<Self> {
        let mut parts = Self::default();
        while let Some(field) = fields.next(end)? {
            match field {
                (GRAPH, Payload::Bytes(bytes)) => {
                    let end = fields.position() + bytes;
                    while let Some(field) = fields.next(end)? {
                        parts.part(fields, field)?;
                    }
                }
                (_, payload) => fields.skip(payload)?,
            }
        }
        Ok(parts)
    }

    fn part<F: Read + Seek>(
        &mut self,
        fields: &mut Fields<F>,
        field: (u32, Payload),
    ) -> std::io::Result<()> {
        match field {
            (NODE, Payload::Bytes(bytes)) => self.nodes.push(fields.message(bytes)?),
            (INPUT, Payload::Bytes(bytes)) => self.inputs.push(fields.message(bytes)?),
            (OUTPUT, Payload::Bytes(bytes)) => self.outputs.push(fields.message(bytes)?),
            (INITIALIZER, Payload::Bytes(bytes)) => self.tensors.push(tensor(fields, bytes)?),
            (_, payload) => fields.skip(payload)?,
        }
        Ok(())
    }

    fn graph(self, place: &Place) -> std::io::Result<Graph> {
        let place = Arc::new(place.clone());
        let mut graph = Graph::new("SpectralGPT");
        let mut values: HashMap<String, Value> = HashMap::from([(String::new(), Graph::ABSENT)]);
        for Tensor { about, start, bytes } in self.tensors {
            let numbers = Copied { place: Arc::clone(&place), start, bytes };
            let dims = lengths(about.dims.iter().map(|dim| Some(*dim)))?;
            let value = graph.copied(&about.name, &dims, about.data_type, numbers);
            values.insert(about.name, value);
        }
        for input in self.inputs {
            let value = graph.input(&input.name, &dims(&input)?);
            values.insert(input.name, value);
        }
        for node in self.nodes {
            let [name] = &node.output[..] else {
                return Err(invalid("an operator has two results"));
            };
            let known = |input: &String| {
                values.get(input).copied().ok_or_else(|| invalid("an operator lacks an input"))
            };
            let inputs = node.input.iter().map(known).collect::<std::io::Result<_>>()?;
            let attributes = node.attribute.into_iter().map(attribute);
            let attributes = attributes.collect::<std::io::Result<_>>()?;
            let value = graph.node(node.op_type, inputs, attributes, name.clone());
            values.insert(name.clone(), value);
        }
        for output in self.outputs {
            let value = values.get(&output.name).ok_or_else(|| invalid("an output is missing"))?;
            graph.output(&output.name, *value, &dims(&output)?);
        }
        Ok(graph)
    }
}

/// Reads a tensor's description and finds its numbers, which must be raw.
fn tensor<F: Read + Seek>(fields: &mut Fields<F>, bytes: u64) -> std::io::Result<Tensor> {
    let end = fields.position() + bytes;
    let mut tensor = Tensor { about: proto::TensorProto::default(), start: 0, bytes: 0 };
    let mut described = Vec::new();
    while let Some((number, payload)) = fields.next(end)? {
        match payload {
            Payload::Bytes(bytes) if number == RAW_DATA => {
                (tensor.start, tensor.bytes) = (fields.position(), bytes);
                fields.skip(payload)?;
            }
            payload => fields.copy((number, payload), &mut described)?,
        }
    }
    tensor.about = proto::TensorProto::decode(described.as_slice())?;
    if tensor.about.data_location == proto::EXTERNAL {
        return Err(invalid("its weights are in a file beside it"));
    }
    Ok(tensor)
}

fn attribute(
    attribute: proto::AttributeProto,
) -> std::io::Result<(std::borrow::Cow<'static, str>, Attribute)> {
    let value = match (attribute.r#type, attribute.f, attribute.i, attribute.s) {
        (proto::ATTRIBUTE_FLOAT, Some(f), _, _) => Attribute::Float(f),
        (proto::ATTRIBUTE_INT, _, i, _) => Attribute::Int(i.unwrap_or_default()),
        (proto::ATTRIBUTE_INTS, ..) => Attribute::Ints(attribute.ints),
        (proto::ATTRIBUTE_STRING, _, _, Some(text)) => {
            let text = String::from_utf8(text).map_err(|_| invalid("a word is no UTF-8"))?;
            Attribute::Text(text.into())
        }
        _ => return Err(invalid("an operator has a parameter of an unknown kind")),
    };
    Ok((attribute.name.into(), value))
}

/// Returns the axes after the batch.
fn dims(value: &proto::ValueInfoProto) -> std::io::Result<Vec<usize>> {
    let tensor = value.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    let shape = tensor.and_then(|tensor| tensor.shape.as_ref());
    let shape = shape.ok_or_else(|| invalid("an input or output has no shape"))?;
    lengths(shape.dim.iter().skip(1).map(|dim| dim.dim_value))
}

fn lengths(dims: impl Iterator<Item = Option<i64>>) -> std::io::Result<Vec<usize>> {
    let length = |dim: Option<i64>| dim.and_then(|dim| usize::try_from(dim).ok());
    let lengths: Option<Vec<_>> = dims.map(length).collect();
    lengths.ok_or_else(|| invalid("an axis has no length"))
}
