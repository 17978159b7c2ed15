//! Creates datasets.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;

use gdal_sys::{GDALDatasetH, GDALDriverH};

use super::GdalApi;
use super::dataset::{Dataset, gdal_type};
use super::listen::{failed, tell};
use super::scratch::RowLayout;
use super::strings::{CTexts, c_path};
use super::watch::Watch;
use crate::error::{Error, Kind, Result};
use crate::geometry::Size;
use crate::raster::SampleType;

/// Tells a try, where what GDAL warns of is refused, from the real thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strict {
    /// Warnings are errors.
    Yes,
    /// Warnings are logged.
    No,
}

impl Dataset {
    /// Creates a GTiff.
    ///
    /// # Errors
    /// - Usage: GDAL does not take the creation options. What it would only warn of counts.
    /// - Io: the file cannot be written.
    pub(super) fn create(
        api: &'static GdalApi,
        path: &Path,
        size: Size,
        layout: RowLayout,
        options: &[String],
    ) -> Result<Self> {
        let (name, creation) = (c_path(path)?, CTexts::new(options)?);
        let [width, height, bands] = [size.width, size.height, layout.bands].map(c_int::try_from);
        let (Ok(width), Ok(height), Ok(bands)) = (width, height, bands) else {
            let bands = layout.bands;
            return Err(Error::usage(format!("GDAL cannot hold {bands} band(s) of {size}")));
        };
        let kind = layout.gdal_type(api);
        Self::made(api, c"GTiff", options, Strict::Yes, |driver| {
            let (name, creation) = (name.as_ptr(), creation.as_ptr());
            // SAFETY: the driver is GDAL's; the texts outlive the call.
            unsafe { (api.GDALCreate)(driver, name, width, height, bands, kind, creation) }
        })
    }

    /// Makes a raster of one band, all 0, in memory.
    ///
    /// # Errors
    /// - Io: there is no memory for it.
    pub(super) fn in_memory(api: &'static GdalApi, size: Size, sample: SampleType) -> Result<Self> {
        let [width, height] =
            [size.width, size.height].map(|side| c_int::try_from(side).unwrap_or(-1));
        Self::made(api, c"MEM", &[], Strict::No, |driver| {
            let (name, kind) = (c"".as_ptr(), gdal_type(sample));
            // SAFETY: the driver is GDAL's; null means no options.
            unsafe { (api.GDALCreate)(driver, name, width, height, 1, kind, std::ptr::null_mut()) }
        })
    }

    /// Copies the dataset into a new COG.
    ///
    /// # Errors
    /// - Usage: GDAL does not take the creation options, or cannot write a COG.
    /// - Io: it cannot be written, unless `strict`.
    /// - Cancelled: the caller said so.
    pub(super) fn copy_to_cog(
        &self,
        path: &Path,
        options: &[String],
        strict: Strict,
        watch: &mut Watch<'_>,
    ) -> Result<Self> {
        let (api, name, creation) = (self.api, c_path(path)?, CTexts::new(options)?);
        let mut copying = Copying { pixels: self.size().pixels() as u64, watch, outcome: Ok(()) };
        let made = Self::made(api, c"COG", options, strict, |driver| {
            let (name, creation) = (name.as_ptr(), creation.as_ptr());
            let told = (&raw mut copying).cast();
            // SAFETY: the driver is GDAL's; both handles and the texts outlive the call, and
            // `copying` outlives it and is used by `advance` alone meanwhile.
            unsafe {
                (api.GDALCreateCopy)(driver, name, self.handle, 1, creation, Some(advance), told)
            }
        });
        copying.outcome?;
        watch.advance_by(self.size().pixels() as u64)?;
        made
    }

    /// Has a driver make a dataset.
    pub(super) fn made(
        api: &'static GdalApi,
        driver: &CStr,
        options: &[String],
        strict: Strict,
        make: impl FnOnce(GDALDriverH) -> GDALDatasetH,
    ) -> Result<Self> {
        let name = driver.to_string_lossy();
        // SAFETY: the name ends with a NUL.
        let driver = unsafe { (api.GDALGetDriverByName)(driver.as_ptr()) };
        if driver.is_null() {
            let version = api.version();
            return Err(Error::usage(format!("this GDAL, {version}, has no driver {name}")));
        }
        let (handle, mut said) = api.listen(|| make(driver));
        // Closed even if it is refused.
        let dataset = (!handle.is_null()).then_some(Self { api, handle });
        let kind = match strict {
            Strict::Yes if !said.of_files => Kind::Usage,
            _ => Kind::Io,
        };
        if strict == Strict::Yes {
            said.failures.append(&mut said.warnings);
        }
        tell(&said.warnings);
        dataset.filter(|_| said.failures.is_empty()).ok_or_else(|| {
            let doing = format!("cannot create a {name} with the options {}", options.join(" "));
            failed(kind, &doing, &said.failures)
        })
    }
}

/// A copy that is being made.
struct Copying<'a, 'b> {
    pixels: u64,
    watch: &'a mut Watch<'b>,
    outcome: Result<()>,
}

/// Takes GDAL's progress, on the thread that called GDAL; returns 0 to stop.
unsafe extern "C" fn advance(share: f64, _what: *const c_char, told: *mut c_void) -> c_int {
    // SAFETY: `copy_to_cog` gave GDAL its own `Copying`, which nothing else uses meanwhile.
    let copying = unsafe { &mut *told.cast::<Copying<'_, '_>>() };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of the pixels; a cast saturates"
    )]
    let done = (copying.pixels as f64 * share.clamp(0.0, 1.0)) as u64;
    if copying.outcome.is_ok() {
        copying.outcome = copying.watch.ask_at(done);
    }
    c_int::from(copying.outcome.is_ok())
}
