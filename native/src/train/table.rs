//! Holds what heads see of each pixel: the spectrum at it and around it, then the network's features.

use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use super::pixels::lot;
use crate::error::{Error, Result};

/// Features that are seen at most; of more, the directions in which pixels differ most.
const MOST_FEATURES: usize = 64;
/// Steps that find these directions: what is left of others shrinks with each.
const TURNS: usize = 12;

/// A row per pixel: the numbers of the spectrum and the features, each of mean 0 and deviation 1,
/// the features then turned to fewer.
#[derive(Debug)]
pub(super) struct Table {
    /// (pixel, column).
    values: Array2<f32>,
    scale: Scale,
}

/// How raw numbers become a table's columns.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    spectrum: usize,
    mean: Array1<f64>,
    /// Infinite where a column is constant: it says nothing and must not become noise.
    deviation: Array1<f64>,
    /// (feature, direction), orthonormal; none if features are taken as they are.
    turn: Option<Array2<f32>>,
}

impl Table {
    /// Makes the table of rows of `spectrum` numbers and then features, row-major.
    ///
    /// # Errors
    /// - Model: a feature is not a number.
    pub(super) fn new(values: Vec<f32>, columns: usize, spectrum: usize) -> Result<Self> {
        let rows = values.len() / columns.max(1);
        let mut values = Array2::from_shape_vec((rows, columns), values)
            .map_err(|error| Error::failed(format!("features do not fit: {error}")))?;
        let mut scale = Scale::of(&values, spectrum)?;
        for mut row in values.rows_mut() {
            for (column, value) in row.iter_mut().enumerate() {
                *value = scale.standard(column, *value);
            }
        }
        if columns - spectrum > MOST_FEATURES {
            let features = values.slice(s![.., spectrum..]);
            let turn = directions(features);
            let turned = features.dot(&turn);
            let mut fewer = Array2::zeros((rows, spectrum + MOST_FEATURES));
            fewer.slice_mut(s![.., ..spectrum]).assign(&values.slice(s![.., ..spectrum]));
            fewer.slice_mut(s![.., spectrum..]).assign(&turned);
            (values, scale.turn) = (fewer, Some(turn));
        }
        Ok(Self { values, scale })
    }

    /// Returns what a head sees, (pixel, column).
    pub(super) fn seen(&self, with_features: bool) -> ArrayView2<'_, f32> {
        let columns = if with_features { self.values.ncols() } else { self.scale.spectrum };
        self.values.slice(s![.., ..columns])
    }

    /// Returns how its columns were made.
    pub(super) fn scale(&self) -> &Scale {
        &self.scale
    }
}

impl Scale {
    fn of(values: &Array2<f32>, spectrum: usize) -> Result<Self> {
        let rows = values.nrows().max(1) as f64;
        let mut mean = Array1::zeros(values.ncols());
        values.rows().into_iter().for_each(|row| mean += &row.mapv(f64::from));
        mean /= rows;
        let mut square = Array1::zeros(values.ncols());
        values.rows().into_iter().for_each(|row| {
            square += &(row.mapv(f64::from) - &mean).mapv(|apart| apart * apart);
        });
        square /= rows;
        if square.iter().any(|square: &f64| !square.is_finite()) {
            return Err(Error::model(
                "the network gave features that are not numbers; its weights are damaged",
            ));
        }
        let deviation = square.mapv(|it| if it > 1e-12 { it.sqrt() } else { f64::INFINITY });
        Ok(Self { spectrum, mean, deviation, turn: None })
    }

    /// Counts the numbers of the spectrum.
    pub(super) fn spectrum(&self) -> usize {
        self.spectrum
    }

    fn standard(&self, column: usize, raw: f32) -> f32 {
        narrow((f64::from(raw) - self.mean[column]) / self.deviation[column])
    }

    /// Makes a row of the table of a pixel's raw numbers.
    pub(super) fn row(&self, raw: &[f32]) -> Vec<f32> {
        let standard = raw.iter().enumerate().map(|(column, raw)| self.standard(column, *raw));
        let mut row: Vec<f32> = standard.collect();
        if let Some(turn) = &self.turn {
            let features = Array1::from(row.split_off(self.spectrum));
            row.extend(features.dot(turn));
        }
        row
    }

    /// Returns the layer, weights (raw number, output) and bias, that says of raw numbers what a layer
    /// says of the table's first columns.
    pub(super) fn folded(
        &self,
        weight: &Array2<f32>,
        bias: &Array1<f32>,
    ) -> (Array2<f32>, Array1<f32>) {
        let seen = weight.nrows();
        let weight = match &self.turn {
            Some(turn) if seen > self.spectrum => {
                let features = turn.dot(&weight.slice(s![self.spectrum.., ..]));
                let parts = [weight.slice(s![..self.spectrum, ..]), features.view()];
                ndarray::concatenate(Axis(0), &parts).unwrap_or_default()
            }
            _ => weight.clone(),
        };
        let mut weight = weight.mapv(f64::from);
        let mut bias = bias.mapv(f64::from);
        for (column, mut row) in weight.rows_mut().into_iter().enumerate() {
            row /= self.deviation[column];
            bias.scaled_add(-self.mean[column], &row);
        }
        (weight.mapv(narrow), bias.mapv(narrow))
    }
}

/// Finds the directions in which rows differ most, (column, direction), by repeated multiplication
/// with the matrix of their covariances.
fn directions(rows: ArrayView2<'_, f32>) -> Array2<f32> {
    let (count, columns) = (rows.nrows().max(1), rows.ncols());
    let covariance = rows.t().dot(&rows) / narrow(count as f64);
    let mut index = 0;
    let mut turn = Array2::from_shape_simple_fn((columns, MOST_FEATURES), || {
        index += 1;
        narrow((lot(0, index) >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
    });
    for _ in 0..TURNS {
        turn = covariance.dot(&turn);
        orthonormalise(&mut turn);
    }
    turn
}

/// Makes columns orthogonal and of length 1, each to those before it; one that depends on those
/// becomes 0.
fn orthonormalise(columns: &mut Array2<f32>) {
    for place in 0..columns.ncols() {
        let (done, mut rest) = columns.view_mut().split_at(Axis(1), place);
        let mut column = rest.column_mut(0);
        let before = column.dot(&column).sqrt();
        // Twice, as once leaves rounding errors.
        for _ in 0..2 {
            for other in done.columns() {
                let along = other.dot(&column);
                column.scaled_add(-along, &other);
            }
        }
        let length = column.dot(&column).sqrt();
        if length > 1e-5 * before {
            column /= length;
        } else {
            column.fill(0.0);
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the network's numbers are f32")]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_layer_says_of_raw_numbers_what_the_layer_says_of_rows() {
        let (pixels, spectrum, features) = (300, 3, 80);
        let columns = spectrum + features;
        let draw = |index: usize| (lot(5, index as u64) >> 40) as f32 / (1 << 23) as f32 - 1.0;
        let mut raw: Vec<f32> = (0..pixels * columns).map(draw).collect();
        // A constant column, a large one, and two that are alike.
        for row in raw.chunks_exact_mut(columns) {
            (row[1], row[4], row[9]) = (7.0, row[4] * 1e3 + 500.0, row[10]);
        }
        let table = Table::new(raw.clone(), columns, spectrum).unwrap();
        for with_features in [false, true] {
            let seen = table.seen(with_features);
            let weight = Array2::from_shape_fn((seen.ncols(), 4), |(i, j)| draw(i * 4 + j));
            let bias = Array1::from_shape_fn(4, draw);
            let (folded, shifted) = table.scale().folded(&weight, &bias);
            let expected = seen.dot(&weight) + &bias;
            let used = folded.nrows();
            for (row, expected) in raw.chunks_exact(columns).zip(expected.rows()) {
                let said = Array1::from(row[..used].to_vec()).dot(&folded) + &shifted;
                let again = Array1::from(table.scale().row(row)[..seen.ncols()].to_vec());
                let again = again.dot(&weight) + &bias;
                for ((said, again), expected) in said.iter().zip(&again).zip(expected) {
                    assert!((said - expected).abs() < 1e-3 && (again - expected).abs() < 1e-4);
                }
            }
        }
    }
}
