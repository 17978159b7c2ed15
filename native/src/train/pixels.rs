//! Draws the labelled pixels that are learnt from.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::options::TrainOptions;
use super::watch::Stage;
use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::model::manifest::Class;
use crate::model::profile::Profile;
use crate::raster::RasterSource;
use crate::raster::gdal::Labels;

/// Pixels drawn of a class at most, and of all classes together; of a class never fewer than a
/// thousand if it has them.
const MOST_OF_CLASS: usize = 5_000;
const MOST: usize = 40_000;
const LEAST_OF_CLASS: usize = 1_000;

/// Classes that one byte tells apart, besides "nothing here".
const MOST_CLASSES: usize = 254;

/// Rows of the raster that are looked at together.
const ROWS: u32 = 64;

/// A labelled pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    pub(super) row: u32,
    pub(super) col: u32,
    pub(super) class: usize,
}

/// What was found of a label.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// The value in the labels.
    pub(super) value: u16,
    /// Labelled pixels that hold data.
    pub(super) valid: u64,
    /// Labelled pixels that hold none.
    pub(super) invalid: u64,
    /// Pixels drawn.
    pub(super) drawn: usize,
    /// Blocks that hold valid pixels of it.
    pub(super) blocks: usize,
}

/// The pixels drawn, in row-major order, and their classes.
#[derive(Debug)]
pub(super) struct Pixels {
    points: Vec<Point>,
    found: Vec<Found>,
    block_px: u32,
}

/// The pixels of a class with the lowest lots.
#[derive(Default)]
struct Lots {
    found: Found,
    drawn: BinaryHeap<(u64, u32, u32)>,
    blocks: BTreeSet<(u32, u32)>,
}

impl Pixels {
    /// Looks at all labels and draws the same pixels for the same seed, whatever else.
    ///
    /// # Errors
    /// - Input: labels or pixels cannot be read, or no label lies on data.
    /// - Cancelled: the caller said so.
    pub(super) fn draw(
        labels: &Labels,
        source: &dyn RasterSource,
        seed: u64,
        block_px: u32,
        stage: Stage<'_>,
    ) -> Result<Self> {
        let area = labels.window();
        let mut lots: BTreeMap<u16, Lots> = BTreeMap::new();
        for row in (area.row..area.end_row()).step_by(ROWS as usize) {
            stage.go_on()?;
            let height = ROWS.min(area.end_row() - row);
            let strip = Window::new(area.col, row, Size::new(area.size.width, height));
            look(labels, source, strip, |value, row, col, valid| {
                let lots = lots.entry(value).or_default();
                lots.take(row, col, valid, seed, block_px);
            })?;
            check_count(lots.values().filter(|lots| lots.found.valid > 0).count())?;
        }
        let classes = lots.values().filter(|lots| lots.found.valid > 0).count();
        let most = (MOST / classes.max(1)).clamp(LEAST_OF_CLASS, MOST_OF_CLASS);
        let mut pixels = Self { points: Vec::new(), found: Vec::new(), block_px };
        for (value, lots) in lots {
            pixels.add(value, lots, most);
        }
        pixels.points.sort_unstable();
        Ok(pixels)
    }

    fn add(&mut self, value: u16, lots: Lots, most: usize) {
        let class = self.found.len();
        let mut drawn = lots.drawn.into_sorted_vec();
        drawn.truncate(most);
        let points = drawn.iter().map(|&(_, row, col)| Point { row, col, class });
        self.points.extend(points);
        let (drawn, blocks) = (drawn.len(), lots.blocks.len());
        self.found.push(Found { value, drawn, blocks, ..lots.found });
    }

    /// Names the classes; those without a pixel of data are left out.
    ///
    /// # Errors
    /// - Input: there are fewer than two.
    pub(super) fn classes(
        &mut self,
        labels: &Labels,
        options: &TrainOptions,
    ) -> Result<Vec<Class>> {
        for lost in self.found.iter().filter(|found| found.valid == 0) {
            log::warn!(
                "the class '{}' has {} labelled pixels and all lie where the raster holds no \
                 data; it is left out",
                labels.name(lost.value),
                lost.invalid
            );
        }
        let unseen = |value: &u16| !self.found.iter().any(|found| found.value == *value);
        for value in labels.values().filter(unseen) {
            log::warn!(
                "the class '{}' has no pixel: its shapes lie outside the raster, under others, or \
                 hold no pixel's centre; it is left out",
                labels.name(value)
            );
        }
        let kept: Vec<usize> =
            (0..self.found.len()).filter(|class| self.found[*class].valid > 0).collect();
        for point in &mut self.points {
            point.class = kept.iter().position(|class| *class == point.class).unwrap_or_default();
        }
        self.found.retain(|found| found.valid > 0);
        let names: Vec<String> = self.found.iter().map(|found| labels.name(found.value)).collect();
        match &names[..] {
            [] => Err(Error::input(
                "no label lies on a pixel that holds data; give labels within the raster",
            )),
            [only] => Err(Error::input(format!(
                "all labels are of one class, '{only}'; a model needs at least two"
            ))),
            _ => named(&names, options),
        }
    }

    pub(super) fn points(&self) -> &[Point] {
        &self.points
    }

    pub(super) fn found(&self) -> &[Found] {
        &self.found
    }

    /// Counts the labelled pixels that hold data.
    pub(super) fn labelled(&self) -> u64 {
        self.found.iter().map(|found| found.valid).sum()
    }

    /// Returns the block of a pixel.
    pub(super) fn block(&self, point: &Point) -> (u32, u32) {
        (point.row / self.block_px, point.col / self.block_px)
    }

    /// Counts the blocks.
    pub(super) fn blocks(&self) -> usize {
        self.points.iter().map(|point| self.block(point)).collect::<BTreeSet<_>>().len()
    }

    /// Returns how many labelled pixels each pixel drawn of a class stands for.
    pub(super) fn stands_for(&self, class: usize) -> f64 {
        let found = &self.found[class];
        found.valid as f64 / found.drawn.max(1) as f64
    }
}

impl Lots {
    fn take(&mut self, row: u32, col: u32, valid: bool, seed: u64, block_px: u32) {
        if !valid {
            self.found.invalid += 1;
            return;
        }
        self.found.valid += 1;
        self.blocks.insert((row / block_px, col / block_px));
        self.drawn.push((lot(seed, u64::from(row) << 32 | u64::from(col)), row, col));
        if self.drawn.len() > MOST_OF_CLASS {
            self.drawn.pop();
        }
    }
}

/// Tells of every labelled pixel of a strip: value, row, column, whether it holds data.
fn look(
    labels: &Labels,
    source: &dyn RasterSource,
    strip: Window,
    mut tell: impl FnMut(u16, u32, u32, bool),
) -> Result<()> {
    let values = labels.read(strip)?;
    let width = strip.size.width as usize;
    let columns = (0u32..).zip(0..width);
    let mut used =
        columns.filter(|(_, col)| values.iter().skip(*col).step_by(width).any(|value| *value > 0));
    let Some((first, _)) = used.next() else { return Ok(()) };
    let last = used.last().map_or(first, |(last, _)| last);
    let size = Size::new(last - first + 1, strip.size.height);
    let seen = Window::new(strip.col + first, strip.row, size);
    let mut bands = vec![0.0; size.pixels() * source.bands()];
    let mut valid = vec![0; size.pixels()];
    source.read(seen, &mut bands, &mut valid)?;
    for (row, flags) in (0u32..).zip(valid.chunks_exact(size.width as usize)) {
        for (col, valid) in (first..).zip(flags) {
            let value = values[row as usize * width + col as usize];
            if value > 0 {
                tell(value, strip.row + row, strip.col + col, *valid != 0);
            }
        }
    }
    Ok(())
}

/// Checks that the values found so far are no more than classes can be: what is drawn of each takes
/// memory.
fn check_count(values: usize) -> Result<()> {
    if values <= MOST_CLASSES {
        return Ok(());
    }
    Err(Error::input(format!(
        "the labels hold {values} different values or more; at most {MOST_CLASSES} classes can be \
         learnt"
    )))
}

/// Names and colours classes.
fn named(labels: &[String], options: &TrainOptions) -> Result<Vec<Class>> {
    let count = u32::try_from(labels.len()).unwrap_or(u32::MAX);
    if let Some(lost) = options.classes.iter().find(|wish| !labels.contains(&wish.label)) {
        log::warn!("no labelled pixel has the value '{}' of '{}'", lost.label, lost.name);
    }
    let mut classes = Profile::named("pretrain")?.classes(count);
    for (class, label) in classes.iter_mut().zip(labels) {
        class.name.clone_from(label);
        if let Some(wish) = options.classes.iter().find(|wish| wish.label == *label) {
            class.name.clone_from(&wish.name);
            class.colour = wish.colour.clone().unwrap_or_else(|| class.colour.clone());
        }
    }
    Ok(classes)
}

/// Draws number `index` of the `SplitMix64` stream with the given seed.
pub(super) fn lot(seed: u64, index: u64) -> u64 {
    let z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
