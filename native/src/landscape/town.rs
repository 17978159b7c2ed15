//! Paints towns: blocks of houses and gardens between streets, works, parks.

use super::cells::Cells;
use super::land::{Class, Cover};
use super::noise::{Noise, Point, ramp};
use super::paint::{Paint, blend, brighter, vary};
use super::spectra::Material::{
    self, Asphalt, BrightRoof, Concrete, DarkRoof, DryGrass, GreenGrass, MetalRoof, Suburb, Tiles,
    Trees, Village, YoungCrop,
};
use super::spectra::Spectrum;
use super::wild::{Wild, grain, pick};

const ROOFS: [Material; 6] = [Tiles, Concrete, DarkRoof, BrightRoof, MetalRoof, Asphalt];

/// Towns of one scene.
#[derive(Debug)]
pub(super) struct Town {
    noise: Noise,
    paint: Paint,
    blocks: Cells,
    lots: Cells,
    /// Usual roofs.
    roofs: [Material; 2],
    /// How much of a block is roofs and ground without plants.
    dense: f32,
    /// How much of a block is the mean of a measured town.
    mean: f32,
    dry: f32,
}

impl Town {
    pub(super) fn new(noise: Noise, paint: Paint, dry: f32) -> Self {
        let block = noise.between(1, 6.0, 16.0);
        let lot = noise.between(2, 1.3, 3.5);
        Self {
            noise,
            paint,
            blocks: Cells::new(noise.of(3), block, 1.4 * block, noise.chance(4, 0.7)),
            lots: Cells::new(noise.of(3), lot, lot, true),
            roofs: [pick(noise.of(5), &ROOFS), pick(noise.of(6), &ROOFS)],
            dense: noise.between(7, 0.1, 0.9),
            mean: noise.between(8, 0.0, 0.8),
            dry,
        }
    }

    /// Paints a place.
    pub(super) fn at(&self, p: Point, wild: &Wild) -> Cover {
        let block = self.blocks.at(p);
        let kind = block.noise.once(1);
        if kind < 0.05 {
            return if block.noise.chance(2, 0.6) { wild.grass(p) } else { wild.trees(p) };
        }
        let works = kind > 0.88;
        let houses = if works { self.works(p, block.noise) } else { self.houses(p, block.noise) };
        let street = 0.7 * ramp(0.8, 0.2, block.border);
        let spectrum = blend(&houses, &self.paint.of(Asphalt), street);
        let grain = 1.0 + 0.06 * grain(self.noise.of(9), p);
        Cover { class: Class::Built, spectrum: brighter(&spectrum, grain) }
    }

    /// Mixes roofs, gardens and paving on a lot.
    fn houses(&self, p: Point, block: Noise) -> Spectrum {
        let lot = self.lots.at(p);
        let known = lot.noise.chance(1, 0.7);
        let roof = pick(lot.noise.of(2), if known { &self.roofs } else { &ROOFS });
        let dense = (self.dense + block.between(3, -0.25, 0.25)).clamp(0.1, 1.0);
        let plants = (1.2 - dense) * lot.noise.once(3);
        let lawn = if self.dry > 0.6 { DryGrass } else { GreenGrass };
        let green = if block.chance(6, 0.3) { YoungCrop } else { lawn };
        let garden = self.paint.mix(Trees, green, lot.noise.once(4));
        let paved = self.paint.mix(Asphalt, roof, lot.noise.between(5, 0.2, 0.9));
        let lot_mix = blend(&vary(paved, lot.noise.of(6), 1.0), &garden, plants.clamp(0.0, 0.9));
        let town = self.paint.mix(Suburb, Village, block.once(4));
        blend(&lot_mix, &town, self.mean)
    }

    /// Mixes the large roofs and yards of works.
    fn works(&self, p: Point, block: Noise) -> Spectrum {
        let roof = pick(block.of(5), &ROOFS);
        let yard = ramp(0.4, 0.6, 0.5 + self.noise.of(10).smooth(p.over(5.0)));
        vary(self.paint.mix(roof, Concrete, yard), block.of(6), 1.0)
    }
}
