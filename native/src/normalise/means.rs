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
    pub(super) fn see(&mut self, band: usize, first: usize, part: &[f32]) {
        let wait = self.0.iter_mut().filter(|sum| sum.next() == Some(band));
        wait.for_each(|sum| sum.add(first, part));
    }

    /// Is told that all parts of a band were seen.
    pub(super) fn seen(&mut self, band: usize) {
        let wait = self.0.iter_mut().filter(|sum| sum.next() == Some(band));
        wait.for_each(|sum| sum.added += 1);
    }

    /// Adds the bands of a list that were not seen; `gather` fills `plane`, whatever is in it, with one.
    #[inline(always)]
    pub(super) fn complete(
        &mut self,
        list: &[usize],
        plane: &mut [f32],
        gather: impl Fn(usize, &mut [f32]),
    ) {
        let Some(sum) = self.0.iter_mut().find(|sum| sum.list == list) else { return };
        while let Some(band) = sum.next() {
            gather(band, plane);
            sum.add(0, plane);
            sum.added += 1;
        }
    }

    /// Puts the mean of a list, which is complete.
    #[inline(always)]
    pub(super) fn put(&self, list: &[usize], plane: &mut [f32]) {
        let Some(sum) = self.0.iter().find(|sum| sum.list == list) else { return };
        let count = list.len() as f32;
        plane.iter_mut().zip(&sum.pixels).for_each(|(mean, sum)| *mean = sum / count);
    }
}

impl Sum<'_> {
    fn next(&self) -> Option<usize> {
        self.list.get(self.added).copied()
    }

    #[inline(always)]
    fn add(&mut self, first: usize, part: &[f32]) {
        self.pixels[first..].iter_mut().zip(part).for_each(|(sum, dn)| *sum += dn);
    }
}
