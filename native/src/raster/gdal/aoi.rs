//! Says which pixels of a raster lie in the polygons of a vector file.

use std::sync::{Mutex, PoisonError};

use super::GdalApi;
use super::area::{PixelGrid, bounds, named, words};
use super::georeference::Georeference;
use super::shapes::{Shape, burn, read_shapes};
use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::raster::Area;

/// The polygons of a vector file over a raster.
#[derive(Debug)]
pub struct Aoi {
    api: &'static GdalApi,
    path: String,
    grid: PixelGrid,
    size: Size,
    window: Window,
    polygons: Mutex<Vec<Shape>>,
}

impl Aoi {
    /// Reads all polygons of all layers and takes them to the raster's reference system. A layer
    /// without one is taken to have the raster's.
    ///
    /// # Errors
    /// - Input: the file is no vector file or has no polygon, or the polygons lie outside the raster;
    ///   the raster does not say where it lies.
    /// - Usage: the path holds a NUL.
    pub fn open(
        api: &'static GdalApi,
        path: &str,
        georeference: &Georeference,
        size: Size,
    ) -> Result<Self> {
        let grid = PixelGrid::new(georeference, size)?;
        let mut polygons = read_shapes(api, path, georeference, &grid, None)?;
        polygons.retain(Shape::is_area);
        if polygons.is_empty() {
            return Err(Error::input(format!("'{path}' holds no polygon; give a file of areas")));
        }
        let outside =
            || outside(&format!("the polygons of '{path}'"), &polygons, &grid, georeference);
        let window = around_all(&polygons).ok_or_else(outside)?;
        let (path, polygons) = (path.to_owned(), Mutex::new(polygons));
        Ok(Self { api, path, grid, size, window, polygons })
    }

    /// Returns the window around the polygons, within the raster.
    pub fn window(&self) -> Window {
        self.window
    }
}

impl Area for Aoi {
    /// Tells for a window of the raster which pixels' centres lie in a polygon: 1 there, else 0, (row,
    /// column).
    ///
    /// # Errors
    /// - Usage: the window does not lie inside the raster.
    /// - Failed: `wanted` has another length than the window.
    /// - Io: there is no memory for it.
    fn read(&self, window: Window, wanted: &mut [u8]) -> Result<()> {
        let given = wanted.len();
        if window.inside(self.size)?.size.pixels() != given {
            let size = window.size;
            return Err(Error::failed(format!("room for {given} flags was given for {size}")));
        }
        let polygons = self.polygons.lock().unwrap_or_else(PoisonError::into_inner);
        let near = polygons.iter().filter(|polygon| polygon.meets(window));
        let near: Vec<_> = near.map(|polygon| (polygon, 1)).collect();
        let at = |error: Error| error.at(&format!("'{}'", self.path));
        burn(self.api, &self.grid, window, &near, wanted).map_err(at)
    }
}

/// Says that shapes lie outside a raster.
pub(super) fn outside(
    what: &str,
    shapes: &[Shape],
    grid: &PixelGrid,
    georeference: &Georeference,
) -> Error {
    let whole = bounds(&shapes.iter().flat_map(Shape::corners).collect::<Vec<_>>());
    Error::input(format!(
        "{what} do not meet the raster: they cover {}, the raster {} ({})",
        whole.map_or("nothing".to_owned(), words),
        bounds(&grid.corners()).map_or(String::new(), words),
        named(&georeference.srs)
    ))
}

/// Returns the window around shapes, within the raster; `None` if they lie outside.
pub(super) fn around_all(shapes: &[Shape]) -> Option<Window> {
    shapes.iter().filter_map(|shape| shape.window).reduce(around)
}

/// Returns the window around two.
fn around(one: Window, other: Window) -> Window {
    let (col, row) = (one.col.min(other.col), one.row.min(other.row));
    let (end_col, end_row) =
        (one.end_col().max(other.end_col()), one.end_row().max(other.end_row()));
    Window::new(col, row, Size::new(end_col - col, end_row - row))
}
