//! Makes the table that is added to the tokens: where each one is, and the patch embedding's bias.

use super::algebra::round;
use super::config::Config;
use super::recipe::tensor;
use crate::onnx::Recipe;

/// Makes bias + spectral group + place for every token, (group, row, column, dim).
///
/// The places are resized as one square map if the chip is not the one they were trained for.
pub(super) fn table(config: &Config) -> Recipe {
    let &Config { dim, groups, stored_side, side, .. } = config;
    Box::new(move |w| {
        let bias = tensor(w, "patch_embed.proj.bias", dim)?;
        let bands = tensor(w, "pos_embed_temporal", groups * dim)?;
        let places = tensor(w, "pos_embed_spatial", stored_side * stored_side * dim)?;
        let places = resize_square(&places, stored_side, side);
        let mut table = Vec::with_capacity(groups * places.len());
        for band in bands.chunks_exact(dim) {
            for place in places.chunks_exact(dim) {
                let parts = bias.iter().zip(band).zip(place);
                table.extend(parts.map(|((&b, &g), p)| round(f64::from(b) + f64::from(g) + p)));
            }
        }
        Ok(table)
    })
}

/// Resizes a square map, (row, column, value), by cubic convolution as PyTorch does.
///
/// a = -0.75, half-pixel centres, no antialiasing, edges repeated.
fn resize_square(map: &[f32], from: usize, to: usize) -> Vec<f64> {
    let map: Vec<_> = map.iter().map(|&value| f64::from(value)).collect();
    if from == to {
        return map;
    }
    let row = map.len() / from;
    let tall = resize_axis(&map, row, from, to);
    tall.chunks_exact(row).flat_map(|line| resize_axis(line, row / from, from, to)).collect()
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

#[cfg(test)]
mod tests {
    use super::resize_square;
    use crate::spectralgpt::algebra::transpose;
    use crate::spectralgpt::synthetic::{generate, golden};

    fn largest_difference(a: &[f64], b: &[f32]) -> f64 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, &b)| (a - f64::from(b)).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn bicubic_maps_match_the_original() {
        let Some(expected) = golden("op_bicubic_64_to_146") else { return };
        let map = transpose(&generate("op.bicubic", &[1, 2, 64, 64]), 64 * 64);
        let difference =
            largest_difference(&resize_square(&map, 64, 146), &transpose(&expected, 146 * 146));
        assert!(difference < 1e-5, "{difference}");
    }

    #[test]
    fn position_tables_match_the_original() {
        let Some(expected) = golden("pos_embed_interp_576_to_1024") else { return };
        let table = generate("pos_embed", &[1, 576, 8]);
        let difference = largest_difference(&resize_square(&table, 24, 32), &expected);
        assert!(difference < 1e-6, "{difference}");
    }

    #[test]
    fn a_constant_stays_and_the_same_size_changes_nothing() {
        for to in [1, 2, 12, 19] {
            let flat = resize_square(&[0.375; 12 * 12 * 3], 12, to);
            assert_eq!(flat.len(), to * to * 3);
            assert!(flat.iter().all(|value| (value - 0.375).abs() < 1e-12));
        }
        let map = generate("map", &[5, 5, 2]);
        assert!(largest_difference(&resize_square(&map, 5, 5), &map) == 0.0);
    }
}
