//! Turns digital numbers into the network's input; sees valid pixels only.

mod extremes;
mod means;
mod rule;

use pulp::{Arch, NullaryFnOnce};

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::model::manifest::{Channel, Manifest, Normalisation};
use crate::resize::resize;
use extremes::Extremes;
pub use extremes::Sample;
use means::Means;
use rule::Rule;

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

/// One channel at the raster's own resolution. Work of a type of its own is sure to be compiled for
/// every generation of processors; that of a closure may be left to the plainest one's instructions.
struct Plane<'a, 'o, P: Pixels> {
    normaliser: &'o Normaliser,
    channel: usize,
    /// Its validity is empty if all pixels are.
    footprint: &'a Footprint<'a, P>,
    means: &'a mut Means<'o>,
    apart: &'a mut Vec<P::Sample>,
    plane: &'a mut [f32],
}

impl<P: Pixels> NullaryFnOnce for Plane<'_, '_, P> {
    type Output = Inverse;

    #[inline(always)]
    fn call(mut self) -> Inverse {
        let rule = match &self.normaliser.origins[self.channel] {
            Origin::Band(band) => self.band(*band),
            Origin::Mean(list) => self.mean(list),
        };
        cover(self.plane, self.footprint.valid);
        rule.inverse()
    }
}

impl<P: Pixels> Plane<'_, '_, P> {
    #[inline(always)]
    fn band(&mut self, band: usize) -> Rule {
        let (normaliser, width) = (self.normaliser, self.footprint.width);
        let range = if normaliser.by_range() { self.range(band) } else { None };
        let rule = Rule::new(&normaliser.rule, self.channel, range);
        for (row, to) in self.plane.chunks_exact_mut(width).enumerate() {
            let dns = self.footprint.pixels.row(band, row, self.apart);
            let dns = dns.iter().map(|dn| normaliser.shifted((*dn).into()));
            self.means.see(band, row * width, dns.clone());
            rule.apply(dns, to);
        }
        self.means.seen(band);
        rule
    }

    /// Finds a band's smallest and largest valid number. A first pass over the raster's own samples,
    /// 16-bit ones mostly: the channel, of twice their size, is written once then.
    #[inline(always)]
    fn range(&mut self, band: usize) -> Option<(f32, f32)> {
        let Footprint { pixels, width, valid } = *self.footprint;
        let mut extremes = Extremes::default();
        for row in 0..self.plane.len() / width {
            let valid = valid.get(row * width..(row + 1) * width).unwrap_or_default();
            extremes.see(pixels.row(band, row, self.apart), valid);
        }
        // Of a larger number the shifted one is never smaller, so the extremes stay extremes.
        let shifted = |dn| self.normaliser.shifted(dn);
        extremes.ends().map(|(low, high)| (shifted(low), shifted(high)))
    }

    #[inline(always)]
    fn mean(&mut self, list: &[usize]) -> Rule {
        let (normaliser, width) = (self.normaliser, self.footprint.width);
        while let Some(band) = self.means.missing(list) {
            for row in 0..self.plane.len() / width {
                let dns = self.footprint.pixels.row(band, row, self.apart);
                let dns = dns.iter().map(|dn| normaliser.shifted((*dn).into()));
                self.means.see(band, row * width, dns);
            }
            self.means.seen(band);
        }
        let (sum, count) = (self.means.sum(list), list.len() as f32);
        let mut extremes = Extremes::default();
        if normaliser.by_range() {
            extremes.see(sum, self.footprint.valid);
        }
        let range = extremes.ends().map(|(low, high)| (low / count, high / count));
        let rule = Rule::new(&normaliser.rule, self.channel, range);
        rule.apply(sum.iter().map(|sum| sum / count), self.plane);
        rule
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

/// Puts 0 where pixels are invalid.
#[inline(always)]
fn cover(plane: &mut [f32], valid: &[u8]) {
    for (value, valid) in plane.iter_mut().zip(valid) {
        *value = if *valid == 0 { 0.0 } else { *value };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectralgpt::synthetic::{draw, golden};
    use proptest::prelude::*;

    const MIN_MAX: Normalisation = Normalisation::ChipMinMax { epsilon: 0.0 };

    /// Bands of a number of pixels each, one after the other.
    struct Bands<'a> {
        bands: &'a [f32],
        pixels: usize,
        width: usize,
    }

    impl Pixels for Bands<'_> {
        type Sample = f32;

        fn row<'a>(&'a self, band: usize, row: usize, _: &'a mut Vec<f32>) -> &'a [f32] {
            &self.bands[band * self.pixels + row * self.width..][..self.width]
        }
    }

    fn normaliser(rule: Normalisation, dn_offset: f32) -> Normaliser {
        let origins = vec![Origin::Band(0), Origin::Band(1), Origin::Mean(vec![1, 0])];
        Normaliser { origins, rule, resize: None, dn_offset }
    }

    fn run(rule: Normalisation, dn_offset: f32, bands: &[f32], valid: &[u8]) -> Vec<f32> {
        run_wide(rule, dn_offset, bands, valid, 1)
    }

    fn run_wide(
        rule: Normalisation,
        dn_offset: f32,
        bands: &[f32],
        valid: &[u8],
        width: usize,
    ) -> Vec<f32> {
        let mut input = vec![f32::NAN; 3 * valid.len()];
        let pixels = Bands { bands, pixels: valid.len(), width };
        let footprint = Footprint { pixels: &pixels, width, valid };
        normaliser(rule, dn_offset).chip(footprint, &mut input);
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

    #[test]
    fn means_are_the_same_wherever_their_bands_are_channels() {
        let bands = [2.0, 4.0, 6.5, 7.0, 1.0, 3.0];
        let lists = [vec![0, 1], vec![0, 0, 1], vec![1, 1], vec![1, 0]];
        let [a, b, c, d] = lists.clone().map(Origin::Mean);
        let origins = [a, Origin::Band(1), b, c, Origin::Band(0), d];
        for turn in 0..origins.len() {
            let mut origins = origins.to_vec();
            origins.rotate_left(turn);
            let plain = normaliser(Normalisation::None, -1.0);
            let normaliser = Normaliser { origins, ..plain };
            let pixels = Bands { bands: &bands, pixels: 3, width: 3 };
            let mut input = vec![f32::NAN; 6 * 3];
            normaliser.chip(Footprint { pixels: &pixels, width: 3, valid: &[1; 3] }, &mut input);
            for (origin, got) in normaliser.origins.iter().zip(input.chunks(3)) {
                let list = match origin {
                    Origin::Band(band) => vec![*band],
                    Origin::Mean(list) => list.clone(),
                };
                for (at, got) in got.iter().enumerate() {
                    let sum: f32 = list.iter().map(|band| bands[band * 3 + at] - 1.0).sum();
                    assert_eq!(*got, sum / list.len() as f32);
                }
            }
        }
    }

    #[test]
    fn a_footprints_width_changes_nothing() {
        let pixels = 15_000;
        let bands: Vec<f32> = (0..2 * pixels).map(|at| (at * 7919 % 10_007) as f32).collect();
        let holes: Vec<u8> = (0..pixels).map(|at| u8::from(at % 7 != 3 && at > 2100)).collect();
        let (mean, std) = (vec![900.0, 1200.0, 1000.0], vec![400.0, 500.0, 600.0]);
        let rules = [
            MIN_MAX,
            Normalisation::None,
            Normalisation::ZScore { mean: mean.clone(), std: std.clone() },
            Normalisation::ClippedBytes { mean, std },
        ];
        for rule in rules {
            for valid in [&vec![1; pixels], &holes] {
                let narrow = run(rule.clone(), -1000.0, &bands, valid);
                assert!(narrow.iter().any(|value| *value != narrow[0]));
                for width in [120, 2500, pixels] {
                    assert_eq!(narrow, run_wide(rule.clone(), -1000.0, &bands, valid, width));
                }
            }
        }
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
            let dns = raw_band("fmow", size, band);
            let rule = Normalisation::ChipMinMax { epsilon: 1e-10 };
            let mut extremes = Extremes::default();
            extremes.see(&dns, &[]);
            let mut plane = vec![f32::NAN; dns.len()];
            Rule::new(&rule, 0, extremes.ends()).apply(dns.iter().copied(), &mut plane);
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
