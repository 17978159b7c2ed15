//! Reads training labels: what shapes of a vector file, or pixels of a raster, say of a raster's.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use gdal_sys::GDALResampleAlg;

use super::aoi::{around_all, outside};
use super::area::PixelGrid;
use super::dataset::{Dataset, succeeded};
use super::georeference::{Georeference, near};
use super::scratch::RowLayout;
use super::shapes::{Shape, burn, read_shapes};
use super::{GdalApi, GdalBands, GdalSource};
use crate::error::{Error, Kind, Result};
use crate::geometry::{Size, Window};
use crate::raster::{RasterSource, SampleType};

/// Classes that one byte tells apart, besides "no label".
const MOST_CLASSES: usize = 254;

/// The largest value of a label raster that is taken for a class.
const LARGEST_VALUE: f32 = 65_535.0;

/// Labels over a raster.
#[derive(Debug)]
pub struct Labels {
    api: &'static GdalApi,
    path: String,
    window: Window,
    kind: Labelled,
}

#[derive(Debug)]
enum Labelled {
    /// Shapes, and the different values of their field in order.
    Shapes { grid: PixelGrid, shapes: Mutex<Vec<(Shape, u8)>>, names: Vec<String> },
    /// A raster on the same grid.
    Same(Box<GdalBands>),
    /// A raster elsewhere, and the place of ours.
    Other { labels: Mutex<Dataset>, place: Georeference },
}

impl Labels {
    /// Opens labels over a raster of that place and size: the shapes of a vector file, by the values
    /// of `field`, or without a field band 1 of a raster.
    ///
    /// # Errors
    /// - Usage: the file has no such field.
    /// - Input: it cannot be opened, holds nothing to learn from, more than 254 classes, or nothing
    ///   where the raster lies.
    pub fn open(
        api: &'static GdalApi,
        path: &str,
        field: Option<&str>,
        place: &Georeference,
        size: Size,
    ) -> Result<Self> {
        match field {
            Some(field) => Self::shapes(api, path, field, place, size),
            None => Self::raster(api, path, place, size),
        }
    }

    fn shapes(
        api: &'static GdalApi,
        path: &str,
        field: &str,
        place: &Georeference,
        size: Size,
    ) -> Result<Self> {
        let grid = PixelGrid::new(place, size)?;
        let shapes = read_shapes(api, path, place, &grid, Some(field))?;
        if shapes.is_empty() {
            return Err(Error::input(format!("'{path}' holds no shape with a value in '{field}'")));
        }
        let outside = || outside(&format!("the labels of '{path}'"), &shapes, &grid, place);
        let window = around_all(&shapes).ok_or_else(outside)?;
        let names = names(&shapes);
        if names.len() > MOST_CLASSES {
            return Err(Error::input(format!(
                "the field '{field}' of '{path}' has {} different values, as in '{}'; at most \
                 {MOST_CLASSES} classes can be learnt: give a field of classes with --field",
                names.len(),
                names[0]
            )));
        }
        let value = |shape: &Shape| {
            let place = names.iter().position(|name| *name == shape.label).unwrap_or_default();
            u8::try_from(place + 1).unwrap_or_default()
        };
        let shapes = shapes.into_iter().map(|shape| {
            let value = value(&shape);
            (shape, value)
        });
        let kind = Labelled::Shapes { grid, shapes: Mutex::new(shapes.collect()), names };
        Ok(Self { api, path: path.to_owned(), window, kind })
    }

    fn raster(api: &'static GdalApi, path: &str, place: &Georeference, size: Size) -> Result<Self> {
        let advice = |error: Error| {
            error.at("without --field the labels must be a raster, with it a vector file")
        };
        let source = GdalSource::open(api, path).map_err(advice)?;
        let info = source.info().clone();
        let srs = &info.georeference.srs;
        let same = info.size == size
            && near(&info.georeference, place)
            && (srs.is_empty() || place.srs.is_empty() || *srs == place.srs);
        let kind = if same {
            Labelled::Same(Box::new(source.select(&[1], None)?))
        } else {
            PixelGrid::new(place, size)?;
            PixelGrid::new(&info.georeference, info.size)
                .map_err(|error| error.at(&format!("the labels '{path}'")))?;
            if info.georeference.srs.is_empty() != place.srs.is_empty() {
                return Err(Error::input(format!(
                    "the labels '{path}' and the raster cannot be laid over each other: one of \
                     them does not say its coordinate reference system; add it with gdal_edit.py \
                     -a_srs"
                )));
            }
            let labels = Mutex::new(Dataset::open(api, path, &[])?);
            Labelled::Other { labels, place: place.clone() }
        };
        Ok(Self { api, path: path.to_owned(), window: Window::whole(size), kind })
    }

    /// Returns the window around all labels, within the raster.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Lists the values that shapes have; [`read`](Self::read) gives those that are on pixels. None
    /// of a raster.
    pub fn values(&self) -> std::ops::RangeInclusive<u16> {
        let count = match &self.kind {
            Labelled::Shapes { names, .. } => names.len(),
            Labelled::Same(_) | Labelled::Other { .. } => 0,
        };
        1..=u16::try_from(count).unwrap_or(u16::MAX)
    }

    /// Names a value that [`read`](Self::read) gives.
    pub fn name(&self, value: u16) -> String {
        match &self.kind {
            Labelled::Shapes { names, .. } => {
                names.get(usize::from(value).wrapping_sub(1)).cloned().unwrap_or_default()
            }
            Labelled::Same(_) | Labelled::Other { .. } => value.to_string(),
        }
    }

    /// Reads a window's labels, (row, column); 0 is none.
    ///
    /// # Errors
    /// - Input: a block cannot be read, or holds other than whole numbers up to 65535.
    /// - Io: there is no memory for it.
    pub fn read(&self, window: Window) -> Result<Vec<u16>> {
        match &self.kind {
            Labelled::Shapes { grid, shapes, .. } => {
                let shapes = shapes.lock().unwrap_or_else(PoisonError::into_inner);
                let near = shapes.iter().filter(|(shape, _)| shape.meets(window));
                let near: Vec<_> = near.map(|(shape, value)| (shape, *value)).collect();
                let mut burnt = vec![0; window.size.pixels()];
                burn(self.api, grid, window, &near, &mut burnt)?;
                Ok(burnt.into_iter().map(u16::from).collect())
            }
            Labelled::Same(bands) => {
                let (mut values, mut valid) =
                    (vec![0.0; window.size.pixels()], vec![0; window.size.pixels()]);
                bands.read(window, &mut values, &mut valid)?;
                let none = values.iter_mut().zip(valid).filter(|(_, valid)| *valid == 0);
                none.for_each(|(value, _)| *value = 0.0);
                self.codes(&values)
            }
            Labelled::Other { labels, place } => {
                let labels = labels.lock().unwrap_or_else(PoisonError::into_inner);
                self.codes(&self.warp(&labels, &place.of_window(window), window.size)?)
            }
        }
    }

    /// Takes the nearest label to each pixel of a place.
    fn warp(&self, labels: &Dataset, place: &Georeference, size: Size) -> Result<Vec<f32>> {
        let memory = Dataset::in_memory(self.api, size, SampleType::F32)?;
        place.write(&memory)?;
        let mut bytes = vec![0; size.pixels() * size_of::<f32>()];
        let doing = || format!("cannot bring the labels '{}' to the raster's grid", self.path);
        self.api.attempt(Kind::Input, doing, || {
            let none = std::ptr::null();
            let nearest = GDALResampleAlg::GRA_NearestNeighbour;
            // SAFETY: both datasets are open; null means their own reference systems, no limits.
            succeeded(unsafe {
                (self.api.GDALReprojectImage)(
                    labels.handle,
                    none,
                    memory.handle,
                    none,
                    nearest,
                    0.0,
                    0.0,
                    None,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                )
            })?;
            let layout =
                RowLayout { sample: SampleType::F32, signed: false, bands: 1, width: size.width };
            memory.read_window(Window::whole(size), layout, &mut bytes)
        })?;
        let values = bytes.as_chunks().0.iter();
        Ok(values.map(|bytes| f32::from_ne_bytes(*bytes)).collect())
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
    fn codes(&self, values: &[f32]) -> Result<Vec<u16>> {
        let code = |value: &f32| {
            if value.is_nan() {
                return Ok(0);
            }
            if (0.0..=LARGEST_VALUE).contains(value) && value.fract() == 0.0 {
                return Ok(*value as u16);
            }
            Err(Error::input(format!(
                "the labels '{}' hold {value}; whole numbers from 1 to {LARGEST_VALUE} are \
                 classes, 0 and nodata are no label",
                self.path
            )))
        };
        values.iter().map(code).collect()
    }
}

/// Lists the different labels: as numbers if all of them are, else as texts.
fn names(shapes: &[Shape]) -> Vec<String> {
    let different: BTreeSet<&str> = shapes.iter().map(|shape| shape.label.as_str()).collect();
    let mut names: Vec<String> = different.into_iter().map(str::to_owned).collect();
    let number = |name: &String| name.parse::<i64>().ok();
    if names.iter().all(|name| number(name).is_some()) {
        names.sort_by_key(number);
    }
    names
}
