//! Reads trained weights from the files people hold.

use crate::error::Result;

/// Named tensors, read one at a time.
pub trait Weights: Sync {
    /// Lists the names, in file order, without a `module.` prefix.
    fn names(&self) -> Vec<&str>;

    /// Returns a tensor's shape, or `None` if there is no such tensor.
    fn shape(&self, name: &str) -> Option<&[usize]>;

    /// Reads a tensor as f32, row-major.
    ///
    /// # Errors
    /// - Model: no such tensor, not floating point, or its bytes do not match their checksum.
    /// - Io: the file cannot be read.
    fn read(&self, name: &str) -> Result<Vec<f32>>;
}
