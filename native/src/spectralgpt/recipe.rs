//! Makes tensors of the graph from tensors of the checkpoint.

use super::algebra::{scale, transpose};
use crate::checkpoint::Weights;
use crate::error::{Error, Result};
use crate::onnx::Recipe;

/// Reads a tensor that must have so many values.
///
/// # Errors
/// - Model: no such tensor, or another size.
/// - Io: it cannot be read.
pub(super) fn tensor(weights: &dyn Weights, name: &str, values: usize) -> Result<Vec<f32>> {
    let tensor = weights.read(name)?;
    if tensor.len() == values {
        return Ok(tensor);
    }
    Err(Error::model(format!(
        "the checkpoint's '{name}' holds {} values where {values} are needed; \
         give the checkpoint that the model was planned for",
        tensor.len()
    )))
}

/// Makes a tensor as it is.
pub(super) fn stored(name: &str, dims: &[usize]) -> Recipe {
    let (name, values) = (name.to_owned(), dims.iter().product());
    Box::new(move |weights| tensor(weights, &name, values))
}

/// Makes a vector times a number.
pub(super) fn scaled(name: &str, values: usize, factor: f64) -> Recipe {
    let name = name.to_owned();
    Box::new(move |weights| Ok(scale(tensor(weights, &name, values)?, factor)))
}

/// Makes the transpose of a matrix (`to`, `from`), times a number.
pub(super) fn transposed(name: &str, to: usize, from: usize, factor: f64) -> Recipe {
    let name = name.to_owned();
    Box::new(move |weights| {
        let matrix = tensor(weights, &name, to * from)?;
        Ok(scale(transpose(&matrix, from), factor))
    })
}
