//! Serves any pixels of a map that no file holds: what is asked for is inferred then, and kept.
//!
//! The pixels are those of [`Predictor::predict`]: the same chips on the same grid, blended in the
//! same order. Scores of chips and decided blocks are kept for the whole process, so that neither
//! the order of requests nor their windows make a chip be inferred again.

mod blocks;
mod chips;
mod interrupt;
mod names;
mod output;
mod request;
mod store;
pub mod vrt;

pub use chips::chips_inferred;
pub use interrupt::interrupt;
pub use output::LiveOutput;
pub use request::{ARGUMENTS, Request, live};

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use interrupt::Going;
use rayon::ThreadPool;

use crate::emit::Emit;
use crate::error::Result;
use crate::inputs::Inputs;
use crate::model::Model;
use crate::model::manifest::Manifest;
use crate::normalise::Normaliser;
use crate::product;
use crate::raster::gdal::GdalApi;
use crate::resume;
use crate::scene::Predictor;
use crate::tile::{Scale, TilePlan};

/// How many pixels of an output may lie between those that are served, unless told otherwise.
pub const WIDEST: f64 = 10.0;

/// A model over a scene. Several threads may use it at once.
#[derive(Debug)]
pub struct Live {
    id: u64,
    predictor: Predictor,
    inputs: Inputs,
    normaliser: Normaliser,
    plan: TilePlan,
    pool: ThreadPool,
    state: String,
    /// Held by who infers, so that no chip is inferred twice at once.
    turn: Mutex<()>,
}

/// Takes the samples of a row: its band, its place among the rows asked for, its bytes.
pub type TakeRow<'a> = dyn FnMut(usize, usize, &[u8]) + 'a;

impl Live {
    /// Opens the model and the rasters; loads and infers nothing.
    ///
    /// # Errors
    /// - Usage: options that do not fit.
    /// - Input: a raster cannot be used.
    /// - Model: the model cannot be used.
    pub fn open(api: &'static GdalApi, request: &Request) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let model = Model::open(Path::new(&request.model))?;
        let predictor = Predictor::new(model, request.options.clone())?;
        let (manifest, options) = (predictor.model().manifest(), predictor.options());
        let names: Vec<&str> = request.sources.iter().map(String::as_str).collect();
        let inputs = Inputs::open(api, manifest, &names, options)?;
        let plan = inputs.plan(manifest, options)?;
        let normaliser = Normaliser::new(manifest, inputs.dn_offset())?;
        let (pool, id) = (predictor.pool()?, NEXT.fetch_add(1, Ordering::Relaxed));
        let state = state(&predictor, &inputs);
        let turn = Mutex::new(());
        Ok(Self { id, predictor, inputs, normaliser, plan, pool, state, turn })
    }

    /// Says whether model and rasters are still what was opened.
    pub fn is_current(&self) -> bool {
        state(&self.predictor, &self.inputs) == self.state
    }

    /// Returns what can be asked for, and what the task gives first.
    ///
    /// # Errors
    /// - Usage: the model's task does not give it.
    pub fn output(&self, emit: Option<Emit>) -> Result<LiveOutput> {
        let manifest = self.manifest();
        let emit = emit.unwrap_or(self.predictor.options().emit[0]);
        emit.in_memory()?;
        let output = emit.output(manifest)?.clone();
        let scale = product::scale(manifest, output.kind);
        let (unit, step) = (self.plan.unit(scale), self.plan.unit(Scale::Step));
        Ok(LiveOutput {
            size: self.plan.scaled(scale).window().size,
            place: crate::outputs::scaled(self.inputs.place(), &self.plan, scale),
            layer: emit.layer(manifest, output.channels),
            emit,
            scale,
            side: least_common_multiple(unit, step) / unit,
            output,
        })
    }

    /// Reads pixels of an output: of each of `rows` those in `cols`, of these `bands`, from 0. `take`
    /// gets them row by row. Returns the number of chips that were inferred for it.
    ///
    /// # Errors
    /// - Usage: a pixel or a band is outside.
    /// - Input: a block of a raster cannot be read.
    /// - Model: the model or ONNX Runtime cannot be used.
    /// - Io: memory does not suffice.
    /// - Cancelled: [`interrupt`] was called meanwhile.
    pub fn read(
        &self,
        what: &LiveOutput,
        bands: Range<usize>,
        cols: &[u32],
        rows: &[u32],
        take: &mut TakeRow<'_>,
    ) -> Result<u64> {
        what.check(&bands, cols, rows)?;
        let going = Going::begin();
        let (side, size) = (what.side, what.sample_bytes());
        let needed: BTreeSet<u32> = cols.iter().map(|col| col / side).collect();
        let (mut line, mut first, mut inferred) = (Vec::new(), 0, 0);
        for group in rows.chunk_by(|a, b| a / side == b / side) {
            let (blocks, chips) = self.blocks(what, group[0] / side, &needed, going)?;
            inferred += chips;
            for (at, row) in group.iter().enumerate() {
                for band in bands.clone() {
                    line.clear();
                    let plane = (row % side) as usize * what.layer.bands.len() + band;
                    for col in cols {
                        let block = &blocks[&(col / side)];
                        let at = (plane * block.width + (col % side) as usize) * size;
                        line.extend_from_slice(&block.bytes[at..at + size]);
                    }
                    take(band, first + at, &line);
                }
            }
            first += group.len();
        }
        Ok(inferred)
    }

    fn manifest(&self) -> &Manifest {
        self.predictor.model().manifest()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        chips::forget(self.id);
        blocks::forget(self.id);
    }
}

/// Names model and rasters in their state.
fn state(predictor: &Predictor, inputs: &Inputs) -> String {
    let model = resume::state(predictor.model().path());
    format!("{model}\n{}", resume::identity(inputs, predictor.options()))
}

fn least_common_multiple(a: u32, b: u32) -> u32 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}
