//! Turns digital numbers into the network's input; sees valid pixels only.

use crate::error::{Error, Result};
use crate::model::manifest::{Channel, Normalisation};

/// Where a channel's pixels come from: positions in the source's bands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Band(usize),
    Mean(Vec<usize>),
}

/// A model's normalisation, resolved against the bands of a source.
#[derive(Debug, Clone)]
pub struct Normaliser {
    origins: Vec<Origin>,
    rule: Normalisation,
    dn_offset: f32,
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
    /// Resolves channels against a source whose bands are [`needed`]`(channels)`, in that order.
    ///
    /// `dn_offset` is added to every digital number (Sentinel-2's `BOA_ADD_OFFSET`, -1000).
    ///
    /// # Errors
    /// - Model: a channel is the mean of no band.
    pub fn new(channels: &[Channel], rule: &Normalisation, dn_offset: f32) -> Result<Self> {
        let bands = needed(channels);
        let find = |name: &String| bands.iter().position(|band| band == name).unwrap_or_default();
        let origins = channels
            .iter()
            .map(|channel| match channel {
                Channel::Band(name) => Ok(Origin::Band(find(name))),
                Channel::Mean(names) if names.is_empty() => {
                    Err(Error::model("the model file has a channel that is the mean of no band"))
                }
                Channel::Mean(names) => Ok(Origin::Mean(names.iter().map(find).collect())),
            })
            .collect::<Result<_>>()?;
        Ok(Self { origins, rule: rule.clone(), dn_offset })
    }

    /// Counts the network's channels.
    pub fn channels(&self) -> usize {
        self.origins.len()
    }

    /// Normalises one chip.
    ///
    /// `bands` (band, row, column) holds digital numbers, `valid` (row, column) says where; fills
    /// `input` (channel, row, column). Invalid pixels become the normalised zero.
    pub fn chip(&self, bands: &[f32], valid: &[u8], input: &mut [f32]) {
        let pixels = valid.len();
        for (origin, plane) in self.origins.iter().zip(input.chunks_exact_mut(pixels)) {
            match origin {
                Origin::Band(band) => {
                    let band = &bands[band * pixels..][..pixels];
                    for (value, dn) in plane.iter_mut().zip(band) {
                        *value = dn + self.dn_offset;
                    }
                }
                Origin::Mean(list) => mean(bands, list, self.dn_offset, plane),
            }
            match self.rule {
                Normalisation::None => zero_invalid(plane, valid),
                Normalisation::ChipMinMax { epsilon } => min_max(plane, valid, epsilon),
            }
        }
    }
}

/// Averages bands in f32, added in order, as numpy does.
fn mean(bands: &[f32], list: &[usize], dn_offset: f32, plane: &mut [f32]) {
    let pixels = plane.len();
    plane.fill(0.0);
    for band in list {
        for (sum, dn) in plane.iter_mut().zip(&bands[band * pixels..][..pixels]) {
            *sum += dn + dn_offset;
        }
    }
    let count = list.len() as f32;
    plane.iter_mut().for_each(|sum| *sum /= count);
}

fn zero_invalid(plane: &mut [f32], valid: &[u8]) {
    for (value, valid) in plane.iter_mut().zip(valid) {
        if *valid == 0 {
            *value = 0.0;
        }
    }
}

fn min_max(plane: &mut [f32], valid: &[u8], epsilon: f64) {
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for (value, valid) in plane.iter().zip(valid) {
        if *valid != 0 {
            low = low.min(*value);
            high = high.max(*value);
        }
    }
    #[allow(clippy::cast_possible_truncation, reason = "the original computes in f32 too")]
    let range = high - low + epsilon as f32;
    for (value, valid) in plane.iter_mut().zip(valid) {
        *value = if *valid != 0 && range > 0.0 { (*value - low) / range } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIN_MAX: Normalisation = Normalisation::ChipMinMax { epsilon: 0.0 };

    fn normaliser(rule: Normalisation, dn_offset: f32) -> Normaliser {
        let band = |name: &str| Channel::Band(name.into());
        let mean = Channel::Mean(vec!["B02".into(), "B03".into()]);
        Normaliser::new(&[band("B03"), band("B02"), mean], &rule, dn_offset).unwrap()
    }

    fn run(rule: Normalisation, dn_offset: f32, bands: &[f32], valid: &[u8]) -> Vec<f32> {
        let mut input = vec![f32::NAN; 3 * valid.len()];
        normaliser(rule, dn_offset).chip(bands, valid, &mut input);
        input
    }

    #[test]
    fn channels_are_found_by_name_and_constant_ones_give_zero() {
        let bands = [2.0, 4.0, 6.0, 7.0, 7.0, 7.0];
        let input = run(MIN_MAX, 0.0, &bands, &[1, 1, 1]);
        assert_eq!(input, [0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0]);
        let raw = run(Normalisation::None, -1.0, &bands, &[1, 0, 1]);
        assert_eq!(raw, [1.0, 0.0, 5.0, 6.0, 0.0, 6.0, 3.5, 0.0, 5.5]);
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
