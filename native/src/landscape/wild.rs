//! Paints what is not made by people: water, woods, grassland, bare ground, snow.

use super::cells::Cells;
use super::land::{Class, Cover};
use super::noise::{Noise, Point};
use super::paint::{Paint, blend, brighter, vary};
use super::spectra::Material::{
    self, BareTrees, BroadTrees, ClearWater, DarkRock, DarkTrees, DarkWater, DryGrass, FreshSnow,
    GreenGrass, GreenWater, LightRock, LightSoil, LushTrees, OldSnow, Playa, Rangeland, RedSoil,
    Sand, ShadedSnow, ShallowWater, Shrub, Snow, Trees, TurbidWater,
};
use super::spectra::Spectrum;

const WATERS: [Material; 5] = [ClearWater, DarkWater, TurbidWater, GreenWater, ClearWater];
const GROUNDS: [Material; 7] = [Sand, LightRock, DarkRock, Playa, RedSoil, LightSoil, Sand];
const WOODS: [Material; 5] = [Trees, DarkTrees, BroadTrees, LushTrees, Trees];

/// Wild land of one scene.
#[derive(Debug)]
pub(super) struct Wild {
    noise: Noise,
    paint: Paint,
    /// 0 wet, 1 dry.
    dry: f32,
    /// Kinds of water, and how bright the sky is in it.
    waters: [Material; 2],
    sky: f32,
    stands: Cells,
    /// How much of the trees has no leaves.
    leafless: f32,
    grounds: [Material; 2],
}

impl Wild {
    pub(super) fn new(noise: Noise, paint: Paint, dry: f32) -> Self {
        let sky = if noise.chance(1, 0.3) { noise.between(2, 0.0, 0.05) } else { 0.0 };
        Self {
            noise,
            paint,
            dry,
            waters: [pick(noise.of(3), &WATERS), pick(noise.of(4), &WATERS)],
            sky,
            stands: Cells::new(noise.of(5), 40.0, 30.0, false),
            leafless: if noise.chance(6, 0.2) { noise.once(7) } else { 0.0 },
            grounds: [pick(noise.of(8), &GROUNDS), pick(noise.of(9), &GROUNDS)],
        }
    }

    /// Paints water; `depth` is 0 at the shore, 1 where the bottom is out of sight.
    pub(super) fn water(&self, p: Point, depth: f32) -> Cover {
        let share = self.field(10, p, 80.0);
        let open = self.paint.mix(self.waters[0], self.waters[1], share);
        let shallow = self.noise.once(11) * (1.0 - depth) * self.field(12, p, 30.0);
        let mixed = blend(&open, &self.paint.of(ShallowWater), shallow);
        let glint = self.sky * (0.7 + 0.3 * self.grain(13, p));
        cover(Class::Water, mixed.map(|value| value + glint))
    }

    /// Paints a wood: stands of one kind each, crowns and the shadows between them.
    pub(super) fn trees(&self, p: Point) -> Cover {
        let stand = self.stands.at(p);
        let kind = pick(stand.noise, &WOODS);
        let leafless = self.leafless * stand.noise.once(3);
        let leaves = self.paint.mix(kind, BareTrees, leafless);
        let under = self.paint.of(if self.dry > 0.5 { DryGrass } else { GreenGrass });
        let gap = (self.field(14, p, 6.0) - 0.6).max(0.0) * 0.6;
        let crowns = 1.0 + 0.1 * self.grain(15, p) + 0.12 * self.noise.of(16).smooth(p.over(2.0));
        let wood = blend(&vary(leaves, stand.noise.of(4), 0.5), &under, gap);
        cover(Class::Trees, brighter(&wood, crowns))
    }

    /// Paints grassland with scrub and bare spots.
    pub(super) fn grass(&self, p: Point) -> Cover {
        let dryness = (self.dry + 0.3 * (self.field(17, p, 60.0) - 0.5)).clamp(0.0, 1.0);
        let scorched = self.paint.mix(DryGrass, Rangeland, self.field(18, p, 50.0));
        let sward = blend(&self.paint.of(GreenGrass), &scorched, dryness);
        let scrub = (self.field(19, p, 12.0) + self.noise.between(20, -0.6, 0.2)).clamp(0.0, 0.8);
        let shrubs = blend(&sward, &self.paint.of(Shrub), scrub);
        let open = (self.field(21, p, 8.0) - 0.6).max(0.0) * (0.3 + dryness);
        let ground = blend(&shrubs, &self.paint.of(LightSoil), open.min(0.5));
        cover(Class::GrassOrShrub, brighter(&ground, 1.0 + 0.05 * self.grain(22, p)))
    }

    /// Paints sand, rock and soil.
    pub(super) fn bare(&self, p: Point) -> Cover {
        let ground = self.paint.mix(self.grounds[0], self.grounds[1], self.field(23, p, 50.0));
        let sparse = (self.field(24, p, 15.0) - 0.7).max(0.0) * 0.6;
        let plants = self.paint.of(Rangeland);
        let forms = 1.0 + 0.15 * self.noise.of(25).rough(p.over(10.0), 4);
        let mixed = blend(&ground, &plants, sparse);
        cover(Class::Bare, brighter(&mixed, forms + 0.03 * self.grain(26, p)))
    }

    /// Paints snow: new, old, in the shade, with rock showing through.
    pub(super) fn snow(&self, p: Point) -> Cover {
        let age = self.field(27, p, 60.0);
        let old = self.paint.mix(Snow, OldSnow, (2.0 * age - 1.0).max(0.0));
        let new = blend(&self.paint.of(FreshSnow), &old, (2.0 * age).min(1.0));
        let shade = (2.5 * self.field(28, p, 20.0) - 1.4).clamp(0.0, 1.0);
        let shaded = blend(&new, &self.paint.of(ShadedSnow), shade);
        let rock = (self.field(29, p, 8.0) - 0.75).max(0.0) * 1.5;
        let mixed = blend(&shaded, &self.paint.of(DarkRock), rock);
        cover(Class::SnowOrCloud, brighter(&mixed, 1.0 + 0.05 * self.grain(30, p)))
    }

    /// Returns a field in [0, 1] with forms of so many pixels.
    fn field(&self, purpose: u64, p: Point, scale: f32) -> f32 {
        (0.5 + 0.7 * self.noise.of(purpose).rough(p.over(scale), 3)).clamp(0.0, 1.0)
    }

    /// Returns a pixel's own number, mean 0, variance 1.
    fn grain(&self, purpose: u64, p: Point) -> f32 {
        grain(self.noise.of(purpose), p)
    }
}

/// Returns a pixel's own number, mean 0, variance 1.
pub(super) fn grain(noise: Noise, p: Point) -> f32 {
    #[allow(clippy::cast_possible_truncation, reason = "whole numbers far below 2^24")]
    let (i, j) = (p.x.floor() as i64, p.y.floor() as i64);
    noise.normal(i, j)
}

/// Draws one of several materials.
pub(super) fn pick(noise: Noise, among: &[Material]) -> Material {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small index")]
    let index = (noise.once(1) * among.len() as f32) as usize;
    among[index]
}

fn cover(class: Class, spectrum: Spectrum) -> Cover {
    Cover { class, spectrum }
}
