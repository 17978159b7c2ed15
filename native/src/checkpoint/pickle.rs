//! Reads pickles as data: an allow-list of names, no code, no recursion, and bounds on everything.

use std::collections::HashMap;
use std::io::BufRead;
use std::sync::Arc;

use super::input::{Input, damaged};
use super::shown;
use super::tensor::Storage;
use super::value::{Global, Id, Pickle, Value};
use crate::error::{Error, Result};

mod rebuild;

/// The largest pickle that is read; those of published checkpoints have less than 1 MiB.
pub(super) const MAX_BYTES: u64 = 1 << 26;
const MAX_STEPS: usize = 1 << 20;

/// Reads one pickle, up to and with its STOP.
///
/// # Errors
/// - Model: damaged, too long, or naming what is not on the list.
/// - Io: the file cannot be read.
pub(super) fn load<R: BufRead>(input: &mut Input<R>) -> Result<Pickle> {
    let mut machine = Machine::default();
    for _ in 0..MAX_STEPS {
        match input.array()? {
            [b'.'] => return machine.finish(),
            [opcode] => machine.step(opcode, input)?,
        }
    }
    Err(Error::model(format!("its pickle takes more than {MAX_STEPS} steps; no checkpoint does")))
}

#[derive(Default)]
struct Machine {
    values: Vec<Value>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    storages: Vec<Arc<Storage>>,
}

impl Machine {
    fn finish(mut self) -> Result<Pickle> {
        let root = self.pop()?;
        if !self.stack.is_empty() || !self.marks.is_empty() {
            return Err(damaged("its end"));
        }
        Ok(Pickle { values: self.values, root, storages: self.storages })
    }

    fn step<R: BufRead>(&mut self, opcode: u8, input: &mut Input<R>) -> Result<()> {
        if let Some(value) = scalar(opcode, input)? {
            return self.push(value);
        }
        match opcode {
            0x80 => drop(input.array::<1>()?), // PROTO
            0x95 => drop(input.array::<8>()?), // FRAME
            b'(' => self.marks.push(self.stack.len()),
            b'q' => self.remember(u8::from_le_bytes(input.array()?).into())?,
            b'r' => self.remember(u32::from_le_bytes(input.array()?))?,
            0x94 => {
                self.remember(u32::try_from(self.memo.len()).map_err(|_| damaged("MEMOIZE"))?)?
            }
            b'h' => self.recall(u8::from_le_bytes(input.array()?).into())?,
            b'j' => self.recall(u32::from_le_bytes(input.array()?))?,
            b't' => self.tuple_from_mark()?,
            0x85..=0x87 => self.tuple(usize::from(opcode - 0x84))?,
            b'a' => self.append_one()?,
            b'e' => self.append_all()?,
            b's' => self.set_one()?,
            b'u' => self.set_all()?,
            0x90 => self.add_to_set()?,
            b'c' => {
                let (module, name) = (input.line()?, input.line()?);
                self.global(&module, &name)?;
            }
            0x93 => self.stack_global()?,
            b'R' | 0x81 => self.call()?,
            b'b' => self.build()?,
            b'Q' => self.persistent()?,
            _ => {
                return Err(Error::model(format!(
                    "its pickle uses the operation {opcode:#04x}, which torch.save never writes; \
                     the file is damaged or made by something else"
                )));
            }
        }
        Ok(())
    }

    fn push(&mut self, value: Value) -> Result<()> {
        let id = Id::try_from(self.values.len()).map_err(|_| damaged("its size"))?;
        self.values.push(value);
        self.stack.push(id);
        Ok(())
    }

    /// Takes the top of the stack, but nothing below a mark.
    fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(damaged("its stack"));
        }
        self.stack.pop().ok_or_else(|| damaged("its stack"))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| damaged("a mark"))?;
        Ok(self.stack.drain(mark..).collect())
    }

    /// Returns the top of the stack, which stays.
    fn top(&mut self) -> Result<Id> {
        let id = self.pop()?;
        self.stack.push(id);
        Ok(id)
    }

    fn remember(&mut self, key: u32) -> Result<()> {
        let id = self.top()?;
        self.memo.insert(key, id);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<()> {
        let id = self.memo.get(&key).ok_or_else(|| damaged("its memo"))?;
        self.stack.push(*id);
        Ok(())
    }

    fn tuple_from_mark(&mut self) -> Result<()> {
        let items = self.pop_to_mark()?;
        self.push(Value::Tuple(items))
    }

    fn tuple(&mut self, length: usize) -> Result<()> {
        let mut items: Vec<Id> = (0..length).map(|_| self.pop()).collect::<Result<_>>()?;
        items.reverse();
        self.push(Value::Tuple(items))
    }

    fn append_one(&mut self) -> Result<()> {
        let item = self.pop()?;
        self.append(&[item])
    }

    fn append_all(&mut self) -> Result<()> {
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

    fn set_one(&mut self) -> Result<()> {
        let (value, key) = (self.pop()?, self.pop()?);
        self.set(&[key, value])
    }

    fn set_all(&mut self) -> Result<()> {
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

    fn add_to_set(&mut self) -> Result<()> {
        self.pop_to_mark()?;
        let set = self.top()?;
        match self.values[set as usize] {
            Value::Set => Ok(()),
            _ => Err(damaged("a set")),
        }
    }

    fn stack_global(&mut self) -> Result<()> {
        let (name, module) = (self.pop()?, self.pop()?);
        match [&self.values[module as usize], &self.values[name as usize]] {
            [Value::Text(module), Value::Text(name)] => {
                let (module, name) = (module.clone(), name.clone());
                self.global(&module, &name)
            }
            _ => Err(damaged("a name")),
        }
    }

    fn global(&mut self, module: &str, name: &str) -> Result<()> {
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
}

/// Reads a value that is complete in itself, if the opcode stands for one.
fn scalar<R: BufRead>(opcode: u8, input: &mut Input<R>) -> Result<Option<Value>> {
    Ok(Some(match opcode {
        b'N' => Value::Scalar,
        0x88 => Value::Bool(true),
        0x89 => Value::Bool(false),
        b'K' => Value::Int(u8::from_le_bytes(input.array()?).into()),
        b'M' => Value::Int(u16::from_le_bytes(input.array()?).into()),
        b'J' => Value::Int(i32::from_le_bytes(input.array()?).into()),
        0x8a => {
            let length = u8::from_le_bytes(input.array()?);
            long(&input.bytes(length.into())?)
        }
        0x8b => {
            let length = u32::from_le_bytes(input.array()?);
            long(&input.bytes(length.into())?)
        }
        b'G' => {
            input.array::<8>()?;
            Value::Scalar
        }
        b'C' | b'B' | 0x8e => {
            let length = length(opcode, input)?;
            input.bytes(length)?;
            Value::Scalar
        }
        0x8c | b'X' | 0x8d => {
            let length = length(opcode, input)?;
            Value::Text(input.text(length)?)
        }
        b')' => Value::Tuple(Vec::new()),
        b']' => Value::List(Vec::new()),
        b'}' => Value::Dict(Vec::new()),
        0x8f => Value::Set,
        _ => return Ok(None),
    }))
}

/// Reads the length of text or bytes: one, four or eight bytes.
fn length<R: BufRead>(opcode: u8, input: &mut Input<R>) -> Result<u64> {
    Ok(match opcode {
        b'C' | 0x8c => u8::from_le_bytes(input.array()?).into(),
        b'B' | b'X' => u32::from_le_bytes(input.array()?).into(),
        _ => u64::from_le_bytes(input.array()?),
    })
}

/// Reads a two's complement integer; one beyond 64 bits is no size and no place.
fn long(bytes: &[u8]) -> Value {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    match wide.get_mut(..bytes.len()) {
        Some(part) => part.copy_from_slice(bytes),
        None => return Value::Scalar,
    }
    Value::Int(i64::from_le_bytes(wide))
}
