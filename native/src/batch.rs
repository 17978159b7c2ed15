//! Feeds inference: reads strips, cuts and normalises chips, gathers them into batches.

use std::sync::mpsc::SyncSender;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::error::Result;
use crate::normalise::Normaliser;
use crate::raster::RasterSource;
use crate::strip::Strip;
use crate::tile::{Tile, TilePlan};

/// Chips that are inferred together.
#[derive(Debug)]
pub struct Batch {
    /// Their tiles, in row-major order; fewer than the batch holds at the end.
    pub tiles: Vec<Tile>,
    /// The network's input, (batch, channel, row, column), zero behind the last tile.
    pub input: Vec<f32>,
    /// Where the chips are valid, (tile, row, column).
    pub valid: Vec<u8>,
    /// Tiles before the last of these that hold no valid pixel and are not inferred.
    pub skipped: usize,
}

/// Everything that makes batches.
#[derive(Clone, Copy)]
pub struct Feed<'a> {
    /// Which chips.
    pub plan: &'a TilePlan,
    /// Where their pixels come from.
    pub source: &'a dyn RasterSource,
    /// How pixels become input.
    pub normaliser: &'a Normaliser,
    /// Chips per batch.
    pub batch: usize,
    /// The threads that read and normalise.
    pub pool: &'a ThreadPool,
}

impl std::fmt::Debug for Feed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("plan", self.plan).field("batch", &self.batch).finish()
    }
}

/// One normalised chip.
struct Chip {
    tile: Tile,
    input: Vec<f32>,
    valid: Vec<u8>,
}

impl Feed<'_> {
    /// Sends every batch of the plan, in order, until nobody listens.
    ///
    /// # Errors
    /// - Input: a block cannot be read.
    pub fn run(self, batches: &SyncSender<Result<Batch>>) -> Result<()> {
        let mut strip = Strip::empty(self.source.bands());
        let mut batch = self.empty();
        for row in self.plan.tile_rows() {
            strip = self.pool.install(|| strip.advance(self.plan.strip(row), self.source))?;
            let tiles: Vec<Tile> = self.plan.tiles(row).collect();
            for tiles in tiles.chunks(self.batch.max(self.pool.current_num_threads())) {
                let prepare = |tile: &Tile| self.prepare(&strip, *tile);
                let chips: Vec<Option<Chip>> =
                    self.pool.install(|| tiles.par_iter().map(prepare).collect());
                for chip in chips {
                    match chip {
                        None => batch.skipped += 1,
                        Some(chip) => self.append(&mut batch, chip),
                    }
                    if batch.tiles.len() == self.batch {
                        let full = std::mem::replace(&mut batch, self.empty());
                        if batches.send(Ok(full)).is_err() {
                            return Ok(());
                        }
                    }
                }
            }
        }
        if !batch.tiles.is_empty() || batch.skipped > 0 {
            // Nobody listening any more means that the run has ended already.
            let _ = batches.send(Ok(batch));
        }
        Ok(())
    }

    /// Returns the values of one chip of input.
    fn chip_values(&self) -> usize {
        let side = self.plan.grid().chip() as usize;
        self.normaliser.channels() * side * side
    }

    fn empty(&self) -> Batch {
        Batch {
            tiles: Vec::with_capacity(self.batch),
            input: vec![0.0; self.batch * self.chip_values()],
            valid: Vec::new(),
            skipped: 0,
        }
    }

    fn append(&self, batch: &mut Batch, chip: Chip) {
        let at = batch.tiles.len() * self.chip_values();
        batch.input[at..at + chip.input.len()].copy_from_slice(&chip.input);
        batch.valid.extend_from_slice(&chip.valid);
        batch.tiles.push(chip.tile);
    }

    /// Cuts and normalises a chip; `None` if it holds no valid pixel where it counts.
    fn prepare(&self, strip: &Strip, tile: Tile) -> Option<Chip> {
        let side = self.plan.grid().chip() as usize;
        let mut valid = vec![0; side * side];
        let mut bands = vec![0.0; side * side * self.source.bands()];
        strip.cut(self.plan, tile, &mut bands, &mut valid);
        if valid.iter().all(|valid| *valid == 0) {
            return None;
        }
        let mut input = vec![0.0; self.chip_values()];
        self.normaliser.chip(&bands, &valid, &mut input);
        Some(Chip { tile, input, valid })
    }
}
