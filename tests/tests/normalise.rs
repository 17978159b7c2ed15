//! Normalisation against formulas in f64: every 16-bit number, a million bit patterns, no NaN.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use conformance::{detgen, models, raster, tell};
use spectralgpt_core::model::manifest::{Manifest, Normalisation};
use spectralgpt_core::model::profile::{PROFILES, Profile};
use spectralgpt_core::normalise::{Normaliser, needed};

/// Half the distance between neighbouring f32 numbers, relative.
const HALF_ULP: f64 = 1.0 / 16_777_216.0;
/// What is added for results that f32 holds as subnormal numbers.
const TINY: f64 = 1.0e-44;
/// The constants of the rules that have some.
const MEAN: f64 = 1_353.726_962_89;
const STD: f64 = 897.271_484_37;
const PIXELS: usize = 1 << 14;

fn rules() -> [Normalisation; 4] {
    let (mean, std) = (vec![MEAN], vec![STD]);
    [
        Normalisation::None,
        Normalisation::ChipMinMax { epsilon: 0.0 },
        Normalisation::ZScore { mean: mean.clone(), std: std.clone() },
        Normalisation::ClippedBytes { mean, std },
    ]
}

fn normalised(rule: &Normalisation, dn: &[f32], valid: &[u8]) -> Vec<f32> {
    let manifest = Manifest { normalisation: rule.clone(), ..models::plain_manifest(1, 0) };
    let mut input = vec![f32::NAN; dn.len()];
    let normaliser = Normaliser::new(&manifest, 0.0).unwrap();
    raster::normalise(&normaliser, dn, valid, &mut input);
    input
}

/// Returns the formula's value and how far rounding may lead from it.
fn expected(rule: &Normalisation, dn: f64, low: f64, high: f64) -> (f64, f64) {
    match rule {
        Normalisation::None => (dn, 0.0),
        Normalisation::ChipMinMax { .. } if high <= low => (0.0, 0.0),
        Normalisation::ChipMinMax { .. } => {
            let share = (dn - low) / (high - low);
            // A difference, a range, a quotient: each rounded once.
            (share, 3.1 * HALF_ULP * share + TINY)
        }
        Normalisation::ZScore { .. } => {
            // The constants are rounded to f32 too.
            let size = (dn.abs() + MEAN) / STD;
            ((dn - MEAN) / STD, 4.0 * HALF_ULP * size)
        }
        Normalisation::ClippedBytes { .. } => {
            let byte = (dn - MEAN + 2.0 * STD) * 255.0 / (4.0 * STD);
            let near = (byte - byte.round()).abs() < 1e-9 && (-1.0..256.0).contains(&byte);
            let slack = if near { 1.0 / 255.0 } else { 0.0 };
            (byte.clamp(0.0, 255.0).trunc() / 255.0, slack + HALF_ULP)
        }
    }
}

/// Compares a chip with the formulas, and returns the largest error in units of its bound.
fn check(rule: &Normalisation, dn: &[f32]) -> f64 {
    let valid: Vec<u8> = dn.iter().map(|dn| u8::from(dn.is_finite())).collect();
    let given: Vec<f32> = dn.iter().map(|dn| if dn.is_finite() { *dn } else { 0.0 }).collect();
    let input = normalised(rule, &given, &valid);
    let believed = |dn: &f32| f64::from(dn.clamp(-1e12, 1e12));
    let seen = || dn.iter().filter(|dn| dn.is_finite()).map(believed);
    let (low, high) = (seen().fold(f64::MAX, f64::min), seen().fold(f64::MIN, f64::max));
    let mut worst = 0.0f64;
    for (value, dn) in input.iter().zip(dn) {
        if !dn.is_finite() {
            assert_eq!(*value, 0.0);
            continue;
        }
        let (right, bound) = expected(rule, believed(dn), low, high);
        let error = (f64::from(*value) - right).abs();
        assert!(error <= bound, "{dn:e} gives {value:e} instead of {right:e} in {low:e}..{high:e}");
        worst = worst.max(if bound > 0.0 { error / bound } else { 0.0 });
    }
    worst
}

#[test]
fn every_16_bit_number_is_normalised_as_the_formula_says() {
    let numbers: Vec<f32> = (0..=u16::MAX).map(f32::from).collect();
    for rule in rules() {
        check(&rule, &numbers);
        for part in numbers.chunks_exact(PIXELS / 16) {
            check(&rule, part);
        }
    }
}

/// Chips of any bits, of numbers of like size, and of those at the edges of the type.
fn patterns(chip: u64) -> Vec<f32> {
    let draw = |index| detgen::splitmix64(chip, index).to_le_bytes();
    let bits = |index| -> u32 {
        let [a, b, c, d, kind, scale, ..] = draw(index);
        let any = u32::from_le_bytes([a, b, c, d]);
        let [base, ..] = detgen::splitmix64(chip, u64::MAX).to_le_bytes();
        let exponent = u32::from(base.saturating_add(scale % 4)) << 23;
        let edges = [0x7f7f_ffff, 0xff7f_ffff, 0x7f80_0000, 0x7fc0_0000, 1, 0x8000_0001, 0];
        match (chip % 4, kind) {
            (0, _) => any,
            (1, _) | (2, 5..) => any & 0x807f_ffff | exponent,
            (2, _) => edges[usize::from(scale) % edges.len()],
            _ => any & 0x807f_ffff,
        }
    };
    (0..PIXELS as u64).map(|index| f32::from_bits(bits(index))).collect()
}

#[test]
fn a_million_bit_patterns_give_the_formula_or_zero_and_never_nan() {
    for rule in rules() {
        let worst = (0..64).map(|chip| check(&rule, &patterns(chip))).fold(0.0, f64::max);
        tell(&format!("normalisation of {} patterns: {worst:.2} of the bound", 64 * PIXELS));
    }
}

/// Feeds a profile one value per band.
fn constant(profile: &Profile, dn: &[f32], dn_offset: f32, valid: u8) -> Vec<f32> {
    let manifest = models::profile_manifest(profile);
    let pixels = (manifest.footprint_px as usize).pow(2);
    let mut input = vec![f32::NAN; manifest.channels.len() * 128 * 128];
    let normaliser = Normaliser::new(&manifest, dn_offset).unwrap();
    let bands = needed(&manifest.channels).len();
    let dns: Vec<f32> = (0..bands * pixels).map(|at| dn[at / pixels % dn.len()]).collect();
    raster::normalise(&normaliser, &dns, &vec![valid; pixels], &mut input);
    input
}

#[test]
fn constant_and_extreme_scenes_give_finite_input() {
    for profile in &PROFILES {
        let flat = matches!(profile.normalisation(), Normalisation::ChipMinMax { .. });
        for dn in [0.0, 1.0, 65_535.0, -0.0, 1e-45, f32::MAX, f32::MIN, 1e12, 0.1] {
            for offset in [0.0, -1000.0, f32::MAX, f32::MIN] {
                let input = constant(profile, &[dn], offset, 1);
                assert!(input.iter().all(|value| value.is_finite()), "{} {dn:e}", profile.name);
                assert!(!flat || input.iter().all(|value| *value == 0.0), "{} {dn}", profile.name);
            }
            assert!(constant(profile, &[dn], 0.0, 0).iter().all(|value| *value == 0.0));
        }
        let wild = constant(profile, &[f32::MAX, f32::MAX, f32::MIN, 0.0], 0.0, 1);
        assert!(wild.iter().all(|value| value.is_finite()), "{}", profile.name);
    }
}
