//! Says which pixels of a raster lie in the polygons of a vector file.

use std::ffi::{c_int, c_void};
use std::sync::{Mutex, PoisonError};

use gdal_sys::{OGREnvelope, OGRGeometryH, OGRLayerH, OGRSpatialReferenceH, OGRwkbGeometryType};

use super::GdalApi;
use super::area::{PixelGrid, bounds, named, words};
use super::dataset::{Dataset, succeeded};
use super::georeference::Georeference;
use super::scratch::RowLayout;
use super::srs::{Srs, Way};
use super::strings::c_text;
use crate::error::{Error, Kind, Result};
use crate::geometry::{Size, Window};
use crate::raster::Area;
use crate::raster::SampleType;

/// Parts that the longer side of a polygon's extent is cut into, so that its edges, straight in
/// their own reference system, are the right curves in the raster's.
const PARTS: f64 = 200.0;

/// The polygons of a vector file over a raster.
#[derive(Debug)]
pub struct Aoi {
    api: &'static GdalApi,
    path: String,
    grid: PixelGrid,
    size: Size,
    window: Window,
    polygons: Mutex<Vec<Polygon>>,
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
        let (file, wkt) = (Dataset::open_vector(api, path)?, c_text(&georeference.srs)?);
        let doing = || format!("cannot read the polygons of '{path}'");
        let mut polygons = Vec::new();
        let unprojected = api.attempt(Kind::Input, doing, || {
            let srs = Srs::parse(api, &wkt)?;
            let layers = file.layers();
            let read = |layer| read_layer(api, layer, srs.handle, &grid, &mut polygons);
            layers.into_iter().map(read).try_fold(false, |any, one| one.map(|one| any || one))
        })?;
        if unprojected {
            log::warn!("'{path}' does not say its reference system; taken to be the raster's");
        }
        if polygons.is_empty() {
            return Err(Error::input(format!("'{path}' holds no polygon; give a file of areas")));
        }
        let whole = bounds(&polygons.iter().flat_map(Polygon::corners).collect::<Vec<_>>());
        let pixels: Vec<_> = polygons.iter().filter_map(|it| it.window).collect();
        let window = pixels.into_iter().reduce(around).ok_or_else(|| {
            Error::input(format!(
                "the polygons of '{path}' do not meet the raster: they cover {}, the raster {} ({})",
                whole.map_or("nothing".to_owned(), words),
                bounds(&grid.corners()).map_or(String::new(), words),
                named(&georeference.srs)
            ))
        })?;
        let (path, polygons) = (path.to_owned(), Mutex::new(polygons));
        Ok(Self { api, path, grid, size, window, polygons })
    }

    /// Returns the window around the polygons, within the raster.
    pub fn window(&self) -> Window {
        self.window
    }

    fn burn(&self, memory: &Dataset, window: Window, near: &[OGRGeometryH]) -> Option<()> {
        let mut place = (self.grid, window);
        let (ones, none) = (vec![1.0; near.len()], std::ptr::null_mut());
        // SAFETY: the dataset has band 1; the polygons are locked; the lists outlive the call and
        // have as many places as polygons; `place` is what `to_pixels` takes.
        succeeded(unsafe {
            (self.api.GDALRasterizeGeometries)(
                memory.handle,
                1,
                [1].as_ptr(),
                c_int::try_from(near.len()).ok()?,
                near.as_ptr(),
                Some(to_pixels),
                (&raw mut place).cast(),
                ones.as_ptr(),
                none,
                None,
                std::ptr::null_mut(),
            )
        })
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
        let near: Vec<OGRGeometryH> = near.map(|polygon| polygon.handle).collect();
        if near.is_empty() {
            wanted.fill(0);
            return Ok(());
        }
        let memory = Dataset::in_memory(self.api, window.size)?;
        let doing = || format!("cannot find the pixels in the polygons of '{}'", self.path);
        self.api.attempt(Kind::Io, doing, || {
            self.burn(&memory, window, &near)?;
            let layout = RowLayout { sample: SampleType::U8, bands: 1, width: window.size.width };
            let whole = Window::whole(window.size);
            memory.read_window(whole, layout, wanted)
        })
    }
}

/// Takes places to pixels of a window, as GDAL asks: pixels are the raster's less whole numbers, so
/// that they do not depend on the window.
unsafe extern "C" fn to_pixels(
    place: *mut c_void,
    _back: c_int,
    count: c_int,
    x: *mut f64,
    y: *mut f64,
    _z: *mut f64,
    succeeded: *mut c_int,
) -> c_int {
    // SAFETY: `burn` gave GDAL its own grid and window.
    let (grid, window) = unsafe { &*place.cast::<(PixelGrid, Window)>() };
    for index in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: GDAL gives arrays of `count` places.
        unsafe {
            let (x, y) = (x.add(index), y.add(index));
            let [col, row] = grid.pixel([*x, *y]);
            (*x, *y) = (col - f64::from(window.col), row - f64::from(window.row));
            *succeeded.add(index) = 1;
        }
    }
    1
}

/// A polygon, or several in one, in the raster's reference system.
#[derive(Debug)]
struct Polygon {
    api: &'static GdalApi,
    handle: OGRGeometryH,
    /// Its extent: x0, y0, x1, y1.
    extent: [f64; 4],
    /// Its extent in pixels, if it meets the raster.
    window: Option<Window>,
}

// SAFETY: GDAL ties a geometry to no thread, and `Polygon` is not `Sync`.
unsafe impl Send for Polygon {}

impl Polygon {
    /// Takes a geometry over; `None` if it is none or of another kind.
    ///
    /// # Safety
    /// `handle` is null or a geometry that nobody else owns.
    unsafe fn own(api: &'static GdalApi, handle: OGRGeometryH) -> Option<Self> {
        if handle.is_null() {
            return None;
        }
        let polygon = Self { api, handle, extent: [0.0; 4], window: None };
        // SAFETY: the geometry is valid.
        let kind = unsafe { (api.OGR_GT_Flatten)((api.OGR_G_GetGeometryType)(handle)) };
        let areas = [
            OGRwkbGeometryType::wkbPolygon,
            OGRwkbGeometryType::wkbMultiPolygon,
            OGRwkbGeometryType::wkbCurvePolygon,
            OGRwkbGeometryType::wkbMultiSurface,
        ];
        areas.contains(&kind).then_some(polygon)
    }

    /// Takes the polygon to the raster's reference system; `None` if part of it does not arrive.
    fn project(&mut self, way: Option<&Way>, grid: &PixelGrid) -> Option<()> {
        if let Some(way) = way {
            let [x0, y0, x1, y1] = self.envelope();
            // SAFETY: the geometry and the way are valid.
            unsafe {
                (self.api.OGR_G_Segmentize)(self.handle, (x1 - x0).max(y1 - y0) / PARTS);
                let outcome = (self.api.OGR_G_Transform)(self.handle, way.handle);
                (outcome == 0).then_some(())?;
            }
        }
        self.extent = self.envelope();
        self.window = grid.window(&self.corners().map(|corner| grid.pixel(corner)));
        Some(())
    }

    fn envelope(&self) -> [f64; 4] {
        let mut found = OGREnvelope { MinX: 0.0, MaxX: 0.0, MinY: 0.0, MaxY: 0.0 };
        // SAFETY: the geometry is valid; the envelope is ours.
        unsafe { (self.api.OGR_G_GetEnvelope)(self.handle, &raw mut found) };
        [found.MinX, found.MinY, found.MaxX, found.MaxY]
    }

    fn corners(&self) -> [[f64; 2]; 4] {
        let [x0, y0, x1, y1] = self.extent;
        [[x0, y0], [x1, y0], [x0, y1], [x1, y1]]
    }

    fn meets(&self, window: Window) -> bool {
        self.window.is_some_and(|own| {
            own.col < window.end_col()
                && window.col < own.end_col()
                && own.row < window.end_row()
                && window.row < own.end_row()
        })
    }
}

impl Drop for Polygon {
    fn drop(&mut self) {
        // SAFETY: the geometry is ours.
        unsafe { (self.api.OGR_G_DestroyGeometry)(self.handle) };
    }
}

/// Collects a layer's polygons; returns whether the layer lacks a reference system. `None` on failure.
fn read_layer(
    api: &'static GdalApi,
    layer: OGRLayerH,
    to: OGRSpatialReferenceH,
    grid: &PixelGrid,
    polygons: &mut Vec<Polygon>,
) -> Option<bool> {
    // SAFETY: the layer belongs to an open dataset; its reference system lives as long.
    let from = unsafe { (api.OGR_L_GetSpatialRef)(layer) };
    let way = if from.is_null() || to.is_null() {
        None
    } else {
        // SAFETY: both are valid.
        Some(unsafe { Way::find(api, from, to) }?)
    };
    loop {
        // SAFETY: the layer is valid; the feature is ours to destroy, and gives its geometry away.
        let polygon = unsafe {
            let feature = (api.OGR_L_GetNextFeature)(layer);
            if feature.is_null() {
                break;
            }
            let geometry = (api.OGR_F_StealGeometry)(feature);
            (api.OGR_F_Destroy)(feature);
            Polygon::own(api, geometry)
        };
        if let Some(mut polygon) = polygon {
            polygon.project(way.as_ref(), grid)?;
            polygons.push(polygon);
        }
    }
    Some(from.is_null())
}

/// Returns the window around two.
fn around(one: Window, other: Window) -> Window {
    let (col, row) = (one.col.min(other.col), one.row.min(other.row));
    let (end_col, end_row) =
        (one.end_col().max(other.end_col()), one.end_row().max(other.end_row()));
    Window::new(col, row, Size::new(end_col - col, end_row - row))
}
