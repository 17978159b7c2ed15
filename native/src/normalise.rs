//! Turns digital numbers into the network's input; sees valid pixels only.

mod means;

use pulp::{Arch, NullaryFnOnce};

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::model::manifest::{Channel, Manifest, Normalisation};
use crate::resize::resize;
use means::Means;

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

/// Puts a band of the source, by its position, into a plane (row, column) of the footprint.
pub type Band<'a> = dyn Fn(usize, &mut [f32]) + 'a;

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

    /// Counts the network's channels.
    pub fn channels(&self) -> usize {
        self.origins.len()
    }

    /// Normalises one chip.
    ///
    /// `band` gives the footprint's digital numbers, `valid` (row, column) says where; fills `input`
    /// (channel, row, column). Invalid pixels become the normalised zero, digital numbers beyond
    /// ±1e12 are taken as that; finite numbers give finite input. Returns each channel's way back.
    pub fn chip(&self, band: &Band<'_>, valid: &[u8], input: &mut [f32]) -> Vec<Inverse> {
        let pixels = valid.len();
        let chip = input.len() / self.channels().max(1);
        // Most chips have no gap, and then there is nothing to look up.
        let valid = if valid.contains(&0) { valid } else { &[] };
        let mut footprint = vec![0.0; if self.resize.is_some() { pixels } else { 0 }];
        let mut means = Means::new(&self.origins, pixels);
        let mut inverses = Vec::with_capacity(self.channels());
        let mut make = |channel, plane: &mut [f32]| {
            let work = Plane { normaliser: self, channel, band, valid, means: &mut means, plane };
            // The best instructions that this processor has; the same arithmetic with any.
            let inverse = Arch::new().dispatch(work);
            Inverse { offset: inverse.offset - self.dn_offset, ..inverse }
        };
        for (channel, chip) in input.chunks_exact_mut(chip).enumerate() {
            inverses.push(match self.resize {
                None => make(channel, chip),
                Some(resize) => {
                    let inverse = make(channel, &mut footprint);
                    resize.apply(&footprint, chip);
                    inverse
                }
            });
        }
        inverses
    }

    /// Gathers a band and adds the offset.
    #[inline(always)]
    fn gather(&self, band: &Band<'_>, number: usize, plane: &mut [f32]) {
        band(number, plane);
        plane.iter_mut().for_each(|dn| *dn = shifted(*dn, self.dn_offset));
    }

    #[inline(always)]
    fn normalise(&self, channel: usize, valid: &[u8], plane: &mut [f32]) -> Inverse {
        let inverse = match &self.rule {
            Normalisation::None => Inverse { scale: 1.0, offset: 0.0 },
            Normalisation::ChipMinMax { epsilon } => min_max(plane, valid, *epsilon),
            Normalisation::ZScore { mean, std } => z_score(plane, mean[channel], std[channel]),
            Normalisation::ClippedBytes { mean, std } => {
                clipped_bytes(plane, mean[channel], std[channel])
            }
        };
        cover(plane, valid, 0.0);
        inverse
    }
}

/// One channel at the raster's own resolution. Work of a type of its own is sure to be compiled for
/// every generation of processors; that of a closure may be left to the plainest one's instructions.
struct Plane<'a, 'o> {
    normaliser: &'o Normaliser,
    channel: usize,
    band: &'a Band<'a>,
    /// Empty if all pixels are.
    valid: &'a [u8],
    means: &'a mut Means<'o>,
    plane: &'a mut [f32],
}

impl NullaryFnOnce for Plane<'_, '_> {
    type Output = Inverse;

    #[inline(always)]
    fn call(self) -> Inverse {
        let Self { normaliser, channel, band, valid, means, plane } = self;
        match &normaliser.origins[channel] {
            Origin::Band(number) => {
                normaliser.gather(band, *number, plane);
                means.see(*number, plane);
            }
            Origin::Mean(list) => {
                let gather = |number, plane: &mut [f32]| normaliser.gather(band, number, plane);
                means.put(list, gather, plane);
            }
        }
        normaliser.normalise(channel, valid, plane)
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

#[inline(always)]
fn z_score(plane: &mut [f32], mean: f64, std: f64) -> Inverse {
    let (mean, std) = (narrow(mean), narrow(std));
    plane.iter_mut().for_each(|value| *value = (*value - mean) / std);
    Inverse { scale: std, offset: mean }
}

#[inline(always)]
fn clipped_bytes(plane: &mut [f32], mean: f64, std: f64) -> Inverse {
    let (low, high) = (mean - 2.0 * std, mean + 2.0 * std);
    for value in plane {
        let byte = (f64::from(*value) - low) / (high - low) * 255.0;
        *value = narrow(byte.clamp(0.0, 255.0).trunc()) / 255.0;
    }
    Inverse { scale: narrow(high - low), offset: narrow(low) }
}

/// Adds the offset; the sum stays where f32 can compute with it.
#[inline(always)]
fn shifted(dn: f32, offset: f32) -> f32 {
    (dn + offset).clamp(-LARGEST, LARGEST)
}

/// Returns the smallest and the largest value; infinities the wrong way round if there is none.
///
/// Kept in lanes, which a processor compares at once: an extreme is the same in any order.
#[inline(always)]
fn extremes(plane: &[f32]) -> (f32, f32) {
    const LANES: usize = 32;
    let (mut lows, mut highs) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    let (chunks, rest) = plane.as_chunks::<LANES>();
    for values in chunks {
        for ((low, high), value) in lows.iter_mut().zip(&mut highs).zip(values) {
            (*low, *high) = (low.min(*value), high.max(*value));
        }
    }
    let low = lows.iter().chain(rest).fold(f32::INFINITY, |low, value| low.min(*value));
    let high = highs.iter().chain(rest).fold(f32::NEG_INFINITY, |high, value| high.max(*value));
    (low, high)
}

/// Puts `fill` where pixels are invalid.
#[inline(always)]
fn cover(plane: &mut [f32], valid: &[u8], fill: f32) {
    for (value, valid) in plane.iter_mut().zip(valid) {
        *value = if *valid == 0 { fill } else { *value };
    }
}

#[inline(always)]
fn min_max(plane: &mut [f32], valid: &[u8], epsilon: f64) -> Inverse {
    // A valid value in an invalid pixel changes no extreme.
    let known = valid.iter().position(|valid| *valid != 0).map_or(0.0, |at| plane[at]);
    cover(plane, valid, known);
    let (low, high) = extremes(plane);
    let range = high - low + narrow(epsilon);
    plane.iter_mut().for_each(|value| *value = (*value - low) / range);
    // A constant channel, and one without a valid pixel.
    if high <= low {
        plane.fill(0.0);
        return Inverse { scale: 0.0, offset: low };
    }
    Inverse { scale: range, offset: low }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectralgpt::synthetic::{draw, golden};
    use proptest::prelude::*;

    const MIN_MAX: Normalisation = Normalisation::ChipMinMax { epsilon: 0.0 };

    fn normaliser(rule: Normalisation, dn_offset: f32) -> Normaliser {
        let origins = vec![Origin::Band(0), Origin::Band(1), Origin::Mean(vec![1, 0])];
        Normaliser { origins, rule, resize: None, dn_offset }
    }

    fn run(rule: Normalisation, dn_offset: f32, bands: &[f32], valid: &[u8]) -> Vec<f32> {
        let mut input = vec![f32::NAN; 3 * valid.len()];
        let band = |band, plane: &mut [f32]| {
            plane.copy_from_slice(&bands[band * valid.len()..][..valid.len()]);
        };
        normaliser(rule, dn_offset).chip(&band, valid, &mut input);
        input
    }

    #[test]
    fn channels_are_bands_or_means_and_constant_ones_give_zero() {
        let bands = [2.0, 4.0, 6.0, 7.0, 7.0, 7.0];
        let input = run(MIN_MAX, 0.0, &bands, &[1, 1, 1]);
        assert_eq!(input, [0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0]);
        let raw = run(Normalisation::None, -1.0, &bands, &[1, 0, 1]);
        assert_eq!(raw, [1.0, 0.0, 5.0, 6.0, 0.0, 6.0, 3.5, 0.0, 5.5]);
    }

    /// A raw tile of the goldens' generator: band `band`, (row, column).
    fn raw_band(name: &str, size: Size, band: u32) -> Vec<f32> {
        let draws = draw(name, 13 * size.pixels());
        let value = |at: u32| {
            let (y, x) = (at / size.width, at % size.width);
            let n = (7 * y + 13 * x + 29 * band + ((x * y) >> 4) + band * (x ^ y)) % 256;
            // A draw's top byte: (draw + 1) * 128 without its fraction.
            let r = ((draws[band as usize * size.pixels() + at as usize] + 1.0) * 128.0).floor();
            200.0 + (3800.0 * (3.0 * n as f32 + r) / 1024.0).floor()
        };
        (0..size.width * size.height).map(value).collect()
    }

    #[test]
    fn pre_trainings_evaluation_is_the_originals() {
        let Some(expected) = golden("prep_fmow_eval96") else { return };
        let size = Size::new(80, 100);
        let mut difference = 0.0f32;
        // The shorter side becomes 109, the other keeps the shape; the middle 96 x 96 are taken.
        let to = Size::new(109, 136);
        let (top, left) = (edge(to.height, 96) as usize, edge(to.width, 96) as usize);
        let bands = (0..13).filter(|band| *band != 10);
        for (band, expected) in bands.zip(expected.chunks_exact(96 * 96)) {
            let mut plane = raw_band("fmow", size, band);
            min_max(&mut plane, &vec![1; size.pixels()], 1e-10);
            let resized = resize(&plane, size, to);
            for (at, expected) in expected.iter().enumerate() {
                let ours = resized[(at / 96 + top) * 109 + at % 96 + left];
                difference = difference.max((narrow(ours) - expected).abs());
            }
        }
        assert!(difference <= 2e-5, "{difference}");
    }

    proptest! {
        #[test]
        fn a_dn_offset_changes_nothing_and_invalid_pixels_do_not_count(
            dn in prop::collection::vec(0u16..60000, 40), valid in prop::collection::vec(0u8..2, 20),
            noise in prop::collection::vec(-1e9f32..1e9, 20),
        ) {
            let bands: Vec<f32> = dn.iter().map(|v| f32::from(*v)).collect();
            let plain = run(MIN_MAX, 0.0, &bands, &valid);
            let mut other: Vec<f32> = bands.iter().map(|v| v + 1000.0).collect();
            for (at, value) in other.iter_mut().enumerate() {
                if valid[at % 20] == 0 {
                    *value = noise[at % 20];
                }
            }
            prop_assert_eq!(&plain, &run(MIN_MAX, -1000.0, &other, &valid));
            for (value, valid) in plain.iter().zip(valid.iter().cycle()) {
                prop_assert!((0.0..=1.0).contains(value) && (*valid == 1 || *value == 0.0));
            }
        }
    }
}
