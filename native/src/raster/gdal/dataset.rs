//! Owns an open GDAL dataset.

use std::ffi::{CStr, c_int};
use std::mem::ManuallyDrop;

use gdal_sys::{CPLErr, GDALDataType, GDALDatasetH, GDALRasterBandH, OGRLayerH};

use super::GdalApi;
use super::listen::{failed, tell};
use super::scratch::RowLayout;
use super::strings::{CTexts, c_text};
use crate::error::{Kind, Result};
use crate::geometry::Size;
use crate::raster::SampleType;

/// `GDAL_OF_READONLY | GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR | GDAL_OF_INTERNAL`: the last keeps
/// handles of ours out of GDAL's list of what the host forgot to close.
const OPEN_FLAGS: u32 = 0x02 | 0x40 | 0x80;
/// The same for `GDAL_OF_VECTOR`.
const OPEN_VECTOR_FLAGS: u32 = 0x04 | 0x40 | 0x80;

/// An open dataset, closed when dropped.
pub(super) struct Dataset {
    pub(super) api: &'static GdalApi,
    pub(super) handle: GDALDatasetH,
}

// SAFETY: GDAL lets a handle wander between threads as long as one thread uses it at a time, and
// `Dataset` is not `Sync`.
unsafe impl Send for Dataset {}

impl Dataset {
    /// Opens a raster to read; an empty list of drivers means any.
    ///
    /// # Errors
    /// - Input: GDAL cannot open it.
    pub(super) fn open(api: &'static GdalApi, path: &str, drivers: &[&str]) -> Result<Self> {
        Self::open_as(api, path, path, drivers, (OPEN_FLAGS, "raster"))
    }

    /// Opens a raster to read: a name, or the text of a virtual raster that people know by `name`.
    ///
    /// # Errors
    /// - Input: GDAL cannot open it.
    pub(super) fn open_named(api: &'static GdalApi, source: &str, name: &str) -> Result<Self> {
        Self::open_as(api, source, name, &[], (OPEN_FLAGS, "raster"))
    }

    /// Opens a vector file to read.
    ///
    /// # Errors
    /// - Input: GDAL cannot open it.
    pub(super) fn open_vector(api: &'static GdalApi, path: &str) -> Result<Self> {
        Self::open_as(api, path, path, &[], (OPEN_VECTOR_FLAGS, "vector file"))
    }

    fn open_as(
        api: &'static GdalApi,
        source: &str,
        name: &str,
        drivers: &[&str],
        (flags, what): (u32, &str),
    ) -> Result<Self> {
        let (source, allowed) = (c_text(source)?, CTexts::new(drivers)?);
        let allowed = if drivers.is_empty() {
            std::ptr::null()
        } else {
            allowed.as_ptr().cast_const().cast()
        };
        let none = std::ptr::null();
        // SAFETY: the texts outlive the call; null lists mean none.
        let (handle, said) =
            api.listen(|| unsafe { (api.GDALOpenEx)(source.as_ptr(), flags, allowed, none, none) });
        if handle.is_null() {
            let doing = format!("cannot open '{name}' as a {what}");
            return Err(failed(Kind::Input, &doing, &said.failures));
        }
        tell(&said.warnings);
        Ok(Self { api, handle })
    }

    /// Closes the dataset, which writes what GDAL still held back.
    ///
    /// # Errors
    /// - Io: something could not be written. GDAL before 3.7 says so in words only.
    pub(super) fn close(self, doing: impl FnOnce() -> String) -> Result<()> {
        let closed_here = ManuallyDrop::new(self);
        closed_here.api.attempt(Kind::Io, doing, || {
            // SAFETY: the handle is open and nothing uses it after this.
            unsafe { (closed_here.api.GDALClose)(closed_here.handle) };
            Some(())
        })
    }

    /// Returns the extent.
    pub(super) fn size(&self) -> Size {
        // SAFETY: the handle is open.
        let (width, height) = unsafe {
            ((self.api.GDALGetRasterXSize)(self.handle), (self.api.GDALGetRasterYSize)(self.handle))
        };
        Size::new(width.unsigned_abs(), height.unsigned_abs())
    }

    /// Counts the bands.
    pub(super) fn bands(&self) -> c_int {
        // SAFETY: the handle is open.
        unsafe { (self.api.GDALGetRasterCount)(self.handle) }
    }

    /// Returns a band's handle, null if there is none of that number; the first is 1.
    pub(super) fn band(&self, number: c_int) -> GDALRasterBandH {
        // SAFETY: the handle is open; GDAL checks the number.
        unsafe { (self.api.GDALGetRasterBand)(self.handle, number) }
    }

    /// Returns the extent of a band's blocks.
    pub(super) fn block(&self, band: GDALRasterBandH) -> Size {
        let (mut width, mut height) = (0, 0);
        // SAFETY: the band belongs to the open handle; the numbers are ours.
        unsafe { (self.api.GDALGetBlockSize)(band, &raw mut width, &raw mut height) };
        Size::new(width.unsigned_abs(), height.unsigned_abs())
    }

    /// Names the driver.
    pub(super) fn driver(&self) -> String {
        // SAFETY: the handle is open and has a driver.
        unsafe {
            let driver = (self.api.GDALGetDatasetDriver)(self.handle);
            super::strings::text((self.api.GDALGetDescription)(driver))
        }
    }

    /// Lists the layers of a vector file.
    pub(super) fn layers(&self) -> Vec<OGRLayerH> {
        // SAFETY: the handle is open, and the numbers are those of its layers.
        unsafe {
            let count = (self.api.GDALDatasetGetLayerCount)(self.handle);
            (0..count).map(|number| (self.api.GDALDatasetGetLayer)(self.handle, number)).collect()
        }
    }

    /// Lists the files that the raster is made of.
    pub(super) fn files(&self) -> Vec<String> {
        // SAFETY: the handle is open; the list is ours to free.
        unsafe {
            let list = (self.api.GDALGetFileList)(self.handle);
            let files = super::strings::texts(list);
            (self.api.CSLDestroy)(list);
            files
        }
    }

    /// Sets a band's description and nodata value; `None` on failure.
    pub(super) fn describe(&self, band: c_int, name: &CStr, nodata: Option<f64>) -> Option<()> {
        let band = self.band(band);
        // SAFETY: the band belongs to the open handle; the name outlives the call.
        unsafe {
            (self.api.GDALSetDescription)(band, name.as_ptr());
            nodata.map_or(Some(()), |nodata| {
                succeeded((self.api.GDALSetRasterNoDataValue)(band, nodata))
            })
        }
    }

    /// Sets what a band's numbers are times to be what they stand for; `None` on failure.
    pub(super) fn set_scale(&self, band: c_int, scale: f64) -> Option<()> {
        // SAFETY: the band belongs to the open handle.
        succeeded(unsafe { (self.api.GDALSetRasterScale)(self.band(band), scale) })
    }
}

impl Drop for Dataset {
    fn drop(&mut self) {
        // SAFETY: the handle is open and nothing uses it after this.
        self.api.listen(|| unsafe { (self.api.GDALClose)(self.handle) });
    }
}

impl std::fmt::Debug for Dataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dataset").field("size", &self.size()).finish_non_exhaustive()
    }
}

/// Returns `None` for a failure.
pub(super) fn succeeded(outcome: CPLErr::Type) -> Option<()> {
    (outcome < CPLErr::CE_Failure).then_some(())
}

/// The first GDAL that has a type for signed bytes.
const SIGNED_BYTES: u32 = 3_070_000;

impl RowLayout {
    /// Tells whether the bytes' sign is a creation option, since this GDAL has no type for it.
    pub(super) fn signed_by_option(self, api: &GdalApi) -> bool {
        self.signed && api.version_number() < SIGNED_BYTES
    }

    /// Returns GDAL's name of the pixel type.
    pub(super) fn gdal_type(self, api: &GdalApi) -> GDALDataType::Type {
        if self.signed && !self.signed_by_option(api) {
            return GDALDataType::GDT_Int8;
        }
        gdal_type(self.sample)
    }
}

/// Returns GDAL's name of a pixel type.
pub(super) fn gdal_type(sample: SampleType) -> GDALDataType::Type {
    match sample {
        SampleType::U8 => GDALDataType::GDT_Byte,
        SampleType::U16 => GDALDataType::GDT_UInt16,
        SampleType::F32 => GDALDataType::GDT_Float32,
    }
}
