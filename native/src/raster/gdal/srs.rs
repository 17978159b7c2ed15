//! Holds coordinate reference systems and the ways between them.

use std::ffi::{CStr, c_int};

use gdal_sys::{OGRCoordinateTransformationH, OGRSpatialReferenceH, OSRAxisMappingStrategy};

use super::GdalApi;
use super::strings::{CTexts, c_text, text};
use crate::error::{Error, Result};

/// A coordinate reference system of ours, null if unknown. x is the east axis whatever the authority
/// says, as in every raster that GDAL opens.
pub(super) struct Srs {
    api: &'static GdalApi,
    pub(super) handle: OGRSpatialReferenceH,
}

impl Srs {
    /// Understands WKT; empty is unknown. `None` on failure.
    pub(super) fn parse(api: &'static GdalApi, wkt: &CStr) -> Option<Self> {
        if wkt.is_empty() {
            return Some(Self { api, handle: std::ptr::null_mut() });
        }
        let mut at = wkt.as_ptr().cast_mut();
        // SAFETY: the text outlives the call, and GDAL moves only its own pointer along it.
        Self::made(api, |handle| unsafe { (api.OSRImportFromWkt)(handle, &raw mut at) })
    }

    /// Understands what a person writes: `EPSG:4326`, WKT, PROJ.
    ///
    /// # Errors
    /// - Usage: GDAL does not understand it.
    pub(super) fn named(api: &'static GdalApi, name: &str) -> Result<Self> {
        let given = c_text(name)?;
        let (srs, said) = api.listen(|| {
            // SAFETY: the text outlives the call.
            Self::made(api, |srs| unsafe { (api.OSRSetFromUserInput)(srs, given.as_ptr()) })
        });
        srs.ok_or_else(|| {
            let why = said.failures.join("; ");
            Error::usage(format!(
                "'{name}' is no coordinate reference system; give one as in EPSG:4326 ({why})"
            ))
        })
    }

    fn made(
        api: &'static GdalApi,
        fill: impl FnOnce(OGRSpatialReferenceH) -> gdal_sys::OGRErr::Type,
    ) -> Option<Self> {
        // SAFETY: no text means an empty system.
        let srs = Self { api, handle: unsafe { (api.OSRNewSpatialReference)(std::ptr::null()) } };
        let filled = fill(srs.handle);
        let order = OSRAxisMappingStrategy::OAMS_TRADITIONAL_GIS_ORDER;
        // SAFETY: the handle is ours.
        unsafe { (api.OSRSetAxisMappingStrategy)(srs.handle, order) };
        (filled == 0).then_some(srs)
    }
}

impl Drop for Srs {
    fn drop(&mut self) {
        if !self.handle.is_null() {
            // SAFETY: the handle is ours.
            unsafe { (self.api.OSRRelease)(self.handle) };
        }
    }
}

/// The way from one coordinate reference system to another.
pub(super) struct Way {
    api: &'static GdalApi,
    pub(super) handle: OGRCoordinateTransformationH,
}

impl Way {
    /// Finds the way; both handles are valid. `None` if there is none.
    ///
    /// # Safety
    /// Both are valid.
    pub(super) unsafe fn find(
        api: &'static GdalApi,
        from: OGRSpatialReferenceH,
        to: OGRSpatialReferenceH,
    ) -> Option<Self> {
        // SAFETY: the caller's promise; GDAL copies both.
        let handle = unsafe { (api.OCTNewCoordinateTransformation)(from, to) };
        (!handle.is_null()).then_some(Self { api, handle })
    }

    /// Returns the places that points go to, without those that go nowhere.
    pub(super) fn go(&self, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let mut x: Vec<f64> = points.iter().map(|point| point[0]).collect();
        let mut y: Vec<f64> = points.iter().map(|point| point[1]).collect();
        let mut arrived: Vec<c_int> = vec![0; points.len()];
        let count = c_int::try_from(points.len()).unwrap_or(0);
        self.api.listen(|| {
            let (x, y, z) = (x.as_mut_ptr(), y.as_mut_ptr(), std::ptr::null_mut());
            // SAFETY: the handle is ours; all arrays have `count` places, and null means no heights.
            unsafe { (self.api.OCTTransformEx)(self.handle, count, x, y, z, arrived.as_mut_ptr()) }
        });
        let places = x.into_iter().zip(y).zip(arrived).filter(|(_, arrived)| *arrived != 0);
        let places = places.map(|((x, y), _)| [x, y]);
        places.filter(|place| place.iter().all(|number| number.is_finite())).collect()
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        // SAFETY: the handle is ours.
        unsafe { (self.api.OCTDestroyCoordinateTransformation)(self.handle) };
    }
}

/// Returns a reference system as WKT 2, empty for none.
///
/// # Safety
/// `srs` is null or valid.
pub(super) unsafe fn wkt(api: &GdalApi, srs: OGRSpatialReferenceH) -> String {
    let Ok(options) = CTexts::new(&["FORMAT=WKT2_2019"]) else { return String::new() };
    if srs.is_null() {
        return String::new();
    }
    let mut wkt = std::ptr::null_mut();
    // SAFETY: `srs` is valid; the text that GDAL makes is ours to free.
    unsafe {
        (api.OSRExportToWktEx)(srs, &raw mut wkt, options.as_ptr().cast_const().cast());
        let copy = text(wkt);
        (api.VSIFree)(wkt.cast());
        copy
    }
}

/// Tells whether two reference systems, given as WKT, are one; an unknown one may be any.
pub(crate) fn same_srs(api: &'static GdalApi, a: &str, b: &str) -> bool {
    if a == b || a.is_empty() || b.is_empty() {
        return true;
    }
    let parsed = |wkt: &str| Srs::parse(api, &c_text(wkt).ok()?);
    let (same, _) = api.listen(|| {
        let (a, b) = (parsed(a)?, parsed(b)?);
        // SAFETY: both handles are ours.
        Some(unsafe { (api.OSRIsSame)(a.handle, b.handle) } != 0)
    });
    same == Some(true)
}

/// Returns the name of a coordinate reference system given as WKT.
pub(super) fn crs_name(wkt: &str) -> &str {
    wkt.split('"').nth(1).unwrap_or(wkt)
}
