//! Applies a model's normalisation to a channel.

use super::{Inverse, narrow};
use crate::model::manifest::Normalisation;

/// A channel's normalisation, with what it takes from the chip.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// Digital numbers stay what they are.
    None,
    /// A channel of one value, or without a valid pixel, becomes 0.
    Constant { value: f32 },
    /// `(value - offset) / scale`: between the chip's extremes, or in deviations from the mean.
    Linear { offset: f32, scale: f32 },
    /// As a byte's value between two deviations below and above the mean.
    Bytes { low: f64, high: f64 },
}

impl Rule {
    /// Settles a channel's rule; `range` is its smallest and largest valid value, if it has one.
    pub(super) fn new(
        normalisation: &Normalisation,
        channel: usize,
        range: Option<(f32, f32)>,
    ) -> Self {
        match normalisation {
            Normalisation::None => Self::None,
            Normalisation::ChipMinMax { epsilon } => match range.unwrap_or_default() {
                (low, high) if high <= low => Self::Constant { value: low },
                (low, high) => Self::Linear { offset: low, scale: high - low + narrow(*epsilon) },
            },
            Normalisation::ZScore { mean, std } => {
                Self::Linear { offset: narrow(mean[channel]), scale: narrow(std[channel]) }
            }
            Normalisation::ClippedBytes { mean, std } => {
                let (mean, std) = (mean[channel], std[channel]);
                Self::Bytes { low: mean - 2.0 * std, high: mean + 2.0 * std }
            }
        }
    }

    /// Normalises digital numbers.
    #[inline(always)]
    pub(super) fn apply(self, dns: impl Iterator<Item = f32>, into: &mut [f32]) {
        let both = into.iter_mut().zip(dns);
        match self {
            Self::None => both.for_each(|(value, dn)| *value = dn),
            Self::Constant { .. } => into.fill(0.0),
            Self::Linear { offset, scale } => {
                both.for_each(|(value, dn)| *value = (dn - offset) / scale);
            }
            Self::Bytes { low, high } => both.for_each(|(value, dn)| {
                let byte = (f64::from(dn) - low) / (high - low) * 255.0;
                *value = narrow(byte.clamp(0.0, 255.0).trunc()) / 255.0;
            }),
        }
    }

    /// Returns the way back.
    pub(super) fn inverse(self) -> Inverse {
        match self {
            Self::None => Inverse { scale: 1.0, offset: 0.0 },
            Self::Constant { value } => Inverse { scale: 0.0, offset: value },
            Self::Linear { offset, scale } => Inverse { scale, offset },
            Self::Bytes { low, high } => Inverse { scale: narrow(high - low), offset: narrow(low) },
        }
    }
}
