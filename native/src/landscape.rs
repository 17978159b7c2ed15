//! Makes landscapes as Sentinel-2 might see them, with the truth of every pixel.
//!
//! For training and demonstrations: forms (lakes, rivers, woods, fields, towns, roads, relief),
//! spectra that vary from scene to scene, mixed pixels, coarse bands, haze, clouds with shadows,
//! noise, the offset of digital numbers, the edge of the swath. A seed gives the same bytes
//! everywhere: whole numbers and IEEE 754's own operations make them, no function of a platform.
//! No pixel of a real scene is in them.

mod cells;
mod farm;
mod land;
mod noise;
mod paint;
mod sensor;
mod sky;
mod spectra;
mod town;
mod wild;

use crate::geometry::Size;
use land::{Cover, Land};
use noise::{Noise, Point};
use paint::Paint;
use sensor::{MARGIN, Sensor};
use sky::Sky;

pub use land::Class;

/// Bands of a landscape, in order.
pub const BANDS: [&str; spectra::BANDS] =
    ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"];

/// A band's value and the truth where the swath does not reach.
pub const NODATA: u16 = 0;

/// The truth where the swath does not reach.
pub const NO_TRUTH: u8 = 255;

/// A scene of 10 m pixels and its truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landscape {
    size: Size,
    dn_offset: i32,
    pixels: Vec<u16>,
    truth: Vec<u8>,
}

impl Landscape {
    /// Makes the landscape of a seed. One of a few hundred pixels a side shows several classes.
    pub fn new(seed: u64, size: Size) -> Self {
        let noise = Noise::new(seed);
        let sensor = Sensor::new(noise.of(3));
        let swath = Swath::new(noise.of(4), size);
        let around = Size::new(size.width + 2 * MARGIN, size.height + 2 * MARGIN);
        let covers = covers(noise, around);
        let mut landscape = Self {
            size,
            dn_offset: sensor.dn_offset,
            pixels: Vec::with_capacity(spectra::BANDS * size.pixels()),
            truth: truth(&covers, around),
        };
        for band in 0..spectra::BANDS {
            let plane: Vec<f32> = covers.iter().map(|cover| cover.spectrum[band]).collect();
            landscape.pixels.extend(sensor.band(band, &plane, around));
        }
        landscape.cut(&swath);
        landscape
    }

    /// Returns the extent.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns what is to be added to digital numbers to get 10 000 times reflectance: 0 or -1000.
    pub fn dn_offset(&self) -> i32 {
        self.dn_offset
    }

    /// Returns the digital numbers, (band, row, col), bands as in [`BANDS`]; [`NODATA`] in every
    /// band where the swath does not reach, at least 1 elsewhere.
    pub fn pixels(&self) -> &[u16] {
        &self.pixels
    }

    /// Returns the digital numbers of one band, (row, col).
    pub fn band(&self, index: usize) -> &[u16] {
        let length = self.size.pixels();
        &self.pixels[index * length..][..length]
    }

    /// Returns each pixel's place in [`Class::ALL`], (row, col); [`NO_TRUTH`] where there is no
    /// data.
    pub fn truth(&self) -> &[u8] {
        &self.truth
    }

    /// Takes away what lies outside the swath.
    fn cut(&mut self, swath: &Swath) {
        let length = self.size.pixels();
        let pixels = places(self.size).enumerate();
        let outside: Vec<usize> =
            pixels.filter(|(_, p)| !swath.reaches(*p)).map(|(i, _)| i).collect();
        for i in outside {
            self.truth[i] = NO_TRUTH;
            (0..spectra::BANDS).for_each(|band| self.pixels[band * length + i] = NODATA);
        }
    }
}

/// The part of the plane that the sensor flew over.
#[derive(Debug)]
struct Swath {
    /// A point of the edge, and how far the edge goes aside per row; none if it is far away.
    edge: Option<(Point, f32)>,
    right: bool,
}

impl Swath {
    fn new(noise: Noise, size: Size) -> Self {
        let (width, height) = (size.width as f32, size.height as f32);
        let edge = noise.chance(1, 0.25).then(|| {
            let x = width * noise.between(2, 0.0, 0.35);
            (Point { x, y: height * noise.once(3) }, noise.between(4, -0.4, 0.4))
        });
        Self { edge, right: noise.chance(5, 0.5) }.turned(width)
    }

    /// Moves an edge of the right side there.
    fn turned(mut self, width: f32) -> Self {
        if let (Some((point, _)), true) = (&mut self.edge, self.right) {
            point.x = width - point.x;
        }
        self
    }

    fn reaches(&self, p: Point) -> bool {
        let Some((point, slant)) = self.edge else { return true };
        let away = p.x - point.x - slant * (p.y - point.y);
        if self.right { away < 0.0 } else { away >= 0.0 }
    }
}

/// Returns what is seen at every pixel.
fn covers(noise: Noise, size: Size) -> Vec<Cover> {
    let land = Land::new(noise.of(1));
    let sky = Sky::new(noise.of(2), Paint::new(noise.of(5)));
    places(size).map(|p| sky.seen(land.at(p), p)).collect()
}

/// Returns the classes without the margin.
fn truth(covers: &[Cover], around: Size) -> Vec<u8> {
    let inner = |length: u32| MARGIN as usize..(length - MARGIN) as usize;
    let rows = covers.chunks_exact(around.width as usize);
    let rows = rows.skip(MARGIN as usize).take(inner(around.height).len());
    rows.flat_map(|row| row[inner(around.width)].iter().map(|cover| cover.class as u8)).collect()
}

/// Returns the middles of pixels, row by row.
fn places(size: Size) -> impl Iterator<Item = Point> {
    let middle = |index: u32| index as f32 + 0.5;
    (0..size.height).flat_map(move |row| {
        (0..size.width).map(move |column| Point { x: middle(column), y: middle(row) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::collections::HashSet;

    const SIZE: Size = Size::new(150, 83);

    /// The scene of a seed is the same on every machine and for ever: models are trained on it.
    #[test]
    fn a_seed_gives_the_same_bytes() {
        let landscape = Landscape::new(1, Size::new(61, 37));
        assert_eq!(landscape, Landscape::new(1, Size::new(61, 37)));
        assert_ne!(landscape.pixels(), Landscape::new(2, Size::new(61, 37)).pixels());
        let mut hash = Sha256::new();
        landscape.pixels().iter().for_each(|dn| hash.update(dn.to_le_bytes()));
        hash.update(landscape.truth());
        let hash: String =
            hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "d43fa19814471455");
    }

    #[test]
    fn every_class_is_there_and_none_has_it_all() {
        let mut counts = [0_usize; 7];
        for seed in 0..30 {
            let landscape = Landscape::new(seed, SIZE);
            for &class in landscape.truth().iter().filter(|class| **class != NO_TRUTH) {
                counts[usize::from(class)] += 1;
            }
        }
        let all: usize = counts.iter().sum();
        for (class, count) in Class::ALL.into_iter().zip(counts) {
            assert_eq!(class as usize, Class::ALL.iter().position(|&c| c == class).unwrap());
            let share = count as f64 / all as f64;
            assert!((0.04..0.4).contains(&share), "{share} of class {}", class as u8);
        }
    }

    #[test]
    fn there_is_truth_exactly_where_there_is_data() {
        let (mut wedges, mut offsets) = (0, HashSet::new());
        for seed in 0..24 {
            let landscape = Landscape::new(seed, SIZE);
            offsets.insert(landscape.dn_offset());
            assert_eq!(landscape.truth().len(), SIZE.pixels());
            for band in 0..BANDS.len() {
                let dns = landscape.band(band).iter().map(|&dn| dn == NODATA);
                assert!(dns.eq(landscape.truth().iter().map(|&class| class == NO_TRUTH)));
            }
            let missing = landscape.truth().iter().filter(|class| **class == NO_TRUTH).count();
            assert!(missing < SIZE.pixels() * 3 / 4, "{missing} pixels missing");
            wedges += usize::from(missing > 0);
        }
        assert!((2..12).contains(&wedges), "{wedges} scenes end at the swath's edge");
        assert_eq!(offsets, HashSet::from([0, -1000]));
    }

    /// Spectra stay themselves through weather and sensor: woods are darker in red than in the
    /// infrared, snow and clouds bright in blue, water dark in the shortwave infrared.
    #[test]
    fn classes_look_as_they_should() {
        let (blue, red, infrared, shortwave) = (1, 3, 7, 10);
        let mut sums = [[0.0_f64; 12]; 7];
        let mut counts = [0.0_f64; 7];
        for seed in 0..12 {
            let landscape = Landscape::new(seed, SIZE);
            for (i, &class) in landscape.truth().iter().enumerate() {
                let Some(sum) = sums.get_mut(usize::from(class)) else { continue };
                counts[usize::from(class)] += 1.0;
                for (band, sum) in sum.iter_mut().enumerate() {
                    let dn = f64::from(landscape.band(band)[i]);
                    *sum += (dn + f64::from(landscape.dn_offset())) / 10_000.0;
                }
            }
        }
        let mean = |class: Class, band: usize| sums[class as usize][band] / counts[class as usize];
        assert!(mean(Class::Trees, infrared) > 2.0 * mean(Class::Trees, red));
        assert!(mean(Class::SnowOrCloud, blue) > 0.3);
        assert!(mean(Class::Water, shortwave) < 0.06);
        assert!(mean(Class::Bare, shortwave) > mean(Class::Trees, shortwave));
    }
}
