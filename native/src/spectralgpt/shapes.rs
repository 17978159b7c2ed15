//! Reads lengths from the shapes of a checkpoint's tensors.

use crate::checkpoint::Weights;
use crate::error::{Error, Result};

/// No axis of a published or foreseeable network is longer.
const LONGEST_AXIS: usize = 1 << 16;

/// Returns the lengths of a tensor's axes.
///
/// # Errors
/// - Model: no such tensor, another number of axes, or one that is empty or too long.
pub(super) fn axes<const N: usize>(weights: &dyn Weights, name: &str) -> Result<[usize; N]> {
    let Some(shape) = weights.shape(name) else {
        return Err(Error::model(format!(
            "the checkpoint has no '{name}'; give a complete SpectralGPT checkpoint"
        )));
    };
    match <[usize; N]>::try_from(shape) {
        Ok(axes) if axes.iter().all(|n| (1..=LONGEST_AXIS).contains(n)) => Ok(axes),
        _ => Err(Error::model(format!(
            "the checkpoint's '{name}' has the shape [{}]; {N} axes of 1 to {LONGEST_AXIS} are \
             needed, so this is no SpectralGPT checkpoint",
            text(shape)
        ))),
    }
}

/// Counts the blocks of a stack; gaps show as missing tensors.
///
/// # Errors
/// - Model: there is no first block.
pub(super) fn depth(weights: &dyn Weights, stack: &str) -> Result<usize> {
    let [_] = axes(weights, &format!("{stack}.0.norm1.weight"))?;
    let is_first = |name: &&str| {
        let rest = name.strip_prefix(stack).and_then(|rest| rest.strip_prefix('.'));
        rest.is_some_and(|rest| rest.ends_with(".norm1.weight"))
    };
    Ok(weights.names().into_iter().filter(is_first).count())
}

/// Writes a shape for people.
pub(super) fn text(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}
