//! Says where on Earth a raster lies.

use std::ffi::{CStr, CString, c_int};

use gdal_sys::GDAL_GCP;

use super::dataset::{Dataset, succeeded};
use super::srs::{Srs, wkt};
use super::strings::{c_text, text};
use crate::error::{Error, Kind, Result};
use crate::geometry::Window;

/// A raster's place: a geotransform, or ground control points where there is none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Georeference {
    /// `x = g[0] + column g[1] + row g[2]`, `y = g[3] + column g[4] + row g[5]`, of a pixel's top
    /// left corner.
    pub geotransform: Option<[f64; 6]>,
    /// Ground control points.
    pub gcps: Vec<Gcp>,
    /// The coordinate reference system of either, as WKT 2; empty if unknown.
    pub srs: String,
}

/// A pixel whose place is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Gcp {
    /// What the file calls it.
    pub id: String,
    /// Column, fractions counted from the pixel's left edge.
    pub col: f64,
    /// Row, fractions counted from the pixel's top edge.
    pub row: f64,
    /// X, y, z in the coordinate reference system.
    pub place: [f64; 3],
}

impl Georeference {
    /// Returns the place of a window of the raster.
    #[must_use]
    pub fn of_window(&self, window: Window) -> Self {
        let (col, row) = (f64::from(window.col), f64::from(window.row));
        let geotransform = self.geotransform.map(|[x, xc, xr, y, yc, yr]| {
            [x + col * xc + row * xr, xc, xr, y + col * yc + row * yr, yc, yr]
        });
        let gcps = self.gcps.iter().cloned();
        let gcps = gcps.map(|gcp| Gcp { col: gcp.col - col, row: gcp.row - row, ..gcp }).collect();
        Self { geotransform, gcps, srs: self.srs.clone() }
    }

    /// Says whether ground control points, not a geotransform, tell the place.
    pub(super) fn by_points(&self) -> bool {
        self.affine().is_none() && !self.gcps.is_empty()
    }

    /// Returns the geotransform, if it tells the place.
    pub(super) fn affine(&self) -> Option<[f64; 6]> {
        self.geotransform.filter(is_place)
    }

    /// Reads a dataset's.
    pub(super) fn read(dataset: &Dataset) -> Self {
        let api = dataset.api;
        let mut geotransform = [0.0; 6];
        // SAFETY: the handle is open and the array has six places; the points and the reference
        // systems live as long as the handle.
        unsafe {
            let known = (api.GDALGetGeoTransform)(dataset.handle, geotransform.as_mut_ptr());
            let geotransform = succeeded(known).map(|()| geotransform).filter(is_place);
            let count = usize::try_from((api.GDALGetGCPCount)(dataset.handle)).unwrap_or(0);
            let points = (api.GDALGetGCPs)(dataset.handle);
            let gcps = (0..count).map(|index| Gcp::read(&*points.add(index))).collect();
            let mut srs = (api.GDALGetSpatialRef)(dataset.handle);
            if srs.is_null() {
                srs = (api.GDALGetGCPSpatialRef)(dataset.handle);
            }
            Self { geotransform, gcps, srs: wkt(api, srs) }
        }
    }

    /// Writes it to a dataset that was just created.
    ///
    /// # Errors
    /// - Io: GDAL refuses it.
    pub(super) fn write(&self, dataset: &Dataset) -> Result<()> {
        let doing = || "cannot write the georeference".to_owned();
        let (srs, ids) = (c_text(&self.srs)?, self.ids()?);
        let (api, handle) = (dataset.api, dataset.handle);
        api.attempt(Kind::Io, doing, || {
            let srs = Srs::parse(api, &srs)?;
            // SAFETY: the handle is open, and all that is passed outlives the calls.
            unsafe {
                if let Some(geotransform) = self.affine() {
                    succeeded((api.GDALSetGeoTransform)(handle, geotransform.as_ptr()))?;
                } else if !self.gcps.is_empty() {
                    let points: Vec<_> =
                        self.gcps.iter().zip(&ids).map(|(gcp, id)| gcp.to_c(id)).collect();
                    let count = c_int::try_from(points.len()).ok()?;
                    let set = (api.GDALSetGCPs2)(handle, count, points.as_ptr(), srs.handle);
                    return succeeded(set);
                }
                if srs.handle.is_null() {
                    return Some(());
                }
                succeeded((api.GDALSetSpatialRef)(handle, srs.handle))
            }
        })
    }

    fn ids(&self) -> Result<Vec<CString>> {
        self.gcps.iter().map(|gcp| c_text(&gcp.id)).collect()
    }
}

impl Gcp {
    fn read(point: &GDAL_GCP) -> Self {
        Self {
            // SAFETY: GDAL's own string.
            id: unsafe { text(point.pszId) },
            col: point.dfGCPPixel,
            row: point.dfGCPLine,
            place: [point.dfGCPX, point.dfGCPY, point.dfGCPZ],
        }
    }

    /// Lends the point and its name to C, which copies both.
    fn to_c(&self, id: &CStr) -> GDAL_GCP {
        GDAL_GCP {
            pszId: id.as_ptr().cast_mut(),
            pszInfo: c"".as_ptr().cast_mut(),
            dfGCPPixel: self.col,
            dfGCPLine: self.row,
            dfGCPX: self.place[0],
            dfGCPY: self.place[1],
            dfGCPZ: self.place[2],
        }
    }
}

/// Tells whether two places agree to a thousandth of a pixel; reference systems are not compared.
pub fn near(a: &Georeference, b: &Georeference) -> bool {
    let (Some(a), Some(b)) = (a.geotransform, b.geotransform) else {
        return a.geotransform == b.geotransform;
    };
    let pixel = a[1].abs().max(a[2].abs()).max(f64::MIN_POSITIVE);
    a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= pixel / 1000.0)
}

/// Tells a geotransform from GDAL's stand-in for none, which a GTiff does not hold.
fn is_place(geotransform: &[f64; 6]) -> bool {
    *geotransform != [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
}

/// Checks that a file holds the georeference it was given.
///
/// # Errors
/// - Io: it does not.
pub(super) fn same_place(written: &Georeference, given: &Georeference) -> Result<()> {
    let geotransform = given.affine();
    let points = if geotransform.is_some() { 0 } else { given.gcps.len() };
    let same = written.geotransform == geotransform
        && written.gcps.len() == points
        && written.srs.is_empty() == given.srs.is_empty();
    if same {
        return Ok(());
    }
    Err(Error::io(
        "the encoded map does not hold its georeference; leave creation options like PROFILE out",
    ))
}
