//! Paints farmland: fields with hedges, woods, meadows and farmsteads among them.

use super::cells::{Cell, Cells};
use super::land::{Class, Cover};
use super::noise::{Noise, Point, ramp};
use super::paint::{Paint, blend, brighter, vary};
use super::spectra::Material::{
    self, DarkSoil, GreenCrop, LightSoil, RipeCrop, Trees, Village, WetField, YoungCrop,
};
use super::spectra::Spectrum;
use super::wild::{Wild, grain, pick};

const STATES: [Material; 6] = [GreenCrop, YoungCrop, RipeCrop, DarkSoil, LightSoil, WetField];

/// Farmland of one scene.
#[derive(Debug)]
pub(super) struct Farm {
    noise: Noise,
    paint: Paint,
    fields: Cells,
    /// The two commonest states of a field, and the share of fields that are in one of them.
    usual: [Material; 2],
    common: f32,
    /// Width of hedges in pixels; none if negative.
    hedge: f32,
    /// How much rows of plants differ.
    rows: f32,
    /// How rare single trees are: above which number of its own a pixel has one.
    trees: f32,
    /// Whether fields are circles that a sprinkler wets.
    round: bool,
    /// Shares of parcels that are wood, meadow and farmstead.
    others: [f32; 3],
}

impl Farm {
    pub(super) fn new(noise: Noise, paint: Paint, dry: f32) -> Self {
        let side = noise.between(1, 5.0, 28.0);
        let strips = noise.chance(15, 0.3);
        let long = if strips { noise.between(2, 3.0, 9.0) } else { noise.between(2, 1.0, 2.5) };
        let round = dry > 0.7 && noise.chance(3, 0.4);
        let (width, long) = if round { (30.0, 1.0) } else { (side, long) };
        Self {
            noise,
            paint,
            fields: Cells::new(noise.of(4), width, width * long, noise.chance(5, 0.75)),
            usual: [pick(noise.of(6), &STATES), pick(noise.of(7), &STATES)],
            common: noise.between(8, 0.2, 0.9),
            hedge: noise.between(9, -1.0, 1.0),
            rows: noise.between(19, 0.0, 0.4),
            trees: noise.between(20, 1.8, 3.4),
            round,
            others: [
                noise.between(10, 0.0, 0.12),
                noise.between(11, 0.0, 0.1),
                noise.between(16, 0.0, 0.05),
            ],
        }
    }

    /// Paints a place.
    pub(super) fn at(&self, p: Point, wild: &Wild) -> Cover {
        let cell = self.fields.at(p);
        let [wood, meadow, house] = self.others;
        let lot = cell.noise.once(1);
        if lot < wood {
            return wild.trees(p);
        }
        if lot < wood + meadow || self.round && cell.middle > 0.9 {
            return wild.grass(p);
        }
        if lot < wood + meadow + house && cell.middle < 0.6 {
            let spectrum = vary(self.paint.of(Village), cell.noise.of(2), 1.5);
            return Cover { class: Class::Built, spectrum };
        }
        self.field(p, &cell)
    }

    fn field(&self, p: Point, cell: &Cell) -> Cover {
        let grown = self.crop(p, cell);
        let hedge = 0.5 * ramp(self.hedge + 0.3, self.hedge - 0.3, cell.border);
        let spectrum = blend(&grown, &self.paint.of(Trees), hedge);
        Cover { class: Class::Crops, spectrum }
    }

    /// Returns what a field's plants and soil reflect: uneven, and in rows.
    fn crop(&self, p: Point, cell: &Cell) -> Spectrum {
        let usual = cell.noise.chance(3, self.common);
        let state = pick(cell.noise.of(4), if usual { &self.usual } else { &STATES });
        let soil = if self.noise.chance(12, 0.5) { DarkSoil } else { LightSoil };
        let cover = if cell.noise.chance(5, 0.5) { soil } else { YoungCrop };
        let row = Point { x: cell.inside.x / 1.5, y: cell.inside.y / 20.0 };
        let rows = self.rows * cell.noise.once(8) * self.noise.of(17).smooth(row);
        let uneven = 0.2 * self.noise.of(13).rough(p.over(9.0), 2) + rows;
        let share = cell.noise.between(6, 0.0, 0.5) + uneven;
        let mixed = vary(self.paint.mix(state, cover, share), cell.noise.of(7), 0.7);
        let tree = if grain(self.noise.of(18), p) > self.trees { 0.5 } else { 0.0 };
        let mixed = blend(&mixed, &self.paint.of(Trees), tree);
        brighter(&mixed, 1.0 + 0.3 * rows + 0.02 * grain(self.noise.of(14), p))
    }
}
