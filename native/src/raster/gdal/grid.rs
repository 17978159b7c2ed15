//! Makes a vector file of scores, a polygon per pixel: the grid of a scene classification.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::publish::Destination;
use super::scratch::Scratch;
use super::vector::{Value, VectorFile, count};
use super::watch::Watch;
use super::{GdalApi, Georeference};
use crate::emit::NODATA_FLOAT;
use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::raster::{Cells, Layer};

/// What stands between the names of labels.
const BETWEEN: &str = "; ";

/// What becomes a vector file, besides the rows.
#[derive(Debug)]
pub(super) struct Grid {
    api: &'static GdalApi,
    size: Size,
    /// Where the raster's pixels lie, which the cells count in.
    geotransform: [f64; 6],
    srs: String,
    cells: Cells,
    /// Of classes or labels.
    names: Vec<String>,
}

impl Grid {
    /// Prepares to write.
    ///
    /// # Errors
    /// - Usage: the file's name does not end as a GeoPackage's does.
    /// - Input: the raster does not say where it lies.
    /// - Io: another program has the old file open.
    pub(super) fn new(
        api: &'static GdalApi,
        path: &Path,
        (layer, cells): (&Layer, &Cells),
        size: Size,
        georeference: &Georeference,
    ) -> Result<Self> {
        if !path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gpkg")) {
            return Err(Error::usage(
                "the grid is a GeoPackage, and this name does not end in .gpkg; let it",
            ));
        }
        must_be_closed(path)?;
        let geotransform = georeference.affine().ok_or_else(|| {
            Error::input(
                "a grid of polygons needs a raster with a geotransform; georeference it first, as with \
                 gdalwarp, or ask for classes",
            )
        })?;
        let srs = georeference.srs.clone();
        let names = layer.bands.clone();
        Ok(Self { api, size, geotransform, srs, cells: cells.clone(), names })
    }

    /// Writes the polygons of all rows into a hidden file, opens it again and counts them. A pixel
    /// without a value has none.
    ///
    /// # Errors
    /// - Failed: rows are missing.
    /// - Io: the file cannot be written, or another program has the old one open.
    /// - Cancelled: the caller said so.
    pub(super) fn write(
        &self,
        scratch: &Scratch,
        destination: &Destination,
        metadata: &[(String, String)],
        watch: &mut Watch<'_>,
    ) -> Result<PathBuf> {
        scratch.complete()?;
        let path = destination.hidden("map.gpkg");
        let title = destination.path().file_stem().unwrap_or_default().to_string_lossy();
        // How fast it went would make two runs' files differ.
        let told = metadata.iter().filter(|(key, _)| !key.ends_with("CHIPS_PER_SECOND"));
        let told: Vec<_> = told.cloned().collect();
        let file = VectorFile::create(self.api, &path, (&title, &self.srs), &self.fields(), &told)?;
        let (mut rows, mut written) = (Vec::new(), 0);
        for row in 0..self.size.height {
            let window = Window::new(0, row, Size::new(self.size.width, 1));
            scratch.read(window, &mut rows)?;
            written += self.write_row(&file, row, &rows)?;
            watch.advance(window)?;
        }
        file.close()?;
        if count(self.api, &path)? != written {
            return Err(Error::io("the written file lost polygons; check the disk"));
        }
        watch.advance_by(self.size.pixels() as u64)?;
        must_be_closed(destination.path())?;
        Ok(path)
    }

    /// Writes the polygons of a row, (band, column) floats; returns how many.
    fn write_row(&self, file: &VectorFile, row: u32, scores: &[u8]) -> Result<i64> {
        let width = self.size.width as usize;
        let scores: Vec<f32> = scores
            .chunks_exact(size_of::<f32>())
            .map(|bytes| f32::from_ne_bytes(bytes.try_into().unwrap_or_default()))
            .collect();
        let mut written = 0;
        for col in 0..width {
            let of = |band: usize| scores[band * width + col];
            if of(0) == NODATA_FLOAT {
                continue;
            }
            let scores: Vec<f32> = (0..self.names.len()).map(of).collect();
            let names = self.labels(&scores);
            file.add(self.corners(col, row as usize), &self.values(&scores, &names))?;
            written += 1;
        }
        Ok(written)
    }

    /// Lists the fields with values of their kinds.
    fn fields(&self) -> Vec<(String, Value<'_>)> {
        let field = |name: &str, value| (name.to_owned(), value);
        if self.cells.thresholds.is_empty() {
            return vec![
                field("class", Value::Integer(0)),
                field("name", Value::Text("")),
                field("confidence", Value::Real(0.0)),
            ];
        }
        let names = unique(&self.names, &["fid", "geom", "labels"]);
        let scores = names.iter().map(|name| field(name, Value::Real(0.0)));
        std::iter::once(field("labels", Value::Text(""))).chain(scores).collect()
    }

    /// Names the labels that are there.
    fn labels(&self, scores: &[f32]) -> String {
        let there = scores.iter().zip(&self.cells.thresholds).zip(&self.names);
        let there = there.filter(|((score, threshold), _)| score >= threshold);
        there.map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(BETWEEN)
    }

    /// Returns the fields' values.
    fn values<'a>(&'a self, scores: &[f32], labels: &'a str) -> Vec<Value<'a>> {
        if !self.cells.thresholds.is_empty() {
            let scores = scores.iter().map(|score| Value::Real(f64::from(*score)));
            return std::iter::once(Value::Text(labels)).chain(scores).collect();
        }
        let first = (0, f32::NEG_INFINITY);
        let (class, score) = scores.iter().enumerate().fold(first, |best, (class, score)| {
            if *score > best.1 { (class, *score) } else { best }
        });
        vec![
            Value::Integer(i32::try_from(class).unwrap_or(i32::MAX)),
            Value::Text(&self.names[class]),
            Value::Real(score.into()),
        ]
    }

    /// Returns the corners of a cell on Earth.
    fn corners(&self, col: usize, row: usize) -> [[f64; 2]; 4] {
        let edge = |edges: &[u32], at: usize| f64::from(edges.get(at).copied().unwrap_or(0));
        let (left, right) = (edge(&self.cells.cols, col), edge(&self.cells.cols, col + 1));
        let (top, bottom) = (edge(&self.cells.rows, row), edge(&self.cells.rows, row + 1));
        let [x, xc, xr, y, yc, yr] = self.geotransform;
        [[left, top], [left, bottom], [right, bottom], [right, top]]
            .map(|[col, row]| [x + col * xc + row * xr, y + col * yc + row * yr])
    }
}

/// Makes names that differ, whatever their case, from each other and from some that are taken.
fn unique(names: &[String], taken: &[&str]) -> Vec<String> {
    let mut taken: BTreeSet<String> = taken.iter().map(|name| name.to_lowercase()).collect();
    let mut other = |name: &String| {
        let numbered = (2..).map(|number| format!("{name} {number}"));
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        candidates.find(|name| taken.insert(name.to_lowercase())).unwrap_or_default()
    };
    names.iter().map(&mut other).collect()
}

/// Checks that no other program has a GeoPackage open for writing: what it keeps beside the file would
/// be applied to the new one.
fn must_be_closed(path: &Path) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push("-wal");
    if Path::new(&beside).exists() {
        return Err(Error::io(format!(
            "another program has the file open ('{}' is there); close it there, as QGIS by removing \
             the layer",
            Path::new(&beside).display()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields_differ() {
        let names = ["Water", "water", "geom", "Water 2", "Water"].map(str::to_owned);
        let expected = ["Water", "water 2", "geom 2", "Water 2 2", "Water 3"];
        assert_eq!(unique(&names, &["fid", "geom"]), expected);
    }
}
