//! What heads see of a pixel: the network's input there and around it, and the network's features.

/// Sides, in pixels, of the squares around a pixel whose means are seen; all odd. A label covers a
/// place, not a pixel, and single pixels are mixed and noisy.
pub(super) const AROUND: [usize; 3] = [3, 7, 15];

/// A square map of features of a chip, (feature, row, column).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Map {
    pub(super) features: usize,
    pub(super) side: usize,
    pub(super) values: Vec<f32>,
}

/// What heads see of a chip's pixels.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The network's input, (channel, row, column).
    pub(super) input: Vec<f32>,
    pub(super) map: Map,
    /// Side of the chip.
    pub(super) side: usize,
}

impl Seen {
    /// Counts what heads see of a pixel.
    pub(super) fn columns(&self) -> usize {
        self.spectrum() + self.map.features
    }

    /// Counts what they see without the network's features: each channel at the pixel and its means
    /// around it.
    pub(super) fn spectrum(&self) -> usize {
        self.channels() * (1 + AROUND.len())
    }

    fn channels(&self) -> usize {
        self.input.len() / (self.side * self.side)
    }

    /// Fills what heads see of a pixel: its channels, their means over squares around it as far as
    /// these lie in the chip, then the features there, bilinear between the middles of the map's
    /// pixels.
    pub(super) fn pixel(&self, row: usize, col: usize, into: &mut [f32]) {
        let (spectrum, features) = into.split_at_mut(self.spectrum());
        let sides = std::iter::once(1).chain(AROUND);
        for (side, means) in sides.zip(spectrum.chunks_exact_mut(self.channels())) {
            self.means(row, col, side, means);
        }
        self.features(row, col, features);
    }

    /// Fills each channel's mean over a square.
    fn means(&self, row: usize, col: usize, side: usize, into: &mut [f32]) {
        let within = |at: usize| at.saturating_sub(side / 2)..self.side.min(at + side / 2 + 1);
        let (rows, cols) = (within(row), within(col));
        let count = (rows.len() * cols.len()) as f32;
        for (plane, mean) in self.input.chunks_exact(self.side * self.side).zip(into) {
            let line = |row: usize| plane[row * self.side..][cols.clone()].iter().sum::<f32>();
            *mean = rows.clone().map(line).sum::<f32>() / count;
        }
    }

    fn features(&self, row: usize, col: usize, into: &mut [f32]) {
        let (top, bottom, down) = self.between(row);
        let (left, right, across) = self.between(col);
        let side = self.map.side;
        for (plane, value) in self.map.values.chunks_exact(side * side).zip(into) {
            let line = |row: usize| {
                plane[row * side + left] * (1.0 - across) + plane[row * side + right] * across
            };
            *value = line(top) * (1.0 - down) + line(bottom) * down;
        }
    }

    /// Returns the two pixels of the map that a place lies between, and the second one's share.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    fn between(&self, at: usize) -> (usize, usize, f32) {
        let last = self.map.side - 1;
        let times = (self.side / self.map.side) as f32;
        let place = ((at as f32 + 0.5) / times - 0.5).clamp(0.0, last as f32);
        let low = place as usize;
        (low, (low + 1).min(last), place - low as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_is_its_own_mean_but_where_the_chip_cuts_the_square() {
        let side = 20;
        let ramp = |row: usize, col: usize| 10.0 * row as f32 + col as f32;
        let input = (0..side * side).map(|at| ramp(at / side, at % side));
        let input: Vec<f32> = input.clone().chain(input.map(|value| -2.0 * value)).collect();
        let map = Map { features: 1, side: 1, values: vec![5.0] };
        let seen = Seen { input, map, side };
        let mut found = vec![0.0; seen.columns()];
        seen.pixel(9, 8, &mut found);
        let inside = [98.0, -196.0].repeat(4);
        assert_eq!(found, [inside, vec![5.0]].concat());
        seen.pixel(0, 19, &mut found);
        // The square of 7 keeps rows 0 to 3 and columns 16 to 19.
        assert_eq!((found[0], found[4], found[5]), (19.0, 15.0 + 17.5, -65.0));
    }
}
