//! ONNX: the graph we write and the little we read.

mod attention;
mod external;
mod facts;
mod fields;
mod graph;
mod halved;
mod ops;
mod proto;
mod read;
mod stored;
mod surgery;
mod write;

pub use external::External;
pub use facts::{Dim, Element, ModelFacts, ValueFacts, read_metadata, read_metadata_of};
pub use graph::{Attribute, Graph, Recipe, Value};
pub use halved::halved;
pub use read::Place;
pub use stored::WeightFormat;
pub use write::{LIMIT, NoWeights, Writer, write};
