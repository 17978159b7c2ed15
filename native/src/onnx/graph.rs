//! Holds a graph whose weights are not there yet, only how to make them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::proto;
use super::read::Copied;
use crate::checkpoint::Weights;
use crate::error::Result;

/// Makes the numbers of one f32 tensor, row-major, from a checkpoint.
pub type Recipe = Box<dyn Fn(&dyn Weights) -> Result<Vec<f32>> + Send + Sync>;

/// A tensor that flows through a [`Graph`]; only good for the graph that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value(pub(super) usize);

/// A parameter of an operator.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// One number.
    Int(i64),
    /// One number.
    Float(f32),
    /// Several numbers.
    Ints(Vec<i64>),
    /// A word.
    Text(Cow<'static, str>),
}

/// Where an initialiser's numbers come from.
pub(super) enum Data {
    Ints(Vec<i64>),
    Floats(Recipe),
    /// Numbers that are copied, of that `TensorProto.DataType`.
    Copied(i32, Copied),
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Data::Ints(values) => f.debug_tuple("Ints").field(values).finish(),
            Data::Floats(_) => f.write_str("Floats"),
            Data::Copied(kind, place) => f.debug_tuple("Copied").field(kind).field(place).finish(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Initialiser {
    pub(super) value: Value,
    pub(super) dims: Vec<usize>,
    pub(super) data: Data,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) operator: Cow<'static, str>,
    pub(super) inputs: Vec<Value>,
    pub(super) output: Value,
    pub(super) attributes: Vec<(Cow<'static, str>, Attribute)>,
}

/// The f32 tensor of a graph's input or output; the batch, its first axis, is left open.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) value: Value,
    pub(super) dims: Option<Vec<usize>>,
}

/// A network of standard ONNX operators, each with one output.
///
/// Nodes are in the order in which they were added, which is one in which they can run.
#[derive(Debug)]
pub struct Graph {
    title: String,
    pub(super) names: Vec<String>,
    pub(super) nodes: Vec<Node>,
    pub(super) initialisers: Vec<Initialiser>,
    known: BTreeMap<String, Value>,
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
}

impl Graph {
    /// Stands for an operator's optional input that is not given.
    pub const ABSENT: Value = Value(0);

    /// Makes an empty graph.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.into(),
            names: vec![String::new()],
            nodes: Vec::new(),
            initialisers: Vec::new(),
            known: BTreeMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Adds an f32 input of shape (batch, `dims`...).
    pub fn input(&mut self, name: &str, dims: &[usize]) -> Value {
        let value = self.value(name.into());
        self.inputs.push(Port { value, dims: Some(dims.into()) });
        value
    }

    /// Names a node's result, once, as an f32 output of shape (batch, `dims`...).
    pub fn output(&mut self, name: &str, value: Value, dims: &[usize]) {
        self.names[value.0] = name.into();
        self.outputs.push(Port { value, dims: Some(dims.into()) });
    }

    /// Names a node's result, once, as an f32 output of a shape that the file does not tell.
    pub fn output_unsized(&mut self, name: &str, value: Value) {
        self.names[value.0] = name.into();
        self.outputs.push(Port { value, dims: None });
    }

    /// Adds an f32 tensor that is made when the graph is written.
    ///
    /// A name stands for one content: asked for again, the first is returned.
    pub fn weight(&mut self, name: &str, dims: &[usize], recipe: Recipe) -> Value {
        self.initialiser(name.into(), dims, Data::Floats(recipe))
    }

    /// Adds an f32 tensor of known content under a name that stands for it.
    pub fn floats(&mut self, name: &str, dims: &[usize], values: Vec<f32>) -> Value {
        self.weight(name, dims, Box::new(move |_| Ok(values.clone())))
    }

    /// Adds an i64 tensor, once per content.
    pub fn ints(&mut self, dims: &[usize], values: Vec<i64>) -> Value {
        let text: Vec<_> = values.iter().map(i64::to_string).collect();
        let axes: Vec<_> = dims.iter().map(usize::to_string).collect();
        let name = format!("ints.{}.{}", axes.join("x"), text.join("_"));
        self.initialiser(name, dims, Data::Ints(values))
    }

    /// Adds an operator and returns its result.
    pub fn op(
        &mut self,
        operator: &'static str,
        inputs: &[Value],
        attributes: &[(&'static str, Attribute)],
    ) -> Value {
        let output = self.value(format!("{operator}_{}", self.names.len()));
        let attributes = attributes.iter().map(|(name, value)| ((*name).into(), value.clone()));
        self.nodes.push(Node {
            operator: operator.into(),
            inputs: inputs.into(),
            output,
            attributes: attributes.collect(),
        });
        output
    }

    pub(super) fn value(&mut self, name: String) -> Value {
        self.names.push(name);
        Value(self.names.len() - 1)
    }

    pub(super) fn initialiser(&mut self, name: String, dims: &[usize], data: Data) -> Value {
        if let Some(value) = self.known.get(&name) {
            return *value;
        }
        let value = self.value(name.clone());
        self.known.insert(name, value);
        self.initialisers.push(Initialiser { value, dims: dims.into(), data });
        value
    }

    fn name(&self, value: Value) -> String {
        self.names[value.0].clone()
    }
}

/// What the writer asks for.
impl Graph {
    pub(super) fn initialisers(&self) -> &[Initialiser] {
        &self.initialisers
    }

    /// Returns the message without its initialisers.
    pub(super) fn to_proto(&self) -> proto::GraphProto {
        proto::GraphProto {
            node: self.nodes.iter().map(|node| self.node_proto(node)).collect(),
            name: self.title.clone(),
            initializer: Vec::new(),
            input: self.inputs.iter().map(|port| self.port_proto(port)).collect(),
            output: self.outputs.iter().map(|port| self.port_proto(port)).collect(),
        }
    }

    /// Returns an initialiser's message without its numbers.
    pub(super) fn tensor_proto(&self, tensor: &Initialiser) -> proto::TensorProto {
        proto::TensorProto {
            dims: tensor.dims.iter().map(|&n| n as i64).collect(),
            data_type: match tensor.data {
                Data::Ints(_) => proto::INT64,
                Data::Floats(_) => proto::FLOAT,
                Data::Copied(kind, _) => kind,
            },
            name: self.name(tensor.value),
            ..Default::default()
        }
    }

    fn node_proto(&self, node: &Node) -> proto::NodeProto {
        proto::NodeProto {
            input: node.inputs.iter().map(|&value| self.name(value)).collect(),
            output: vec![self.name(node.output)],
            name: self.name(node.output),
            op_type: node.operator.to_string(),
            attribute: node.attributes.iter().map(attribute_proto).collect(),
            ..proto::NodeProto::default()
        }
    }

    fn port_proto(&self, port: &Port) -> proto::ValueInfoProto {
        let batch = proto::DimensionProto { dim_value: None, dim_param: Some("batch".into()) };
        let fixed =
            |&n: &usize| proto::DimensionProto { dim_value: Some(n as i64), dim_param: None };
        let shape = port.dims.as_ref().map(|dims| {
            let dim = std::iter::once(batch).chain(dims.iter().map(fixed)).collect();
            proto::TensorShapeProto { dim }
        });
        let tensor_type = Some(proto::TensorTypeProto { elem_type: proto::FLOAT, shape });
        proto::ValueInfoProto {
            name: self.name(port.value),
            r#type: Some(proto::TypeProto { tensor_type }),
        }
    }
}

pub(super) fn attribute_proto(
    (name, value): &(Cow<'static, str>, Attribute),
) -> proto::AttributeProto {
    let mut attribute = proto::AttributeProto { name: name.to_string(), ..Default::default() };
    match value {
        Attribute::Int(i) => (attribute.r#type, attribute.i) = (proto::ATTRIBUTE_INT, Some(*i)),
        Attribute::Float(f) => (attribute.r#type, attribute.f) = (proto::ATTRIBUTE_FLOAT, Some(*f)),
        Attribute::Ints(list) => {
            (attribute.r#type, attribute.ints) = (proto::ATTRIBUTE_INTS, list.clone());
        }
        Attribute::Text(text) => {
            (attribute.r#type, attribute.s) =
                (proto::ATTRIBUTE_STRING, Some(text.as_bytes().into()));
        }
    }
    attribute
}
