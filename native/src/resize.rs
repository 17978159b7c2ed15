//! Resizes by cubic convolution as PyTorch does.

use crate::geometry::Size;

/// Resizes a map, (row, column, value), by cubic convolution as PyTorch does.
///
/// a = -0.75, half-pixel centres, no antialiasing, edges repeated.
pub(crate) fn resize(map: &[f32], from: Size, to: Size) -> Vec<f64> {
    let map: Vec<_> = map.iter().map(|&value| f64::from(value)).collect();
    if from == to {
        return map;
    }
    let row = map.len() / from.height as usize;
    let tall = resize_axis(&map, row, from.height as usize, to.height as usize);
    let (width, to_width) = (from.width as usize, to.width as usize);
    tall.chunks_exact(row)
        .flat_map(|line| resize_axis(line, row / width, width, to_width))
        .collect()
}

/// Resizes the first axis of (position, value), with so many values at each position.
fn resize_axis(lines: &[f64], values: usize, from: usize, to: usize) -> Vec<f64> {
    let mut out = vec![0.0; to * values];
    for (position, sum) in out.chunks_exact_mut(values).enumerate() {
        for (source, factor) in taps(position, from, to) {
            let line = &lines[source * values..][..values];
            sum.iter_mut().zip(line).for_each(|(sum, value)| *sum += factor * value);
        }
    }
    out
}

/// Returns the four sources of a position and their factors.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths are small and clamped"
)]
fn taps(position: usize, from: usize, to: usize) -> [(usize, f64); 4] {
    let scale = from as f32 / to as f32;
    let at = scale * (position as f32 + 0.5) - 0.5; // in f32, like the original
    let base = at.floor();
    let t = f64::from(at - base);
    let near = |t: f64| (1.25 * t - 2.25) * t * t + 1.0;
    let far = |t: f64| ((-0.75 * t + 3.75) * t - 6.0) * t + 3.0;
    let source = |step: f32| (base + step).clamp(0.0, from as f32 - 1.0) as usize;
    [
        (source(-1.0), far(1.0 + t)),
        (source(0.0), near(t)),
        (source(1.0), near(1.0 - t)),
        (source(2.0), far(2.0 - t)),
    ]
}
