//! Lays chips over a raster: an absolute grid, so that a pixel's chips do not depend on the window.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::geometry::{Size, Window};

/// The grid's constants, in pixels.
///
/// The kept areas (chip minus halo) start at `k * step` from the raster's pixel (0, 0); a chip
/// starts one halo before its kept area. With no halo the chips themselves start at `k * step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    chip: u32,
    halo: u32,
    step: u32,
}

impl Grid {
    /// Makes the grid of chips that overlap by `overlap` pixels.
    ///
    /// # Errors
    /// - Usage: the overlap leaves no step, leaves gaps between kept areas, or the step is not a
    ///   multiple of the patch.
    pub fn new(chip: u32, halo: u32, patch: u32, overlap: u32) -> Result<Self> {
        let widest = chip.saturating_sub(patch.max(1));
        if overlap > widest || overlap < 2 * halo || !(chip - overlap).is_multiple_of(patch.max(1))
        {
            let least = (2 * halo).next_multiple_of(patch.max(1));
            return Err(Error::usage(format!(
                "an overlap of {overlap} pixels does not fit this model's chips of {chip} pixels; \
                 give a multiple of {patch} from {least} to {widest}"
            )));
        }
        Ok(Self { chip, halo, step: chip - overlap })
    }

    /// Returns the side of a chip.
    pub fn chip(self) -> u32 {
        self.chip
    }

    /// Returns the pixels at each side of a chip that are context only.
    pub fn halo(self) -> u32 {
        self.halo
    }

    /// Returns the side of a chip's kept area.
    pub fn kept(self) -> u32 {
        self.chip - 2 * self.halo
    }

    /// Returns the pixels that neighbouring chips share.
    pub fn overlap(self) -> u32 {
        self.chip - self.step
    }

    /// Returns the pixels that neighbouring kept areas share.
    pub fn shared(self) -> u32 {
        self.kept() - self.step
    }

    /// Counts the tiles that cover `length` pixels; the last one may pass the edge.
    fn count(self, length: u32) -> u32 {
        length.saturating_sub(self.kept()).div_ceil(self.step) + 1
    }

    /// Returns the tiles whose kept area meets the pixels `from..to` of a raster of `length`.
    fn meeting(self, from: u32, to: u32, length: u32) -> Range<u32> {
        let first = (from + 1).saturating_sub(self.kept()).div_ceil(self.step);
        first..to.div_ceil(self.step).min(self.count(length))
    }
}

/// A chip's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Column of the chip's first pixel; negative where the halo passes the edge.
    pub col: i64,
    /// Row of the chip's first pixel.
    pub row: i64,
}

/// How many raster pixels a pixel of an output stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// One.
    Pixel,
    /// A patch of that side.
    Patch(u32),
    /// A tile's step: one pixel per tile.
    Step,
}

/// Every tile that a window needs, in row-major order.
#[derive(Debug, Clone)]
pub struct TilePlan {
    grid: Grid,
    raster: Size,
    window: Window,
    cols: Range<u32>,
    rows: Range<u32>,
}

impl TilePlan {
    /// Plans the tiles of a window of a raster.
    ///
    /// # Errors
    /// - Usage: the window is empty or does not lie inside the raster.
    pub fn new(raster: Size, window: Window, grid: Grid) -> Result<Self> {
        let window = window.inside(raster)?;
        let cols = grid.meeting(window.col, window.end_col(), raster.width);
        let rows = grid.meeting(window.row, window.end_row(), raster.height);
        Ok(Self { grid, raster, window, cols, rows })
    }

    /// Plans some of the tiles, counted from the raster's first; the window is what their kept areas
    /// fill.
    #[must_use]
    pub fn part(&self, cols: Range<u32>, rows: Range<u32>) -> Self {
        let Grid { step, .. } = self.grid;
        let filled = |tiles: &Range<u32>, length: u32| {
            let end = tiles.end.saturating_sub(1) * step + self.grid.kept();
            (tiles.start * step, end.min(length))
        };
        let (left, right) = filled(&cols, self.raster.width);
        let (top, bottom) = filled(&rows, self.raster.height);
        let window = Window::new(left, top, Size::new(right - left, bottom - top));
        Self { window, cols, rows, ..self.clone() }
    }

    /// Returns the columns of tiles, counted from the raster's first.
    pub fn cols(&self) -> Range<u32> {
        self.cols.clone()
    }

    /// Returns the rows of tiles, counted from the raster's first.
    pub fn rows(&self) -> Range<u32> {
        self.rows.clone()
    }

    /// Returns the tile of a column and a row, counted from the raster's first.
    pub fn tile(&self, col: u32, row: u32) -> Tile {
        Tile { col: self.origin(col), row: self.origin(row) }
    }

    /// Returns the grid.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// Returns the raster's extent.
    pub fn raster(&self) -> Size {
        self.raster
    }

    /// Returns the window that is mapped.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Counts the tiles.
    pub fn len(&self) -> usize {
        self.rows.len() * self.cols.len()
    }

    /// Says whether there is no tile; a plan always has one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lists the first chip row of each row of tiles.
    pub fn tile_rows(&self) -> impl Iterator<Item = i64> + '_ {
        self.rows.clone().map(|index| self.origin(index))
    }

    /// Lists the tiles of the row of tiles that starts at `row`.
    pub fn tiles(&self, row: i64) -> impl Iterator<Item = Tile> + '_ {
        self.cols.clone().map(move |index| Tile { col: self.origin(index), row })
    }

    /// Returns the part of the raster that a row of tiles looks at, reflections included.
    pub fn strip(&self, row: i64) -> Window {
        let chip = i64::from(self.grid.chip);
        let last = self.cols.end.saturating_sub(1);
        let cols =
            touched(self.origin(self.cols.start)..self.origin(last) + chip, self.raster.width);
        let rows = touched(row..row + chip, self.raster.height);
        let size = Size::new(cols.end - cols.start, rows.end - rows.start);
        Window::new(cols.start, rows.start, size)
    }

    /// Returns the part of the window that a tile's kept area fills.
    pub fn kept(&self, tile: Tile) -> Window {
        let (halo, kept) = (i64::from(self.grid.halo), i64::from(self.grid.kept()));
        let cut = |from: i64, low: u32, high: u32| {
            let clamp = |at: i64| at.clamp(i64::from(low), i64::from(high));
            let (start, end) = (clamp(from), clamp(from + kept));
            (u32::try_from(start).unwrap_or(low), u32::try_from(end).unwrap_or(high))
        };
        let (left, right) = cut(tile.col + halo, self.window.col, self.window.end_col());
        let (top, bottom) = cut(tile.row + halo, self.window.row, self.window.end_row());
        Window::new(left, top, Size::new(right - left, bottom - top))
    }

    /// Returns the side of an output's pixel, in raster pixels.
    pub fn unit(&self, scale: Scale) -> u32 {
        match scale {
            Scale::Pixel => 1,
            Scale::Patch(side) => side,
            Scale::Step => self.grid.step,
        }
    }

    /// Lists the edges of the pixels that stand for a tile each, across and down, in raster pixels: the
    /// last ends where the raster does.
    pub fn cells(&self) -> [Vec<u32>; 2] {
        let edges = |tiles: &Range<u32>, length: u32| {
            let end = if tiles.end == self.grid.count(length) {
                length
            } else {
                tiles.end * self.grid.step
            };
            tiles.clone().map(|index| index * self.grid.step).chain([end]).collect()
        };
        [edges(&self.cols, self.raster.width), edges(&self.rows, self.raster.height)]
    }

    /// Returns the same tiles counted in an output's pixels.
    ///
    /// With [`Scale::Step`] each tile is one pixel, and the last of a row or column stands for all
    /// that is left.
    #[must_use]
    pub fn scaled(&self, scale: Scale) -> Self {
        let unit = self.unit(scale);
        let Grid { chip, halo, step } = self.grid;
        let cells = |from: u32, to: u32| (from / unit, to.div_ceil(unit));
        let (grid, raster, across, down) = match scale {
            Scale::Pixel | Scale::Patch(_) => (
                Grid { chip: chip / unit, halo: halo / unit, step: step / unit },
                Size::new(self.raster.width.div_ceil(unit), self.raster.height.div_ceil(unit)),
                cells(self.window.col, self.window.end_col()),
                cells(self.window.row, self.window.end_row()),
            ),
            Scale::Step => (
                Grid { chip: 1, halo: 0, step: 1 },
                Size::new(self.grid.count(self.raster.width), self.grid.count(self.raster.height)),
                (self.cols.start, self.cols.end),
                (self.rows.start, self.rows.end),
            ),
        };
        let size = Size::new(across.1 - across.0, down.1 - down.0);
        let window = Window::new(across.0, down.0, size);
        Self { grid, raster, window, cols: self.cols.clone(), rows: self.rows.clone() }
    }

    /// Returns a tile's place among the [`scaled`](Self::scaled) ones.
    pub fn scaled_tile(&self, tile: Tile, scale: Scale) -> Tile {
        let unit = i64::from(self.unit(scale));
        let halo = if scale == Scale::Step { i64::from(self.grid.halo) } else { 0 };
        Tile { col: (tile.col + halo) / unit, row: (tile.row + halo) / unit }
    }

    fn origin(&self, index: u32) -> i64 {
        i64::from(index) * i64::from(self.grid.step) - i64::from(self.grid.halo)
    }
}

/// Maps a position to `0..length` by reflection about the first and last pixel, iterated
/// (numpy's `reflect`; a single pixel repeats).
pub fn reflect(at: i64, length: u32) -> u32 {
    let last = i64::from(length) - 1;
    if last <= 0 {
        return 0;
    }
    let folded = at.rem_euclid(2 * last);
    u32::try_from(folded.min(2 * last - folded)).unwrap_or(0)
}

/// Returns the span of pixels that the reflected positions fall on.
fn touched(positions: Range<i64>, length: u32) -> Range<u32> {
    let inside = positions.start.max(0)..positions.end.min(i64::from(length));
    let outside = (positions.start..inside.start).chain(inside.end..positions.end);
    let ends = [inside.start, inside.end - 1].into_iter().filter(|at| inside.contains(at));
    let (mut first, mut last) = (length - 1, 0);
    for at in ends.chain(outside).map(|at| reflect(at, length)) {
        first = first.min(at);
        last = last.max(at);
    }
    first..last + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reflection_is_numpys() {
        // numpy.pad(numpy.arange(4), 9, "reflect")
        let expected = [3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0];
        let got: Vec<u32> = (-9..13).map(|at| reflect(at, 4)).collect();
        assert_eq!(got, expected);
        assert_eq!(reflect(-7, 1), 0);
        assert_eq!((-3..3).map(|at| reflect(at, 2)).collect::<Vec<_>>(), [1, 0, 1, 0, 1, 0]);
    }

    #[test]
    fn a_bad_overlap_is_refused_in_words() {
        let error = Grid::new(128, 0, 8, 30).unwrap_err();
        assert!(error.message().contains("multiple of 8 from 0 to 120"), "{error}");
        assert!(Grid::new(128, 17, 8, 32).is_err());
        assert!(Grid::new(128, 17, 8, 40).is_ok());
        assert!(Grid::new(128, 0, 8, 128).is_err());
    }

    prop_compose! {
        fn grids()(patch in 1u32..9, patches in 1u32..17, shared in 0u32..17, halo in 0u32..99)
            -> Grid {
            let overlap = patch * (shared % patches);
            Grid::new(patch * patches, halo % (overlap / 2 + 1), patch, overlap).unwrap()
        }
    }

    proptest! {
        #[test]
        fn scaled_plans_have_the_same_tiles_in_the_same_order(
            grid in grids(), width in 1u32..400, height in 1u32..300, a in 0u32..400, b in 0u32..300,
            patch in 1u32..5,
        ) {
            let raster = Size::new(width, height);
            let (col, row) = (a % width, b % height);
            let window = Window::new(col, row, Size::new(width - col, (height - row).div_ceil(2)));
            let Grid { chip, halo, step } = grid;
            let grid = Grid { chip: chip * patch, halo: halo * patch, step: step * patch };
            let plan = TilePlan::new(raster, window, grid).unwrap();
            for scale in [Scale::Pixel, Scale::Patch(patch), Scale::Step] {
                let scaled = plan.scaled(scale);
                let again = TilePlan::new(scaled.raster(), scaled.window(), scaled.grid()).unwrap();
                prop_assert_eq!((&again.cols, &again.rows), (&scaled.cols, &scaled.rows));
                let rows = plan.tile_rows().zip(scaled.tile_rows());
                for (tile, other) in rows.flat_map(|(a, b)| plan.tiles(a).zip(scaled.tiles(b))) {
                    prop_assert_eq!(plan.scaled_tile(tile, scale), other);
                }
            }
        }

        #[test]
        fn cells_part_what_their_tiles_cover(
            grid in grids(), width in 1u32..400, height in 1u32..300, a in 0u32..400, b in 0u32..300,
        ) {
            let raster = Size::new(width, height);
            let whole = TilePlan::new(raster, Window::whole(raster), grid).unwrap();
            let (col, row) = (a % width, b % height);
            let window = Window::new(col, row, Size::new(width - col, (height - row).div_ceil(2)));
            for (plan, all) in [(&whole, true), (&TilePlan::new(raster, window, grid).unwrap(), false)] {
                let [cols, rows] = plan.cells();
                prop_assert_eq!((cols.len() - 1, rows.len() - 1), (plan.cols.len(), plan.rows.len()));
                prop_assert!(cols.windows(2).chain(rows.windows(2)).all(|edge| edge[0] < edge[1]));
                prop_assert_eq!(cols.last(), Some(&width));
                prop_assert!(!all || (cols[0], rows[0], rows.last()) == (0, 0, Some(&height)));
                prop_assert!(rows[0] <= plan.window.row && *rows.last().unwrap() <= height);
            }
        }

        #[test]
        fn a_window_sees_exactly_the_tiles_of_the_whole_raster_that_meet_it(
            grid in grids(), width in 1u32..400, height in 1u32..300, a in 0u32..400, b in 0u32..300,
            w in 1u32..400, h in 1u32..300,
        ) {
            let raster = Size::new(width, height);
            let (col, row) = (a % width, b % height);
            let window = Window::new(col, row, Size::new(w.min(width - col), h.min(height - row)));
            let whole = TilePlan::new(raster, Window::whole(raster), grid).unwrap();
            let part = TilePlan::new(raster, window, grid).unwrap();
            let list = |plan: &TilePlan| -> Vec<Tile> {
                plan.tile_rows().flat_map(|row| plan.tiles(row).collect::<Vec<_>>()).collect()
            };
            let meets: Vec<Tile> =
                list(&whole).into_iter().filter(|t| part.kept(*t).size.pixels() > 0).collect();
            prop_assert_eq!(list(&part), meets);
        }

        #[test]
        fn kept_areas_cover_every_pixel_and_strips_hold_every_reflection(
            grid in grids(), width in 1u32..300, height in 1u32..200,
        ) {
            let raster = Size::new(width, height);
            let plan = TilePlan::new(raster, Window::whole(raster), grid).unwrap();
            let mut seen = vec![false; raster.pixels()];
            for row in plan.tile_rows() {
                let strip = plan.strip(row).inside(raster).unwrap();
                for tile in plan.tiles(row) {
                    let kept = plan.kept(tile);
                    for y in kept.row..kept.end_row() {
                        let start = y as usize * width as usize;
                        seen[start + kept.col as usize..start + kept.end_col() as usize].fill(true);
                    }
                    for at in 0..i64::from(grid.chip()) {
                        let (x, y) = (reflect(tile.col + at, width), reflect(tile.row + at, height));
                        prop_assert!(x >= strip.col && x < strip.end_col());
                        prop_assert!(y >= strip.row && y < strip.end_row());
                    }
                }
            }
            prop_assert!(seen.into_iter().all(|s| s));
        }
    }
}
