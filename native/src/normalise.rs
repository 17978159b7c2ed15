//! Turns digital numbers into the network's input; sees valid pixels only.

mod extremes;
mod means;
mod plane;
mod rule;

use pulp::Arch;

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::model::manifest::{Channel, Manifest, Normalisation};
use crate::resize::resize;
pub use extremes::Sample;
use means::Means;
use plane::Plane;

/// The largest digital number that is believed; further out, a range or a square overflows f32 and
/// gives the network what is no number. Nothing measured comes near: such pixels are damage.
const LARGEST: f32 = 1e12;

/// How a channel's input becomes digital numbers again: `input * scale + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inverse {
    /// Digital numbers per unit of input.
    pub scale: f32,
    /// The digital number of input 0.
    pub offset: f32,
}

/// Where a channel's pixels come from: positions in the source's bands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Band(usize),
    Mean(Vec<usize>),
}

/// Serves the digital numbers of a footprint; its bands are known by their positions in the source.
pub trait Pixels {
    /// What the source keeps them as.
    type Sample: Sample;

    /// Returns a row of a band; `apart` is room for one whose pixels do not lie side by side.
    fn row<'a>(
        &'a self,
        band: usize,
        row: usize,
        apart: &'a mut Vec<Self::Sample>,
    ) -> &'a [Self::Sample];
}

/// What a chip is made of.
#[derive(Debug)]
pub struct Footprint<'a, P> {
    /// Its digital numbers.
    pub pixels: &'a P,
    /// Its columns.
    pub width: usize,
    /// Where they are valid, (row, column): 1 or 0.
    pub valid: &'a [u8],
}

/// A model's normalisation, resolved against the bands of a source.
#[derive(Debug, Clone)]
pub struct Normaliser {
    origins: Vec<Origin>,
    rule: Normalisation,
    resize: Option<Resize>,
    dn_offset: f32,
}

/// Turns a normalised footprint into a chip.
#[derive(Debug, Clone, Copy)]
struct Resize {
    /// Side of the footprint.
    from: u32,
    /// Side it is resized to.
    to: u32,
    /// Side of the middle that is the chip.
    chip: u32,
}

/// Lists the bands that channels need, each once, in order of first use.
pub fn needed(channels: &[Channel]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for name in channels.iter().flat_map(|channel| match channel {
        Channel::Band(name) => std::slice::from_ref(name),
        Channel::Mean(names) => names.as_slice(),
    }) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

impl Normaliser {
    /// Resolves a model's channels against a source whose bands are [`needed`], in that order.
    ///
    /// `dn_offset` is added to every digital number (Sentinel-2's `BOA_ADD_OFFSET`, -1000).
    ///
    /// # Errors
    /// - Model: a channel is the mean of no band.
    pub fn new(manifest: &Manifest, dn_offset: f32) -> Result<Self> {
        let bands = needed(&manifest.channels);
        let find = |name: &String| bands.iter().position(|band| band == name).unwrap_or_default();
        let origins = manifest
            .channels
            .iter()
            .map(|channel| match channel {
                Channel::Band(name) => Ok(Origin::Band(find(name))),
                Channel::Mean(names) if names.is_empty() => {
                    Err(Error::model("the model file has a channel that is the mean of no band"))
                }
                Channel::Mean(names) => Ok(Origin::Mean(names.iter().map(find).collect())),
            })
            .collect::<Result<_>>()?;
        let resize = manifest.resize_px.map(|to| Resize {
            from: manifest.footprint_px,
            to,
            chip: manifest.chip_px,
        });
        Ok(Self { origins, rule: manifest.normalisation.clone(), resize, dn_offset })
    }

    /// Adds the offset; the sum stays where f32 can compute with it.
    #[inline(always)]
    fn shifted(&self, dn: f32) -> f32 {
        (dn + self.dn_offset).clamp(-LARGEST, LARGEST)
    }

    /// Says whether a channel's normalisation depends on its extremes in the chip.
    fn by_range(&self) -> bool {
        matches!(self.rule, Normalisation::ChipMinMax { .. })
    }

    /// Counts the network's channels.
    pub fn channels(&self) -> usize {
        self.origins.len()
    }

    /// Normalises one chip; fills `input` (channel, row, column).
    ///
    /// Invalid pixels become the normalised zero, digital numbers beyond ±1e12 are taken as that;
    /// finite numbers give finite input. Returns each channel's way back.
    pub fn chip<P: Pixels>(&self, footprint: Footprint<'_, P>, input: &mut [f32]) -> Vec<Inverse> {
        let pixels = footprint.valid.len();
        let chip = input.len() / self.channels().max(1);
        // Most chips have no gap, and then there is nothing to look up.
        let valid = if footprint.valid.contains(&0) { footprint.valid } else { &[] };
        let footprint = Footprint { valid, ..footprint };
        let mut apart = Vec::new();
        let mut resized = vec![0.0; if self.resize.is_some() { pixels } else { 0 }];
        let mut means = Means::new(&self.origins, pixels);
        let mut inverses = Vec::with_capacity(self.channels());
        let mut make = |channel, plane: &mut [f32]| {
            let (footprint, means, apart) = (&footprint, &mut means, &mut apart);
            let work = Plane { normaliser: self, channel, footprint, means, apart, plane };
            // The best instructions that this processor has; the same arithmetic with any.
            let inverse = Arch::new().dispatch(work);
            Inverse { offset: inverse.offset - self.dn_offset, ..inverse }
        };
        for (channel, chip) in input.chunks_exact_mut(chip).enumerate() {
            inverses.push(match self.resize {
                None => make(channel, chip),
                Some(resize) => {
                    let inverse = make(channel, &mut resized);
                    resize.apply(&resized, chip);
                    inverse
                }
            });
        }
        inverses
    }
}

impl Resize {
    fn apply(self, footprint: &[f32], chip: &mut [f32]) {
        let resized = resize(footprint, Size::square(self.from), Size::square(self.to));
        let edge = edge(self.to, self.chip) as usize;
        let rows = resized.chunks_exact(self.to as usize).skip(edge);
        for (line, row) in chip.chunks_exact_mut(self.chip as usize).zip(rows) {
            for (value, resized) in line.iter_mut().zip(&row[edge..]) {
                *value = narrow(*resized);
            }
        }
    }
}

/// Returns where the middle starts: Python's round, in which a half goes to the even number.
fn edge(whole: u32, middle: u32) -> u32 {
    let spare = whole - middle;
    if spare % 4 == 3 { spare.div_ceil(2) } else { spare / 2 }
}

#[allow(clippy::cast_possible_truncation, reason = "the network's input is f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests;
