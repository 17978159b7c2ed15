//! Walks the line: window, tiles, read, normalise, batch, infer, blend, write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use rayon::ThreadPool;

use crate::activation;
use crate::batch::{Batch, Feed};
use crate::blend::{Blended, Blender};
use crate::error::{Error, Result};
use crate::memory;
use crate::model::manifest::Manifest;
use crate::normalise::Normaliser;
use crate::progress::Progress;
use crate::raster::RasterSource;
use crate::runtime::session::{Session, Terminator};
use crate::tile::TilePlan;

/// How often the caller is asked whether to go on.
const TICK: Duration = Duration::from_millis(50);

/// What a run needs, resolved: nothing in it is optional.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    /// Describes the model.
    pub manifest: &'a Manifest,
    /// Runs the model, a fixed number of chips at a time.
    pub session: &'a Session,
    /// Which chips, of which window.
    pub plan: &'a TilePlan,
    /// Serves the bands that the normaliser was made for.
    pub source: &'a dyn RasterSource,
    /// Makes the network's input.
    pub normaliser: &'a Normaliser,
    /// Chips per batch, as the session has it.
    pub batch: usize,
    /// Reads, normalises, blends.
    pub pool: &'a ThreadPool,
    /// Bytes this process may hold.
    pub memory: u64,
}

impl std::fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("plan", self.plan).field("batch", &self.batch).finish()
    }
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Report {
    /// Chips of the window, skipped ones included.
    pub chips: usize,
    /// Chips without a valid pixel, not inferred.
    pub chips_skipped: usize,
    /// Wall time of the line.
    pub seconds: f64,
    /// Share of pixels in more than one chip that chips decided differently.
    pub seam_disagreement: Option<f64>,
}

/// A batch and the network's answer.
struct Scored {
    batch: Batch,
    scores: Vec<f32>,
}

/// Predicts the plan's window; `take` gets its finished rows, in order, each once.
///
/// Reading runs on one thread (and the pool), inference on another; `take` and `progress` are
/// called on this one.
///
/// # Errors
/// - Input: a block cannot be read.
/// - Model: inference fails or gives what is not a number.
/// - Io: the memory budget does not suffice, or `take` cannot store rows.
/// - Cancelled: `progress` said so.
pub fn predict(
    line: Line<'_>,
    progress: &mut dyn Progress,
    take: &mut dyn FnMut(Blended<'_>) -> Result<()>,
) -> Result<Report> {
    let started = Instant::now();
    let session = line.session.apart()?;
    let line = Line { session: &session, ..line };
    let stop = AtomicBool::new(false);
    let mut walk = Walk::new(line);
    thread::scope(|scope| {
        let (feeder, batches) = sync_channel(0);
        let (worker, results) = sync_channel(0);
        let feed = scope.spawn(move || feed(line, feeder));
        let infer = scope.spawn(|| infer(line, batches, worker, &stop));
        let outcome = walk.collect(&results, progress, take);
        stop.store(outcome.is_err(), Ordering::Relaxed);
        drop(results);
        join(infer, Some(&line.session.terminator()).filter(|_| outcome.is_err()))?;
        join(feed, None)?;
        outcome
    })?;
    Ok(Report { seconds: started.elapsed().as_secs_f64(), ..walk.report() })
}

fn feed(line: Line<'_>, batches: SyncSender<Result<Batch>>) {
    let Line { plan, source, normaliser, batch, pool, .. } = line;
    if let Err(error) = (Feed { plan, source, normaliser, batch, pool }).run(&batches) {
        // Nobody listening any more means that the run has ended already.
        let _ = batches.send(Err(error));
    }
}

fn infer(
    line: Line<'_>,
    batches: Receiver<Result<Batch>>,
    results: SyncSender<Result<Scored>>,
    stop: &AtomicBool,
) {
    for batch in batches {
        let scored = batch.and_then(|batch| {
            let empty = batch.tiles.is_empty() || stop.load(Ordering::Relaxed);
            let scores = if empty { Vec::new() } else { scores(line, &batch)? };
            Ok(Scored { batch, scores })
        });
        let failed = scored.is_err();
        if results.send(scored).is_err() || failed {
            return;
        }
    }
}

/// Returns a batch's activated scores, (tile, class, row, column).
fn scores(line: Line<'_>, batch: &Batch) -> Result<Vec<f32>> {
    let (classes, output) = (line.manifest.classes.len(), &line.manifest.outputs[0]);
    let chip = classes * (line.plan.grid().chip() as usize).pow(2);
    let mut tensors = line.session.run(&[&batch.input], &[&output.name])?;
    let tensor = tensors.swap_remove(0);
    let mut scores = tensor.values;
    if scores.len() != chip * line.batch {
        return Err(Error::model(format!(
            "the network's output '{}' has shape {}; {} x {classes} classes x {side} x {side} \
             pixels were needed",
            output.name,
            tensor.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x "),
            line.batch,
            side = line.plan.grid().chip(),
        )));
    }
    scores.truncate(chip * batch.tiles.len());
    for chip in scores.chunks_exact_mut(chip) {
        activation::apply(output.activation, chip, classes);
    }
    Ok(scores)
}

/// Waits for a thread, stopping what it infers.
fn join(thread: ScopedJoinHandle<'_, ()>, stop: Option<&Terminator>) -> Result<()> {
    while let Some(terminator) = stop.filter(|_| !thread.is_finished()) {
        terminator.terminate();
        thread::sleep(Duration::from_millis(2));
    }
    thread.join().map_err(|_| {
        Error::failed("a worker thread gave up; this is a defect of the library, please report it")
    })
}

/// The calling thread's part.
struct Walk<'a> {
    line: Line<'a>,
    blender: Blender,
    done: usize,
    skipped: usize,
}

impl<'a> Walk<'a> {
    fn new(line: Line<'a>) -> Self {
        let blender = Blender::new(line.plan, line.manifest.classes.len());
        Self { line, blender, done: 0, skipped: 0 }
    }

    fn collect(
        &mut self,
        results: &Receiver<Result<Scored>>,
        progress: &mut dyn Progress,
        take: &mut dyn FnMut(Blended<'_>) -> Result<()>,
    ) -> Result<()> {
        loop {
            if !progress.advanced(self.done, self.line.plan.len()) {
                return Err(Error::cancelled());
            }
            match results.recv_timeout(TICK) {
                Ok(scored) => self.blend(&scored?, take)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.done != self.line.plan.len() {
            return Err(Error::failed("the run ended before its last chip"));
        }
        self.blender.drain(i64::MAX, take)
    }

    fn blend(
        &mut self,
        scored: &Scored,
        take: &mut dyn FnMut(Blended<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.done == 0 {
            self.check_memory()?;
        }
        let (plan, batch) = (self.line.plan, &scored.batch);
        let pixels = (plan.grid().chip() as usize).pow(2);
        let chip = self.line.manifest.classes.len() * pixels;
        let chips = scored.scores.chunks_exact(chip).zip(batch.valid.chunks_exact(pixels));
        for (tile, (scores, valid)) in batch.tiles.iter().zip(chips) {
            let first = tile.row + i64::from(plan.grid().halo());
            self.blender.drain(first, take)?;
            self.blender.add(plan, *tile, scores, valid)?;
        }
        self.done += batch.tiles.len() + batch.skipped;
        self.skipped += batch.skipped;
        Ok(())
    }

    /// Compares what the process holds after its first batch, and what is yet to come, with the
    /// budget.
    fn check_memory(&self) -> Result<()> {
        let (plan, classes) = (self.line.plan, self.line.manifest.classes.len());
        let first = plan.tile_rows().next().unwrap_or_default();
        let strip = plan.strip(first).size.pixels() * (4 * self.line.source.bands() + 1);
        let coming = Blender::bytes(plan, classes) + strip as u64;
        let needed = memory::resident().unwrap_or(0) + coming;
        if needed <= self.line.memory {
            return Ok(());
        }
        Err(Error::io(format!(
            "this run needs about {}, --memory allows {}; give it more, or take a smaller --batch \
             or a narrower --window",
            memory::words(needed),
            memory::words(self.line.memory)
        )))
    }

    fn report(&self) -> Report {
        Report {
            chips: self.line.plan.len(),
            chips_skipped: self.skipped,
            seconds: 0.0,
            seam_disagreement: self.blender.seam_disagreement(),
        }
    }
}
