//! Makes the table that is added to the tokens: where each one is, and the patch embedding's bias.

use super::algebra::round;
use super::config::Config;
use super::recipe::tensor;
use crate::geometry::Size;
use crate::onnx::Recipe;
use crate::resize::resize;

/// Makes bias + spectral group + place for every token, (group, row, column, dim).
///
/// The places are resized as one square map if the chip is not the one they were trained for.
pub(super) fn table(config: &Config) -> Recipe {
    let &Config { dim, groups, stored_side, side, .. } = config;
    let (from, to) = (square(stored_side), square(side));
    Box::new(move |w| {
        let bias = tensor(w, "patch_embed.proj.bias", dim)?;
        let bands = tensor(w, "pos_embed_temporal", groups * dim)?;
        let places = tensor(w, "pos_embed_spatial", stored_side * stored_side * dim)?;
        let places = resize(&places, from, to);
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

/// Returns the extent of a position table; its sides were checked to be short.
fn square(side: usize) -> Size {
    Size::square(u32::try_from(side).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{resize, square};
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
        let difference = largest_difference(
            &resize(&map, square(64), square(146)),
            &transpose(&expected, 146 * 146),
        );
        assert!(difference < 1e-5, "{difference}");
    }

    #[test]
    fn position_tables_match_the_original() {
        let Some(expected) = golden("pos_embed_interp_576_to_1024") else { return };
        let table = generate("pos_embed", &[1, 576, 8]);
        let difference = largest_difference(&resize(&table, square(24), square(32)), &expected);
        assert!(difference < 1e-6, "{difference}");
    }

    #[test]
    fn a_constant_stays_and_the_same_size_changes_nothing() {
        for to in [1, 2, 12, 19] {
            let flat = resize(&[0.375; 12 * 12 * 3], square(12), square(to));
            assert_eq!(flat.len(), to * to * 3);
            assert!(flat.iter().all(|value| (value - 0.375).abs() < 1e-12));
        }
        let map = generate("map", &[5, 5, 2]);
        assert!(largest_difference(&resize(&map, square(5), square(5)), &map) == 0.0);
    }
}
