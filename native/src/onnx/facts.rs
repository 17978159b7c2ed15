//! Reads what a model file says of itself, past its weights.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, ErrorKind, Read, Seek};
use std::path::Path;

use super::external::{self, External, Kind};
use super::fields::{Fields, Payload, invalid};
use super::proto;
use crate::error::{Error, Result};

/// `ModelProto.ir_version`, `.graph`, `.metadata_props`; `GraphProto.input`, `.output`.
const IR_VERSION: u32 = 1;
const GRAPH: u32 = 7;
const METADATA: u32 = 14;
const INPUT: u32 = 11;
const OUTPUT: u32 = 12;

/// The most that may be kept of a file.
const BUDGET: u64 = 64 << 20;

/// What a model file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelFacts {
    /// `metadata_props`; of a key that occurs twice, the last value.
    pub metadata: BTreeMap<String, String>,
    /// The graph's inputs, in order.
    pub inputs: Vec<ValueFacts>,
    /// The graph's outputs, in order.
    pub outputs: Vec<ValueFacts>,
    /// The tensors whose numbers are in other files, wherever in the model they are.
    pub external: Vec<External>,
}

/// An input or output of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueFacts {
    /// Its name.
    pub name: String,
    /// Type of its numbers.
    pub element: Element,
    /// Its axes, in order; empty if the file does not tell.
    pub dims: Vec<Dim>,
}

/// The type of a tensor's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Element {
    /// IEEE single.
    Float32,
    /// IEEE half.
    Float16,
    /// Signed, 64 bits.
    Int64,
    /// Anything else, by its number in `TensorProto.DataType`; 0 if the file does not tell.
    Other(i32),
}

/// The length of an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// Always that.
    Fixed(u64),
    /// Free, and called that.
    Named(String),
    /// Free.
    Unknown,
}

/// Reads a model file's metadata, inputs and outputs; its weights are skipped, not read.
///
/// # Errors
/// - Model: not an ONNX model, or a damaged one.
/// - Io: the file cannot be read.
pub fn read_metadata(path: &Path) -> Result<ModelFacts> {
    let file = File::open(path).map_err(|error| Error::file("open", path, &error))?;
    let length = file.metadata().map_err(|error| Error::file("read", path, &error))?.len();
    read_facts(file, length).map_err(|error| match error.kind() {
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => Error::model(format!(
            "'{}' is not an ONNX model or is damaged ({error}); \
             give a file that 'spectralgpt convert' wrote",
            path.display()
        )),
        _ => Error::file("read", path, &error),
    })
}

/// Reads the metadata, inputs and outputs of a model file's bytes.
///
/// # Errors
/// - Model: not an ONNX model, or a damaged one.
pub fn read_metadata_of(bytes: &[u8]) -> Result<ModelFacts> {
    read_facts(Cursor::new(bytes), bytes.len() as u64).map_err(|error| {
        Error::model(format!(
            "it is not an ONNX model or is damaged ({error}); give what 'spectralgpt convert' wrote"
        ))
    })
}

pub(super) fn read_facts(file: impl Read + Seek, length: u64) -> std::io::Result<ModelFacts> {
    let mut reader = Reader { fields: Fields::new(file, BUDGET), facts: ModelFacts::default() };
    let versioned = reader.model(length)?;
    if versioned && !reader.facts.outputs.is_empty() {
        return Ok(reader.facts);
    }
    Err(invalid("it has no version or no outputs"))
}

/// Walks a model, keeping what it says of itself.
struct Reader<F> {
    fields: Fields<F>,
    facts: ModelFacts,
}

impl<F: Read + Seek> Reader<F> {
    /// Walks the whole model; tells whether it states its version.
    fn model(&mut self, end: u64) -> std::io::Result<bool> {
        let mut versioned = false;
        while let Some(field) = self.fields.next(end)? {
            match field {
                (IR_VERSION, Payload::Number(_)) => versioned = true,
                (GRAPH, Payload::Bytes(bytes)) => self.graph(bytes)?,
                (METADATA, Payload::Bytes(bytes)) => {
                    let entry: proto::StringStringEntryProto = self.fields.message(bytes)?;
                    self.facts.metadata.insert(entry.key, entry.value);
                }
                field => self.other(Kind::Model, field)?,
            }
        }
        Ok(versioned)
    }

    fn graph(&mut self, bytes: u64) -> std::io::Result<()> {
        let end = self.fields.position() + bytes;
        while let Some(field) = self.fields.next(end)? {
            match field {
                (INPUT, Payload::Bytes(bytes)) => {
                    let input: proto::ValueInfoProto = self.fields.message(bytes)?;
                    self.facts.inputs.push(input.into());
                }
                (OUTPUT, Payload::Bytes(bytes)) => {
                    let output: proto::ValueInfoProto = self.fields.message(bytes)?;
                    self.facts.outputs.push(output.into());
                }
                field => self.other(Kind::Graph, field)?,
            }
        }
        Ok(())
    }

    /// Looks for weights outside the file.
    fn other(&mut self, kind: Kind, field: (u32, Payload)) -> std::io::Result<()> {
        external::find(&mut self.fields, kind, field, &mut self.facts.external, 0)
    }
}

impl From<proto::ValueInfoProto> for ValueFacts {
    fn from(value: proto::ValueInfoProto) -> Self {
        let tensor = value.r#type.and_then(|kind| kind.tensor_type).unwrap_or_default();
        let dims = tensor.shape.unwrap_or_default().dim.into_iter().map(Dim::from).collect();
        Self { name: value.name, element: tensor.elem_type.into(), dims }
    }
}

impl From<i32> for Element {
    fn from(number: i32) -> Self {
        match number {
            proto::FLOAT => Element::Float32,
            proto::FLOAT16 => Element::Float16,
            proto::INT64 => Element::Int64,
            other => Element::Other(other),
        }
    }
}

impl From<proto::DimensionProto> for Dim {
    fn from(dim: proto::DimensionProto) -> Self {
        match (dim.dim_value.map(u64::try_from), dim.dim_param) {
            (Some(Ok(length)), _) => Dim::Fixed(length),
            (None, Some(name)) if !name.is_empty() => Dim::Named(name),
            _ => Dim::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::onnx::fields::FLAT_RATE;
    use crate::onnx::write::tests::model;

    fn facts(bytes: &[u8]) -> std::io::Result<ModelFacts> {
        read_facts(Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn what_is_written_is_read() {
        let read = facts(&model(&[("spectralgpt".into(), "{}".into())])).unwrap();
        assert_eq!(read.metadata["spectralgpt"], "{}");
        let dims = vec![Dim::Named("batch".into()), Dim::Fixed(3), Dim::Fixed(5)];
        let port = |name: &str| ValueFacts {
            name: name.into(),
            element: Element::Float32,
            dims: dims.clone(),
        };
        assert_eq!((read.inputs, read.outputs), (vec![port("image")], vec![port("scores")]));
    }

    #[test]
    fn weights_are_skipped() {
        struct Counter(Cursor<Vec<u8>>, std::rc::Rc<std::cell::Cell<usize>>);
        impl Read for Counter {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                let count = self.0.read(into)?;
                self.1.set(self.1.get() + count);
                Ok(count)
            }
        }
        impl Seek for Counter {
            fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
                self.0.seek(to)
            }
        }
        let (bytes, count) = (model(&[]), std::rc::Rc::default());
        let length = bytes.len();
        read_facts(Counter(Cursor::new(bytes), std::rc::Rc::clone(&count)), length as u64).unwrap();
        assert!(count.get() < 2048 && length > 50_000, "{} of {length}", count.get());
    }

    #[test]
    fn a_budget_bounds_what_is_kept() {
        let mut bytes = model(&[]);
        bytes.extend([0x72, 0].repeat((BUDGET / FLAT_RATE) as usize + 1)); // empty metadata
        assert!(facts(&bytes).unwrap_err().to_string().contains("64 MiB"));
    }

    proptest! {
        #[test]
        fn garbage_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(facts(&bytes).is_err());
        }

        #[test]
        fn a_truncated_model_is_refused(cut in 0..1000_usize) {
            let bytes = model(&[]);
            prop_assert!(facts(&bytes[..bytes.len() * cut / 1000]).is_err());
        }

        #[test]
        fn a_damaged_model_is_survived(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = model(&[("a".into(), "b".into())]);
            let place = at.index(if byte % 2 == 0 { bytes.len() } else { 400 });
            bytes[place] = byte;
            drop(facts(&bytes));
        }
    }
}
