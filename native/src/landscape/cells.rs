//! Divides land into parcels: the cells nearest to points of a shaken, turned lattice.

use super::noise::{Noise, Point};

/// A pattern of parcels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells {
    noise: Noise,
    cos: f32,
    sin: f32,
    /// Mean sides of a parcel in pixels.
    width: f32,
    height: f32,
    /// Whether borders are straight and at right angles, as fields' are, or lie anyhow.
    straight: bool,
}

/// A parcel, seen from a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    /// Where its own numbers come from.
    pub(super) noise: Noise,
    /// Distance to its border in pixels, nearly.
    pub(super) border: f32,
    /// Distance to its middle over its mean half side.
    pub(super) middle: f32,
    /// The place along its sides, in pixels.
    pub(super) inside: Point,
}

impl Cells {
    /// Draws a pattern whose parcels have such sides in pixels.
    pub(super) fn new(noise: Noise, width: f32, height: f32, straight: bool) -> Self {
        let t = noise.between(1, -1.0, 1.0);
        let length = 1.0 + t * t;
        Self { noise, cos: (1.0 - t * t) / length, sin: 2.0 * t / length, width, height, straight }
    }

    /// Returns the parcel at a place.
    pub(super) fn at(&self, p: Point) -> Cell {
        let u = (self.cos * p.x + self.sin * p.y) / self.width;
        let v = (self.cos * p.y - self.sin * p.x) / self.height;
        #[allow(clippy::cast_possible_truncation, reason = "whole numbers far below 2^24")]
        let (column, row) = (u.floor() as i64, v.floor() as i64);
        let (mut first, mut second, mut id) = (f32::MAX, f32::MAX, (0, 0));
        for j in row - 1..=row + 1 {
            for i in column - 1..=column + 1 {
                let away = self.away(u, v, i, j);
                if away < first {
                    (second, first, id) = (first, away, (i, j));
                } else if away < second {
                    second = away;
                }
            }
        }
        let side = self.width.min(self.height);
        Cell {
            noise: self.noise.of(4).cell(id.0, id.1),
            border: (second - first) * side / 2.0,
            middle: 2.0 * first,
            inside: Point { x: u * self.width, y: v * self.height },
        }
    }

    /// Returns the distance to a cell's point in lattice units.
    fn away(&self, u: f32, v: f32, i: i64, j: i64) -> f32 {
        let shake = 0.7;
        let x = u - i as f32 - 0.5 - shake * (self.noise.of(2).at(i, j) - 0.5);
        let y = v - j as f32 - 0.5 - shake * (self.noise.of(3).at(i, j) - 0.5);
        if self.straight { x.abs().max(y.abs()) } else { (x * x + y * y).sqrt() }
    }
}
