//! Decides how a tensor is stored: as what kind of numbers, in the model file or beside it.

use std::io::Write;

use half::f16;
use prost::Message;

use super::graph::{Attribute, Data, Graph, Initialiser, attribute_proto};
use super::proto;
use super::write::{length_delimited, put};
use crate::checkpoint::Weights;
use crate::error::{Error, Result};

/// `GraphProto.initializer` and `TensorProto.raw_data`.
const INITIALIZER: u32 = 5;
const RAW_DATA: u32 = 9;

/// Tensors of fewer bytes stay in the model file: runtimes look at them to infer shapes.
const LARGE: u64 = 1024;

/// Every tensor beside the model starts at a multiple of this, so that it can be mapped.
const ALIGNMENT: u64 = 4096;

/// The kind of numbers that weights are stored as; the arithmetic stays f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightFormat {
    /// IEEE single.
    #[default]
    Fp32,
    /// IEEE half where there are many (tensors of two axes or more, 1,000 values or more), cast
    /// to single when they are used; gains and biases stay single.
    Fp16,
}

/// A tensor, and where and how its numbers are stored.
pub(super) struct Stored<'a> {
    tensor: &'a Initialiser,
    name: String,
    half: bool,
    /// Everything of the message up to the numbers, if those follow.
    pub(super) head: Vec<u8>,
    /// Bytes of the numbers.
    pub(super) data: u64,
    /// Place in the file beside the model; `None`: the numbers follow the head.
    pub(super) offset: Option<u64>,
}

impl<'a> Stored<'a> {
    /// Plans a tensor. With `beside`, the name of a file, a large one comes into that file, behind
    /// `end`, which then is the end of this one.
    pub(super) fn plan(
        graph: &Graph,
        tensor: &'a Initialiser,
        format: WeightFormat,
        beside: Option<&str>,
        end: &mut u64,
    ) -> Self {
        let count = tensor.dims.iter().fold(1, |n: u64, &axis| n.saturating_mul(axis as u64));
        let floats = matches!(tensor.data, Data::Floats(_));
        let many = floats && tensor.dims.len() > 1 && count >= 1000;
        let half = many && format == WeightFormat::Fp16;
        let data = match &tensor.data {
            Data::Copied(_, place) => place.bytes(),
            Data::Floats(_) => count.saturating_mul(if half { 2 } else { 4 }),
            Data::Ints(_) => count.saturating_mul(8),
        };
        let mut message = graph.tensor_proto(tensor);
        let name = message.name.clone();
        if half {
            (message.name, message.data_type) = (half_name(&name), proto::FLOAT16);
        }
        let ints = message.data_type == proto::INT64;
        let beside = beside.filter(|_| !ints && data >= LARGE);
        let offset = beside.map(|_| end.checked_next_multiple_of(ALIGNMENT).unwrap_or(u64::MAX));
        if let (Some(location), Some(offset)) = (beside, offset) {
            *end = offset.saturating_add(data);
            message.data_location = proto::EXTERNAL;
            message.external_data = entries(location, offset, data);
        }
        let mut fields = message.encode_to_vec();
        let mut follows = 0;
        if offset.is_none() {
            fields.extend(length_delimited(RAW_DATA, data));
            follows = data;
        }
        let mut head = length_delimited(INITIALIZER, follows.saturating_add(fields.len() as u64));
        head.append(&mut fields);
        Self { tensor, name, half, head, data, offset }
    }

    /// Returns the bytes it takes in the model file.
    pub(super) fn length(&self) -> u64 {
        let follows = if self.offset.is_none() { self.data } else { 0 };
        follows.saturating_add(self.head.len() as u64)
    }

    /// Returns the node that makes halves singles, under the name the graph knows.
    pub(super) fn cast(&self) -> Option<proto::NodeProto> {
        self.half.then(|| proto::NodeProto {
            input: vec![half_name(&self.name)],
            output: vec![self.name.clone()],
            name: self.name.clone(),
            op_type: "Cast".into(),
            attribute: vec![attribute_proto(&("to".into(), Attribute::Int(proto::FLOAT.into())))],
            ..proto::NodeProto::default()
        })
    }

    /// Makes the numbers and writes them.
    ///
    /// # Errors
    /// - Model: a weight is missing, has another shape, or is too large for a half.
    /// - Io: it cannot be read, or `out` does not take the bytes.
    pub(super) fn put_numbers(&self, weights: &dyn Weights, out: &mut dyn Write) -> Result<()> {
        let count = self.tensor.dims.iter().product();
        let values = match &self.tensor.data {
            Data::Ints(values) => return put_all(out, values, count, i64::to_le_bytes),
            Data::Copied(_, place) => return place.copy(out),
            Data::Floats(recipe) => recipe(weights)?,
        };
        if !self.half {
            return put_all(out, &values, count, f32::to_le_bytes);
        }
        let too_large = |n: &&f32| n.is_finite() && !f16::from_f32(**n).is_finite();
        if let Some(value) = values.iter().find(too_large) {
            return Err(Error::model(format!(
                "the weight '{}' holds {value}, and a half ends at 65504; store these weights \
                 with --weights fp32",
                self.name
            )));
        }
        put_all(out, &values, count, |n| f16::from_f32(n).to_le_bytes())
    }
}

fn half_name(name: &str) -> String {
    format!("{name}.fp16")
}

fn entries(location: &str, offset: u64, length: u64) -> Vec<proto::StringStringEntryProto> {
    let (offset, length) = (offset.to_string(), length.to_string());
    [("location", location), ("offset", &offset), ("length", &length)]
        .map(|(key, value)| proto::StringStringEntryProto { key: key.into(), value: value.into() })
        .into()
}

fn put_all<T: Copy, const N: usize>(
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
