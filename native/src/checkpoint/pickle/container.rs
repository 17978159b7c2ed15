//! Makes and fills tuples, lists, dictionaries and sets.

use super::{Machine, damaged};
use crate::checkpoint::value::{Id, Value};
use crate::error::Result;

impl Machine {
    pub(super) fn tuple_from_mark(&mut self) -> Result<()> {
        let items = self.pop_to_mark()?;
        self.push(Value::Tuple(items))
    }

    pub(super) fn tuple(&mut self, length: usize) -> Result<()> {
        let mut items: Vec<Id> = (0..length).map(|_| self.pop()).collect::<Result<_>>()?;
        items.reverse();
        self.push(Value::Tuple(items))
    }

    pub(super) fn append_one(&mut self) -> Result<()> {
        let item = self.pop()?;
        self.append(&[item])
    }

    pub(super) fn append_all(&mut self) -> Result<()> {
        let items = self.pop_to_mark()?;
        self.append(&items)
    }

    fn append(&mut self, items: &[Id]) -> Result<()> {
        let list = self.top()?;
        match &mut self.values[list as usize] {
            Value::List(list) => list.extend_from_slice(items),
            _ => return Err(damaged("a list")),
        }
        Ok(())
    }

    pub(super) fn set_one(&mut self) -> Result<()> {
        let (value, key) = (self.pop()?, self.pop()?);
        self.set(&[key, value])
    }

    pub(super) fn set_all(&mut self) -> Result<()> {
        let items = self.pop_to_mark()?;
        self.set(&items)
    }

    fn set(&mut self, items: &[Id]) -> Result<()> {
        let dict = self.top()?;
        let (pairs, []) = items.as_chunks() else { return Err(damaged("a dictionary")) };
        match &mut self.values[dict as usize] {
            Value::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            _ => return Err(damaged("a dictionary")),
        }
        Ok(())
    }

    pub(super) fn add_to_set(&mut self) -> Result<()> {
        self.pop_to_mark()?;
        let set = self.top()?;
        match self.values[set as usize] {
            Value::Set => Ok(()),
            _ => Err(damaged("a set")),
        }
    }
}
