//! Serves any pixels of a map that no file holds: what is asked for is inferred then, and kept.
//!
//! The pixels are those of [`Predictor::predict`]: the same chips on the same grid, blended in the
//! same order. Scores of chips and decided blocks are kept for the whole process, so that neither
//! the order of requests nor their windows make a chip be inferred again.

mod request;
mod store;
pub mod vrt;

pub use request::{ARGUMENTS, Request, live};

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;

use rayon::ThreadPool;

use crate::batch::Batch;
use crate::blend::Blended;
use crate::emit::Emit;
use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::inputs::Inputs;
use crate::memory;
use crate::model::Model;
use crate::model::manifest::{Manifest, Output, OutputKind};
use crate::normalise::Normaliser;
use crate::pipeline::{Line, Scored, infer_all};
use crate::product::{self, Product};
use crate::progress::Silent;
use crate::raster::gdal::{GdalApi, Georeference};
use crate::raster::{Layer, RasterSink, SampleType, Samples};
use crate::resume;
use crate::scene::Predictor;
use crate::tile::{Scale, Tile, TilePlan};
use store::Store;

/// Bytes of decided blocks that a process keeps: a Sentinel-2 scene's classes.
const BLOCKS: u64 = 128 << 20;
/// Bytes of scores that a process keeps, or [`ROWS`] rows of tiles if that is more.
const SCORES: u64 = 256 << 20;
/// Rows of tiles whose scores are kept at least: two that a row of blocks is made of, and one more.
const ROWS: u64 = 3;

/// How many pixels of an output may lie between those that are served, unless told otherwise.
pub const WIDEST: f64 = 10.0;

/// A chip's scores, or nothing where it holds no valid pixel.
type Kept = Option<Chip>;

static SCORED: LazyLock<Store<(u64, OutputKind, Tile), Kept>> =
    LazyLock::new(|| Store::new(SCORES));
static DECIDED: LazyLock<Store<(u64, Emit, u32, u32), Block>> =
    LazyLock::new(|| Store::new(BLOCKS));

/// Chips that this process inferred for live maps.
static INFERRED: AtomicU64 = AtomicU64::new(0);

/// Counts the chips that this process inferred for live maps so far.
pub fn chips_inferred() -> u64 {
    INFERRED.load(Ordering::Relaxed)
}

/// What the network gave for a chip.
#[derive(Debug)]
struct Chip {
    /// (plane, row, column).
    planes: Vec<f32>,
    /// (row, column) of the footprint.
    valid: Vec<u8>,
}

/// Pixels of an output, one step of the grid wide and high or up to the edge.
#[derive(Debug)]
struct Block {
    width: usize,
    /// (row, band, column), each sample in the machine's byte order.
    bytes: Vec<u8>,
}

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

/// An output of a live map.
#[derive(Debug, Clone)]
pub struct LiveOutput {
    /// Extent.
    pub size: Size,
    /// Where it lies.
    pub place: Georeference,
    /// Pixels, names, colours.
    pub layer: Layer,
    emit: Emit,
    output: Output,
    scale: Scale,
    /// Side of a block, in the output's pixels.
    side: u32,
}

impl LiveOutput {
    /// Returns the metres that a pixel is wide or high, the larger; degrees are taken as at the
    /// equator. `None` if that is unknown.
    pub fn pixel_metres(&self) -> Option<f64> {
        let [_, xc, xr, _, yc, yr] = self.place.geotransform?;
        let geographic = |kind: &&str| self.place.srs.starts_with(kind);
        let geographic = ["GEOGCRS", "GEODCRS", "GEOGCS"].iter().any(geographic);
        let unit = if geographic { 111_320.0 } else { 1.0 };
        Some(xc.hypot(yc).max(xr.hypot(yr)) * unit)
    }

    /// Returns the sample that means "nothing here".
    pub fn nodata(&self) -> Vec<u8> {
        let nodata = self.layer.nodata.unwrap_or(0.0);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "nodata values are of their layer's type"
        )]
        match self.layer.sample {
            SampleType::U8 => vec![nodata as u8],
            SampleType::U16 => (nodata as u16).to_ne_bytes().to_vec(),
            SampleType::F32 => (nodata as f32).to_ne_bytes().to_vec(),
        }
    }

    /// Returns the bytes of a sample.
    fn sample_bytes(&self) -> usize {
        self.layer.sample.bytes()
    }
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
    pub fn read(
        &self,
        what: &LiveOutput,
        bands: Range<usize>,
        cols: &[u32],
        rows: &[u32],
        take: &mut TakeRow<'_>,
    ) -> Result<u64> {
        what.check(&bands, cols, rows)?;
        let (side, size) = (what.side, what.sample_bytes());
        let needed: BTreeSet<u32> = cols.iter().map(|col| col / side).collect();
        let (mut line, mut first, mut inferred) = (Vec::new(), 0, 0);
        for group in rows.chunk_by(|a, b| a / side == b / side) {
            let (blocks, chips) = self.blocks(what, group[0] / side, &needed)?;
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

    /// Returns blocks of a row of blocks, and the number of chips that were inferred for them.
    fn blocks(
        &self,
        what: &LiveOutput,
        row: u32,
        cols: &BTreeSet<u32>,
    ) -> Result<(HashMap<u32, Arc<Block>>, u64)> {
        let kept = |col: &u32| Some((*col, DECIDED.get(&(self.id, what.emit, *col, row))?));
        if let Some(blocks) = cols.iter().map(kept).collect() {
            return Ok((blocks, 0));
        }
        // On a thread of its own, which can wait for its turn: this one may be a thread of a pool
        // that is reading another live map, and would take up more of that pool's work meanwhile.
        thread::scope(|scope| scope.spawn(|| self.make(what, row, cols)).join()).unwrap_or_else(
            |_| {
                Err(Error::failed(
                    "a worker thread gave up; this is a defect of the library, please report it",
                ))
            },
        )
    }

    /// Makes those of the blocks that are not kept.
    fn make(
        &self,
        what: &LiveOutput,
        row: u32,
        cols: &BTreeSet<u32>,
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
            let (chips, new) = self.chips(what, &plan)?;
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

    /// Returns the chips of a plan, kept or inferred now, and the number of the latter.
    fn chips(&self, what: &LiveOutput, plan: &TilePlan) -> Result<(HashMap<Tile, Arc<Kept>>, u64)> {
        let (mut chips, mut missing) = (HashMap::new(), Vec::<(Range<u32>, Range<u32>)>::new());
        for row in plan.rows() {
            let mut absent = Vec::new();
            for col in plan.cols() {
                let tile = plan.tile(col, row);
                match SCORED.get(&(self.id, what.output.kind, tile)) {
                    Some(chip) => drop(chips.insert(tile, chip)),
                    None => absent.push(col),
                }
            }
            for run in runs(&absent) {
                match missing.iter_mut().find(|(cols, rows)| *cols == run && rows.end == row) {
                    Some((_, rows)) => rows.end += 1,
                    None => missing.push((run, row..row + 1)),
                }
            }
        }
        let before = chips_inferred();
        for (cols, rows) in missing {
            self.infer(what, &self.plan.part(cols, rows), &mut chips)?;
        }
        Ok((chips, chips_inferred() - before))
    }

    /// Infers all chips of a plan.
    fn infer(
        &self,
        what: &LiveOutput,
        plan: &TilePlan,
        chips: &mut HashMap<Tile, Arc<Kept>>,
    ) -> Result<()> {
        let options = self.predictor.options();
        let line = Line {
            manifest: self.manifest(),
            outputs: std::slice::from_ref(&what.output),
            session: self.predictor.session()?,
            plan,
            source: &self.inputs.source(),
            area: None,
            normaliser: &self.normaliser,
            batch: options.batch,
            pool: &self.pool,
            // What the host holds already is not ours.
            memory: memory::resident().unwrap_or(0).saturating_add(options.memory),
        };
        let mut new: HashMap<Tile, Chip> = HashMap::new();
        let mut each = |scored: &Scored| {
            let count = scored.batch.tiles.len().max(1);
            let planes = scored.planes.first().map_or(&[][..], Vec::as_slice);
            let planes = planes.chunks_exact((planes.len() / count).max(1));
            let valid = &scored.batch.valid;
            let valid = valid.chunks_exact((valid.len() / count).max(1));
            for (tile, (planes, valid)) in scored.batch.tiles.iter().zip(planes.zip(valid)) {
                new.insert(*tile, Chip { planes: planes.to_vec(), valid: valid.to_vec() });
            }
            INFERRED.fetch_add(scored.batch.tiles.len() as u64, Ordering::Relaxed);
            Ok(())
        };
        line.check_memory(0)
            .and_then(|()| infer_all(line, &mut Silent, &mut each))
            .map_err(|error| error.at(&self.inputs.place_name()))?;
        for row in plan.rows() {
            for tile in plan.cols().map(|col| plan.tile(col, row)) {
                let chip = new.remove(&tile);
                let bytes =
                    chip.as_ref().map_or(0, |c| c.planes.len() as u64 * 4 + c.valid.len() as u64);
                let least = ROWS * u64::from(self.plan.cols().end) * bytes;
                let chip = Arc::new(chip);
                SCORED.put((self.id, what.output.kind, tile), Arc::clone(&chip), bytes + 64, least);
                chips.insert(tile, chip);
            }
        }
        Ok(())
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
        let mut take = |_: OutputKind, blended: Blended<'_>| {
            what.emit.write(manifest.task, blended, &self.pool, &mut rows)
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

impl Drop for Live {
    fn drop(&mut self) {
        SCORED.drop_all(|(id, _, _)| *id == self.id);
        DECIDED.drop_all(|(id, _, _, _)| *id == self.id);
    }
}

impl LiveOutput {
    fn check(&self, bands: &Range<usize>, cols: &[u32], rows: &[u32]) -> Result<()> {
        let inside = bands.end <= self.layer.bands.len()
            && cols.iter().all(|col| *col < self.size.width)
            && rows.iter().all(|row| *row < self.size.height);
        if inside {
            return Ok(());
        }
        Err(Error::usage(format!(
            "pixels were asked for that the map does not have: it has {} band(s) of {}; make the \
             VRT anew with 'spectralgpt live'",
            self.layer.bands.len(),
            self.size
        )))
    }

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

/// Names model and rasters in their state.
fn state(predictor: &Predictor, inputs: &Inputs) -> String {
    let model = resume::state(predictor.model().path());
    format!("{model}\n{}", resume::identity(inputs, predictor.options()))
}

/// Joins numbers that follow each other; they are in order.
fn runs(numbers: &[u32]) -> Vec<Range<u32>> {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    runs.map(|run| run[0]..run[run.len() - 1] + 1).collect()
}

fn least_common_multiple(a: u32, b: u32) -> u32 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}
