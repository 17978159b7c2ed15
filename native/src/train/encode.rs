//! Encodes the chips that hold labelled pixels, and gathers what heads see of these.

use std::collections::BTreeMap;
use std::time::Instant;

use super::cache::Cache;
use super::encoder::Encoder;
use super::options::TrainOptions;
use super::pixels::Pixels;
use super::seen::{Map, Seen};
use super::table::Table;
use super::watch::{Stage, Watch};
use crate::error::{Error, Result};
use crate::inputs::Inputs;
use crate::memory;
use crate::normalise::Normaliser;
use crate::onnx::{NoWeights, WeightFormat, Writer};
use crate::raster::RasterSource;
use crate::raster::gdal::Labels;
use crate::runtime::session::{ProviderReport, Session};
use crate::strip::Strip;
use crate::tile::{Grid, Tile, TilePlan};

/// The output that holds the features.
const FEATURES: &str = "features";

/// What encoding gave.
pub(super) struct Encoding {
    /// What heads see of the pixels drawn, in their order.
    pub(super) table: Table,
    /// The first chip.
    pub(super) sample: Seen,
    pub(super) chips: usize,
    pub(super) chips_cached: usize,
    pub(super) seconds: f64,
    pub(super) provider: ProviderReport,
}

/// Pixels by the chip that sees them best, in row-major order of the chips.
type ByTile = BTreeMap<i64, BTreeMap<i64, Vec<usize>>>;

impl Encoder {
    /// Encodes every chip that is the best for a drawn pixel, unless its features are kept.
    ///
    /// `steps` follow the chips in what the caller is told.
    ///
    /// # Errors
    /// - Input: pixels cannot be read.
    /// - Model: the network cannot be run.
    /// - Io: too little memory or no room on disk.
    /// - Cancelled: the caller said so.
    pub(super) fn encode(
        &self,
        inputs: &Inputs,
        labels: &Labels,
        pixels: &Pixels,
        options: &TrainOptions,
        watch: &mut Watch<'_>,
        steps: usize,
    ) -> Result<Encoding> {
        let started = Instant::now();
        let manifest = self.manifest();
        let source = inputs.source();
        let overlap = manifest.default_overlap();
        let grid = Grid::new(manifest.chip_px, manifest.halo_px, manifest.patch_px, overlap)?;
        let plan = TilePlan::new(source.size(), labels.window(), grid)?;
        let by_tile = by_tile(&plan, pixels);
        let chips = by_tile.values().map(BTreeMap::len).sum();
        watch.expect(chips + steps);
        let session = self.session(options)?;
        let normaliser = Normaliser::new(manifest, inputs.dn_offset())?;
        let cache = Cache::open(self, inputs, grid, &session.report(), options)?;
        let gather = Gather {
            plan: &plan,
            source: &source,
            normaliser: &normaliser,
            session: &session,
            cache: &cache,
            points: pixels,
            memory: options.line.memory,
        };
        let stop = session.terminator();
        let (values, sample, chips_cached) =
            watch.run_stoppable(|stage| gather.run(&by_tile, stage), || stop.terminate())?;
        let (columns, spectrum) = (sample.columns(), sample.spectrum());
        let table = watch.run(|_| Table::new(values, columns, spectrum))?;
        let (seconds, provider) = (started.elapsed().as_secs_f64(), session.report());
        Ok(Encoding { table, sample, chips, chips_cached, seconds, provider })
    }

    /// Loads the network up to the features.
    fn session(&self, options: &TrainOptions) -> Result<Session> {
        let mut graph = self.graph()?;
        let features = self.features(&mut graph)?;
        graph.clear_outputs();
        graph.output_unsized(FEATURES, features);
        graph.prune();
        let unwritable = |error: std::io::Error| {
            Error::io(format!("cannot write the encoder to a temporary file: {error}"))
        };
        let file = tempfile::Builder::new().prefix("spectralgpt-").suffix(".onnx").tempfile();
        let mut file = file.map_err(unwritable)?;
        Writer::new(&graph, &NoWeights, WeightFormat::Fp32).write(&[], &mut file)?;
        Session::open(file.path(), &options.session())
    }
}

/// Finds the chip whose middle is nearest, for every pixel.
fn by_tile(plan: &TilePlan, pixels: &Pixels) -> ByTile {
    let rows: Vec<i64> = plan.tile_rows().collect();
    let cols: Vec<i64> =
        rows.first().map_or(Vec::new(), |row| plan.tiles(*row).map(|tile| tile.col).collect());
    let half = i64::from(plan.grid().chip());
    let nearest = |starts: &[i64], at: u32| {
        let apart = |start: &i64| (2 * start + half - 2 * i64::from(at) - 1).abs();
        starts.iter().copied().min_by_key(apart).unwrap_or(0)
    };
    let mut by_tile = ByTile::new();
    for (place, point) in pixels.points().iter().enumerate() {
        let (row, col) = (nearest(&rows, point.row), nearest(&cols, point.col));
        by_tile.entry(row).or_default().entry(col).or_default().push(place);
    }
    by_tile
}

/// What gathering needs.
#[derive(Clone, Copy)]
struct Gather<'a> {
    plan: &'a TilePlan,
    source: &'a dyn RasterSource,
    normaliser: &'a Normaliser,
    session: &'a Session,
    cache: &'a Cache,
    points: &'a Pixels,
    memory: u64,
}

impl Gather<'_> {
    /// Returns what is seen of every pixel, row-major, the first chip, and how many were kept.
    fn run(self, by_tile: &ByTile, stage: Stage<'_>) -> Result<(Vec<f32>, Seen, usize)> {
        let [mut strip, mut before] = [(); 2].map(|()| Strip::<f32>::empty(self.source.bands()));
        let (mut values, mut first, mut kept) = (Vec::new(), None, 0);
        for (row, tiles) in by_tile {
            stage.go_on()?;
            std::mem::swap(&mut strip, &mut before);
            strip.follow(&before, self.plan.strip(*row), self.source)?;
            for (col, places) in tiles {
                stage.go_on()?;
                let tile = Tile { row: *row, col: *col };
                let (seen, was_kept) = self.chip(&strip, tile)?;
                kept += usize::from(was_kept);
                if first.is_none() {
                    values = self.room(&seen)?;
                }
                self.take(&seen, tile, places, &mut values);
                first.get_or_insert(seen);
                stage.step();
            }
        }
        let first = first.ok_or_else(|| Error::failed("no chip holds a labelled pixel"))?;
        Ok((values, first, kept))
    }

    /// Encodes a chip, or finds what is kept of it.
    fn chip(self, strip: &Strip<f32>, tile: Tile) -> Result<(Seen, bool)> {
        let side = self.plan.grid().chip() as usize;
        let cut = strip.chip(self.plan, tile);
        let mut input = vec![0.0; side * side * self.normaliser.channels()];
        cut.normalise(self.normaliser, 0, &cut.valid(), &mut input);
        if let Some(map) = self.cache.get(tile) {
            return Ok((Seen { input, map, side }, true));
        }
        let mut outputs = self.session.run(&[&input], &[FEATURES])?;
        let output = outputs.pop().ok_or_else(|| Error::model("the encoder gave nothing"))?;
        let [1, features, rows, columns] = output.shape[..] else {
            return Err(Error::model("the encoder gives no map; convert its checkpoint again"));
        };
        if rows != columns || rows == 0 || !side.is_multiple_of(rows) {
            return Err(Error::model(format!(
                "the encoder gives maps of {rows} rows by {columns} columns, which are no whole \
                 part of a chip of {side}"
            )));
        }
        let map = Map { features, side: rows, values: output.values };
        self.cache.put(tile, &map)?;
        Ok((Seen { input, map, side }, false))
    }

    /// Makes room for all pixels, if there is memory for it.
    fn room(self, seen: &Seen) -> Result<Vec<f32>> {
        let numbers = self.points.points().len() * seen.columns();
        let bytes = 4 * numbers as u64;
        let needed = memory::resident().unwrap_or(0) + bytes + bytes / 4;
        if needed > self.memory {
            return Err(Error::io(format!(
                "{} of memory are needed for what {} pixels look like to the encoder, and {} may \
                 be used; give more with --memory, or fewer labels",
                memory::words(needed),
                self.points.points().len(),
                memory::words(self.memory)
            )));
        }
        Ok(vec![0.0; numbers])
    }

    /// Takes what is seen of pixels of a chip.
    fn take(self, seen: &Seen, tile: Tile, places: &[usize], values: &mut [f32]) {
        let columns = seen.columns();
        for place in places {
            let point = self.points.points()[*place];
            let within = |at: u32, start: i64| usize::try_from(i64::from(at) - start).unwrap_or(0);
            let (row, col) = (within(point.row, tile.row), within(point.col, tile.col));
            seen.pixel(row, col, &mut values[place * columns..][..columns]);
        }
    }
}
