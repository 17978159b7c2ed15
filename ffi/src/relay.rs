//! Brings every callback to the thread that called in, while the line runs on others.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::geometry::{Size, Window};
use spectralgpt_core::progress::Progress;
use spectralgpt_core::raster::{RasterSink, RasterSource, Samples};
use spectralgpt_core::scene::{Predictor, SceneReport};

use crate::boundary::{Read, Watcher, Write};

/// Pixels (band, row, column) and valid flags (row, column).
type Pixels = (Vec<f32>, Vec<u8>);

/// What the line asks of the thread that called in; the answer goes to the last member.
enum Ask {
    Read(usize, Window, SyncSender<Result<Pixels>>),
    Write(Rows, SyncSender<Result<()>>),
    Advanced(usize, usize, SyncSender<bool>),
}

/// Rows of an output.
struct Rows {
    output: usize,
    first: u32,
    size: Size,
    bands: usize,
    samples: Owned,
}

/// As [`Samples`].
enum Owned {
    U8(Vec<u8>),
    U16(Vec<u16>),
    F32(Vec<f32>),
}

/// Predicts what the callbacks read into what they store; all of them are called on this thread.
///
/// # Errors
/// - As [`Predictor::predict_sources`]; of a callback, what it returned.
pub(crate) fn predict(
    predictor: &Predictor,
    reads: &[Read],
    writes: &[Write],
    watcher: &mut Watcher<'_>,
) -> Result<SceneReport> {
    let sizes: Vec<(Size, usize)> = reads.iter().map(|read| (read.size(), read.bands())).collect();
    let (asks, asked) = channel();
    thread::scope(|scope| {
        let line = scope.spawn(move || run(predictor, &sizes, &asks));
        serve(&asked, reads, writes, watcher);
        line.join().map_err(|_| {
            Error::failed("a thread gave up; this is a defect of the library, please report it")
        })?
    })
}

/// The line's side.
fn run(predictor: &Predictor, sizes: &[(Size, usize)], asks: &Sender<Ask>) -> Result<SceneReport> {
    let source = |(index, (size, bands)): (usize, &(Size, usize))| Source {
        index,
        size: *size,
        bands: *bands,
        asks: asks.clone(),
    };
    let sources: Vec<Source> = sizes.iter().enumerate().map(source).collect();
    let size = sizes.first().map_or(Size::new(1, 1), |(size, _)| *size);
    let layers = predictor.layers(size)?.into_iter().enumerate();
    let mut sinks: Vec<Sink> = layers
        .map(|(output, (size, layer))| Sink {
            output,
            row: 0,
            width: size.width,
            bands: layer.bands.len(),
            asks: asks.clone(),
        })
        .collect();
    let sources: Vec<&dyn RasterSource> = sources.iter().map(|source| source as _).collect();
    let mut sinks: Vec<&mut dyn RasterSink> = sinks.iter_mut().map(|sink| sink as _).collect();
    predictor.predict_sources(&sources, &mut sinks, &mut Asking(asks.clone()))
}

/// Answers until the line has ended; after a failure without asking the caller again.
fn serve(asked: &Receiver<Ask>, reads: &[Read], writes: &[Write], watcher: &mut Watcher<'_>) {
    let mut failure: Option<Error> = None;
    for ask in asked {
        let failed = failure.clone();
        // Who does not wait for an answer has ended already.
        let _ = match ask {
            Ask::Read(date, window, answer) => {
                let read = failed.map_or_else(|| reads[date].call(window), Err);
                failure = read.as_ref().err().cloned();
                answer.send(read).is_ok()
            }
            Ask::Write(rows, answer) => {
                let written = failed.map_or_else(|| rows.store(&writes[rows.output]), Err);
                failure = written.as_ref().err().cloned();
                answer.send(written).is_ok()
            }
            // A failure ends the run where it happened, with its own words.
            Ask::Advanced(_, _, answer) if failed.is_some() => answer.send(true).is_ok(),
            Ask::Advanced(done, total, answer) => {
                let on = watcher.advanced(done, total);
                failure = (!on).then(Error::cancelled);
                answer.send(on).is_ok()
            }
        };
    }
}

impl Rows {
    fn store(&self, write: &Write) -> Result<()> {
        let samples = match &self.samples {
            Owned::U8(samples) => Samples::U8(samples),
            Owned::U16(samples) => Samples::U16(samples),
            Owned::F32(samples) => Samples::F32(samples),
        };
        write.call(self.first, self.size, self.bands, samples)
    }
}

/// Asks and waits for the answer; `None` if nobody answers any more.
fn ask<T>(asks: &Sender<Ask>, about: impl FnOnce(SyncSender<T>) -> Ask) -> Option<T> {
    let (answer, answered) = sync_channel(1);
    asks.send(about(answer)).ok()?;
    answered.recv().ok()
}

fn gone() -> Error {
    Error::failed("the thread that called in is gone")
}

/// A raster that is read by asking.
struct Source {
    index: usize,
    size: Size,
    bands: usize,
    asks: Sender<Ask>,
}

impl RasterSource for Source {
    fn size(&self) -> Size {
        self.size
    }

    fn bands(&self) -> usize {
        self.bands
    }

    fn read(&self, window: Window, pixels: &mut [f32], valid: &mut [u8]) -> Result<()> {
        let answer = ask(&self.asks, |answer| Ask::Read(self.index, window, answer));
        let (read, flags) = answer.unwrap_or_else(|| Err(gone()))?;
        pixels.copy_from_slice(&read);
        valid.copy_from_slice(&flags);
        Ok(())
    }
}

/// An output that is stored by asking.
struct Sink {
    output: usize,
    row: u32,
    width: u32,
    bands: usize,
    asks: Sender<Ask>,
}

impl RasterSink for Sink {
    fn write(&mut self, rows: Samples<'_>) -> Result<()> {
        let row = self.width as usize * self.bands;
        let height = u32::try_from(rows.len() / row.max(1)).map_err(|_| gone())?;
        let samples = match rows {
            Samples::U8(samples) => Owned::U8(samples.to_vec()),
            Samples::U16(samples) => Owned::U16(samples.to_vec()),
            Samples::F32(samples) => Owned::F32(samples.to_vec()),
        };
        let (output, first, bands) = (self.output, self.row, self.bands);
        let rows = Rows { output, first, size: Size::new(self.width, height), bands, samples };
        self.row += height;
        ask(&self.asks, |answer| Ask::Write(rows, answer)).unwrap_or_else(|| Err(gone()))
    }
}

/// Tells of progress by asking.
struct Asking(Sender<Ask>);

impl Progress for Asking {
    fn advanced(&mut self, done: usize, total: usize) -> bool {
        ask(&self.0, |answer| Ask::Advanced(done, total, answer)).unwrap_or(false)
    }
}
