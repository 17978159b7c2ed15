//! Means of bands, summed up while these pass by.

use super::Origin;

/// The sums of a chip's means: a band that is a channel too is gathered once for both.
#[derive(Debug)]
pub(super) struct Means<'a>(Vec<Sum<'a>>);

/// Bands of a list, added in its order and in f32, as numpy does.
#[derive(Debug)]
struct Sum<'a> {
    list: &'a [usize],
    /// How many of the list are in the sum.
    added: usize,
    pixels: Vec<f32>,
}

impl<'a> Means<'a> {
    /// Prepares for channels of these origins; of equal lists there is one sum.
    pub(super) fn new(origins: &'a [Origin], pixels: usize) -> Self {
        let mut sums: Vec<Sum<'a>> = Vec::new();
        for origin in origins {
            let Origin::Mean(list) = origin else { continue };
            if sums.iter().all(|sum| sum.list != list) {
                sums.push(Sum { list, added: 0, pixels: vec![0.0; pixels] });
            }
        }
        Self(sums)
    }

    /// Sees a part of a band, from pixel `first` on; takes it where it is the band's turn.
    #[inline(always)]
    pub(super) fn see(
        &mut self,
        band: usize,
        first: usize,
        dns: impl Iterator<Item = f32> + Clone,
    ) {
        for sum in self.0.iter_mut().filter(|sum| sum.next() == Some(band)) {
            let pixels = sum.pixels[first..].iter_mut();
            pixels.zip(dns.clone()).for_each(|(sum, dn)| *sum += dn);
        }
    }

    /// Is told that all parts of a band were seen.
    pub(super) fn seen(&mut self, band: usize) {
        let wait = self.0.iter_mut().filter(|sum| sum.next() == Some(band));
        wait.for_each(|sum| sum.added += 1);
    }

    /// Returns the band of a list that must be seen next.
    pub(super) fn missing(&self, list: &[usize]) -> Option<usize> {
        self.0.iter().find(|sum| sum.list == list).and_then(Sum::next)
    }

    /// Returns the sum of a list, of which nothing is missing.
    pub(super) fn sum(&self, list: &[usize]) -> &[f32] {
        self.0.iter().find(|sum| sum.list == list).map_or(&[], |sum| &sum.pixels)
    }
}

impl Sum<'_> {
    fn next(&self) -> Option<usize> {
        self.list.get(self.added).copied()
    }
}
