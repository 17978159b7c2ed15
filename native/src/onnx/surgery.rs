//! Changes a finished graph: puts operators before or after it, cuts it short, adds what a file holds.

use std::borrow::Cow;

use super::graph::{Attribute, Data, Graph, Node, Value};
use super::read::Copied;
use crate::error::{Error, Result};

impl Graph {
    /// Gives a value a name by which [`find`](Self::find) knows it, also in the file.
    pub fn name_value(&mut self, value: Value, name: &str) {
        self.names[value.0] = name.into();
    }

    /// Finds a value by its name in the file.
    pub fn find(&self, name: &str) -> Option<Value> {
        self.names.iter().position(|known| known == name).filter(|place| *place > 0).map(Value)
    }

    /// Returns the axes of a tensor that does not depend on the input.
    pub fn weight_dims(&self, value: Value) -> Option<&[usize]> {
        let tensor = self.initialisers.iter().find(|tensor| tensor.value == value);
        tensor.map(|tensor| tensor.dims.as_slice())
    }

    /// Takes away every output, to be followed by [`output`](Self::output) and
    /// [`prune`](Self::prune).
    pub fn clear_outputs(&mut self) {
        self.outputs.clear();
    }

    /// Takes away what no output needs; inputs stay.
    pub fn prune(&mut self) {
        let mut needed = vec![false; self.names.len()];
        self.outputs.iter().for_each(|port| needed[port.value.0] = true);
        for node in self.nodes.iter().rev() {
            if needed[node.output.0] {
                node.inputs.iter().for_each(|input| needed[input.0] = true);
            }
        }
        self.nodes.retain(|node| needed[node.output.0]);
        self.initialisers.retain(|tensor| needed[tensor.value.0]);
    }

    /// Puts operators before the network: an input gets the shape (batch, `dims`...), and what
    /// `make` makes of it is what the network is fed from now on.
    ///
    /// # Errors
    /// - Failed: there is no such input.
    pub fn before(
        &mut self,
        input: &str,
        dims: &[usize],
        make: impl FnOnce(&mut Self, Value) -> Value,
    ) -> Result<()> {
        let found = self.inputs.iter().position(|port| self.names[port.value.0] == input);
        let port = found.ok_or_else(|| no_port("input", input))?;
        let nodes = std::mem::take(&mut self.nodes);
        let given = self.value(input.into());
        let old = std::mem::replace(&mut self.inputs[port].value, given);
        self.inputs[port].dims = Some(dims.into());
        let fed = make(self, given);
        let fed_instead = |value: Value| if value == old { fed } else { value };
        self.nodes.extend(nodes.into_iter().map(|node| Node {
            inputs: node.inputs.iter().copied().map(fed_instead).collect(),
            ..node
        }));
        Ok(())
    }

    /// Puts operators after the network: what `make` makes of an output takes its place, and is
    /// called `name`.
    ///
    /// # Errors
    /// - Failed: there is no such output.
    pub fn after(
        &mut self,
        output: &str,
        name: &str,
        make: impl FnOnce(&mut Self, Value) -> Value,
    ) -> Result<()> {
        let found = self.outputs.iter().position(|port| self.names[port.value.0] == output);
        let port = found.ok_or_else(|| no_port("output", output))?;
        let raw = self.outputs[port].value;
        self.names[raw.0] = format!("{output}.raw");
        let made = make(self, raw);
        self.names[made.0] = name.into();
        self.outputs[port].value = made;
        Ok(())
    }

    /// Counts the values of the network's weights.
    pub fn parameters(&self) -> u64 {
        let floats = self.initialisers.iter().filter(|it| !matches!(it.data, Data::Ints(_)));
        floats.map(|tensor| tensor.dims.iter().product::<usize>() as u64).sum()
    }
}

/// What the reader puts in.
impl Graph {
    /// Adds a tensor whose numbers are copied.
    pub(super) fn copied(&mut self, name: &str, dims: &[usize], kind: i32, place: Copied) -> Value {
        self.initialiser(name.into(), dims, Data::Copied(kind, place))
    }

    /// Adds an operator as it stands in a file; its result keeps its name unless we made that up.
    pub(super) fn node(
        &mut self,
        operator: String,
        inputs: Vec<Value>,
        attributes: Vec<(Cow<'static, str>, Attribute)>,
        name: String,
    ) -> Value {
        let counted = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit());
        let stem = name.strip_prefix(&*operator).and_then(|rest| rest.strip_prefix('_'));
        let name = if stem.is_some_and(counted) {
            format!("{operator}_{}", self.names.len())
        } else {
            name
        };
        let output = self.value(name);
        self.nodes.push(Node { operator: operator.into(), inputs, output, attributes });
        output
    }
}

fn no_port(kind: &str, name: &str) -> Error {
    Error::failed(format!("the graph has no {kind} '{name}'; please report this"))
}
