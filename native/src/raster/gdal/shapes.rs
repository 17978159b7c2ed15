//! Shapes of a vector file over a raster: taken to its reference system, burnt into its pixels.

use std::ffi::{CStr, c_int, c_void};

use gdal_sys::{OGREnvelope, OGRGeometryH, OGRLayerH, OGRSpatialReferenceH, OGRwkbGeometryType};

use super::GdalApi;
use super::area::PixelGrid;
use super::dataset::{Dataset, succeeded};
use super::georeference::Georeference;
use super::scratch::RowLayout;
use super::srs::{Srs, Way};
use super::strings::{c_text, text};
use crate::error::{Error, Kind, Result};
use crate::geometry::Window;
use crate::raster::SampleType;

/// Parts that the longer side of a shape's extent is cut into, so that its edges, straight in their
/// own reference system, are the right curves in the raster's.
const PARTS: f64 = 200.0;

/// Reads all shapes of all layers and takes them to the raster's reference system. A layer without
/// one is taken to have the raster's. With a `field`, shapes without a value in it are left out.
///
/// # Errors
/// - Input: the file is no vector file, no layer of it has the field, or a shape does not arrive.
/// - Usage: the path or the field holds a NUL.
pub(super) fn read_shapes(
    api: &'static GdalApi,
    path: &str,
    georeference: &Georeference,
    grid: &PixelGrid,
    field: Option<&str>,
) -> Result<Vec<Shape>> {
    let (file, wkt) = (Dataset::open_vector(api, path)?, c_text(&georeference.srs)?);
    let field = field.map(c_text).transpose()?;
    let layers: Vec<Layer> =
        file.layers().into_iter().map(|handle| Layer { api, handle }).collect();
    if let Some(field) = &field {
        check_field(&layers, path, field)?;
    }
    let mut shapes = Vec::new();
    let doing = || format!("cannot read the shapes of '{path}'");
    let unprojected = api.attempt(Kind::Input, doing, || {
        let srs = Srs::parse(api, &wkt)?;
        let mut read = |layer: &Layer| layer.read(srs.handle, grid, field.as_deref(), &mut shapes);
        layers.iter().map(&mut read).try_fold(false, |any, one| one.map(|one| any || one))
    })?;
    if unprojected {
        log::warn!("'{path}' does not say its reference system; taken to be the raster's");
    }
    Ok(shapes)
}

fn check_field(layers: &[Layer], path: &str, field: &CStr) -> Result<()> {
    if layers.iter().any(|layer| layer.field(field).is_some()) {
        return Ok(());
    }
    let names: Vec<String> = layers.iter().flat_map(Layer::fields).collect();
    let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Err(Error::usage(format!(
        "'{path}' has no field '{}'; it has {has}: give one with --field",
        field.to_string_lossy()
    )))
}

/// Burns values at the pixels of shapes that meet a window, the last one's where several do.
///
/// Fills `burnt`, (row, column), which is 0 elsewhere. A polygon has the pixels whose centres it
/// holds, a line those that it crosses.
///
/// # Errors
/// - Io: there is no memory for it.
pub(super) fn burn(
    api: &'static GdalApi,
    grid: &PixelGrid,
    window: Window,
    shapes: &[(&Shape, u8)],
    burnt: &mut [u8],
) -> Result<()> {
    if shapes.is_empty() {
        burnt.fill(0);
        return Ok(());
    }
    let memory = Dataset::in_memory(api, window.size, SampleType::U8)?;
    let handles: Vec<OGRGeometryH> = shapes.iter().map(|(shape, _)| shape.handle).collect();
    let values: Vec<f64> = shapes.iter().map(|(_, value)| f64::from(*value)).collect();
    let doing = || "cannot find the pixels of the shapes".to_owned();
    api.attempt(Kind::Io, doing, || {
        let mut place = (*grid, window);
        // SAFETY: the dataset has band 1; the shapes are borrowed; the lists outlive the call and
        // have as many places as shapes; `place` is what `to_pixels` takes.
        succeeded(unsafe {
            (api.GDALRasterizeGeometries)(
                memory.handle,
                1,
                [1].as_ptr(),
                c_int::try_from(handles.len()).ok()?,
                handles.as_ptr(),
                Some(to_pixels),
                (&raw mut place).cast(),
                values.as_ptr(),
                std::ptr::null_mut(),
                None,
                std::ptr::null_mut(),
            )
        })?;
        let layout =
            RowLayout { sample: SampleType::U8, signed: false, bands: 1, width: window.size.width };
        memory.read_window(Window::whole(window.size), layout, burnt)
    })
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

/// A shape, or several in one, in the raster's reference system.
#[derive(Debug)]
pub(super) struct Shape {
    api: &'static GdalApi,
    handle: OGRGeometryH,
    /// Its extent: x0, y0, x1, y1.
    extent: [f64; 4],
    /// Its extent in pixels, if it meets the raster.
    pub(super) window: Option<Window>,
    /// What the field holds.
    pub(super) label: String,
}

// SAFETY: GDAL ties a geometry to no thread, and `Shape` is not `Sync`.
unsafe impl Send for Shape {}

impl Shape {
    /// Takes a geometry over, curves as lines, since GDAL burns no others; `None` if it is none.
    ///
    /// # Safety
    /// `handle` is null or a geometry that nobody else owns.
    unsafe fn own(api: &'static GdalApi, handle: OGRGeometryH, label: String) -> Option<Self> {
        if handle.is_null() {
            return None;
        }
        let own = |handle| Self { api, handle, extent: [0.0; 4], window: None, label };
        // SAFETY: the geometry is valid; 0 and null are the defaults; what is given is the caller's.
        let lines = unsafe { (api.OGR_G_GetLinearGeometry)(handle, 0.0, std::ptr::null_mut()) };
        if lines.is_null() {
            return Some(own(handle));
        }
        // SAFETY: nobody else owns it.
        unsafe { (api.OGR_G_DestroyGeometry)(handle) };
        Some(own(lines))
    }

    /// Tells whether it is an area.
    pub(super) fn is_area(&self) -> bool {
        // SAFETY: the geometry is valid.
        let kind =
            unsafe { (self.api.OGR_GT_Flatten)((self.api.OGR_G_GetGeometryType)(self.handle)) };
        let areas = [OGRwkbGeometryType::wkbPolygon, OGRwkbGeometryType::wkbMultiPolygon];
        areas.contains(&kind)
    }

    /// Takes the shape to the raster's reference system; `None` if part of it does not arrive.
    fn project(&mut self, way: Option<&Way>, grid: &PixelGrid) -> Option<()> {
        let extent = |[x0, y0, x1, y1]: [f64; 4]| (x1 - x0).max(y1 - y0);
        if let Some(way) = way {
            let longest = extent(self.envelope());
            // SAFETY: the geometry and the way are valid.
            unsafe {
                if longest > 0.0 {
                    (self.api.OGR_G_Segmentize)(self.handle, longest / PARTS);
                }
                let outcome = (self.api.OGR_G_Transform)(self.handle, way.handle);
                (outcome == 0).then_some(())?;
            }
        }
        self.extent = self.envelope();
        let mut pixels = self.corners().map(|corner| grid.pixel(corner));
        if !self.is_area() {
            // A point has no extent, but it has a pixel.
            let moved = |[col, row]: [f64; 2], by| [col + by, row + by];
            pixels = [
                moved(pixels[0], -0.5),
                moved(pixels[1], 0.5),
                moved(pixels[2], -0.5),
                moved(pixels[3], 0.5),
            ];
        }
        self.window = grid.window(&pixels);
        Some(())
    }

    fn envelope(&self) -> [f64; 4] {
        let mut found = OGREnvelope { MinX: 0.0, MaxX: 0.0, MinY: 0.0, MaxY: 0.0 };
        // SAFETY: the geometry is valid; the envelope is ours.
        unsafe { (self.api.OGR_G_GetEnvelope)(self.handle, &raw mut found) };
        [found.MinX, found.MinY, found.MaxX, found.MaxY]
    }

    /// Returns the corners of its extent.
    pub(super) fn corners(&self) -> [[f64; 2]; 4] {
        let [x0, y0, x1, y1] = self.extent;
        [[x0, y0], [x1, y0], [x0, y1], [x1, y1]]
    }

    /// Tells whether its extent has pixels of a window.
    pub(super) fn meets(&self, window: Window) -> bool {
        self.window.is_some_and(|own| {
            own.col < window.end_col()
                && window.col < own.end_col()
                && own.row < window.end_row()
                && window.row < own.end_row()
        })
    }
}

impl Drop for Shape {
    fn drop(&mut self) {
        // SAFETY: the geometry is ours.
        unsafe { (self.api.OGR_G_DestroyGeometry)(self.handle) };
    }
}

/// A layer of an open vector file.
struct Layer {
    api: &'static GdalApi,
    handle: OGRLayerH,
}

impl Layer {
    /// Returns a field's number.
    fn field(&self, name: &CStr) -> Option<c_int> {
        // SAFETY: the layer belongs to an open dataset; the text outlives the call.
        let number = unsafe {
            (self.api.OGR_FD_GetFieldIndex)(
                (self.api.OGR_L_GetLayerDefn)(self.handle),
                name.as_ptr(),
            )
        };
        (number >= 0).then_some(number)
    }

    /// Lists the names of the fields.
    fn fields(&self) -> Vec<String> {
        // SAFETY: the layer belongs to an open dataset, and the numbers are those of its fields.
        unsafe {
            let about = (self.api.OGR_L_GetLayerDefn)(self.handle);
            let name = |number| {
                text((self.api.OGR_Fld_GetNameRef)((self.api.OGR_FD_GetFieldDefn)(about, number)))
            };
            (0..(self.api.OGR_FD_GetFieldCount)(about)).map(name).collect()
        }
    }

    /// Collects the layer's shapes; returns whether they lack a reference system. `None` on failure.
    fn read(
        &self,
        to: OGRSpatialReferenceH,
        grid: &PixelGrid,
        field: Option<&CStr>,
        shapes: &mut Vec<Shape>,
    ) -> Option<bool> {
        let number = field.map(|name| self.field(name));
        if number == Some(None) {
            return Some(false);
        }
        // SAFETY: the layer belongs to an open dataset; its reference system lives as long.
        let from = unsafe { (self.api.OGR_L_GetSpatialRef)(self.handle) };
        let way = if from.is_null() || to.is_null() {
            None
        } else {
            // SAFETY: both are valid.
            Some(unsafe { Way::find(self.api, from, to) }?)
        };
        let before = shapes.len();
        while let Some(shape) = self.next(number.flatten()) {
            if let Some(mut shape) = shape {
                shape.project(way.as_ref(), grid)?;
                shapes.push(shape);
            }
        }
        Some(from.is_null() && shapes.len() > before)
    }

    /// Reads the next feature, `None` at the end; it may have no shape, or no value in the field.
    fn next(&self, field: Option<c_int>) -> Option<Option<Shape>> {
        let api = self.api;
        // SAFETY: the layer is valid; the feature is ours to destroy, and gives its geometry away;
        // the number is one of its fields; the text is copied before the feature goes.
        unsafe {
            let feature = (api.OGR_L_GetNextFeature)(self.handle);
            if feature.is_null() {
                return None;
            }
            let label = match field {
                None => Some(String::new()),
                Some(field) if (api.OGR_F_IsFieldSetAndNotNull)(feature, field) == 0 => None,
                Some(field) => Some(text((api.OGR_F_GetFieldAsString)(feature, field)))
                    .filter(|label| !label.is_empty()),
            };
            let geometry = (api.OGR_F_StealGeometry)(feature);
            (api.OGR_F_Destroy)(feature);
            let shape = Shape::own(api, geometry, label.clone().unwrap_or_default());
            Some(shape.filter(|_| label.is_some()))
        }
    }
}
