//! Applies a model's normalisation to a channel, part by part.

use super::{Inverse, narrow};
use crate::model::manifest::Normalisation;

/// A channel's normalisation under way.
#[allow(clippy::large_enum_variant, reason = "it lives on the stack while one channel is made")]
pub(super) enum Rule {
    /// Digital numbers stay what they are.
    None,
    /// To 0 and 1, which is known when all pixels were seen.
    MinMax { range: Range, epsilon: f32 },
    /// In deviations from the mean.
    ZScore { mean: f32, std: f32 },
    /// As a byte's value between two deviations below and above the mean.
    Bytes { low: f64, high: f64 },
}

impl Rule {
    pub(super) fn new(normalisation: &Normalisation, channel: usize) -> Self {
        match normalisation {
            Normalisation::None => Self::None,
            Normalisation::ChipMinMax { epsilon } => {
                Self::MinMax { range: Range::default(), epsilon: narrow(*epsilon) }
            }
            Normalisation::ZScore { mean, std } => {
                Self::ZScore { mean: narrow(mean[channel]), std: narrow(std[channel]) }
            }
            Normalisation::ClippedBytes { mean, std } => {
                let (mean, std) = (mean[channel], std[channel]);
                Self::Bytes { low: mean - 2.0 * std, high: mean + 2.0 * std }
            }
        }
    }

    /// Normalises a part of the plane, as far as that can be done before the others were seen;
    /// `valid` is empty if all of its pixels are.
    #[inline(always)]
    pub(super) fn see(&mut self, part: &mut [f32], valid: &[u8]) {
        match self {
            Self::None => {}
            Self::MinMax { range, .. } => range.see(part, valid),
            Self::ZScore { mean, std } => {
                part.iter_mut().for_each(|value| *value = (*value - *mean) / *std);
            }
            Self::Bytes { low, high } => {
                for value in part {
                    let byte = (f64::from(*value) - *low) / (*high - *low) * 255.0;
                    *value = narrow(byte.clamp(0.0, 255.0).trunc()) / 255.0;
                }
            }
        }
    }

    /// Normalises the plane, of which all parts were seen. A constant one becomes 0, and one without a
    /// valid pixel.
    #[inline(always)]
    pub(super) fn finish(self, plane: &mut [f32]) -> Inverse {
        match self {
            Self::None => Inverse { scale: 1.0, offset: 0.0 },
            Self::ZScore { mean, std } => Inverse { scale: std, offset: mean },
            Self::Bytes { low, high } => Inverse { scale: narrow(high - low), offset: narrow(low) },
            Self::MinMax { range, epsilon } => {
                let (low, high) = range.ends();
                if high <= low {
                    plane.fill(0.0);
                    return Inverse { scale: 0.0, offset: low };
                }
                let scale = high - low + epsilon;
                plane.iter_mut().for_each(|value| *value = (*value - low) / scale);
                Inverse { scale, offset: low }
            }
        }
    }
}

/// How many values a processor compares at once, or a few times as many.
const LANES: usize = 32;

/// The smallest and the largest valid value so far, in lanes: an extreme is the same in any order.
pub(super) struct Range {
    lows: [f32; LANES],
    highs: [f32; LANES],
}

impl Default for Range {
    fn default() -> Self {
        Self { lows: [f32::INFINITY; LANES], highs: [f32::NEG_INFINITY; LANES] }
    }
}

impl Range {
    #[inline(always)]
    fn see(&mut self, part: &[f32], valid: &[u8]) {
        if valid.is_empty() {
            let (lanes, rest) = part.as_chunks();
            lanes.iter().for_each(|values| self.widen(values, values));
            rest.iter().for_each(|value| self.widen(&[*value; LANES], &[*value; LANES]));
            return;
        }
        for (values, valid) in part.chunks(LANES).zip(valid.chunks(LANES)) {
            // What changes no extreme.
            let (mut least, mut most) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
            for (at, (value, valid)) in values.iter().zip(valid).enumerate() {
                least[at] = if *valid == 0 { f32::INFINITY } else { *value };
                most[at] = if *valid == 0 { f32::NEG_INFINITY } else { *value };
            }
            self.widen(&least, &most);
        }
    }

    #[inline(always)]
    fn widen(&mut self, least: &[f32; LANES], most: &[f32; LANES]) {
        for lane in 0..LANES {
            let (low, high) = (self.lows[lane], self.highs[lane]);
            self.lows[lane] = if least[lane] < low { least[lane] } else { low };
            self.highs[lane] = if most[lane] > high { most[lane] } else { high };
        }
    }

    /// Returns both; 0 if no pixel is valid.
    fn ends(&self) -> (f32, f32) {
        let low = self.lows.iter().fold(f32::INFINITY, |low, value| low.min(*value));
        let high = self.highs.iter().fold(f32::NEG_INFINITY, |high, value| high.max(*value));
        if low > high { (0.0, 0.0) } else { (low, high) }
    }
}
