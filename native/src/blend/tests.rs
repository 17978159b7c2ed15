//! What blending promises, on chips whose values are known.

use super::*;
use crate::tile::Grid;
use proptest::prelude::*;

/// Blends chips whose scores are a function of class and raster position; returns the window's
/// scores, (row, class, column), and the seam disagreement.
fn blend(plan: &TilePlan, score: &dyn Fn(usize, i64, i64, Tile) -> f32) -> (Vec<f32>, Option<f64>) {
    let side = i64::from(plan.grid().chip());
    let mut blender = Blender::new(plan, 2, true);
    let mut out = Vec::new();
    let mut take = |rows: Blended<'_>| {
        for row in 0..rows.rows() {
            assert!(rows.valid(row).iter().all(|valid| *valid == 1));
            let (agreement, alone) = (rows.agreement(row), plan.grid().shared() == 0);
            assert_eq!(agreement.len(), rows.width());
            assert!(!alone || agreement.iter().all(|it| *it == Agreement::Unknown));
            (0..2).for_each(|class| out.extend_from_slice(rows.scores(class, row)));
        }
        Ok(())
    };
    for row in plan.tile_rows() {
        for tile in plan.tiles(row) {
            blender.drain(tile.row + i64::from(plan.grid().halo()), &mut take).unwrap();
            let chip: Vec<f32> = (0..2)
                .flat_map(|class| (0..side).map(move |y| (class, y)))
                .flat_map(|(class, y)| (0..side).map(move |x| (class, y, x)))
                .map(|(class, y, x)| score(class, tile.row + y, tile.col + x, tile))
                .collect();
            blender.add(plan, tile, &chip, &vec![1; chip.len() / 2]).unwrap();
        }
    }
    blender.drain(i64::MAX, &mut take).unwrap();
    (out, blender.seam_disagreement())
}

proptest! {
    #[test]
    fn what_every_chip_agrees_on_comes_out_exactly(
        width in 1u32..150, height in 1u32..90, step in 1u32..9, halo in 0u32..5,
    ) {
        let overlap = 32 - 4 * step.min(8);
        let Ok(grid) = Grid::new(32, halo, 4, overlap) else { return Ok(()) };
        let size = Size::new(width, height);
        let plan = TilePlan::new(size, Window::whole(size), grid).unwrap();
        let score =
            |class: usize, y: i64, x: i64| 0.73 + class as f32 * 0.11 + (y * 7 + x * 3) as f32;
        let (out, seams) = blend(&plan, &|class, y, x, _| score(class, y, x));
        for (at, got) in out.iter().enumerate() {
            let (y, class, x) =
                (at / (2 * width as usize), at / width as usize % 2, at % width as usize);
            prop_assert_eq!(*got, score(class, y as i64, x as i64));
        }
        prop_assert!(seams.unwrap_or(0.0) == 0.0);
    }

    #[test]
    fn a_window_holds_the_pixels_of_the_whole(
        col in 0u32..100, row in 0u32..70, w in 1u32..60, h in 1u32..60,
    ) {
        let size = Size::new(131, 93);
        let grid = Grid::new(32, 2, 4, 12).unwrap();
        let score = |class: usize, y: i64, x: i64, tile: Tile| {
            ((tile.col * 31 + tile.row * 17 + y * 7 + x * 3 + class as i64) % 23) as f32 * 0.37
        };
        let whole = TilePlan::new(size, Window::whole(size), grid).unwrap();
        let window = Window::new(col, row, Size::new(w.min(131 - col), h.min(93 - row)));
        let part = TilePlan::new(size, window, grid).unwrap();
        let (all, _) = blend(&whole, &score);
        let (cut, _) = blend(&part, &score);
        let line = window.size.width as usize;
        for (at, values) in cut.chunks_exact(line).enumerate() {
            let start = ((row as usize + at / 2) * 2 + at % 2) * 131 + col as usize;
            prop_assert_eq!(values, &all[start..start + line]);
        }
    }
}

#[test]
fn weights_fade_towards_the_edge_and_never_vanish() {
    let profile = profile(96, 32);
    assert!(profile[0] > 0.0 && profile[0] < 0.001 && profile[31] > 0.99);
    assert!(profile[32..64].iter().all(|w| *w == 1.0));
    assert!(profile.iter().eq(profile.iter().rev()));
    let flat = super::profile(8, 0);
    assert!(flat.iter().all(|w| *w == 1.0));
}

#[test]
fn different_decisions_are_counted_and_bad_scores_refused() {
    let size = Size::new(56, 32);
    let plan = TilePlan::new(size, Window::whole(size), Grid::new(32, 0, 8, 8).unwrap()).unwrap();
    let (_, seams) =
        blend(&plan, &|class, y, _, tile| f32::from((class == 1) == (tile.col > 0 && y < 8)));
    assert_eq!(seams, Some(0.25));
    let tile = Tile { col: 0, row: 0 };
    let error =
        Blender::new(&plan, 1, true).add(&plan, tile, &[f32::NAN; 1024], &[1; 1024]).unwrap_err();
    assert!(error.message().contains("column 0, row 0"), "{error}");
}
