//! Puts the air between the land and the sensor: clouds, their shadows, haze, the sky's own light.

use super::land::{Class, Cover};
use super::noise::{Noise, Point, ease, ramp};
use super::paint::{Paint, blend, brighter};
use super::spectra::{Material, Spectrum};

/// Light that clear air adds: what a dark wood shows at the top of the atmosphere more than below.
const AIR: Spectrum =
    [0.090, 0.058, 0.031, 0.016, 0.011, 0.009, 0.008, 0.006, 0.005, 0.002, 0.001, 0.0005];

/// Light that haze adds, falling with wavelength as fine droplets' scattering does.
const HAZE: Spectrum =
    [0.10, 0.09, 0.075, 0.06, 0.055, 0.05, 0.047, 0.044, 0.042, 0.03, 0.018, 0.012];

/// What air lets through at the top of the atmosphere: B09 lies where water vapour absorbs.
const LETS_THROUGH: Spectrum =
    [0.92, 0.93, 0.94, 0.95, 0.95, 0.94, 0.97, 0.96, 0.98, 0.33, 0.97, 0.95];

/// The air of one scene.
#[derive(Debug)]
pub(super) struct Sky {
    noise: Noise,
    paint: Paint,
    /// Share of the sky that clouds have, less one half.
    clouds: f32,
    extent: f32,
    /// From a cloud to its shadow, in pixels.
    shadow: [f32; 2],
    /// How much of the air is left in the picture: 0 corrected, 1 not, below 0 overdone.
    air: f32,
    haze: f32,
    sun: f32,
}

impl Sky {
    pub(super) fn new(noise: Noise, paint: Paint) -> Self {
        let corrected = noise.chance(1, 0.65);
        let cloudy = noise.chance(2, 0.3);
        Self {
            noise,
            paint,
            clouds: if cloudy { noise.between(3, -0.35, 0.05) } else { -2.0 },
            extent: noise.between(4, 25.0, 90.0),
            shadow: [noise.between(5, -40.0, 40.0), noise.between(6, -40.0, -5.0)],
            air: if corrected { noise.between(7, -0.15, 0.1) } else { noise.between(8, 0.7, 1.2) },
            haze: if noise.chance(9, 0.3) { noise.between(10, 0.1, 0.9) } else { 0.0 },
            sun: noise.between(11, 0.85, 1.12),
        }
    }

    /// Returns what is seen of a place from above.
    pub(super) fn seen(&self, ground: Cover, p: Point) -> Cover {
        let shaded = self.thickness(p.moved(self.shadow[0], self.shadow[1]));
        let lit = self.sun * (1.0 - 0.55 * ease(shaded)) * (1.0 + 0.05 * self.wide(12, p));
        let opacity = ease(self.thickness(p));
        let class = if opacity > 0.5 { Class::SnowOrCloud } else { ground.class };
        let bright = (0.5 + 0.7 * self.noise.of(13).rough(p.over(20.0), 3)).clamp(0.0, 1.0);
        let cloud = self.paint.mix(Material::Cloud, Material::BrightCloud, bright);
        let scene = blend(&brighter(&ground.spectrum, lit), &cloud, opacity);
        Cover { class, spectrum: self.through_air(&scene, p) }
    }

    fn through_air(&self, scene: &Spectrum, p: Point) -> Spectrum {
        let haze = self.haze * (1.0 + 0.6 * self.wide(14, p)).max(0.0);
        std::array::from_fn(|b| {
            let through = 1.0 - (1.0 - LETS_THROUGH[b]) * self.air.clamp(0.0, 1.0);
            scene[b] * through * (1.0 - 2.0 * haze * HAZE[b]) + self.air * AIR[b] + haze * HAZE[b]
        })
    }

    /// Returns a cloud's thickness at a place, 0 to 1.
    fn thickness(&self, p: Point) -> f32 {
        if self.clouds < -1.0 {
            return 0.0;
        }
        ramp(0.0, 0.25, self.noise.of(15).rough(p.over(self.extent), 5) + self.clouds)
    }

    /// Returns a field in [-1, 1] that changes over kilometres.
    fn wide(&self, purpose: u64, p: Point) -> f32 {
        self.noise.of(purpose).smooth(p.over(150.0))
    }
}
