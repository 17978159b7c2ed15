//! Lays out a land: where lakes, woods, meadows, fields, towns, bare ground and snow lie.

use super::cells::Cells;
use super::farm::Farm;
use super::noise::{Noise, Point, ramp};
use super::paint::{Paint, blend, brighter};
use super::spectra::{Material, Spectrum};
use super::town::Town;
use super::wild::Wild;

/// What a pixel shows, in the order of the model's classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Class {
    /// Lakes, rivers, the sea.
    Water,
    /// Woods and groups of trees.
    Trees,
    /// Meadows, dry grassland, scrub.
    GrassOrShrub,
    /// Fields, green or ripe or ploughed.
    Crops,
    /// Houses with their gardens and streets, works, wide roads.
    Built,
    /// Sand, rock, soil without plants outside fields.
    Bare,
    /// Snow, ice, and clouds that hide the ground.
    SnowOrCloud,
}

impl Class {
    /// Every class; a truth's value is the place in this list.
    pub const ALL: [Self; 7] = [
        Self::Water,
        Self::Trees,
        Self::GrassOrShrub,
        Self::Crops,
        Self::Built,
        Self::Bare,
        Self::SnowOrCloud,
    ];
}

/// A pixel's class and reflectance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cover {
    pub(super) class: Class,
    pub(super) spectrum: Spectrum,
}

/// A land without end; columns and rows are 10 m.
#[derive(Debug)]
pub(super) struct Land {
    noise: Noise,
    /// Extent of a class's forms in pixels, per class.
    extent: [f32; 7],
    /// How much each class has of the land: added to its field before the highest wins.
    lean: [f32; 7],
    /// Width of rivers; none if negative.
    river: f32,
    /// Half widths of roads in pixels.
    road: f32,
    roads: Cells,
    relief: f32,
    paint: Paint,
    wild: Wild,
    farm: Farm,
    town: Town,
}

impl Land {
    /// Draws a land.
    pub(super) fn new(noise: Noise) -> Self {
        let paint = Paint::new(noise.of(1));
        let wide = noise.between(2, 60.0, 180.0);
        let extent = [1.0, 0.6, 0.9, 1.0, 0.8, 0.9, 1.2].map(|share| share * wide);
        let dry = noise.once(6);
        Self {
            noise,
            extent,
            lean: lean(noise.of(3)),
            river: noise.between(4, -0.02, 0.05),
            road: if noise.chance(13, 0.15) {
                noise.between(5, 0.9, 1.6)
            } else {
                0.4 * noise.once(5)
            },
            roads: Cells::new(noise.of(7), 90.0, 70.0, false),
            relief: if noise.chance(8, 0.4) { noise.between(9, 1.0, 6.0) } else { 0.0 },
            paint,
            wild: Wild::new(noise.of(10), paint, dry),
            farm: Farm::new(noise.of(11), paint, dry),
            town: Town::new(noise.of(12), paint, dry),
        }
    }

    /// Returns what is at a place.
    pub(super) fn at(&self, p: Point) -> Cover {
        let (class, lead) = self.winner(p);
        let mut cover = match class {
            Class::Water => self.wild.water(p, ramp(0.0, 0.15, lead)),
            Class::Trees => self.wild.trees(p),
            Class::GrassOrShrub => self.wild.grass(p),
            Class::Crops => self.farm.at(p, &self.wild),
            Class::Built => self.town.at(p, &self.wild),
            Class::Bare => self.wild.bare(p),
            Class::SnowOrCloud => self.wild.snow(p),
        };
        if class != Class::Water {
            cover = self.with_road(cover, p);
            cover.spectrum = brighter(&cover.spectrum, self.sun(p));
        }
        cover
    }

    /// Returns the class that has a place, and by how much its field is the highest there.
    fn winner(&self, p: Point) -> (Class, f32) {
        let (mut best, mut first, mut second) = (Class::Water, f32::MIN, f32::MIN);
        for class in Class::ALL {
            let k = class as usize;
            let noise = self.noise.of(100 + k as u64);
            let field = noise.rough(p.over(self.extent[k]), 5) + self.lean[k];
            if field > first {
                (best, second, first) = (class, first, field);
            } else if field > second {
                second = field;
            }
        }
        if self.river <= 0.0 {
            return (best, first - second);
        }
        let bed = self.noise.of(200).rough(p.over(1.6 * self.extent[0]), 4).abs();
        if bed < self.river { (Class::Water, self.river - bed) } else { (best, first - second) }
    }

    /// Draws a road over what is at a place.
    fn with_road(&self, cover: Cover, p: Point) -> Cover {
        let away = self.roads.at(p).border;
        let share = ramp(self.road + 0.5, self.road - 0.5, away).min(2.0 * self.road);
        if share <= 0.0 || cover.class == Class::SnowOrCloud {
            return cover;
        }
        let wide = self.road > 0.85 && share > 0.7;
        let class = if wide { Class::Built } else { cover.class };
        let asphalt = self.paint.of(Material::Asphalt);
        Cover { class, spectrum: blend(&cover.spectrum, &asphalt, share) }
    }

    /// Returns how much of the sun a slope gets; 1 on flat land.
    fn sun(&self, p: Point) -> f32 {
        if self.relief <= 0.0 {
            return 1.0;
        }
        let height = |p: Point| self.noise.of(300).rough(p.over(60.0), 4);
        let slope = height(p.moved(-1.0, -1.0)) - height(p.moved(1.0, 1.0));
        (1.0 + self.relief * slope).clamp(0.35, 1.45)
    }
}

/// Draws how much each class has of a land: cold lands have snow, others little of it.
fn lean(noise: Noise) -> [f32; 7] {
    let cold = noise.chance(20, 0.2);
    std::array::from_fn(|k| {
        let drawn = noise.between(k as u64, -0.4, 0.4);
        match Class::ALL[k] {
            Class::SnowOrCloud if !cold => drawn - 0.6,
            Class::SnowOrCloud | Class::Crops => drawn + 0.1,
            Class::Built => drawn - 0.05,
            _ => drawn,
        }
    })
}
