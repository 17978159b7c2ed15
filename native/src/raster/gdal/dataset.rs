//! Owns an open GDAL dataset.

use std::ffi::{CStr, c_int};
use std::mem::ManuallyDrop;
use std::path::Path;

use gdal_sys::{CPLErr, GDALDataType, GDALDatasetH, GDALRWFlag, GDALRasterBandH};

use super::GdalApi;
use super::listen::failed;
use super::scratch::RowLayout;
use super::strings::{CTexts, c_path, c_text};
use crate::error::{Error, Kind, Result};
use crate::geometry::{Size, Window};
use crate::raster::SampleType;

/// `GDAL_OF_READONLY | GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR | GDAL_OF_INTERNAL`: the last keeps
/// handles of ours out of GDAL's list of what the host forgot to close.
const OPEN_FLAGS: u32 = 0x02 | 0x40 | 0x80;

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
        let (name, allowed) = (c_text(path)?, CTexts::new(drivers)?);
        let allowed = if drivers.is_empty() {
            std::ptr::null()
        } else {
            allowed.as_ptr().cast_const().cast()
        };
        let none = std::ptr::null();
        // SAFETY: the texts outlive the call; null lists mean none.
        let (handle, said) = api
            .listen(|| unsafe { (api.GDALOpenEx)(name.as_ptr(), OPEN_FLAGS, allowed, none, none) });
        if handle.is_null() {
            let doing = format!("cannot open '{path}' as a raster");
            return Err(failed(Kind::Input, &doing, &said.failures));
        }
        Ok(Self { api, handle })
    }

    /// Creates a GTiff.
    ///
    /// # Errors
    /// - Usage: GDAL does not take the creation options. What it would only warn of counts.
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
        let (handle, said) = api.listen(|| {
            // SAFETY: the texts outlive the call.
            unsafe {
                let driver = (api.GDALGetDriverByName)(c"GTiff".as_ptr());
                if driver.is_null() {
                    return std::ptr::null_mut();
                }
                let kind = gdal_type(layout.sample);
                (api.GDALCreate)(
                    driver,
                    name.as_ptr(),
                    width,
                    height,
                    bands,
                    kind,
                    creation.as_ptr(),
                )
            }
        });
        // Closed even if it is refused.
        let dataset = (!handle.is_null()).then_some(Self { api, handle });
        let words = [said.failures, said.warnings].concat();
        dataset.filter(|_| words.is_empty()).ok_or_else(|| {
            let doing = format!("cannot create a GTiff with the options {}", options.join(" "));
            failed(Kind::Usage, &doing, &words)
        })
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

    /// Names the driver.
    pub(super) fn driver(&self) -> String {
        // SAFETY: the handle is open and has a driver.
        unsafe {
            let driver = (self.api.GDALGetDatasetDriver)(self.handle);
            super::strings::text((self.api.GDALGetDescription)(driver))
        }
    }

    /// Reads bands, numbered from 1, as f32 in (band, row, column); `None` on failure.
    pub(super) fn read(&self, window: Window, bands: &[c_int], pixels: &mut [f32]) -> Option<()> {
        let plane = window.size.pixels();
        if pixels.len() != bands.len() * plane {
            return None;
        }
        let spacing = Spacing {
            sample: GDALDataType::GDT_Float32,
            pixel: size_of::<f32>(),
            line: size_of::<f32>() * window.size.width as usize,
            band: size_of::<f32>() * plane,
        };
        // SAFETY: `pixels` has the length that the spacing spans, checked above.
        unsafe {
            self.transfer(GDALRWFlag::GF_Read, window, bands, pixels.as_mut_ptr().cast(), spacing)
        }
    }

    /// Reads a band's mask, or the band itself where `own`, as f32; `None` on failure.
    pub(super) fn read_mask(&self, window: Window, band: c_int, mask: &mut [f32]) -> Option<()> {
        if mask.len() != window.size.pixels() {
            return None;
        }
        let [col, row, width, height] = corners(window)?;
        // SAFETY: the handle is open, a mask band belongs to its band, and `mask` has the window's
        // length, checked above.
        let outcome = unsafe {
            let of = (self.api.GDALGetMaskBand)(self.band(band));
            (self.api.GDALRasterIOEx)(
                of,
                GDALRWFlag::GF_Read,
                col,
                row,
                width,
                height,
                mask.as_mut_ptr().cast(),
                width,
                height,
                GDALDataType::GDT_Float32,
                0,
                0,
                std::ptr::null_mut(),
            )
        };
        succeeded(outcome)
    }

    /// Reads whole rows of all bands, in the layout's order and type; `None` on failure.
    pub(super) fn read_rows(&self, first: u32, layout: RowLayout, rows: &mut [u8]) -> Option<()> {
        let window = layout.window(first, rows.len());
        // SAFETY: the window's height follows from the buffer's length.
        unsafe { self.transfer_rows(GDALRWFlag::GF_Read, window, layout, rows.as_mut_ptr()) }
    }

    /// Writes whole rows of all bands, in the layout's order and type; `None` on failure.
    pub(super) fn write_rows(&self, first: u32, layout: RowLayout, rows: &[u8]) -> Option<()> {
        let window = layout.window(first, rows.len());
        // SAFETY: the window's height follows from the buffer's length; GDAL only reads it.
        unsafe {
            self.transfer_rows(GDALRWFlag::GF_Write, window, layout, rows.as_ptr().cast_mut())
        }
    }

    /// Moves rows between the file and a buffer of the layout.
    ///
    /// # Safety
    /// `rows` holds the window's height of the layout's rows, writable when reading.
    unsafe fn transfer_rows(
        &self,
        direction: GDALRWFlag::Type,
        window: Window,
        layout: RowLayout,
        rows: *mut u8,
    ) -> Option<()> {
        let bands: Vec<c_int> = (1..=c_int::try_from(layout.bands).ok()?).collect();
        let spacing = Spacing {
            sample: gdal_type(layout.sample),
            pixel: layout.sample_bytes(),
            line: layout.row_bytes(),
            band: layout.sample_bytes() * layout.width as usize,
        };
        // SAFETY: the spacing is the layout's.
        unsafe { self.transfer(direction, window, &bands, rows.cast(), spacing) }
    }

    /// Moves pixels between the file and a buffer.
    ///
    /// # Safety
    /// Every pixel of the window and the bands lies in the buffer at the spacing's offsets.
    unsafe fn transfer(
        &self,
        direction: GDALRWFlag::Type,
        window: Window,
        bands: &[c_int],
        buffer: *mut std::ffi::c_void,
        spacing: Spacing,
    ) -> Option<()> {
        let [col, row, width, height] = corners(window)?;
        let [pixel, line, band] = [spacing.pixel, spacing.line, spacing.band].map(i64::try_from);
        // SAFETY: the handle is open; the caller promises the buffer; null means no extras.
        let outcome = unsafe {
            (self.api.GDALDatasetRasterIOEx)(
                self.handle,
                direction,
                col,
                row,
                width,
                height,
                buffer,
                width,
                height,
                spacing.sample,
                c_int::try_from(bands.len()).ok()?,
                bands.as_ptr(),
                pixel.ok()?,
                line.ok()?,
                band.ok()?,
                std::ptr::null_mut(),
            )
        };
        succeeded(outcome)
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

/// Where pixels lie in a buffer: the type, and the bytes from one pixel, line and band to the next.
struct Spacing {
    sample: GDALDataType::Type,
    pixel: usize,
    line: usize,
    band: usize,
}

/// Returns column, row, width and height as C has them.
fn corners(window: Window) -> Option<[c_int; 4]> {
    let Window { col, row, size } = window;
    let corners = [col, row, size.width, size.height].map(c_int::try_from);
    let [Ok(col), Ok(row), Ok(width), Ok(height)] = corners else { return None };
    Some([col, row, width, height])
}

/// Returns `None` for a failure.
pub(super) fn succeeded(outcome: CPLErr::Type) -> Option<()> {
    (outcome < CPLErr::CE_Failure).then_some(())
}

/// Returns GDAL's name of a pixel type.
fn gdal_type(sample: SampleType) -> GDALDataType::Type {
    match sample {
        SampleType::U8 => GDALDataType::GDT_Byte,
        SampleType::U16 => GDALDataType::GDT_UInt16,
        SampleType::F32 => GDALDataType::GDT_Float32,
    }
}
