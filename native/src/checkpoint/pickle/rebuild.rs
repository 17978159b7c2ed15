//! Does what the few calls in a checkpoint's pickle stand for, on data.

use std::sync::Arc;

use super::{Machine, damaged};
use crate::checkpoint::shown;
use crate::checkpoint::tensor::{Storage, Tensor};
use crate::checkpoint::value::{Global, Id, Value};
use crate::error::{Error, Result};

/// More axes than any layer's weights have.
const MAX_AXES: usize = 8;
const MAX_KEY: usize = 64;

impl Machine {
    /// Takes a name from the list by the two texts on the stack.
    pub(super) fn stack_global(&mut self) -> Result<()> {
        let (name, module) = (self.pop()?, self.pop()?);
        match (self.value(module), self.value(name)) {
            (Value::Text(module), Value::Text(name)) => {
                let (module, name) = (module.clone(), name.clone());
                self.global(&module, &name)
            }
            _ => Err(damaged("a name")),
        }
    }

    /// Takes a name from the list, or refuses it by its name.
    pub(super) fn global(&mut self, module: &str, name: &str) -> Result<()> {
        if let Some(global) = Global::named(module, name) {
            return self.push(Value::Global(global));
        }
        let full = shown(&format!("{module}.{name}"));
        Err(Error::model(if module.starts_with("torch.nn.") || self.stack.is_empty() {
            format!(
                "a whole module was saved instead of its state_dict: reading it would run '{full}', \
                 which was refused; load it where it was made and save model.state_dict()"
            )
        } else {
            format!(
                "reading it would run code: it names '{full}', which is not needed for weights and \
                 was refused; nothing was run"
            )
        }))
    }

    /// Replaces a name and its arguments by what torch would make of them.
    pub(super) fn call(&mut self) -> Result<()> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let (Value::Tuple(arguments), Value::Global(function)) =
            (self.value(arguments), self.value(function))
        else {
            return Err(damaged("a call"));
        };
        let value = match (function, arguments.as_slice()) {
            (Global::OrderedDict, []) => Value::Dict(Vec::new()),
            (Global::RebuildTensor, &[storage, offset, shape, strides, ..]) => {
                self.tensor(storage, offset, shape, strides)?
            }
            (Global::RebuildParameter, &[tensor, ..]) => match self.value(tensor) {
                Value::Tensor(tensor) => Value::Tensor(Arc::clone(tensor)),
                _ => return Err(damaged("a parameter")),
            },
            (Global::Harmless, _) => Value::Object,
            _ => return Err(damaged("a call")),
        };
        self.push(value)
    }

    /// Drops the state that is put on an object: attributes of dictionaries, arguments of programs.
    pub(super) fn build(&mut self) -> Result<()> {
        self.pop()?;
        let object = self.top()?;
        match self.value(object) {
            Value::Dict(_) | Value::Object => Ok(()),
            _ => Err(damaged("an object")),
        }
    }

    /// Reads the mention of a storage: the word, the type, the key, the device (ignored), the count.
    pub(super) fn persistent(&mut self) -> Result<()> {
        let mention = self.pop()?;
        let Value::Tuple(parts) = self.value(mention) else { return Err(damaged("a storage")) };
        let (&[word, class, key, _, count], rest) =
            parts.split_first_chunk().ok_or_else(|| damaged("a storage"))?;
        if !rest.iter().all(|&part| matches!(self.value(part), Value::Scalar)) {
            return Err(Error::model("one of its storages is a view of another; save it again"));
        }
        let (Value::Text(word), Value::Global(Global::Storage(dtype)), Value::Text(key)) =
            (self.value(word), self.value(class), self.value(key))
        else {
            return Err(damaged("a storage"));
        };
        if word != "storage" || key.len() > MAX_KEY || key.contains(char::is_control) {
            return Err(damaged("a storage"));
        }
        let (key, dtype, count) = (key.clone(), *dtype, self.size(count)?);
        let storage = Arc::new(Storage { key, dtype, count });
        self.storages.push(Arc::clone(&storage));
        self.push(Value::Storage(storage))
    }

    fn tensor(&self, storage: Id, offset: Id, shape: Id, strides: Id) -> Result<Value> {
        let Value::Storage(storage) = self.value(storage) else { return Err(damaged("a tensor")) };
        let (shape, strides) = (self.sizes(shape)?, self.sizes(strides)?);
        if shape.len() != strides.len() {
            return Err(damaged("a tensor"));
        }
        let (storage, offset) = (Arc::clone(storage), self.size(offset)?);
        Ok(Value::Tensor(Arc::new(Tensor { storage, offset, shape, strides })))
    }

    fn sizes(&self, sizes: Id) -> Result<Vec<usize>> {
        match self.value(sizes) {
            Value::Tuple(sizes) if sizes.len() <= MAX_AXES => {
                sizes.iter().map(|&size| self.size(size)).collect()
            }
            _ => Err(damaged("a shape")),
        }
    }

    fn size(&self, size: Id) -> Result<usize> {
        match self.value(size) {
            Value::Int(size) => usize::try_from(*size).map_err(|_| damaged("a size")),
            _ => Err(damaged("a size")),
        }
    }

    fn value(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }
}
