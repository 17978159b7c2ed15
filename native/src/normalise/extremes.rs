//! Finds the smallest and the largest valid value, many at a time.

/// A number whose order is that of the `f32` it becomes.
pub trait Sample: Copy + PartialOrd + Into<f32> {
    /// Its smallest and its largest value.
    const ENDS: (Self, Self);
}

impl Sample for u16 {
    const ENDS: (Self, Self) = (Self::MIN, Self::MAX);
}

impl Sample for f32 {
    const ENDS: (Self, Self) = (Self::NEG_INFINITY, Self::INFINITY);
}

/// How many values a processor compares at once, or a few times as many.
const LANES: usize = 32;

/// The smallest and the largest valid value so far, in lanes: an extreme is the same in any order.
#[derive(Debug)]
pub(super) struct Extremes<T> {
    lows: [T; LANES],
    highs: [T; LANES],
}

impl<T: Sample> Default for Extremes<T> {
    fn default() -> Self {
        let (least, most) = T::ENDS;
        Self { lows: [most; LANES], highs: [least; LANES] }
    }
}

impl<T: Sample> Extremes<T> {
    /// Takes in values; `valid` is empty if all of them are, else 1 where one is, or 0.
    #[inline(always)]
    pub(super) fn see(&mut self, values: &[T], valid: &[u8]) {
        // What changes no extreme.
        let (lowest, highest) = T::ENDS;
        let nothing = ([highest; LANES], [lowest; LANES]);
        if valid.is_empty() {
            let (lanes, rest) = values.as_chunks();
            lanes.iter().for_each(|values| self.widen(values, values));
            if rest.is_empty() {
                return;
            }
            let (mut least, mut most) = nothing;
            least[..rest.len()].copy_from_slice(rest);
            most[..rest.len()].copy_from_slice(rest);
            self.widen(&least, &most);
            return;
        }
        for (values, valid) in values.chunks(LANES).zip(valid.chunks(LANES)) {
            let (mut least, mut most) = nothing;
            for (at, (value, valid)) in values.iter().zip(valid).enumerate() {
                least[at] = if *valid == 0 { highest } else { *value };
                most[at] = if *valid == 0 { lowest } else { *value };
            }
            self.widen(&least, &most);
        }
    }

    #[inline(always)]
    fn widen(&mut self, least: &[T; LANES], most: &[T; LANES]) {
        for lane in 0..LANES {
            let (low, high) = (self.lows[lane], self.highs[lane]);
            self.lows[lane] = if least[lane] < low { least[lane] } else { low };
            self.highs[lane] = if most[lane] > high { most[lane] } else { high };
        }
    }

    /// Returns both; `None` if no value was valid.
    pub(super) fn ends(&self) -> Option<(f32, f32)> {
        let (mut low, mut high) = (self.lows[0], self.highs[0]);
        for lane in 1..LANES {
            low = if self.lows[lane] < low { self.lows[lane] } else { low };
            high = if self.highs[lane] > high { self.highs[lane] } else { high };
        }
        (low <= high).then(|| (low.into(), high.into()))
    }
}
