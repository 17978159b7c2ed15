//! Makes 8-bit integers of floats, with a scale per band.

use super::pieces::pieces;
use super::scratch::Scratch;
use crate::emit::NODATA_FLOAT;
use crate::error::Result;
use crate::geometry::Size;

/// "Nothing here".
pub(super) const NODATA: i8 = i8::MIN;
/// The largest integer, and without its sign the least.
const LARGEST: f64 = 127.0;

/// What the integers of each band are times to be the samples.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scales(Vec<f64>);

impl Scales {
    /// Finds the scales by which each band's largest sample, its sign aside, becomes 127. A band of
    /// nothing but 0 has 1. The rows are read in parts of so many bytes.
    ///
    /// # Errors
    /// - Io: the rows cannot be read back.
    pub(super) fn find(scratch: &Scratch, size: Size, bytes: u64) -> Result<Self> {
        let bands = scratch.layout.bands as usize;
        let pixel = scratch.layout.sample_bytes() * bands;
        let (mut most, mut rows) = (vec![0f32; bands], Vec::new());
        for window in pieces(size, Size::new(size.width, 1), pixel, bytes) {
            scratch.read(window, &mut rows)?;
            for (number, line) in lines(&rows, window.size.width).enumerate() {
                let valid = line.filter(|value| *value != NODATA_FLOAT);
                let most = &mut most[number % bands];
                *most = valid.fold(*most, |most, value| most.max(value.abs()));
            }
        }
        let scale = |most: f32| if most > 0.0 { f64::from(most) / LARGEST } else { 1.0 };
        Ok(Self(most.into_iter().map(scale).collect()))
    }

    /// Returns the scales, one per band.
    pub(super) fn each(&self) -> &[f64] {
        &self.0
    }

    /// Returns the integers of rows of floats, both (row, band, column) in the machine's byte order: the
    /// nearest ones, so that no sample is off by more than half its band's scale.
    pub(super) fn integers(&self, rows: &[u8], width: u32) -> Vec<u8> {
        let mut integers = Vec::with_capacity(rows.len() / size_of::<f32>());
        for (line, scale) in lines(rows, width).zip(self.0.iter().cycle()) {
            integers.extend(line.map(|value| integer(value, *scale).to_ne_bytes()[0]));
        }
        integers
    }
}

fn integer(value: f32, scale: f64) -> i8 {
    if value == NODATA_FLOAT {
        return NODATA;
    }
    #[allow(clippy::cast_possible_truncation, reason = "clamped to what an i8 holds")]
    let nearest = (f64::from(value) / scale).round().clamp(-LARGEST, LARGEST) as i8;
    nearest
}

/// Lists lines of floats.
fn lines(rows: &[u8], width: u32) -> impl Iterator<Item = impl Iterator<Item = f32> + '_> {
    rows.chunks_exact(width.max(1) as usize * size_of::<f32>()).map(|line| {
        let floats = line.chunks_exact(size_of::<f32>());
        floats.map(|bytes| f32::from_ne_bytes(bytes.try_into().unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_sample_is_off_by_more_than_half_a_scale(
            samples in proptest::collection::vec(-1e6f32..1e6, 1..60), exponent in -20i32..20,
        ) {
            let samples: Vec<f32> = samples.iter().map(|s| s * 2f32.powi(exponent)).collect();
            let most = samples.iter().fold(0f32, |most, sample| most.max(sample.abs()));
            prop_assume!(most > 0.0);
            let scale = f64::from(most) / LARGEST;
            let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_ne_bytes()).collect();
            let integers = Scales(vec![scale]).integers(&bytes, u32::try_from(samples.len()).unwrap());
            for (sample, integer) in samples.iter().zip(integers) {
                let integer = i8::from_ne_bytes([integer]);
                prop_assert!(integer != NODATA);
                let off = (f64::from(integer) * scale - f64::from(*sample)).abs();
                prop_assert!(off <= scale * (0.5 + 1e-9), "{sample} -> {integer}");
            }
        }
    }

    #[test]
    fn nodata_stays_nodata_and_each_band_has_its_scale() {
        let rows = [2.54f32, NODATA_FLOAT, -1.27, 0.0, 100.0, -200.0, NODATA_FLOAT, 50.0];
        let bytes: Vec<u8> = rows.iter().flat_map(|sample| sample.to_ne_bytes()).collect();
        let scales = Scales(vec![0.02, 2.0]);
        let integers: Vec<i8> =
            scales.integers(&bytes, 2).iter().map(|byte| i8::from_ne_bytes([*byte])).collect();
        assert_eq!(integers, [127, -128, -1, 0, 127, -127, -128, 25]);
    }
}
