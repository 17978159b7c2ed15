//! Holds what a pickle describes: flat, by number, so that neither depth nor sharing costs anything.

use std::collections::HashSet;
use std::sync::Arc;

use super::shown;
use super::tensor::{DType, Storage, Tensor};
use crate::error::{Error, Result};

/// The number of a value in its pickle.
pub(super) type Id = u32;

/// One value; what a checkpoint's reader never looks at is not kept.
#[derive(Debug)]
pub(super) enum Value {
    /// None, a fraction, a huge integer, bytes.
    Scalar,
    Bool(bool),
    Int(i64),
    Text(String),
    Global(Global),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    /// Pairs in the order in which they were set.
    Dict(Vec<(Id, Id)>),
    Set,
    /// An instance of a harmless class, emptied.
    Object,
    Storage(Arc<Storage>),
    Tensor(Arc<Tensor>),
}

/// The classes and functions that a checkpoint may name. None is ever called: they are read as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(DType),
    /// Arguments, metrics and the like, of which nothing is kept.
    Harmless,
}

impl Global {
    /// Finds a name on the list, which is all there is: any other name is refused.
    pub(super) fn named(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", class) => Self::Storage(DType::of_storage(class)?),
            ("argparse", "Namespace")
            | ("numpy", "dtype")
            | ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar")
            | ("_codecs", "encode")
            | ("__builtin__" | "builtins", "set") => Self::Harmless,
            _ => return None,
        })
    }
}

/// A pickle's values, the one that it is about, and its storages in the order of their mention.
#[derive(Debug)]
pub(super) struct Pickle {
    pub(super) values: Vec<Value>,
    pub(super) root: Id,
    pub(super) storages: Vec<Arc<Storage>>,
}

impl Pickle {
    /// Returns a value of this pickle.
    pub(super) fn value(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    /// Returns the value that the pickle is about.
    pub(super) fn root(&self) -> &Value {
        self.value(self.root)
    }

    /// Lists a dictionary by name, in order; `None` if the value is no dictionary.
    ///
    /// # Errors
    /// - Model: a key is not text, or appears twice.
    pub(super) fn named<'a>(&'a self, value: &Value) -> Result<Option<Vec<(&'a str, &'a Value)>>> {
        let Value::Dict(pairs) = value else { return Ok(None) };
        let mut seen = HashSet::new();
        let named = pairs.iter().map(|&(key, value)| match self.value(key) {
            Value::Text(key) if seen.insert(key) => Ok((key.as_str(), self.value(value))),
            Value::Text(key) => {
                Err(Error::model(format!("the name '{}' appears twice", shown(key))))
            }
            _ => Err(Error::model(
                "a key of its dictionary is not text, so it is no checkpoint of tensors",
            )),
        });
        named.collect::<Result<_>>().map(Some)
    }
}
