//! Puts one operator in the place of an attention's twelve, which no provider puts together by itself.

use std::collections::{HashMap, HashSet};

use super::graph::{Attribute, attribute_proto};
use super::proto::{AttributeProto, GraphProto, NodeProto};

/// Where ONNX Runtime's own operators are named.
pub(super) const DOMAIN: &str = "com.microsoft";

/// Heads before tokens, and back.
const TURNED: [i64; 4] = [0, 2, 1, 3];
/// Each head's matrix turned.
const ACROSS: [i64; 4] = [0, 1, 3, 2];

/// Fuses what [`Graph::attention`](super::Graph) spells; says how many there were.
///
/// Each becomes a `MultiHeadAttention` of (batch, token, dim) queries, scaled already, keys and
/// values: on a GPU its scores never are in memory as a whole.
pub(super) fn fuse(graph: &mut GraphProto) -> usize {
    let search = Search::of(graph);
    let found: Vec<_> = graph.node.iter().filter_map(|node| search.attention(node)).collect();
    let count = found.len();
    for (at, node) in found {
        graph.node[at] = node;
    }
    prune(graph);
    count
}

/// Who makes and who takes each value.
struct Search<'a> {
    graph: &'a GraphProto,
    makers: HashMap<&'a str, usize>,
    takers: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Search<'a> {
    fn of(graph: &'a GraphProto) -> Self {
        let mut search = Self { graph, makers: HashMap::new(), takers: HashMap::new() };
        for (at, node) in graph.node.iter().enumerate() {
            search.makers.extend(node.output.iter().map(|name| (name.as_str(), at)));
            node.input.iter().for_each(|name| search.takers.entry(name).or_default().push(at));
        }
        search
    }

    /// Returns the operator for the attention that has this softmax, and whose place it takes.
    fn attention(&self, softmax: &NodeProto) -> Option<(usize, NodeProto)> {
        let softmax = Some(softmax).filter(|node| node.op_type == "Softmax")?;
        let axis = has(softmax, "axis")?.i;
        let scores = self.maker(softmax.input.first()?, "MatMul")?;
        let [query, key] = scores.input.as_slice() else { return None };
        let mixed = self.taker(softmax, "MatMul")?;
        let [shares, value] = mixed.input.as_slice() else { return None };
        let turned = self.taker(mixed, "Transpose").filter(|node| order(node) == TURNED)?;
        let merged = self.taker(turned, "Reshape")?;
        let [0, _, _] = self.lengths(merged)?[..] else { return None };
        let heads = self.heads(query)?;
        let same = |part: &Part<'_>| part.heads == heads.heads;
        let across = self.maker(key, "Transpose").filter(|node| order(node) == ACROSS)?;
        let key = self.heads(across.input.first()?).filter(same)?;
        let value = self.heads(value).filter(same)?;
        if axis != Some(-1) || *shares != softmax.output[0] {
            return None;
        }
        let about = [("num_heads", Attribute::Int(heads.heads)), ("scale", Attribute::Float(1.0))];
        let about = about.map(|(name, value)| attribute_proto(&(name.into(), value)));
        let node = NodeProto {
            input: [heads, key, value].map(|part| part.of.to_owned()).into(),
            output: merged.output.clone(),
            name: merged.name.clone(),
            op_type: "MultiHeadAttention".into(),
            attribute: about.into(),
            domain: DOMAIN.into(),
        };
        Some((*self.makers.get(merged.output.first()?.as_str())?, node))
    }

    /// Returns the tokens that were parted into heads.
    fn heads(&self, name: &str) -> Option<Part<'a>> {
        let turned = self.maker(name, "Transpose").filter(|node| order(node) == TURNED)?;
        let parted = self.maker(turned.input.first()?, "Reshape")?;
        // (batch, token, head, width)
        let [0, _, heads, _] = self.lengths(parted)?[..] else { return None };
        Some(Part { of: parted.input.first()?, heads })
    }

    /// Returns the lengths that a reshape gives; 0 keeps one.
    fn lengths(&self, reshape: &NodeProto) -> Option<Vec<i64>> {
        let mut tensors = self.graph.initializer.iter();
        let shape = tensors.find(|it| Some(&it.name) == reshape.input.get(1))?;
        let (lengths, _) = shape.raw_data.as_chunks();
        Some(lengths.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
    }

    fn maker(&self, name: &str, operator: &str) -> Option<&'a NodeProto> {
        let node = self.makers.get(name).map(|at| &self.graph.node[*at]);
        node.filter(|node| node.op_type == operator)
    }

    /// Returns who takes a node's result, if nobody else does.
    fn taker(&self, node: &NodeProto, operator: &str) -> Option<&'a NodeProto> {
        let [taker] = self.takers.get(node.output.first()?.as_str())?.as_slice() else {
            return None;
        };
        Some(&self.graph.node[*taker]).filter(|node| node.op_type == operator)
    }
}

/// What is parted, and into how many heads.
struct Part<'a> {
    of: &'a str,
    heads: i64,
}

fn order(transpose: &NodeProto) -> &[i64] {
    has(transpose, "perm").map_or(&[], |order| &order.ints)
}

fn has<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// Takes away operators that no output needs.
fn prune(graph: &mut GraphProto) {
    let mut needed: HashSet<String> = graph.output.iter().map(|it| it.name.clone()).collect();
    let mut kept: Vec<NodeProto> = Vec::new();
    for node in std::mem::take(&mut graph.node).into_iter().rev() {
        if node.output.iter().any(|name| needed.contains(name)) {
            needed.extend(node.input.iter().cloned());
            kept.push(node);
        }
    }
    kept.reverse();
    graph.node = kept;
}
