//! Blends chips of a live map into blocks of pixels, and keeps these.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, LazyLock, PoisonError};
use std::thread;

use super::chips::{Kept, runs};
use super::interrupt::Going;
use super::store::Store;
use super::{Live, LiveOutput};
use crate::batch::Batch;
use crate::blend::Blended;
use crate::emit::{Deciding, Emit};
use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::model::manifest::OutputKind;
use crate::product::Product;
use crate::raster::{RasterSink, Samples};
use crate::tile::{Scale, Tile, TilePlan};

/// Bytes of decided blocks that a process keeps: a Sentinel-2 scene's classes.
const BLOCKS: u64 = 128 << 20;
static DECIDED: LazyLock<Store<(u64, Emit, u32, u32), Block>> =
    LazyLock::new(|| Store::new(BLOCKS));

/// Pixels of an output, one step of the grid wide and high or up to the edge.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) width: usize,
    /// (row, band, column), each sample in the machine's byte order.
    pub(super) bytes: Vec<u8>,
}

impl Live {
    /// Returns blocks of a row of blocks, and the number of chips that were inferred for them.
    pub(super) fn blocks(
        &self,
        what: &LiveOutput,
        row: u32,
        cols: &BTreeSet<u32>,
        going: Going,
    ) -> Result<(HashMap<u32, Arc<Block>>, u64)> {
        let kept = |col: &u32| Some((*col, DECIDED.get(&(self.id, what.emit, *col, row))?));
        if let Some(blocks) = cols.iter().map(kept).collect() {
            return Ok((blocks, 0));
        }
        // On a thread of its own, which can wait for its turn: this one may be a thread of a pool
        // that is reading another live map, and would take up more of that pool's work meanwhile.
        thread::scope(|scope| scope.spawn(|| self.make(what, row, cols, going)).join())
            .unwrap_or_else(|_| {
                Err(Error::failed(
                    "a worker thread gave up; this is a defect of the library, please report it",
                ))
            })
    }

    /// Makes those of the blocks that are not kept.
    fn make(
        &self,
        what: &LiveOutput,
        row: u32,
        cols: &BTreeSet<u32>,
        going: Going,
    ) -> Result<(HashMap<u32, Arc<Block>>, u64)> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut blocks, mut missing) = (HashMap::new(), Vec::new());
        for col in cols {
            match DECIDED.get(&(self.id, what.emit, *col, row)) {
                Some(block) => drop(blocks.insert(*col, block)),
                None => missing.push(*col),
            }
        }
        let mut inferred = 0;
        for run in runs(&missing) {
            let plan = self.plan_of(what, run.clone(), row)?;
            let (chips, new) = self.chips(what, &plan, going)?;
            inferred += new;
            let bytes = self.blend(what, &plan, &chips)?;
            for (col, block) in run.clone().zip(what.cut(&plan, run, &bytes)) {
                let (block, size) = (Arc::new(block), bytes.len() as u64);
                let size = size.min(block.bytes.len() as u64);
                DECIDED.put((self.id, what.emit, col, row), Arc::clone(&block), size, 0);
                blocks.insert(col, block);
            }
        }
        Ok((blocks, inferred))
    }

    /// Plans the tiles that make blocks of a row of blocks.
    fn plan_of(&self, what: &LiveOutput, cols: Range<u32>, row: u32) -> Result<TilePlan> {
        let (raster, tiles) = (self.plan.raster(), (self.plan.cols().end, self.plan.rows().end));
        if what.scale == Scale::Step {
            return Ok(self.plan.part(cols.start..cols.end.min(tiles.0), row..row + 1));
        }
        let side = what.side * self.plan.unit(what.scale);
        let cut =
            |from: u32, to: u32, length: u32| (from * side, to.saturating_mul(side).min(length));
        let (left, right) = cut(cols.start, cols.end, raster.width);
        let (top, bottom) = cut(row, row + 1, raster.height);
        let window = Window::new(left, top, Size::new(right - left, bottom - top));
        TilePlan::new(raster, window, self.plan.grid())
    }

    /// Blends chips in row-major order and decides: the plan's pixels, (row, band, column).
    fn blend(
        &self,
        what: &LiveOutput,
        plan: &TilePlan,
        chips: &HashMap<Tile, Arc<Kept>>,
    ) -> Result<Vec<u8>> {
        let manifest = self.manifest();
        let mut product = Product::new(manifest, &what.output, plan);
        let mut rows = Rows::default();
        let deciding = Deciding::new(manifest, &self.predictor.options().thresholds)?;
        let mut take = |_: OutputKind, blended: Blended<'_>| {
            what.emit.write(&deciding, blended, &self.pool, &mut rows)
        };
        for row in plan.tile_rows() {
            for tile in plan.tiles(row) {
                let Some(Some(chip)) = chips.get(&tile).map(AsRef::as_ref) else { continue };
                let valid = chip.valid.clone();
                let batch = Batch { tiles: vec![tile], valid, ..Batch::default() };
                product.add(plan, &batch, &chip.planes, &mut take)?;
            }
        }
        product.finish(&mut take)?;
        Ok(rows.0)
    }
}

impl LiveOutput {
    /// Cuts a plan's pixels into blocks.
    fn cut(&self, plan: &TilePlan, cols: Range<u32>, bytes: &[u8]) -> Vec<Block> {
        let window = plan.scaled(self.scale).window();
        let (size, all) = (self.sample_bytes(), window.size.width as usize);
        let block = |col: u32| {
            let first = (col * self.side - window.col) as usize;
            let width = (self.side as usize).min(all - first);
            let lines = bytes.chunks_exact(all * size);
            let lines = lines.flat_map(|line| &line[first * size..(first + width) * size]);
            Block { width, bytes: lines.copied().collect() }
        };
        cols.map(block).collect()
    }
}

/// Drops what is kept of a map.
pub(super) fn forget(map: u64) {
    DECIDED.drop_all(|(id, _, _, _)| *id == map);
}

/// Collects rows, each sample in the machine's byte order.
#[derive(Debug, Default)]
struct Rows(Vec<u8>);

impl RasterSink for Rows {
    fn write(&mut self, rows: Samples<'_>) -> Result<()> {
        match rows {
            Samples::U8(rows) => self.0.extend_from_slice(rows),
            Samples::U16(rows) => self.0.extend(rows.iter().flat_map(|value| value.to_ne_bytes())),
            Samples::F32(rows) => self.0.extend(rows.iter().flat_map(|value| value.to_ne_bytes())),
        }
        Ok(())
    }
}
