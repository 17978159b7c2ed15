//! Takes the picture: blurs, coarsens bands, adds noise, counts in digital numbers.

use super::noise::Noise;
use super::spectra::BANDS;
use crate::geometry::Size;

/// Pixels of a band of 10, 20 or 60 m on the grid of 10 m.
const COARSE: [usize; BANDS] = [6, 1, 1, 1, 2, 2, 2, 1, 2, 6, 2, 2];

/// Pixels around a picture that reach into it: one block of the coarsest band, and the blur.
pub(super) const MARGIN: u32 = 12;

/// Digital numbers of reflectance 1.
const QUANTUM: f32 = 10_000.0;

/// A sensor in one scene.
#[derive(Debug)]
pub(super) struct Sensor {
    noise: Noise,
    /// Added to digital numbers to get 10 000 times reflectance.
    pub(super) dn_offset: i32,
    /// Share of a pixel's light that comes from its neighbours and from far around.
    blur: f32,
    adjacency: f32,
    grain: f32,
    /// Whether coarse bands were resampled to steps or smoothly.
    steps: bool,
}

impl Sensor {
    pub(super) fn new(noise: Noise) -> Self {
        Self {
            noise,
            dn_offset: if noise.chance(1, 0.5) { -1000 } else { 0 },
            blur: noise.between(2, 0.2, 0.55),
            adjacency: noise.between(3, 0.0, 0.12),
            grain: noise.between(4, 0.0005, 0.004),
            steps: noise.chance(5, 0.5),
        }
    }

    /// Takes a band of a picture: reflectance (row, col) of the picture with its margin in, digital
    /// numbers (row, col) of the picture out, at least 1.
    pub(super) fn band(&self, index: usize, plane: &[f32], size: Size) -> Vec<u16> {
        let wide = size.width as usize;
        let near = box_mean(plane, wide, 1);
        let far = box_mean(plane, wide, MARGIN as usize / 2 - 1);
        let (blur, adjacency) = (self.blur, self.adjacency);
        let seen: Vec<f32> = (0..plane.len())
            .map(|i| plane[i] + blur * (near[i] - plane[i]) + adjacency * (far[i] - near[i]))
            .collect();
        let seen = self.coarsen(seen, wide, COARSE[index]);
        self.count(index, &seen, size)
    }

    /// Averages blocks, and lets the steps between them stay or not.
    fn coarsen(&self, plane: Vec<f32>, wide: usize, block: usize) -> Vec<f32> {
        if block == 1 {
            return plane;
        }
        let high = plane.len() / wide;
        let mut out = vec![0.0; plane.len()];
        for top in (0..high).step_by(block) {
            for left in (0..wide).step_by(block) {
                let (bottom, right) = ((top + block).min(high), (left + block).min(wide));
                let cells = || (top..bottom).flat_map(|y| (left..right).map(move |x| y * wide + x));
                let sum: f32 = cells().map(|i| plane[i]).sum();
                #[allow(clippy::cast_precision_loss, reason = "at most 36")]
                let mean = sum / cells().count() as f32;
                cells().for_each(|i| out[i] = mean);
            }
        }
        if self.steps { out } else { box_mean(&out, wide, block / 2) }
    }

    fn count(&self, index: usize, plane: &[f32], size: Size) -> Vec<u16> {
        let noise = self.noise.of(100 + index as u64);
        let inner = |length: u32| MARGIN..length - MARGIN;
        #[allow(clippy::cast_precision_loss, reason = "below 2^24")]
        let offset = self.dn_offset as f32;
        let pixels = inner(size.height).flat_map(|y| inner(size.width).map(move |x| (x, y)));
        pixels
            .map(|(x, y)| {
                let value = plane[y as usize * size.width as usize + x as usize];
                let error = self.grain * (0.5 + value) * noise.normal(x.into(), y.into());
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "clamped"
                )]
                let dn = ((value + error) * QUANTUM - offset).clamp(1.0, 32_767.0) as u16;
                dn
            })
            .collect()
    }
}

/// Averages over a square reaching so far, less of it at the edges; (row, col).
fn box_mean(plane: &[f32], wide: usize, reach: usize) -> Vec<f32> {
    let rows = run_mean(plane, wide, reach);
    let turned = run_mean(&turn(&rows, wide), plane.len() / wide, reach);
    turn(&turned, plane.len() / wide)
}

/// Averages along rows.
fn run_mean(plane: &[f32], wide: usize, reach: usize) -> Vec<f32> {
    let means = |row: &[f32]| -> Vec<f32> {
        (0..wide)
            .map(|x| {
                let run = &row[x.saturating_sub(reach)..(x + reach + 1).min(wide)];
                run.iter().sum::<f32>() / run.len() as f32
            })
            .collect()
    };
    plane.chunks_exact(wide).flat_map(means).collect()
}

/// Swaps rows and columns.
fn turn(plane: &[f32], wide: usize) -> Vec<f32> {
    let high = plane.len() / wide;
    (0..wide).flat_map(|x| (0..high).map(move |y| plane[y * wide + x])).collect()
}
