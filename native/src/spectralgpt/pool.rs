//! Pools a map to fewer pixels of which each covers an equal share, as adaptive pooling does.

use std::ops::Range;

use super::maps::Map;
use crate::onnx::Graph;

impl Graph {
    /// Takes the maxima of `side` x `side` windows that cover the map; they may overlap.
    pub(super) fn pool_map(&mut self, x: Map, side: usize) -> Map {
        let windows = windows(x.side, side);
        let value = match regular(&windows) {
            Some((kernel, stride)) => self.max_pool(x.value, kernel, stride),
            None => {
                // The rows of each window side by side, their maxima; then the columns.
                let longest = windows.iter().map(Range::len).max().unwrap_or(0);
                let indices = self.ints(&[side, longest], equal_rows(&windows, longest));
                let rows = self.gather(x.value, indices, 2);
                let rows = self.reduce_max(rows, 3);
                let columns = self.gather(rows, indices, 3);
                self.reduce_max(columns, 4)
            }
        };
        Map { value, side, ..x }
    }
}

/// Returns the windows along one axis: i n / count up to (i + 1) n / count, rounded outwards.
fn windows(n: usize, count: usize) -> Vec<Range<usize>> {
    (0..count).map(|i| i * n / count..((i + 1) * n).div_ceil(count)).collect()
}

/// Returns length and step of windows that have the same.
fn regular(windows: &[Range<usize>]) -> Option<(usize, usize)> {
    let length = windows.first()?.len();
    let step = windows.get(1).map_or(length, |second| second.start);
    let same = |(i, w): (usize, &Range<usize>)| w.len() == length && w.start == i * step;
    (step > 0 && windows.iter().enumerate().all(same)).then_some((length, step))
}

/// Lists the positions of each window, the last one repeated up to the same number.
fn equal_rows(windows: &[Range<usize>], length: usize) -> Vec<i64> {
    let row = |w: &Range<usize>| {
        let last = w.end - 1;
        (w.start..w.start + length).map(move |i| i.min(last) as i64)
    };
    windows.iter().flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDES: [usize; 4] = [1, 2, 3, 6];

    #[test]
    fn windows_cover_the_axis_without_gaps_and_are_never_empty() {
        for n in 1..=33 {
            for count in SIDES {
                let windows = windows(n, count);
                assert_eq!((windows[0].start, windows[count - 1].end), (0, n));
                assert!(windows.iter().all(|w| !w.is_empty()));
                assert!(windows.windows(2).all(|w| w[1].start <= w[0].end));
            }
        }
        let ends: Vec<_> = windows(16, 6).iter().map(|w| (w.start, w.end)).collect();
        assert_eq!(ends, [(0, 3), (2, 6), (5, 8), (8, 11), (10, 14), (13, 16)]);
    }

    #[test]
    fn both_ways_to_pool_see_exactly_the_windows() {
        for n in 1..=33_usize {
            for count in SIDES {
                let windows = windows(n, count);
                let longest = windows.iter().map(Range::len).max().unwrap();
                for (row, window) in equal_rows(&windows, longest).chunks(longest).zip(&windows) {
                    let mut seen = row.to_vec();
                    seen.dedup();
                    assert!(seen.into_iter().eq(window.clone().map(|i| i as i64)));
                }
                let Some((kernel, stride)) = regular(&windows) else { continue };
                assert_eq!((n - kernel) / stride + 1, count, "{n} to {count}");
                for (i, window) in windows.iter().enumerate() {
                    assert_eq!(*window, i * stride..i * stride + kernel);
                }
            }
        }
        assert_eq!(regular(&windows(16, 3)), Some((6, 5)));
        assert_eq!(regular(&windows(12, 6)), Some((2, 2)));
        assert_eq!(regular(&windows(16, 6)), None);
    }
}
