//! Matrices of weights, row-major, and what folding them needs.

use std::ops::Range;

/// Rows and columns moved at a time, so that both sides stay in the cache.
const SQUARE: usize = 32;

/// Columns of a product computed at a time, for the same reason.
const STRIP: usize = 256;

/// Returns the transpose of a matrix with so many columns.
pub(super) fn transpose(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns;
    let mut out = vec![0.0; matrix.len()];
    for top in (0..rows).step_by(SQUARE) {
        for left in (0..columns).step_by(SQUARE) {
            for row in top..rows.min(top + SQUARE) {
                for column in left..columns.min(left + SQUARE) {
                    out[column * rows + row] = matrix[row * columns + column];
                }
            }
        }
    }
    out
}

/// Returns some columns of a matrix that has so many.
pub(super) fn take_columns(matrix: &[f32], columns: usize, taken: Range<usize>) -> Vec<f32> {
    matrix.chunks_exact(columns).flat_map(|row| &row[taken.clone()]).copied().collect()
}

/// Swaps the first two axes of (`first`, second, `last`).
pub(super) fn swap(values: &[f32], first: usize, last: usize) -> Vec<f32> {
    let second = values.len() / (first * last);
    let rows = |i: usize| (0..first).map(move |j| (j * second + i) * last);
    (0..second).flat_map(rows).flat_map(|at| &values[at..at + last]).copied().collect()
}

/// Multiplies every value.
pub(super) fn scale(mut values: Vec<f32>, factor: f64) -> Vec<f32> {
    values.iter_mut().for_each(|value| *value = round(f64::from(*value) * factor));
    values
}

/// Returns `matrix x + offset`, summed in f64; `x` has as many values as the matrix columns.
pub(super) fn affine(matrix: &[f32], x: &[f32], offset: &[f32]) -> Vec<f32> {
    let add = |sum: f64, (&a, &b): (&f32, &f32)| sum + f64::from(a) * f64::from(b);
    let row = |(row, &start): (&[f32], &f32)| round(row.iter().zip(x).fold(f64::from(start), add));
    matrix.chunks_exact(x.len()).zip(offset).map(row).collect()
}

/// Returns the product of two matrices, summed in f64; the inner axis has the given length.
pub(super) fn product(a: &[f32], b: &[f32], inner: usize) -> Vec<f32> {
    let (rows, columns) = (a.len() / inner, b.len() / inner);
    let mut out = vec![0.0; rows * columns];
    for left in (0..columns).step_by(STRIP) {
        let width = STRIP.min(columns - left);
        let strip: Vec<f64> = (b.chunks_exact(columns))
            .flat_map(|row| &row[left..left + width])
            .map(|&value| f64::from(value))
            .collect();
        for (factors, out) in a.chunks_exact(inner).zip(out.chunks_exact_mut(columns)) {
            let sums = combine(factors, &strip, width);
            for (value, &sum) in out[left..left + width].iter_mut().zip(&sums) {
                *value = round(sum);
            }
        }
    }
    out
}

/// Returns the sum of the rows of a strip, each times its factor; four rows at a time.
fn combine(factors: &[f32], strip: &[f64], width: usize) -> [f64; STRIP] {
    let mut sums = [0.0; STRIP];
    let (fours, rest) = factors.as_chunks::<4>();
    let (quads, tail) = strip.split_at(fours.len() * 4 * width);
    for (factors, rows) in fours.iter().zip(quads.chunks_exact(4 * width)) {
        let [a, b, c, d] = factors.map(f64::from);
        let (first, second) = rows.split_at(2 * width);
        let ((p, q), (r, s)) = (first.split_at(width), second.split_at(width));
        for ((((sum, p), q), r), s) in sums[..width].iter_mut().zip(p).zip(q).zip(r).zip(s) {
            *sum += a * p + b * q + c * r + d * s;
        }
    }
    for (&factor, row) in rest.iter().zip(tail.chunks_exact(width)) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += f64::from(factor) * value;
        }
    }
    sums
}

#[allow(clippy::cast_possible_truncation, reason = "rounding is the point")]
pub(super) fn round(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectralgpt::synthetic::draw;

    #[test]
    fn products_are_what_three_loops_give() {
        for (rows, inner, columns) in [(1, 1, 1), (3, 7, 5), (5, 64, 257), (2, 33, 600)] {
            let (a, b) = (draw("a", rows * inner), draw("b", inner * columns));
            let c = product(&a, &b, inner);
            for row in 0..rows {
                for column in 0..columns {
                    let exact: f64 = (0..inner)
                        .map(|k| f64::from(a[row * inner + k]) * f64::from(b[k * columns + column]))
                        .sum();
                    assert!((f64::from(c[row * columns + column]) - exact).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn a_transpose_is_its_own_inverse_and_swaps_the_axes() {
        let matrix = draw("m", 70 * 45);
        let turned = transpose(&matrix, 45);
        assert_eq!(turned[3 * 70 + 69], matrix[69 * 45 + 3]);
        assert_eq!(transpose(&turned, 70), matrix);
    }

    #[test]
    fn small_helpers() {
        let matrix = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(take_columns(&matrix, 3, 1..3), [2.0, 3.0, 5.0, 6.0]);
        assert_eq!(affine(&matrix, &[1.0, 0.0, -1.0], &[0.5, 10.0]), [-1.5, 8.0]);
        assert_eq!(swap(&matrix, 3, 1), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        assert_eq!(swap(&matrix[..4], 2, 2), matrix[..4]);
        assert_eq!(scale(vec![2.0, 3.0], 0.5), [1.0, 1.5]);
    }
}
