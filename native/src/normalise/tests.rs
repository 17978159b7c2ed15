//! What normalising promises, on pixels whose values are known.

use super::extremes::Extremes;
use super::rule::Rule;
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
