//! Feeds inference: reads strips, cuts and normalises chips, gathers them into batches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::error::Result;
use crate::normalise::{Inverse, Normaliser};
use crate::raster::{Area, RasterSource};
use crate::strip::Strip;
use crate::tile::{Tile, TilePlan};

/// Chips per thread that are prepared at a time.
pub const AHEAD: usize = 8;

/// Chips that are inferred together.
#[derive(Debug, Default)]
pub struct Batch {
    /// Their tiles, in row-major order; fewer than the batch holds at the end.
    pub tiles: Vec<Tile>,
    /// The network's inputs, one per date, (batch, channel, row, column), zero behind the last tile.
    pub inputs: Vec<Vec<f32>>,
    /// Where the chips' output counts, (tile, row, column) of the footprint.
    pub valid: Vec<u8>,
    /// Each tile's way back to digital numbers, per date and channel.
    pub inverses: Vec<Vec<Inverse>>,
    /// Tiles that hold no valid pixel asked for and are not inferred; they lie between these.
    pub skipped: usize,
}

/// Everything that makes batches.
#[derive(Clone, Copy)]
pub struct Feed<'a> {
    /// Which chips.
    pub plan: &'a TilePlan,
    /// Where their pixels come from: the bands of each date.
    pub source: &'a dyn RasterSource,
    /// Which pixels are asked for; all, if there is none.
    pub area: Option<&'a dyn Area>,
    /// How a date's pixels become input.
    pub normaliser: &'a Normaliser,
    /// Dates.
    pub dates: usize,
    /// Side of the network's chip.
    pub chip_px: usize,
    /// Chips per batch.
    pub batch: usize,
    /// The threads that read and normalise.
    pub pool: &'a ThreadPool,
    /// Set when nobody wants the rest.
    pub stop: &'a AtomicBool,
}

impl std::fmt::Debug for Feed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("plan", self.plan).field("batch", &self.batch).finish()
    }
}

/// One normalised chip.
struct Chip {
    tile: Tile,
    inputs: Vec<Vec<f32>>,
    valid: Vec<u8>,
    inverses: Vec<Inverse>,
}

impl Feed<'_> {
    /// Sends every batch of the plan, in order, until nobody listens.
    ///
    /// # Errors
    /// - Input: a block cannot be read.
    pub fn run(self, batches: &SyncSender<Result<Batch>>) -> Result<()> {
        let mut strip = Strip::empty(self.source.bands());
        let mut batch = self.empty();
        let side = self.plan.grid().chip() as usize;
        for row in self.plan.tile_rows() {
            strip = self.pool.install(|| strip.advance(self.plan.strip(row), self.source))?;
            let tiles: Vec<Tile> = self.plan.tiles(row).collect();
            for tiles in tiles.chunks(self.batch.max(AHEAD * self.pool.current_num_threads())) {
                if self.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let room = || vec![0.0; side * side * self.source.bands()];
                let prepare =
                    |bands: &mut Vec<f32>, tile: &Tile| self.prepare(&strip, *tile, bands);
                let chips: Vec<Result<Option<Chip>>> =
                    self.pool.install(|| tiles.par_iter().map_init(room, prepare).collect());
                for chip in chips {
                    match chip? {
                        None => batch.skipped += 1,
                        Some(chip) => self.append(&mut batch, chip),
                    }
                    if batch.tiles.len() == self.batch && !self.send(&mut batch, batches) {
                        return Ok(());
                    }
                }
            }
            // A row of nothing still counts as progress.
            if batch.tiles.is_empty() && batch.skipped > 0 && !self.send(&mut batch, batches) {
                return Ok(());
            }
        }
        if !batch.tiles.is_empty() {
            self.send(&mut batch, batches);
        }
        Ok(())
    }

    /// Sends what is gathered; false if nobody listens, because the run has ended already.
    fn send(&self, batch: &mut Batch, batches: &SyncSender<Result<Batch>>) -> bool {
        batches.send(Ok(std::mem::replace(batch, self.empty()))).is_ok()
    }

    /// Returns the values of one chip of input.
    fn chip_values(&self) -> usize {
        self.normaliser.channels() * self.chip_px * self.chip_px
    }

    fn empty(&self) -> Batch {
        Batch { tiles: Vec::with_capacity(self.batch), ..Batch::default() }
    }

    fn append(&self, batch: &mut Batch, chip: Chip) {
        if self.batch == 1 {
            batch.inputs = chip.inputs;
        } else {
            self.copy(batch, &chip.inputs);
        }
        batch.valid.extend_from_slice(&chip.valid);
        batch.inverses.push(chip.inverses);
        batch.tiles.push(chip.tile);
    }

    /// Copies a chip's input into the batch's.
    fn copy(&self, batch: &mut Batch, chip: &[Vec<f32>]) {
        if batch.inputs.is_empty() {
            batch.inputs = vec![vec![0.0; self.batch * self.chip_values()]; self.dates];
        }
        let at = batch.tiles.len() * self.chip_values();
        for (inputs, input) in batch.inputs.iter_mut().zip(chip) {
            inputs[at..at + input.len()].copy_from_slice(input);
        }
    }

    /// Cuts and normalises a chip of each date; `None` if it holds no valid pixel that is asked for.
    ///
    /// `bands` has room for the footprint of all dates, (band, row, column).
    fn prepare(&self, strip: &Strip, tile: Tile, bands: &mut [f32]) -> Result<Option<Chip>> {
        let mut valid = vec![0; (self.plan.grid().chip() as usize).pow(2)];
        strip.cut(self.plan, tile, bands, &mut valid);
        let output = self.wanted(tile, &valid)?;
        if output.iter().all(|valid| *valid == 0) {
            return Ok(None);
        }
        let mut inverses = Vec::new();
        let inputs = bands.chunks_exact(bands.len() / self.dates).map(|bands| {
            let mut input = vec![0.0; self.chip_values()];
            inverses.extend(self.normaliser.chip(bands, &valid, &mut input));
            input
        });
        let inputs = inputs.collect();
        Ok(Some(Chip { tile, inputs, valid: output, inverses }))
    }

    /// Returns where a chip's output counts: valid pixels, of its kept area if there is an area.
    fn wanted(&self, tile: Tile, valid: &[u8]) -> Result<Vec<u8>> {
        let Some(area) = self.area else { return Ok(valid.to_vec()) };
        let kept = self.plan.kept(tile);
        let mut wanted = vec![0; kept.size.pixels()];
        area.read(kept, &mut wanted)?;
        let side = self.plan.grid().chip() as usize;
        let mut output = vec![0; valid.len()];
        for (row, line) in wanted.chunks_exact(kept.size.width as usize).enumerate() {
            let place =
                |first: u32, chip: i64| usize::try_from(i64::from(first) - chip).unwrap_or(0);
            let at = (place(kept.row, tile.row) + row) * side + place(kept.col, tile.col);
            for (col, wanted) in line.iter().enumerate() {
                output[at + col] = wanted & valid[at + col];
            }
        }
        Ok(output)
    }
}
