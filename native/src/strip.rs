//! Holds the part of the raster that a row of tiles looks at, and cuts chips from it.

use crate::error::Result;
use crate::geometry::{Size, Window};
use crate::raster::RasterSource;
use crate::tile::{Tile, TilePlan, reflect};

/// Pixels of a window of the raster, (band, row, column), and where they are valid, (row, column).
#[derive(Debug)]
pub struct Strip {
    window: Window,
    bands: usize,
    pixels: Vec<f32>,
    valid: Vec<u8>,
}

impl Strip {
    /// Makes a strip that holds nothing yet.
    pub fn empty(bands: usize) -> Self {
        let window = Window::new(0, 0, Size::new(0, 0));
        Self { window, bands, pixels: Vec::new(), valid: Vec::new() }
    }

    /// Moves to another window; rows that `from` holds are copied, the others are read.
    ///
    /// # Errors
    /// - Input: a block cannot be read; what the strip holds then is unspecified.
    pub fn follow(&mut self, from: &Self, to: Window, source: &dyn RasterSource) -> Result<()> {
        self.window = to;
        self.pixels.resize(to.size.pixels() * self.bands, 0.0);
        self.valid.resize(to.size.pixels(), 0);
        let same = from.window.col == to.col && from.window.size.width == to.size.width;
        let (mut first, mut end) =
            (from.window.row.max(to.row), from.window.end_row().min(to.end_row()));
        if !same || first >= end {
            (first, end) = (to.end_row(), to.end_row());
        }
        self.copy(from, first, end);
        self.read(to.row, first, source)?;
        self.read(end, to.end_row(), source)
    }

    fn copy(&mut self, from: &Self, first: u32, end: u32) {
        if first >= end {
            return;
        }
        let width = self.window.size.width as usize;
        let length = (end - first) as usize * width;
        let (there, here) = (from.offset(first), self.offset(first));
        for band in 0..self.bands {
            let (start, to) = (from.plane(band) + there, self.plane(band) + here);
            self.pixels[to..to + length].copy_from_slice(&from.pixels[start..start + length]);
        }
        self.valid[here..here + length].copy_from_slice(&from.valid[there..there + length]);
    }

    fn read(&mut self, first: u32, end: u32, source: &dyn RasterSource) -> Result<()> {
        if first >= end {
            return Ok(());
        }
        let window =
            Window::new(self.window.col, first, Size::new(self.window.size.width, end - first));
        let (at, length) = (self.offset(first), window.size.pixels());
        let valid = &mut self.valid[at..at + length];
        if window == self.window {
            return source.read(window, &mut self.pixels, valid);
        }
        let mut part = vec![0.0; length * self.bands];
        source.read(window, &mut part, valid)?;
        for (band, plane) in part.chunks_exact(length).enumerate() {
            let start = self.plane(band) + at;
            self.pixels[start..start + length].copy_from_slice(plane);
        }
        Ok(())
    }

    fn plane(&self, band: usize) -> usize {
        band * self.window.size.pixels()
    }

    fn offset(&self, row: u32) -> usize {
        (row - self.window.row) as usize * self.window.size.width as usize
    }

    /// Finds a tile's chip in the strip, reflected where it passes the raster's edge.
    pub fn chip(&self, plan: &TilePlan, tile: Tile) -> Cut<'_> {
        let side = i64::from(plan.grid().chip());
        let row = |at| self.offset(reflect(tile.row + at, plan.raster().height));
        let col = |at| (reflect(tile.col + at, plan.raster().width) - self.window.col) as usize;
        Cut { strip: self, rows: (0..side).map(row).collect(), cols: (0..side).map(col).collect() }
    }
}

/// A chip whose pixels are still in the strip.
#[derive(Debug)]
pub struct Cut<'a> {
    strip: &'a Strip,
    rows: Vec<usize>,
    cols: Vec<usize>,
}

impl Cut<'_> {
    /// Copies a band's pixels, (row, column).
    pub fn band(&self, band: usize, pixels: &mut [f32]) {
        gather(&self.strip.pixels[self.strip.plane(band)..], &self.rows, &self.cols, pixels);
    }

    /// Returns where pixels are valid, (row, column): 1 or 0.
    pub fn valid(&self) -> Vec<u8> {
        let mut valid = vec![0; self.rows.len() * self.cols.len()];
        gather(&self.strip.valid, &self.rows, &self.cols, &mut valid);
        valid
    }
}

/// Copies the pixels at all pairs of row offset and column.
fn gather<T: Copy>(from: &[T], rows: &[usize], cols: &[usize], into: &mut [T]) {
    let run = cols.windows(2).all(|pair| pair[1] == pair[0] + 1);
    for (row, line) in rows.iter().zip(into.chunks_exact_mut(cols.len())) {
        if run {
            line.copy_from_slice(&from[row + cols[0]..row + cols[0] + cols.len()]);
        } else {
            for (col, value) in cols.iter().zip(line) {
                *value = from[row + col];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tile::Grid;
    use std::sync::Mutex;

    /// Each pixel tells its band, row and column; every row that is read is noted.
    struct Coordinates(Size, Mutex<Vec<u32>>);

    fn value(band: u32, row: u32, col: u32) -> f32 {
        (band * 1_000_000 + row * 1000 + col) as f32
    }

    impl RasterSource for Coordinates {
        fn size(&self) -> Size {
            self.0
        }
        fn bands(&self) -> usize {
            2
        }
        fn read(&self, window: Window, pixels: &mut [f32], valid: &mut [u8]) -> Result<()> {
            self.1.lock().unwrap().extend(window.row..window.end_row());
            let mut at = pixels.iter_mut();
            for band in 0..2 {
                for row in window.row..window.end_row() {
                    for col in window.col..window.end_col() {
                        *at.next().unwrap() = value(band, row, col);
                    }
                }
            }
            valid.fill(1);
            Ok(())
        }
    }

    #[test]
    fn chips_are_the_reflected_raster_and_each_row_is_read_once() {
        for (width, height) in [(1, 1), (300, 1), (37, 53), (64, 41), (5, 90)] {
            let size = Size::new(width, height);
            let source = Coordinates(size, Mutex::default());
            let plan =
                TilePlan::new(size, Window::whole(size), Grid::new(32, 3, 4, 8).unwrap()).unwrap();
            let (mut strip, mut before) = (Strip::empty(2), Strip::empty(2));
            for row in plan.tile_rows() {
                std::mem::swap(&mut strip, &mut before);
                strip.follow(&before, plan.strip(row), &source).unwrap();
                for tile in plan.tiles(row) {
                    let chip = strip.chip(&plan, tile);
                    let mut pixels = vec![-1.0; 2 * 32 * 32];
                    (0..).zip(pixels.chunks_mut(1024)).for_each(|(at, band)| chip.band(at, band));
                    for (at, got) in pixels.iter().enumerate() {
                        let (band, y, x) = (at / 1024, at / 32 % 32, at % 32);
                        let y = reflect(tile.row + y as i64, height);
                        let x = reflect(tile.col + x as i64, width);
                        assert_eq!(*got, value(u32::try_from(band).unwrap(), y, x));
                    }
                    assert!(chip.valid().iter().all(|v| *v == 1));
                }
            }
            let mut read = source.1.into_inner().unwrap();
            let rows = read.len();
            read.sort_unstable();
            read.dedup();
            assert_eq!((read.len(), rows), (height as usize, height as usize));
        }
    }
}
