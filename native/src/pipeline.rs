//! Walks the line: window, tiles, read, normalise, batch, infer, blend, write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use log::info;
use rayon::ThreadPool;

use crate::batch::{AHEAD, Batch, Feed};
use crate::blend::Blended;
use crate::error::{Error, Result};
use crate::memory;
use crate::model::manifest::{Manifest, Output, OutputKind};
use crate::normalise::Normaliser;
use crate::product::Product;
use crate::progress::Progress;
use crate::raster::timed::Timed;
use crate::raster::{Area, RasterSource};
use crate::runtime::session::{Session, Terminator};
use crate::spare::Spare;
use crate::tile::TilePlan;

/// Name of the network's output that holds a chip's pre-training loss, (batch, 1).
pub const LOSS: &str = "loss";

/// How often the caller is asked whether to go on.
const TICK: Duration = Duration::from_millis(50);

/// What a run needs, resolved: nothing in it is optional.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    /// Describes the model.
    pub manifest: &'a Manifest,
    /// The outputs that are wanted.
    pub outputs: &'a [Output],
    /// Runs the model, a fixed number of chips at a time.
    pub session: &'a Session,
    /// Which chips, of which window.
    pub plan: &'a TilePlan,
    /// Serves the bands that the normaliser was made for, of each date.
    pub source: &'a dyn RasterSource,
    /// Which pixels are asked for; all of the window, if there is none.
    pub area: Option<&'a dyn Area>,
    /// Makes the network's input.
    pub normaliser: &'a Normaliser,
    /// Chips per batch, as the session has it.
    pub batch: usize,
    /// Reads and normalises; `take` needs threads of its own, or waits for the chips on their way.
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
    /// Of these, while pixels were read; the five go on side by side.
    pub reading: f64,
    /// While chips were cut and normalised, of every thread that does.
    pub normalising: f64,
    /// While the network ran.
    pub inferring: f64,
    /// While scores were blended and decided.
    pub blending: f64,
    /// While finished rows were taken.
    pub writing: f64,
    /// Share of pixels in more than one chip that chips decided differently.
    pub seam_disagreement: Option<f64>,
    /// Mean of the pre-training loss over the chips, of a reconstruction.
    pub loss: Option<f64>,
}

/// A batch and the network's answer.
pub(crate) struct Scored {
    pub(crate) batch: Batch,
    /// Per output, (tile, plane, row, column).
    pub(crate) planes: Vec<Vec<f32>>,
    /// The sum of the tiles' losses.
    loss: Option<f64>,
    /// Seconds that the network took.
    seconds: f64,
}

/// Takes finished rows of an output.
pub type Take<'a> = dyn FnMut(OutputKind, Blended<'_>) -> Result<()> + 'a;

/// Takes inferred chips.
pub(crate) type Each<'a> = dyn FnMut(&Scored) -> Result<()> + 'a;

/// Predicts the plan's window; `take` gets the finished rows of each output, in order, each once.
///
/// Reading runs on one thread (and the pool), inference on another; `take` and `progress` are
/// called on this one.
///
/// # Errors
/// - Input: a block cannot be read.
/// - Model: inference fails or gives what is not a number.
/// - Io: the memory budget does not suffice, or `take` cannot store rows.
/// - Cancelled: `progress` said so.
pub fn predict(line: Line<'_>, progress: &mut dyn Progress, take: &mut Take<'_>) -> Result<Report> {
    line.check_memory(0)?;
    let source = Timed::new(line.source);
    let line = Line { source: &source, ..line };
    let mut walk = Walk::new(line, Instant::now());
    let mut writing = Duration::ZERO;
    let mut take = |kind: OutputKind, rows: Blended<'_>| {
        let started = Instant::now();
        let taken = take(kind, rows);
        writing += started.elapsed();
        taken
    };
    let mut blending = Duration::ZERO;
    let mut each = |scored: &Scored| {
        let started = Instant::now();
        let blended = walk.blend(scored, &mut take);
        blending += started.elapsed();
        blended
    };
    infer_all(line, progress, &mut each)?;
    let started = Instant::now();
    walk.products.iter_mut().try_for_each(|product| product.finish(&mut take))?;
    blending += started.elapsed();
    Ok(Report {
        reading: source.seconds(),
        blending: blending.saturating_sub(writing).as_secs_f64(),
        writing: writing.as_secs_f64(),
        ..walk.report()
    })
}

/// Infers the plan's chips and blends nothing; `each` gets them in order, without those that hold no
/// valid pixel. Whether memory suffices is the caller's to check before.
///
/// # Errors
/// As [`predict`].
pub(crate) fn infer_all(
    line: Line<'_>,
    progress: &mut dyn Progress,
    each: &mut Each<'_>,
) -> Result<()> {
    let session = line.session.apart()?;
    let line = Line { session: &session, ..line };
    let stop = AtomicBool::new(false);
    let spare = Spare::default();
    thread::scope(|scope| {
        let (feeder, batches) = sync_channel(line.ahead());
        let (worker, results) = sync_channel(1);
        let feed = scope.spawn(|| feed(line, feeder, &spare, &stop));
        let infer = scope.spawn(|| infer(line, batches, worker, &spare, &stop));
        let outcome = line.collect(&results, progress, each);
        stop.store(outcome.is_err(), Ordering::Relaxed);
        drop(results);
        join(infer, Some(&line.session.terminator()).filter(|_| outcome.is_err()))?;
        join(feed, None)?;
        outcome
    })
}

fn feed(line: Line<'_>, batches: SyncSender<Result<Batch>>, spare: &Spare, stop: &AtomicBool) {
    let Line { manifest, plan, source, area, normaliser, batch, pool, .. } = line;
    let (dates, chip_px) = (manifest.task.inputs().len(), manifest.chip_px as usize);
    let feed = Feed { plan, source, area, normaliser, dates, chip_px, batch, pool, spare, stop };
    if let Err(error) = feed.run(&batches) {
        // Nobody listening any more means that the run has ended already.
        let _ = batches.send(Err(error));
    }
}

fn infer(
    line: Line<'_>,
    batches: Receiver<Result<Batch>>,
    results: SyncSender<Result<Scored>>,
    spare: &Spare,
    stop: &AtomicBool,
) {
    for batch in batches {
        let scored = batch.and_then(|batch| {
            let empty = batch.tiles.is_empty() || stop.load(Ordering::Relaxed);
            if empty {
                Ok(Scored { batch, planes: Vec::new(), loss: None, seconds: 0.0 })
            } else {
                score(line, batch, spare)
            }
        });
        let failed = scored.is_err();
        if results.send(scored).is_err() || failed {
            return;
        }
    }
}

/// Runs the network on a batch.
fn score(line: Line<'_>, mut batch: Batch, spare: &Spare) -> Result<Scored> {
    let inputs: Vec<&[f32]> = batch.inputs.iter().map(Vec::as_slice).collect();
    let wants_loss = line.outputs.iter().any(|output| output.kind == OutputKind::Reconstruction);
    let mut names: Vec<&str> = line.outputs.iter().map(|output| output.name.as_str()).collect();
    names.extend(wants_loss.then_some(LOSS));
    let started = Instant::now();
    let mut tensors = line.session.run(&inputs, &names)?;
    let seconds = started.elapsed().as_secs_f64();
    let losses = wants_loss.then(|| tensors.pop()).flatten();
    let sum = |values: &[f32]| values.iter().map(|loss| f64::from(*loss)).sum();
    let loss = losses.map(|losses| sum(&losses.values[..batch.tiles.len()]));
    let planes = line
        .outputs
        .iter()
        .zip(tensors)
        .map(|(output, tensor)| Product::planes(output, tensor, &batch, line.batch))
        .collect::<Result<_>>()?;
    batch.inputs.drain(..).for_each(|input| spare.give(input));
    Ok(Scored { batch, planes, loss, seconds })
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

impl Line<'_> {
    /// Counts the batches that wait for the network: as many chips as are on their way to it, so
    /// that preparing and inferring go on side by side.
    fn ahead(&self) -> usize {
        (AHEAD * self.pool.current_num_threads()).div_ceil(self.batch)
    }

    /// Returns the bytes that the line itself will hold: two strips, rows of a third of which some
    /// are still needed, what reading rows takes besides, the batches that are prepared, wait, are
    /// inferred and blended, with what the network makes of them, the rows being blended.
    fn bytes(&self) -> u64 {
        let first = self.plan.tile_rows().next().unwrap_or_default();
        let strip = self.plan.strip(first).size;
        let pixels = u64::from(strip.width) * u64::from(strip.height);
        let sample = if self.source.fits_u16() { size_of::<u16>() } else { size_of::<f32>() };
        let strip = pixels.saturating_mul((sample * self.source.bands()) as u64 + 1);
        let side = u64::from(self.manifest.chip_px);
        let channels = (self.normaliser.channels() * self.manifest.task.inputs().len()) as u64;
        let made: u64 = self.outputs.iter().map(|output| u64::from(output.channels)).sum();
        let input = side * side * 4 * channels * self.batch as u64;
        let made = side * side * 4 * 2 * made * self.batch as u64;
        let batches = (2 * self.ahead() as u64 + 3) * input + 3 * made;
        let held = self.outputs.iter().map(|o| Product::bytes(self.manifest, o, self.plan));
        let held = held.fold(0u64, u64::saturating_add);
        let strips = 2 + u64::from(self.plan.grid().overlap() > 0);
        let reading = pixels.saturating_mul(self.source.scratch() as u64);
        strip
            .saturating_mul(strips)
            .saturating_add(reading)
            .saturating_add(batches)
            .saturating_add(held)
    }

    /// Passes on what is inferred, asks whether to go on.
    fn collect(
        &self,
        results: &Receiver<Result<Scored>>,
        progress: &mut dyn Progress,
        each: &mut Each<'_>,
    ) -> Result<()> {
        let mut done = 0;
        loop {
            if !progress.advanced(done, self.plan.len()) {
                return Err(Error::cancelled());
            }
            match results.recv_timeout(TICK) {
                Ok(scored) => {
                    let scored = scored?;
                    each(&scored)?;
                    done += scored.batch.tiles.len() + scored.batch.skipped;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if done == self.plan.len() {
            return Ok(());
        }
        Err(Error::failed("the run ended before its last chip"))
    }

    /// Compares what the process holds, and what is still to come, with the budget; `there` of the
    /// line's own bytes are held already.
    pub(crate) fn check_memory(&self, there: u64) -> Result<()> {
        let coming = self.bytes().saturating_sub(there);
        let needed = memory::resident().unwrap_or(0).saturating_add(coming);
        if needed <= self.memory {
            return Ok(());
        }
        Err(Error::io(format!(
            "this run needs about {}, --memory allows {}; give it more, or take a smaller --batch \
             or a narrower --window",
            memory::words(needed),
            memory::words(self.memory)
        )))
    }
}

/// What the calling thread makes of the chips.
struct Walk<'a> {
    line: Line<'a>,
    products: Vec<Product>,
    started: Instant,
    report: Report,
    done: usize,
}

impl<'a> Walk<'a> {
    fn new(line: Line<'a>, started: Instant) -> Self {
        let make = |output| Product::new(line.manifest, output, line.plan);
        let products = line.outputs.iter().map(make).collect();
        Self { line, products, started, report: Report::default(), done: 0 }
    }

    fn blend(&mut self, scored: &Scored, take: &mut Take<'_>) -> Result<()> {
        let batch = &scored.batch;
        if self.done == self.report.chips_skipped && !batch.tiles.is_empty() {
            // The network's own memory shows in its first run.
            self.line.check_memory(self.line.bytes() / 2)?;
            self.expect(scored.seconds / batch.tiles.len() as f64);
        }
        for (product, planes) in self.products.iter_mut().zip(&scored.planes) {
            product.add(self.line.plan, batch, planes, take)?;
        }
        self.done += batch.tiles.len() + batch.skipped;
        self.report.chips_skipped += batch.skipped;
        self.report.inferring += scored.seconds;
        self.report.normalising += batch.seconds;
        if let Some(loss) = scored.loss {
            *self.report.loss.get_or_insert(0.0) += loss;
        }
        Ok(())
    }

    /// Says how long a long run will take, by the network's first batch: what is read before it, blocks
    /// of a thousand rows, serves many.
    fn expect(&self, seconds: f64) {
        let left = seconds * (self.line.plan.len() - self.done) as f64;
        if left > 60.0 {
            info!("about {:.0} minutes to go", (left / 60.0).ceil());
        }
    }

    fn report(&self) -> Report {
        let chips = self.line.plan.len();
        let inferred = (chips - self.report.chips_skipped).max(1);
        Report {
            chips,
            seconds: self.started.elapsed().as_secs_f64(),
            seam_disagreement: self.products.iter().find_map(Product::seam_disagreement),
            loss: self.report.loss.map(|sum| sum / inferred as f64),
            ..self.report
        }
    }
}
