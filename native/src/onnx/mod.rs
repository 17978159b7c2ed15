//! ONNX: the graph we write and the little we read.

mod facts;
mod graph;
mod ops;
mod proto;
mod write;

pub use facts::{Dim, Element, ModelFacts, ValueFacts, read_metadata};
pub use graph::{Attribute, Graph, Recipe, Value};
pub use write::write;
