//! Reads pickles as data: an allow-list of names, no code, no recursion, and bounds on everything.

use std::collections::HashMap;
use std::io::BufRead;
use std::sync::Arc;

use super::input::{Input, damaged};
use super::tensor::Storage;
use super::value::{Id, Pickle, Value};
use crate::error::{Error, Result};

mod container;
mod rebuild;
mod scalar;

/// The largest pickle that is read; those of published checkpoints have less than 1 MiB.
pub(super) const MAX_BYTES: u64 = 1 << 26;
/// The most operations; the largest model with its optimizer takes a fifth of them.
const MAX_STEPS: usize = 1 << 19;

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
        if let Some(value) = scalar::read(opcode, input)? {
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
}
