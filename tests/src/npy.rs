//! Reads NumPy's `.npy` files, as far as the goldens need them: format 1, C order, little endian.

use std::io::{Error, Result};
use std::path::Path;

/// An array's shape and values, row-major; integers of up to 24 bits are exact.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// The values as f32.
    pub values: Vec<f32>,
}

/// Reads a file.
///
/// # Errors
/// - It cannot be read, or holds another type than f4, u1, u2 or i4.
pub fn read(path: &Path) -> Result<Array> {
    let bytes = std::fs::read(path)?;
    let wrong = || Error::other(format!("{}: not an array that is read here", path.display()));
    let length =
        bytes.get(8..10).map_or(0, |two| usize::from(u16::from_le_bytes([two[0], two[1]])));
    let header = bytes.get(10..10 + length).ok_or_else(wrong)?;
    let header = String::from_utf8_lossy(header);
    let between = |from: &str, to: char| Some(header.split_once(from)?.1.split_once(to)?.0);
    let shape = between("'shape': (", ')').ok_or_else(wrong)?;
    let shape = shape.split(',').filter_map(|axis| axis.trim().parse().ok()).collect();
    let data = &bytes[10 + length..];
    let values = match between("'descr': '", '\'').ok_or_else(wrong)? {
        "<f4" => words(data, f32::from_le_bytes),
        "<i4" => words(data, |four| i32::from_le_bytes(four) as f32),
        "<u2" => words(data, |two| f32::from(u16::from_le_bytes(two))),
        "|u1" => words(data, |[one]| f32::from(one)),
        _ => return Err(wrong()),
    };
    Ok(Array { shape, values })
}

fn words<const N: usize>(data: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    data.as_chunks::<N>().0.iter().map(|word| value(*word)).collect()
}
