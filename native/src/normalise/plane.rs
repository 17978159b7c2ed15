//! Makes one channel of a chip.

use pulp::NullaryFnOnce;

use super::extremes::Extremes;
use super::means::Means;
use super::rule::Rule;
use super::{Footprint, Inverse, Normaliser, Origin, Pixels};

/// One channel at the raster's own resolution. Work of a type of its own is sure to be compiled for
/// every generation of processors; that of a closure may be left to the plainest one's instructions.
pub(super) struct Plane<'a, 'o, P: Pixels> {
    pub(super) normaliser: &'o Normaliser,
    pub(super) channel: usize,
    /// Its validity is empty if all pixels are.
    pub(super) footprint: &'a Footprint<'a, P>,
    pub(super) means: &'a mut Means<'o>,
    pub(super) apart: &'a mut Vec<P::Sample>,
    pub(super) plane: &'a mut [f32],
}

impl<P: Pixels> NullaryFnOnce for Plane<'_, '_, P> {
    type Output = Inverse;

    #[inline(always)]
    fn call(mut self) -> Inverse {
        let rule = match &self.normaliser.origins[self.channel] {
            Origin::Band(band) => self.band(*band),
            Origin::Mean(list) => self.mean(list),
        };
        cover(self.plane, self.footprint.valid);
        rule.inverse()
    }
}

impl<P: Pixels> Plane<'_, '_, P> {
    #[inline(always)]
    fn band(&mut self, band: usize) -> Rule {
        let (normaliser, width) = (self.normaliser, self.footprint.width);
        let range = if normaliser.by_range() { self.range(band) } else { None };
        let rule = Rule::new(&normaliser.rule, self.channel, range);
        for (row, to) in self.plane.chunks_exact_mut(width).enumerate() {
            let dns = self.footprint.pixels.row(band, row, self.apart);
            let dns = dns.iter().map(|dn| normaliser.shifted((*dn).into()));
            self.means.see(band, row * width, dns.clone());
            rule.apply(dns, to);
        }
        self.means.seen(band);
        rule
    }

    /// Finds a band's smallest and largest valid number. A first pass over the raster's own samples,
    /// 16-bit ones mostly: the channel, of twice their size, is written once then.
    #[inline(always)]
    fn range(&mut self, band: usize) -> Option<(f32, f32)> {
        let Footprint { pixels, width, valid } = *self.footprint;
        let mut extremes = Extremes::default();
        for row in 0..self.plane.len() / width {
            let valid = valid.get(row * width..(row + 1) * width).unwrap_or_default();
            extremes.see(pixels.row(band, row, self.apart), valid);
        }
        // Of a larger number the shifted one is never smaller, so the extremes stay extremes.
        let shifted = |dn| self.normaliser.shifted(dn);
        extremes.ends().map(|(low, high)| (shifted(low), shifted(high)))
    }

    #[inline(always)]
    fn mean(&mut self, list: &[usize]) -> Rule {
        let (normaliser, width) = (self.normaliser, self.footprint.width);
        while let Some(band) = self.means.missing(list) {
            for row in 0..self.plane.len() / width {
                let dns = self.footprint.pixels.row(band, row, self.apart);
                let dns = dns.iter().map(|dn| normaliser.shifted((*dn).into()));
                self.means.see(band, row * width, dns);
            }
            self.means.seen(band);
        }
        let (sum, count) = (self.means.sum(list), list.len() as f32);
        let mut extremes = Extremes::default();
        if normaliser.by_range() {
            extremes.see(sum, self.footprint.valid);
        }
        let range = extremes.ends().map(|(low, high)| (low / count, high / count));
        let rule = Rule::new(&normaliser.rule, self.channel, range);
        rule.apply(sum.iter().map(|sum| sum / count), self.plane);
        rule
    }
}

/// Puts 0 where pixels are invalid.
#[inline(always)]
fn cover(plane: &mut [f32], valid: &[u8]) {
    for (value, valid) in plane.iter_mut().zip(valid) {
        *value = if *valid == 0 { 0.0 } else { *value };
    }
}
