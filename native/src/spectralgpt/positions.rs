//! Makes the tables that are added to tokens: where each one is.

use super::algebra::round;
use super::config::Config;
use super::recipe::tensor;
use super::tables::Tables;
use crate::checkpoint::Weights;
use crate::error::Result;
use crate::geometry::Size;
use crate::onnx::Recipe;
use crate::resize::resize;

/// Makes the encoder's table, (group, row, column, dim), with the patch embedding's bias in it.
pub(super) fn table(c: &Config) -> Recipe {
    let (c, dim) = (c.clone(), c.dim);
    Box::new(move |w| {
        let bias = tensor(w, "patch_embed.proj.bias", dim)?;
        read(w, &c, "", &bias)
    })
}

/// Reads offset + spectral group + place of every token, (group, row, column, value).
///
/// `prefix` starts the tables' names; `offset` is as long as a token is wide. Places are resized if
/// the chip is not the one they were trained for: each spectral group is a square map. (The
/// original leaves separate tables alone and takes a joint one for a single square map of all
/// groups, which mixes them.)
///
/// # Errors
/// - Model: a table is missing or has another size.
/// - Io: it cannot be read.
pub(super) fn read(w: &dyn Weights, c: &Config, prefix: &str, offset: &[f32]) -> Result<Vec<f32>> {
    let dim = offset.len();
    let (from, to) = (square(c.stored_side), square(c.side));
    let stored = c.stored_side * c.stored_side * dim;
    let name = |part: &str| format!("{prefix}pos_embed{part}");
    let mut table = Vec::with_capacity(c.tokens() * dim);
    let mut add = |offset: &[f64], places: &[f64]| {
        let sums = places.chunks_exact(dim).flat_map(|place| offset.iter().zip(place));
        table.extend(sums.map(|(offset, place)| round(offset + place)));
    };
    match c.tables {
        Tables::Separate => {
            let groups = tensor(w, &name("_temporal"), c.groups * dim)?;
            let places = resize(&tensor(w, &name("_spatial"), stored)?, from, to);
            for group in groups.chunks_exact(dim) {
                add(&sum(offset, group), &places);
            }
        }
        Tables::Joint => {
            let offset = sum(offset, &vec![0.0; dim]);
            for group in tensor(w, &name(""), c.groups * stored)?.chunks_exact(stored) {
                add(&offset, &resize(group, from, to));
            }
        }
    }
    Ok(table)
}

fn sum(a: &[f32], b: &[f32]) -> Vec<f64> {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) + f64::from(b)).collect()
}

/// Returns the extent of a position table; its sides were checked to be short.
fn square(side: usize) -> Size {
    Size::square(u32::try_from(side).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectralgpt::algebra::transpose;
    use crate::spectralgpt::synthetic::{base, generate, golden};

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

    /// Separate tables, and what they are together.
    struct Both;

    impl Weights for Both {
        fn names(&self) -> Vec<&str> {
            Vec::new()
        }

        fn shape(&self, _name: &str) -> Option<&[usize]> {
            None
        }

        fn read(&self, name: &str) -> Result<Vec<f32>> {
            let (groups, places) = (generate("groups", &[4, 8]), generate("places", &[256, 8]));
            Ok(match name {
                "pos_embed_temporal" => groups,
                "pos_embed_spatial" => places,
                _ => {
                    let add = |group: &[f32]| -> Vec<f32> {
                        places.iter().zip(group.iter().cycle()).map(|(a, b)| a + b).collect()
                    };
                    groups.chunks_exact(8).flat_map(add).collect()
                }
            })
        }
    }

    #[test]
    fn a_joint_table_is_resized_per_spectral_group_as_separate_ones_are() {
        for side in [16, 12, 20] {
            let separate = Config { side, ..base(1, 4) };
            let joint = Config { tables: Tables::Joint, ..separate.clone() };
            let read = |c| super::read(&Both, c, "", &[0.25; 8]).unwrap();
            let joint: Vec<_> = read(&joint).into_iter().map(f64::from).collect();
            assert!(largest_difference(&joint, &read(&separate)) < 1e-6, "{side}");
        }
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
