//! Holds what heads see of each pixel: its spectrum, then the network's features there.

use ndarray::{Array2, ArrayView2, s};

use crate::error::{Error, Result};

/// A row per pixel, each column of mean 0 and deviation 1.
#[derive(Debug)]
pub(super) struct Table {
    values: Array2<f32>,
    spectrum: usize,
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Table {
    /// Standardises rows of `spectrum` channels and then features, row-major.
    ///
    /// # Errors
    /// - Model: a feature is not a number.
    pub(super) fn new(values: Vec<f32>, columns: usize, spectrum: usize) -> Result<Self> {
        let rows = values.len() / columns.max(1);
        let values = Array2::from_shape_vec((rows, columns), values)
            .map_err(|error| Error::failed(format!("features do not fit: {error}")))?;
        let (mut mean, mut square) = (vec![0.0; columns], vec![0.0; columns]);
        for row in values.rows() {
            for (column, value) in row.iter().enumerate() {
                mean[column] += f64::from(*value) / rows as f64;
            }
        }
        for row in values.rows() {
            for (column, value) in row.iter().enumerate() {
                square[column] += (f64::from(*value) - mean[column]).powi(2) / rows as f64;
            }
        }
        if square.iter().any(|square| !square.is_finite()) {
            return Err(Error::model(
                "the network gave features that are not numbers; its weights are damaged",
            ));
        }
        // A constant column says nothing and must not become noise.
        let deviation = |square: &f64| if *square > 1e-12 { square.sqrt() } else { f64::INFINITY };
        let deviation: Vec<f64> = square.iter().map(deviation).collect();
        let mut table = Self { values, spectrum, mean, deviation };
        for mut row in table.values.rows_mut() {
            for (column, value) in row.iter_mut().enumerate() {
                let apart = f64::from(*value) - table.mean[column];
                *value = narrow(apart / table.deviation[column]);
            }
        }
        Ok(table)
    }

    /// Returns what a head sees, (pixel, column).
    pub(super) fn seen(&self, with_features: bool) -> ArrayView2<'_, f32> {
        let columns = if with_features { self.values.ncols() } else { self.spectrum };
        self.values.slice(s![.., ..columns])
    }

    /// Counts the channels of the spectrum.
    pub(super) fn spectrum(&self) -> usize {
        self.spectrum
    }

    /// Returns a column's mean and deviation; the latter is infinite if the column is constant.
    pub(super) fn scale(&self, column: usize) -> (f64, f64) {
        (self.mean[column], self.deviation[column])
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the network's numbers are f32")]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}
