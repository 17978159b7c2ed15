//! Mixes spectra, a little different in every scene and on every parcel.

use super::noise::Noise;
use super::spectra::{Material, Spectrum};

/// How far a band's wavelength lies towards the infrared, -1 to 1.
const REDNESS: Spectrum = [-1.0, -0.9, -0.7, -0.5, -0.3, 0.0, 0.1, 0.2, 0.3, 0.4, 0.9, 1.0];

/// First of the two bands that water in soil and leaves darkens.
const SHORTWAVE: usize = 10;

/// The materials as a scene shows them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(Noise);

impl Paint {
    /// Draws a scene's materials.
    pub(super) fn new(noise: Noise) -> Self {
        Self(noise)
    }

    /// Returns a material's spectrum in this scene.
    pub(super) fn of(self, material: Material) -> Spectrum {
        vary(material.spectrum(), self.0.of(material as u64), 1.0)
    }

    /// Mixes two materials; `share` of the second, 0 to 1.
    pub(super) fn mix(self, first: Material, second: Material, share: f32) -> Spectrum {
        blend(&self.of(first), &self.of(second), share.clamp(0.0, 1.0))
    }
}

/// Mixes two spectra; `share` of the second, 0 to 1.
pub(super) fn blend(first: &Spectrum, second: &Spectrum, share: f32) -> Spectrum {
    std::array::from_fn(|b| first[b] + (second[b] - first[b]) * share)
}

/// Returns a spectrum so many times brighter.
pub(super) fn brighter(spectrum: &Spectrum, gain: f32) -> Spectrum {
    spectrum.map(|value| value * gain)
}

/// Varies a spectrum's brightness, tilt and shortwave infrared by about so many times 15 %.
pub(super) fn vary(spectrum: Spectrum, noise: Noise, amount: f32) -> Spectrum {
    let draw = |purpose, width: f32| amount * noise.between(purpose, -width, width);
    let (gain, tilt, moisture) = (1.0 + draw(1, 0.2), draw(2, 0.15), 1.0 + draw(3, 0.15));
    std::array::from_fn(|b: usize| {
        let moisture = if b >= SHORTWAVE { moisture } else { 1.0 };
        spectrum[b] * gain * (1.0 + tilt * REDNESS[b]) * moisture
    })
}
