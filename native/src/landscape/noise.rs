//! Draws numbers by place: the same everywhere, for ever, from whole numbers and plain arithmetic.

/// A place, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// Columns to the right.
    pub(super) x: f32,
    /// Rows down.
    pub(super) y: f32,
}

impl Point {
    /// Returns the place at which a pattern so many times smaller would be.
    pub(super) fn over(self, scale: f32) -> Self {
        Self { x: self.x / scale, y: self.y / scale }
    }

    /// Returns the place so far away.
    pub(super) fn moved(self, x: f32, y: f32) -> Self {
        Self { x: self.x + x, y: self.y + y }
    }
}

/// A source of numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noise(u64);

impl Noise {
    /// Starts a source.
    pub(super) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// Returns a source of its own for a purpose.
    pub(super) fn of(self, purpose: u64) -> Self {
        Self(mix(self.0 ^ purpose.wrapping_mul(0xd6e8_feb8_6659_fd93)))
    }

    /// Returns the number in [0, 1) of a lattice point.
    pub(super) fn at(self, i: i64, j: i64) -> f32 {
        unit(self.hash(i, j))
    }

    /// Returns a source of its own for a lattice point.
    pub(super) fn cell(self, i: i64, j: i64) -> Self {
        Self(self.hash(i, j))
    }

    /// Returns the number in [0, 1) of a purpose.
    pub(super) fn once(self, purpose: u64) -> f32 {
        self.of(purpose).at(0, 0)
    }

    /// Returns the number of a purpose between two others.
    pub(super) fn between(self, purpose: u64, low: f32, high: f32) -> f32 {
        low + (high - low) * self.once(purpose)
    }

    /// Tells whether the event of a purpose, so likely, happens.
    pub(super) fn chance(self, purpose: u64, share: f32) -> bool {
        self.once(purpose) < share
    }

    /// Returns a nearly normal number of mean 0 and variance 1 for a lattice point: the sum of four
    /// uniform ones.
    pub(super) fn normal(self, i: i64, j: i64) -> f32 {
        let hash = self.hash(i, j);
        let sum: u64 = (0..4).map(|k| (hash >> (16 * k)) & 0xffff).sum();
        #[allow(clippy::cast_precision_loss, reason = "below 2^18")]
        let sum = sum as f32 / 65536.0;
        (sum - 2.0) * 1.732_050_8
    }

    /// Returns a smooth field in [-1, 1] that changes over one unit.
    pub(super) fn smooth(self, p: Point) -> f32 {
        let (left, top) = (p.x.floor(), p.y.floor());
        #[allow(clippy::cast_possible_truncation, reason = "whole numbers far below 2^24")]
        let (i, j) = (left as i64, top as i64);
        let (u, v) = (ease(p.x - left), ease(p.y - top));
        let row = |j| self.at(i, j) + (self.at(i + 1, j) - self.at(i, j)) * u;
        let (above, below) = (row(j), row(j + 1));
        2.0 * (above + (below - above) * v) - 1.0
    }

    /// Returns a rough field, about [-1, 1], whose largest forms span one unit: the sum of so many
    /// smooth ones, each half as large and half as high as the one before.
    pub(super) fn rough(self, p: Point, octaves: u32) -> f32 {
        let (mut sum, mut height, mut scale) = (0.0, 0.6, 1.0);
        for octave in 0..octaves {
            let shift = 17.3 * octave as f32;
            sum += height * self.of(octave.into()).smooth(p.over(scale).moved(shift, -shift));
            height *= 0.5;
            scale *= 0.5;
        }
        sum
    }

    fn hash(self, i: i64, j: i64) -> u64 {
        let place = i.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ j.cast_unsigned().wrapping_mul(0xc2b2_ae3d_27d4_eb4f).rotate_left(31);
        mix(self.0 ^ place)
    }
}

/// The output function of `SplitMix64`.
fn mix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns a hash's upper 24 bits as a number in [0, 1).
fn unit(hash: u64) -> f32 {
    (hash >> 40) as f32 / 16_777_216.0
}

/// Starts and ends slowly on the way from 0 to 1.
pub(super) fn ease(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

/// Returns how far a number is on its way from one to another, 0 before and 1 behind.
pub(super) fn ramp(from: f32, to: f32, value: f32) -> f32 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}
