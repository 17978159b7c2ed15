//! Finds the window of a raster that a rectangle on Earth covers.

use super::GdalApi;
use super::georeference::Georeference;
use super::srs::{Srs, Way, crs_name};
use super::strings::c_text;
use crate::error::{Error, Result};
use crate::geometry::{Size, Window};

/// Points on each edge of a rectangle that is taken to another reference system, where its edges
/// are curves.
const POINTS: u32 = 21;
/// The share of a pixel by which a rectangle may pass a pixel's edge and still end there.
const TOLERANCE: f64 = 1e-6;

/// Returns the window of whole pixels that a rectangle covers, within the raster.
///
/// `corners` are x and y of one corner, then of the opposite one, in `srs` (`EPSG:4326`, WKT, PROJ) or
/// else in the raster's own coordinate reference system. x is east, also in degrees.
///
/// # Errors
/// - Usage: the corners are no rectangle, or `srs` is not understood.
/// - Input: the raster does not say where it lies, or lies elsewhere.
pub fn bbox_window(
    api: &'static GdalApi,
    georeference: &Georeference,
    size: Size,
    corners: [f64; 4],
    srs: Option<&str>,
) -> Result<Window> {
    let [x0, y0, x1, y1] = corners;
    if !(x0 < x1 && y0 < y1 && corners.iter().all(|number| number.is_finite())) {
        return Err(Error::usage(format!(
            "{x0},{y0},{x1},{y1} is no rectangle; give X0,Y0,X1,Y1 with X0 < X1 and Y0 < Y1"
        )));
    }
    let grid = PixelGrid::new(georeference, size)?;
    let mut points = outline(corners);
    if let Some(srs) = srs {
        points = way(api, srs, &georeference.srs)?.go(&points);
    }
    let pixels: Vec<[f64; 2]> = points.iter().map(|point| grid.pixel(*point)).collect();
    grid.window(&pixels).ok_or_else(|| {
        let extent = |points: &[[f64; 2]]| bounds(points).map_or("nowhere".to_owned(), words);
        Error::input(format!(
            "the rectangle does not meet the raster: it covers {}, the raster {} ({})",
            extent(&points),
            extent(&grid.corners()),
            named(&georeference.srs)
        ))
    })
}

/// Finds the way to a raster's reference system.
fn way(api: &'static GdalApi, from: &str, to: &str) -> Result<Way> {
    let (from_srs, to_wkt) = (Srs::named(api, from)?, c_text(to)?);
    let unknown = || {
        Error::input(format!(
            "there is no way from '{from}' to the raster's coordinate reference system, {}",
            named(to)
        ))
    };
    let to = api.listen(|| Srs::parse(api, &to_wkt)).0.ok_or_else(unknown)?;
    if to.handle.is_null() {
        return Err(unknown());
    }
    // SAFETY: both are valid.
    api.listen(|| unsafe { Way::find(api, from_srs.handle, to.handle) }).0.ok_or_else(unknown)
}

/// Returns a reference system's name for a person.
pub(super) fn named(wkt: &str) -> &str {
    if wkt.is_empty() { "of unknown reference system" } else { crs_name(wkt) }
}

/// Returns points along a rectangle's edges.
fn outline([x0, y0, x1, y1]: [f64; 4]) -> Vec<[f64; 2]> {
    let shares = (0..POINTS).map(|index| f64::from(index) / f64::from(POINTS - 1));
    // Both ends come out exactly.
    let between = |from: f64, to: f64, share: f64| from * (1.0 - share) + to * share;
    shares
        .flat_map(|share| {
            let (x, y) = (between(x0, x1, share), between(y0, y1, share));
            [[x, y0], [x, y1], [x0, y], [x1, y]]
        })
        .collect()
}

/// A raster's pixels on Earth.
#[derive(Debug, Clone, Copy)]
pub(super) struct PixelGrid {
    forth: [f64; 6],
    determinant: f64,
    size: Size,
}

impl PixelGrid {
    /// Takes a raster's.
    ///
    /// # Errors
    /// - Input: it does not say where it lies, or not by a geotransform.
    pub(super) fn new(georeference: &Georeference, size: Size) -> Result<Self> {
        let forth = georeference.affine().unwrap_or_default();
        let determinant = forth[1] * forth[5] - forth[2] * forth[4];
        if determinant == 0.0 || !determinant.is_finite() {
            let has = if georeference.by_points() { "ground control points only" } else { "none" };
            return Err(Error::input(format!(
                "an area is looked for in a raster that needs a georeference and has {has}; give a \
                 window in pixels, or reproject the raster first, as with gdalwarp"
            )));
        }
        Ok(Self { forth, determinant, size })
    }

    /// Returns a place's column and row, fractions counted from a pixel's top left corner.
    pub(super) fn pixel(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [x0, xc, xr, y0, yc, yr] = self.forth;
        let (x, y) = (x - x0, y - y0);
        [(x * yr - y * xr) / self.determinant, (y * xc - x * yc) / self.determinant]
    }

    /// Returns the window of whole pixels around points given in pixels, within the raster; `None` if
    /// they lie outside.
    pub(super) fn window(&self, pixels: &[[f64; 2]]) -> Option<Window> {
        let [left, top, right, bottom] = bounds(pixels)?;
        let (col, end_col) = span(left, right, self.size.width)?;
        let (row, end_row) = span(top, bottom, self.size.height)?;
        Some(Window::new(col, row, Size::new(end_col - col, end_row - row)))
    }

    /// Returns the raster's corners on Earth.
    pub(super) fn corners(&self) -> [[f64; 2]; 4] {
        let [x, xc, xr, y, yc, yr] = self.forth;
        let (width, height) = (f64::from(self.size.width), f64::from(self.size.height));
        [[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]]
            .map(|[col, row]| [x + col * xc + row * xr, y + col * yc + row * yr])
    }
}

/// Returns the least and greatest x and y of points: x0, y0, x1, y1.
pub(super) fn bounds(points: &[[f64; 2]]) -> Option<[f64; 4]> {
    points.iter().fold(None, |found, [x, y]| {
        let [x0, y0, x1, y1] = found.unwrap_or([*x, *y, *x, *y]);
        Some([x0.min(*x), y0.min(*y), x1.max(*x), y1.max(*y)])
    })
}

/// Shows an extent as its corners.
pub(super) fn words([x0, y0, x1, y1]: [f64; 4]) -> String {
    format!("{x0},{y0} to {x1},{y1}")
}

/// Rounds outwards to whole pixels of `0..length`; `None` if nothing is left.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn span(from: f64, to: f64, length: u32) -> Option<(u32, u32)> {
    let within = |number: f64| number.clamp(0.0, length.into()) as u32;
    let (from, to) = (within((from + TOLERANCE).floor()), within((to - TOLERANCE).ceil()));
    (from < to).then_some((from, to))
}
