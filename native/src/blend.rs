//! Joins overlapping chips: values are averaged with raised-cosine weights, classes decided later.

use pulp::{Arch, NullaryFnOnce};

use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::tile::{Tile, TilePlan};

/// Marks a pixel that no chip has decided yet.
const UNDECIDED: u16 = u16::MAX;

/// The most rows handed over at once, so that what is made of them stays small.
const SLICE: usize = 16;

/// Whether chips that overlap agreed on a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Agreement {
    /// Fewer than two chips decided.
    Unknown,
    /// All decided the same.
    Same,
    /// At least one decided differently from the first.
    Different,
}

/// Finished rows of the window.
#[derive(Debug, Clone, Copy)]
pub struct Blended<'a> {
    scores: &'a [f32],
    valid: &'a [u8],
    agreement: &'a [Agreement],
    plane: usize,
    width: usize,
    first: usize,
    rows: usize,
}

impl<'a> Blended<'a> {
    /// Counts the rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Counts the columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Counts the values of a pixel: classes, features or channels.
    pub fn channels(&self) -> usize {
        self.scores.len() / self.plane
    }

    /// Returns one channel's values of a row.
    pub fn scores(&self, channel: usize, row: usize) -> &'a [f32] {
        &self.scores[channel * self.plane + (self.first + row) * self.width..][..self.width]
    }

    /// Returns a row's validity: 1 where there are values, else 0.
    pub fn valid(&self, row: usize) -> &'a [u8] {
        &self.valid[(self.first + row) * self.width..][..self.width]
    }

    /// Returns whether chips agreed on a row's pixels; unknown everywhere if nothing is decided.
    pub fn agreement(&self, row: usize) -> &'a [Agreement] {
        let all_alike = self.agreement.len() == self.width;
        let row = if all_alike { 0 } else { self.first + row };
        &self.agreement[row * self.width..][..self.width]
    }
}

/// How often overlapping chips decided differently.
#[derive(Debug, Clone, Copy, Default)]
struct Seams {
    compared: u64,
    different: u64,
}

/// Averages the scores of a window's chips; holds only the rows that chips can still change.
///
/// Planes are (channel, row, column). The mean of a pixel is updated chip by chip, in row-major tile
/// order and in f32, as `mean += (score - mean) * weight / total`: equal scores stay exactly equal.
#[derive(Debug)]
pub struct Blender {
    window: Window,
    channels: usize,
    profile: Vec<f32>,
    first_row: u32,
    height: usize,
    mean: Vec<f32>,
    /// The weights so far; none if chips share no pixel, whose scores then are what they are.
    total: Vec<f32>,
    decides: bool,
    /// Nothing, if nothing is decided.
    decided: Vec<u16>,
    /// One row for all, if nothing is decided.
    agreement: Vec<Agreement>,
    valid: Vec<u8>,
    seams: Seams,
}

impl Blender {
    /// Makes the blender of a plan for `channels` values per pixel. With `decides` they are scores
    /// of classes, and it is noted where chips decided differently.
    pub fn new(plan: &TilePlan, channels: usize, decides: bool) -> Self {
        let window = plan.window();
        let height = plan.grid().kept().min(window.size.height) as usize;
        let width = window.size.width as usize;
        let pixels = height * width;
        let shares = plan.grid().shared() > 0;
        // Chips that share no pixel cannot disagree.
        let decides = decides && shares;
        Self {
            window,
            channels,
            decides,
            profile: profile(plan.grid().kept(), plan.grid().shared()),
            first_row: window.row,
            height,
            mean: vec![0.0; pixels * channels],
            total: vec![0.0; if shares { pixels } else { 0 }],
            decided: vec![UNDECIDED; if decides { pixels } else { 0 }],
            agreement: vec![Agreement::Unknown; if decides { pixels } else { width }],
            valid: vec![0; pixels],
            seams: Seams::default(),
        }
    }

    /// Returns the bytes that a blender of that shape holds at most.
    pub fn bytes(plan: &TilePlan, channels: usize) -> u64 {
        let Size { width, height } = plan.window().size;
        let pixels = u64::from(plan.grid().kept().min(height)) * u64::from(width);
        pixels.saturating_mul(4 * channels as u64 + 4 + 2 + 1 + 1)
    }

    /// Adds a chip's values, (channel, row, column), where `valid` (row, column) says so.
    ///
    /// Rows above the chip must have been [`drain`](Self::drain)ed.
    ///
    /// # Errors
    /// - Model: a value is not finite.
    pub fn add(&mut self, plan: &TilePlan, tile: Tile, scores: &[f32], valid: &[u8]) -> Result<()> {
        if !finite(scores) {
            return Err(Error::model(format!(
                "the network gave a value that is not a number for the chip at column {}, row {}; \
                 the model file does not suit this raster or is damaged",
                tile.col, tile.row
            )));
        }
        // The best instructions that this processor has; the same arithmetic with any.
        Arch::new().dispatch(Add { blender: self, plan, tile, scores, valid });
        Ok(())
    }

    #[inline(always)]
    fn add_rows(&mut self, plan: &TilePlan, tile: Tile, scores: &[f32], valid: &[u8]) {
        let side = plan.grid().chip() as usize;
        let halo = plan.grid().halo() as usize;
        let kept = plan.kept(tile);
        let from_col = offset(kept.col, tile.col);
        for row in kept.row..kept.end_row() {
            let from_row = offset(row, tile.row);
            let here = (row - self.first_row) as usize * self.width()
                + (kept.col - self.window.col) as usize;
            let there = from_row * side + from_col;
            let weight = self.profile[from_row - halo];
            self.add_row(
                here,
                &Line { scores, valid, at: there, plane: side * side, weight },
                from_col - halo,
                kept.size.width as usize,
            );
        }
    }

    #[inline(always)]
    fn add_row(&mut self, here: usize, line: &Line<'_>, from: usize, width: usize) {
        for (valid, chip) in self.valid[here..here + width].iter_mut().zip(&line.valid[line.at..]) {
            *valid |= chip;
        }
        let plane = self.valid.len();
        if self.total.is_empty() {
            for class in 0..self.channels {
                let mean = &mut self.mean[class * plane + here..][..width];
                mean.copy_from_slice(&line.scores(class)[..width]);
            }
            return;
        }
        let share: Vec<f32> = self.total[here..here + width]
            .iter_mut()
            .zip(&self.profile[from..])
            .map(|(total, weight)| {
                let weight = weight * line.weight;
                *total += weight;
                weight / *total
            })
            .collect();
        for class in 0..self.channels {
            let mean = &mut self.mean[class * plane + here..][..width];
            for ((mean, score), share) in mean.iter_mut().zip(line.scores(class)).zip(&share) {
                *mean += (score - *mean) * share;
            }
        }
        if self.decides {
            self.decide_row(here, line, width);
        }
    }

    /// Compares a chip's decisions with those of the first chip that saw the pixel.
    #[inline(always)]
    fn decide_row(&mut self, here: usize, line: &Line<'_>, width: usize) {
        let scores = (0..self.channels).map(|class| &line.scores(class)[..width]);
        for (at, choice) in best(scores, width).0.into_iter().enumerate() {
            let choice = u16::try_from(choice).unwrap_or(UNDECIDED - 1);
            let decided = &mut self.decided[here + at];
            if *decided == UNDECIDED {
                *decided = choice;
            } else if line.valid[line.at + at] != 0 {
                let agreement = &mut self.agreement[here + at];
                self.seams.compared += 1;
                if *decided != choice {
                    self.seams.different += 1;
                    *agreement = Agreement::Different;
                } else if *agreement == Agreement::Unknown {
                    *agreement = Agreement::Same;
                }
            }
        }
    }

    /// Hands over the rows above `row`, which no further chip reaches, and forgets them.
    ///
    /// # Errors
    /// - Whatever `take` returns.
    pub fn drain(
        &mut self,
        row: i64,
        take: &mut dyn FnMut(Blended<'_>) -> Result<()>,
    ) -> Result<()> {
        let held = i64::from(self.first_row)..i64::from(self.window.end_row());
        let end = u32::try_from(row.clamp(held.start, held.end)).unwrap_or(self.first_row);
        while self.first_row < end {
            let rows = ((end - self.first_row) as usize).min(self.height);
            for first in (0..rows).step_by(SLICE) {
                take(Blended {
                    scores: &self.mean,
                    valid: &self.valid,
                    agreement: &self.agreement,
                    plane: self.valid.len(),
                    width: self.width(),
                    first,
                    rows: SLICE.min(rows - first),
                })?;
            }
            self.forget(rows);
            self.first_row += u32::try_from(rows).unwrap_or(0);
        }
        Ok(())
    }

    fn forget(&mut self, rows: usize) {
        let (plane, gone) = (self.valid.len(), rows * self.width());
        for mean in self.mean.chunks_exact_mut(plane) {
            shift(mean, gone, 0.0);
        }
        shift(&mut self.total, gone, 0.0);
        shift(&mut self.decided, gone, UNDECIDED);
        shift(&mut self.agreement, gone, Agreement::Unknown);
        shift(&mut self.valid, gone, 0);
    }

    /// Returns the share of pixels in more than one chip that chips decided differently, or `None`
    /// if there was none.
    pub fn seam_disagreement(&self) -> Option<f64> {
        let Seams { compared, different } = self.seams;
        (compared > 0).then(|| different as f64 / compared as f64)
    }

    fn width(&self) -> usize {
        self.window.size.width as usize
    }
}

/// Work that is compiled for several processors.
struct Add<'a> {
    blender: &'a mut Blender,
    plan: &'a TilePlan,
    tile: Tile,
    scores: &'a [f32],
    valid: &'a [u8],
}

impl NullaryFnOnce for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.blender.add_rows(self.plan, self.tile, self.scores, self.valid);
    }
}

/// One row of a chip.
struct Line<'a> {
    scores: &'a [f32],
    valid: &'a [u8],
    at: usize,
    plane: usize,
    weight: f32,
}

impl<'a> Line<'a> {
    fn scores(&self, class: usize) -> &'a [f32] {
        &self.scores[class * self.plane + self.at..]
    }
}

/// Returns the best class of each pixel of a row, and its score; the lowest index wins ties. Takes
/// one class's scores after the other.
#[inline(always)]
pub(crate) fn best<'a>(
    scores: impl Iterator<Item = &'a [f32]>,
    width: usize,
) -> (Vec<u32>, Vec<f32>) {
    let (mut choice, mut most) = (vec![0; width], vec![f32::NEG_INFINITY; width]);
    for (class, scores) in (0..).zip(scores) {
        for ((choice, most), score) in choice.iter_mut().zip(&mut most).zip(scores) {
            let better = *score > *most;
            *choice = if better { class } else { *choice };
            *most = if better { *score } else { *most };
        }
    }
    (choice, most)
}

/// Returns the weights along a side of a kept area: raised-cosine ramps over what neighbours
/// share, 1 between them, never 0.
fn profile(kept: u32, shared: u32) -> Vec<f32> {
    let ramp = shared.min(kept / 2);
    let weight = |at: u32| {
        let from_edge = f64::from(at.min(kept - 1 - at)) + 0.5;
        let turn = (from_edge / f64::from(ramp.max(1))).min(1.0);
        0.5 - 0.5 * (std::f64::consts::PI * turn).cos()
    };
    #[allow(clippy::cast_possible_truncation, reason = "weights are f32")]
    let profile = (0..kept).map(|at| if ramp == 0 { 1.0 } else { weight(at) as f32 }).collect();
    profile
}

/// Says whether no value is infinite or no number; many are looked at before it stops.
fn finite(values: &[f32]) -> bool {
    values.chunks(1024).all(|part| part.iter().fold(true, |all, value| all & value.is_finite()))
}

/// Returns how far a raster position lies inside a chip; kept areas do.
fn offset(at: u32, chip: i64) -> usize {
    usize::try_from(i64::from(at) - chip).unwrap_or(0)
}

fn shift<T: Copy>(plane: &mut [T], gone: usize, fill: T) {
    let gone = gone.min(plane.len());
    plane.copy_within(gone.., 0);
    let kept = plane.len() - gone;
    plane[kept..].fill(fill);
}

#[cfg(test)]
mod tests;
