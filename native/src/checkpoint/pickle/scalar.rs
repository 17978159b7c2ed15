//! Reads values that are complete in themselves: numbers, text, and containers still empty.

use std::io::BufRead;

use super::Input;
use crate::checkpoint::value::Value;
use crate::error::Result;

/// Reads a value that is complete in itself, if the opcode stands for one.
pub(super) fn read<R: BufRead>(opcode: u8, input: &mut Input<R>) -> Result<Option<Value>> {
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
