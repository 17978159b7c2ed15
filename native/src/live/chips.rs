//! Infers the chips of a live map, and keeps their scores.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use super::interrupt::{self, Going};
use super::store::Store;
use super::{Live, LiveOutput};
use crate::error::Result;
use crate::memory;
use crate::model::manifest::OutputKind;
use crate::pipeline::{Line, Scored, infer_all};
use crate::tile::{Tile, TilePlan};

/// Bytes of scores that a process keeps, or [`ROWS`] rows of tiles if that is more.
const SCORES: u64 = 256 << 20;
/// Rows of tiles whose scores are kept at least: two that a row of blocks is made of, and one more.
const ROWS: u64 = 3;

/// A chip's scores, or nothing where it holds no valid pixel.
pub(super) type Kept = Option<Chip>;

static SCORED: LazyLock<Store<(u64, OutputKind, Tile), Kept>> =
    LazyLock::new(|| Store::new(SCORES));
/// Chips that this process inferred for live maps.
static INFERRED: AtomicU64 = AtomicU64::new(0);

/// Counts the chips that this process inferred for live maps so far.
pub fn chips_inferred() -> u64 {
    INFERRED.load(Ordering::Relaxed)
}

/// What the network gave for a chip.
#[derive(Debug)]
pub(super) struct Chip {
    /// (plane, row, column).
    pub(super) planes: Vec<f32>,
    /// (row, column) of the footprint.
    pub(super) valid: Vec<u8>,
}

impl Live {
    /// Returns the chips of a plan, kept or inferred now, and the number of the latter.
    pub(super) fn chips(
        &self,
        what: &LiveOutput,
        plan: &TilePlan,
        going: Going,
    ) -> Result<(HashMap<Tile, Arc<Kept>>, u64)> {
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
            self.infer(what, &self.plan.part(cols, rows), &mut chips, going)?;
        }
        Ok((chips, chips_inferred() - before))
    }

    /// Infers all chips of a plan.
    fn infer(
        &self,
        what: &LiveOutput,
        plan: &TilePlan,
        chips: &mut HashMap<Tile, Arc<Kept>>,
        mut going: Going,
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
        let outcome = line
            .check_memory(0)
            .and_then(|()| infer_all(line, &mut going, &mut each))
            .map_err(|error| interrupt::told(error).at(&self.inputs.place_name()));
        self.keep(what, plan, new, outcome.is_ok(), chips);
        outcome
    }

    /// Keeps chips that are new: all of a plan's, or those that were inferred before a failure.
    fn keep(
        &self,
        what: &LiveOutput,
        plan: &TilePlan,
        mut new: HashMap<Tile, Chip>,
        all: bool,
        chips: &mut HashMap<Tile, Arc<Kept>>,
    ) {
        for row in plan.rows() {
            for tile in plan.cols().map(|col| plan.tile(col, row)) {
                let chip = new.remove(&tile);
                if chip.is_none() && !all {
                    continue;
                }
                let bytes =
                    chip.as_ref().map_or(0, |c| c.planes.len() as u64 * 4 + c.valid.len() as u64);
                let least = ROWS * u64::from(self.plan.cols().end) * bytes;
                let chip = Arc::new(chip);
                SCORED.put((self.id, what.output.kind, tile), Arc::clone(&chip), bytes + 64, least);
                chips.insert(tile, chip);
            }
        }
    }
}

/// Drops what is kept of a map.
pub(super) fn forget(map: u64) {
    SCORED.drop_all(|(id, _, _)| *id == map);
}

/// Joins numbers that follow each other; they are in order.
pub(super) fn runs(numbers: &[u32]) -> Vec<Range<u32>> {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    runs.map(|run| run[0]..run[run.len() - 1] + 1).collect()
}
