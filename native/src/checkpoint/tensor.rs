//! Describes a tensor as a view of a storage, and gives its values.

use std::fs::File;
use std::sync::Arc;

use half::{bf16, f16};

use super::extent::Extent;
use crate::error::{Error, Result};

/// Values that a view with repeated elements may have beyond its storage's own.
const MAX_REPEATED: usize = 1 << 22;

/// The type of a storage's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DType {
    F16,
    Bf16,
    F32,
    F64,
    /// What weights are never made of.
    Other {
        name: &'static str,
        bytes: u8,
    },
}

impl DType {
    /// Finds the type by the name of torch's storage class.
    pub(super) fn of_storage(class: &str) -> Option<Self> {
        let other = |name, bytes| Self::Other { name, bytes };
        Some(match class {
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::Bf16,
            "FloatStorage" => Self::F32,
            "DoubleStorage" => Self::F64,
            "BoolStorage" => other("bool", 1),
            "ByteStorage" => other("uint8", 1),
            "CharStorage" => other("int8", 1),
            "ShortStorage" => other("int16", 2),
            "IntStorage" => other("int32", 4),
            "LongStorage" => other("int64", 8),
            "ComplexFloatStorage" => other("complex64", 8),
            "ComplexDoubleStorage" => other("complex128", 16),
            _ => return None,
        })
    }

    /// Finds the type by its name in a safetensors file.
    pub(super) fn of_safetensors(name: &str) -> Option<Self> {
        let other = |name, bytes| Self::Other { name, bytes };
        Some(match name {
            "F16" => Self::F16,
            "BF16" => Self::Bf16,
            "F32" => Self::F32,
            "F64" => Self::F64,
            "BOOL" => other("bool", 1),
            "U8" => other("uint8", 1),
            "I8" => other("int8", 1),
            "U16" => other("uint16", 2),
            "I16" => other("int16", 2),
            "U32" => other("uint32", 4),
            "I32" => other("int32", 4),
            "U64" => other("uint64", 8),
            "I64" => other("int64", 8),
            "F8_E4M3" | "F8_E5M2" => other("8-bit floats", 1),
            "C64" => other("complex64", 8),
            _ => return None,
        })
    }

    /// Returns the bytes of one element.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Other { bytes, .. } => bytes.into(),
        }
    }

    /// Appends the values of whole elements, little-endian.
    fn decode(self, bytes: &[u8], values: &mut Vec<f32>) {
        #[allow(clippy::cast_possible_truncation, reason = "rounding to f32 is what is asked for")]
        let narrow = |bytes| f64::from_le_bytes(bytes) as f32;
        match self {
            Self::F16 => extend(values, bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Self::Bf16 => extend(values, bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            Self::F32 => extend(values, bytes, f32::from_le_bytes),
            Self::F64 => extend(values, bytes, narrow),
            Self::Other { .. } => {}
        }
    }
}

fn extend<const N: usize>(values: &mut Vec<f32>, bytes: &[u8], value: impl Fn([u8; N]) -> f32) {
    values.extend(bytes.as_chunks().0.iter().map(|element| value(*element)));
}

/// A row of elements that tensors look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Storage {
    /// The name of its bytes in the file.
    pub(super) key: String,
    pub(super) dtype: DType,
    /// Number of elements.
    pub(super) count: usize,
}

/// A view of a storage; offset and strides count elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) storage: Arc<Storage>,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

impl Tensor {
    /// Says whether the elements are numbers with a fraction.
    pub(super) fn is_floating(&self) -> bool {
        !matches!(self.storage.dtype, DType::Other { .. })
    }

    /// Checks that the storage fills its bytes and that the view stays inside the storage.
    ///
    /// # Errors
    /// - Model: it does not.
    pub(super) fn check(&self, extent: &Extent) -> Result<()> {
        let Storage { key, dtype, count } = &*self.storage;
        if count.checked_mul(dtype.bytes()).map(|bytes| bytes as u64) != Some(extent.length) {
            return Err(Error::model(format!(
                "storage '{key}' has {} bytes in the file, which is not {count} values of {} bytes",
                extent.length,
                dtype.bytes()
            )));
        }
        let values = self.shape.iter().try_fold(1, |n: usize, &axis| n.checked_mul(axis.max(1)));
        let last = self.last();
        let inside =
            if self.is_empty() { Some(self.offset) <= Some(*count) } else { last < Some(*count) };
        if values.is_some_and(|n| n <= (*count).max(MAX_REPEATED)) && last.is_some() && inside {
            return Ok(());
        }
        Err(Error::model(format!(
            "its shape, strides and offset reach beyond the {count} values of storage '{key}'"
        )))
    }

    /// Reads the values as f32, row-major; the tensor was checked with the same extent.
    ///
    /// # Errors
    /// - Model: not floating point, or the bytes do not match their checksum.
    /// - Io: the file cannot be read, or memory runs out.
    pub(super) fn read(&self, file: &File, extent: &Extent) -> Result<Vec<f32>> {
        if let DType::Other { name, .. } = self.storage.dtype {
            return Err(Error::model(format!("its values are {name}; weights are floating point")));
        }
        let mut values = with_room(self.storage.count)?;
        extent.stream(file, |bytes| self.storage.dtype.decode(bytes, &mut values))?;
        if self.is_contiguous() {
            values.truncate(self.offset + self.len());
            values.drain(..self.offset);
            return Ok(values);
        }
        let mut gathered = with_room(self.len())?;
        gathered.extend((0..self.len()).map(|index| values[self.position(index)]));
        Ok(gathered)
    }

    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Returns the storage's element that is the view's last, or `None` if no number can say.
    fn last(&self) -> Option<usize> {
        self.shape.iter().zip(&self.strides).try_fold(self.offset, |at, (&axis, &stride)| {
            at.checked_add(axis.saturating_sub(1).checked_mul(stride)?)
        })
    }

    /// Returns the storage's element for a row-major index into the view.
    fn position(&self, index: usize) -> usize {
        let axes = self.shape.iter().zip(&self.strides).rev();
        let (_, position) = axes.fold((index, self.offset), |(index, at), (&axis, &stride)| {
            (index / axis, at + index % axis * stride)
        });
        position
    }

    fn is_contiguous(&self) -> bool {
        let mut step = 1;
        self.is_empty()
            || self.shape.iter().zip(&self.strides).rev().all(|(&axis, &stride)| {
                let fits = axis == 1 || stride == step;
                step *= axis;
                fits
            })
    }
}

fn with_room(count: usize) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    let mib = count.div_ceil(1 << 18);
    values
        .try_reserve_exact(count)
        .map_err(|_| Error::io(format!("{mib} MiB of memory are needed and not free")))?;
    Ok(values)
}
