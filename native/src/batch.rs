//! Feeds inference: reads strips, cuts and normalises chips, gathers them into batches.

use std::collections::VecDeque;
use std::iter::repeat_with;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use rayon::ThreadPool;

use crate::error::Result;
use crate::normalise::{Inverse, Normaliser};
use crate::raster::{Area, RasterSource};
use crate::spare::Spare;
use crate::strip::{Pixel, Strip};
use crate::tile::{Tile, TilePlan};

/// Chips per thread that are on their way at once: fewer stay nearer to the processor.
pub const AHEAD: usize = 4;

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
    /// Seconds that cutting and normalising took, of each thread that did.
    pub seconds: f64,
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
    /// Where inputs come from, and go when they were inferred.
    pub spare: &'a Spare,
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
    seconds: f64,
}

impl Feed<'_> {
    /// Sends every batch of the plan, in order, until nobody listens.
    ///
    /// # Errors
    /// - Input: a block cannot be read.
    pub fn run(self, batches: &SyncSender<Result<Batch>>) -> Result<()> {
        // Whole numbers take half the memory, and memory's speed is what preparing chips waits for.
        if self.source.fits_u16() { self.walk::<u16>(batches) } else { self.walk::<f32>(batches) }
    }

    fn walk<T: Pixel>(self, batches: &SyncSender<Result<Batch>>) -> Result<()> {
        let bands = self.source.bands();
        let (mut strip, mut next) = (Strip::<T>::empty(bands), Strip::empty(bands));
        let mut batch = self.empty();
        let mut rows = self.plan.tile_rows().peekable();
        if let Some(row) = rows.peek() {
            self.read(&mut next, &strip, *row)?;
        }
        while let Some(row) = rows.next() {
            std::mem::swap(&mut strip, &mut next);
            let go_on = thread::scope(|scope| {
                let (strip, next) = (&strip, &mut next);
                let later = rows.peek().copied();
                let reader = later.map(|row| scope.spawn(move || self.read(next, strip, row)));
                let go_on = self.row(strip, row, &mut batch, batches)?;
                let read = reader.map_or(Ok(Ok(())), ScopedJoinHandle::join);
                read.unwrap_or_else(|panic| resume_unwind(panic)).map(|()| go_on)
            })?;
            if !go_on {
                return Ok(());
            }
        }
        if !batch.tiles.is_empty() {
            self.send(&mut batch, batches);
        }
        Ok(())
    }

    /// Reads the part of the raster that a row of tiles looks at.
    fn read<T: Pixel>(&self, strip: &mut Strip<T>, before: &Strip<T>, row: i64) -> Result<()> {
        self.pool.install(|| strip.follow(before, self.plan.strip(row), self.source))
    }

    /// Sends the full batches of a row of tiles; false if nobody listens.
    fn row<T: Pixel>(
        &self,
        strip: &Strip<T>,
        row: i64,
        batch: &mut Batch,
        batches: &SyncSender<Result<Batch>>,
    ) -> Result<bool> {
        let most = self.batch.max(AHEAD * self.pool.current_num_threads());
        let mut tiles = self.plan.tiles(row).fuse();
        // The next ones are on their way while the first of them is waited for.
        let listening = self.pool.in_place_scope(|scope| -> Result<bool> {
            let mut coming = VecDeque::with_capacity(most);
            loop {
                for tile in tiles.by_ref().take(most - coming.len()) {
                    let (done, chip) = sync_channel(1);
                    scope.spawn(move |_| drop(done.send(self.prepare(strip, tile))));
                    coming.push_back(chip);
                }
                let Some(chip) = coming.pop_front() else { return Ok(true) };
                // No answer is a panic, which the scope passes on.
                let Ok(chip) = chip.recv() else { return Ok(false) };
                match chip? {
                    None => batch.skipped += 1,
                    Some(chip) => self.append(batch, chip),
                }
                let stopped = self.stop.load(Ordering::Relaxed);
                if stopped || batch.tiles.len() == self.batch && !self.send(batch, batches) {
                    return Ok(false);
                }
            }
        })?;
        if !listening {
            return Ok(false);
        }
        // A row of nothing still counts as progress.
        let nothing = batch.tiles.is_empty() && batch.skipped > 0;
        Ok(!nothing || self.send(batch, batches))
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
            chip.inputs.into_iter().for_each(|input| self.spare.give(input));
        }
        batch.seconds += chip.seconds;
        batch.valid.extend_from_slice(&chip.valid);
        batch.inverses.push(chip.inverses);
        batch.tiles.push(chip.tile);
    }

    /// Copies a chip's input into the batch's.
    fn copy(&self, batch: &mut Batch, chip: &[Vec<f32>]) {
        if batch.inputs.is_empty() {
            let input = || self.spare.take(self.batch * self.chip_values());
            batch.inputs = repeat_with(input).take(self.dates).collect();
            batch.inputs.iter_mut().for_each(|input| input.fill(0.0));
        }
        let at = batch.tiles.len() * self.chip_values();
        for (inputs, input) in batch.inputs.iter_mut().zip(chip) {
            inputs[at..at + input.len()].copy_from_slice(input);
        }
    }

    /// Cuts and normalises a chip of each date; `None` if it holds no valid pixel that is asked for.
    fn prepare<T: Pixel>(&self, strip: &Strip<T>, tile: Tile) -> Result<Option<Chip>> {
        let started = Instant::now();
        let cut = strip.chip(self.plan, tile);
        let valid = cut.valid();
        let output = self.wanted(tile, &valid)?;
        if !output.contains(&1) {
            return Ok(None);
        }
        let mut inverses = Vec::new();
        let bands = self.source.bands() / self.dates;
        let inputs = (0..self.dates).map(|date| {
            let mut input = self.spare.take(self.chip_values());
            inverses.extend(cut.normalise(self.normaliser, date * bands, &valid, &mut input));
            input
        });
        let inputs = inputs.collect();
        let seconds = started.elapsed().as_secs_f64();
        Ok(Some(Chip { tile, inputs, valid: output, inverses, seconds }))
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
