//! Holds the part of the raster that a row of tiles looks at, and cuts chips from it.

use std::sync::Arc;

use crate::error::Result;
use crate::geometry::{Size, Window};
use crate::normalise::{Footprint, Inverse, Normaliser, Pixels, Sample};
use crate::raster::RasterSource;
use crate::tile::{Tile, TilePlan, reflect};

/// A type that pixels are kept as.
pub trait Pixel: Sample + Default + Send + Sync {
    /// Reads as [`RasterSource::read`] does.
    const READ: Read<Self>;
}

/// Reads a window's pixels and validity.
pub type Read<T> = fn(&dyn RasterSource, Window, &mut [T], &mut [u8]) -> Result<()>;

impl Pixel for f32 {
    const READ: Read<Self> = |source, window, pixels, valid| source.read(window, pixels, valid);
}

impl Pixel for u16 {
    const READ: Read<Self> = |source, window, pixels, valid| source.read_u16(window, pixels, valid);
}

/// Rows of the raster that were read at once, (band, row, column), and where they are valid,
/// (row, column).
#[derive(Debug, Default)]
struct Slab<T> {
    window: Window,
    pixels: Vec<T>,
    valid: Vec<u8>,
}

/// A window of the raster. Strips that share rows share the slabs that hold them.
#[derive(Debug)]
pub struct Strip<T> {
    window: Window,
    bands: usize,
    slabs: Vec<Arc<Slab<T>>>,
}

impl<T: Pixel> Strip<T> {
    /// Makes a strip that holds nothing yet.
    pub fn empty(bands: usize) -> Self {
        Self { window: Window::default(), bands, slabs: Vec::new() }
    }

    /// Moves to another window; rows that `from` holds are shared, the others are read.
    ///
    /// # Errors
    /// - Input: a block cannot be read; what the strip holds then is unspecified.
    pub fn follow(&mut self, from: &Self, to: Window, source: &dyn RasterSource) -> Result<()> {
        // Buffers that no strip needs any more: fresh ones cost more than what is put into them.
        let mut spare: Vec<_> = self.slabs.drain(..).filter_map(Arc::into_inner).collect();
        self.window = to;
        let (mut first, mut end) =
            (from.window.row.max(to.row), from.window.end_row().min(to.end_row()));
        let same = from.window.col == to.col && from.window.size.width == to.size.width;
        if same && first < end {
            let held =
                |slab: &&Arc<Slab<T>>| slab.window.row < end && slab.window.end_row() > first;
            self.slabs.extend(from.slabs.iter().filter(held).cloned());
        } else {
            (first, end) = (to.end_row(), to.end_row());
        }
        for (first, end) in [(to.row, first), (end, to.end_row())] {
            if first < end {
                let size = Size::new(to.size.width, end - first);
                let window = Window::new(to.col, first, size);
                let slab = Slab::read(window, self.bands, source, spare.pop())?;
                self.slabs.push(Arc::new(slab));
            }
        }
        Ok(())
    }

    /// Finds a tile's chip in the strip, reflected where it passes the raster's edge.
    pub fn chip(&self, plan: &TilePlan, tile: Tile) -> Cut<'_, T> {
        let side = i64::from(plan.grid().chip());
        let row = |at| self.row(reflect(tile.row + at, plan.raster().height));
        let col = |at| (reflect(tile.col + at, plan.raster().width) - self.window.col) as usize;
        let cols: Vec<_> = (0..side).map(col).collect();
        let apart = cols.windows(2).any(|pair| pair[1] != pair[0] + 1);
        Cut {
            rows: (0..side).map(row).collect(),
            left: cols[0],
            width: cols.len(),
            cols: if apart { cols } else { Vec::new() },
        }
    }

    /// Finds a row of the raster, which the strip holds.
    fn row(&self, row: u32) -> Row<'_, T> {
        let holds = |slab: &&Arc<Slab<T>>| (slab.window.row..slab.window.end_row()).contains(&row);
        let slab = self.slabs.iter().find(holds);
        slab.map_or(Row { plane: 0, pixels: &[], valid: &[] }, |slab| slab.row(row))
    }
}

impl<T: Pixel> Slab<T> {
    fn read(
        window: Window,
        bands: usize,
        source: &dyn RasterSource,
        spare: Option<Self>,
    ) -> Result<Self> {
        let Self { mut pixels, mut valid, .. } = spare.unwrap_or_default();
        pixels.resize(window.size.pixels() * bands, T::default());
        valid.resize(window.size.pixels(), 0);
        T::READ(source, window, &mut pixels, &mut valid)?;
        Ok(Self { window, pixels, valid })
    }

    fn row(&self, row: u32) -> Row<'_, T> {
        let at = (row - self.window.row) as usize * self.window.size.width as usize;
        let plane = self.window.size.pixels();
        Row { plane, pixels: &self.pixels[at..], valid: &self.valid[at..] }
    }
}

/// A row of the raster: where its first band starts, and from one band to the next.
#[derive(Debug, Clone, Copy)]
struct Row<'a, T> {
    plane: usize,
    pixels: &'a [T],
    valid: &'a [u8],
}

/// A chip whose pixels are still in the strip.
#[derive(Debug)]
pub struct Cut<'a, T> {
    rows: Vec<Row<'a, T>>,
    /// Where the first column lies in the strip.
    left: usize,
    width: usize,
    /// Where each column lies; empty if they follow the first.
    cols: Vec<usize>,
}

impl<T: Pixel> Cut<'_, T> {
    /// Normalises the chip's bands from `first` on; see [`Normaliser::chip`].
    pub fn normalise(
        &self,
        normaliser: &Normaliser,
        first: usize,
        valid: &[u8],
        input: &mut [f32],
    ) -> Vec<Inverse> {
        let pixels = Bands { cut: self, first };
        normaliser.chip(Footprint { pixels: &pixels, width: self.width, valid }, input)
    }

    /// Returns where pixels are valid, (row, column): 1 or 0.
    pub fn valid(&self) -> Vec<u8> {
        let (mut valid, mut apart) = (Vec::with_capacity(self.rows.len() * self.width), Vec::new());
        for row in &self.rows {
            valid.extend_from_slice(self.line(row.valid, &mut apart));
        }
        valid
    }

    /// Finds the chip's columns in a row of the strip; copies them if they do not lie side by side.
    #[inline(always)]
    fn line<'b, U: Copy>(&self, row: &'b [U], apart: &'b mut Vec<U>) -> &'b [U] {
        if self.cols.is_empty() {
            return &row[self.left..][..self.width];
        }
        apart.clear();
        apart.extend(self.cols.iter().map(|col| row[*col]));
        apart
    }
}

/// The bands of a date: from the source's band `first` on.
struct Bands<'a, T> {
    cut: &'a Cut<'a, T>,
    first: usize,
}

impl<T: Pixel> Pixels for Bands<'_, T> {
    type Sample = T;

    #[inline(always)]
    fn row<'a>(&'a self, band: usize, row: usize, apart: &'a mut Vec<T>) -> &'a [T] {
        let Row { plane, pixels, .. } = self.cut.rows[row];
        self.cut.line(&pixels[(self.first + band) * plane..], apart)
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
            let (mut strip, mut before) = (Strip::<f32>::empty(2), Strip::empty(2));
            for row in plan.tile_rows() {
                std::mem::swap(&mut strip, &mut before);
                strip.follow(&before, plan.strip(row), &source).unwrap();
                for tile in plan.tiles(row) {
                    let chip = strip.chip(&plan, tile);
                    let (bands, mut apart) = (Bands { cut: &chip, first: 0 }, Vec::new());
                    for (band, y) in (0..2).flat_map(|band| (0..32).map(move |y| (band, y))) {
                        let got = bands.row(band, y, &mut apart);
                        assert_eq!(got.len(), 32);
                        let y = reflect(tile.row + y as i64, height);
                        for (x, got) in got.iter().enumerate() {
                            let x = reflect(tile.col + x as i64, width);
                            assert_eq!(*got, value(u32::try_from(band).unwrap(), y, x));
                        }
                    }
                    assert_eq!(chip.valid(), [1; 1024]);
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
