//! Moves pixels between a dataset and memory.

use std::ffi::{c_int, c_void};

use gdal_sys::{GDALDataType, GDALRWFlag};

use super::dataset::{Dataset, succeeded};
use super::scratch::RowLayout;
use crate::geometry::{Size, Window};

/// A type that GDAL converts pixels to.
///
/// # Safety
/// `TYPE` is GDAL's name of it, and any bytes are one.
pub(super) unsafe trait Sample: Copy {
    const TYPE: GDALDataType::Type;
}

// SAFETY: the same type.
unsafe impl Sample for f32 {
    const TYPE: GDALDataType::Type = GDALDataType::GDT_Float32;
}

// SAFETY: the same type.
unsafe impl Sample for u16 {
    const TYPE: GDALDataType::Type = GDALDataType::GDT_UInt16;
}

impl Dataset {
    /// Reads bands, numbered from 1, in (band, row, column), `plane` samples from one band to the
    /// next; `None` on failure.
    pub(super) fn read<T: Sample>(
        &self,
        window: Window,
        bands: &[c_int],
        pixels: &mut [T],
        plane: usize,
    ) -> Option<()> {
        let needed = plane * bands.len().saturating_sub(1) + window.size.pixels();
        if pixels.len() < needed || plane < window.size.pixels() {
            return None;
        }
        let spacing = Spacing {
            sample: T::TYPE,
            pixel: size_of::<T>(),
            line: size_of::<T>() * window.size.width as usize,
            band: size_of::<T>() * plane,
        };
        // SAFETY: `pixels` has at least the length that the spacing spans, checked above, and the type.
        unsafe {
            self.transfer(GDALRWFlag::GF_Read, window, bands, pixels.as_mut_ptr().cast(), spacing)
        }
    }

    /// Reads a band's mask as f32, (row, column); `None` on failure.
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

    /// Reads a window of all bands, (row, band, column) of the given type; `None` on failure.
    pub(super) fn read_window(
        &self,
        window: Window,
        layout: RowLayout,
        pixels: &mut [u8],
    ) -> Option<()> {
        let layout = RowLayout { width: window.size.width, ..layout };
        if pixels.len() != layout.bytes(window.size.height) {
            return None;
        }
        // SAFETY: the buffer has the window's length, checked above.
        unsafe { self.transfer_rows(GDALRWFlag::GF_Read, window, layout, pixels.as_mut_ptr()) }
    }

    /// Writes a window of all bands, (row, band, column) of the given type; `None` on failure.
    pub(super) fn write_window(
        &self,
        window: Window,
        layout: RowLayout,
        pixels: &[u8],
    ) -> Option<()> {
        let layout = RowLayout { width: window.size.width, ..layout };
        if pixels.len() != layout.bytes(window.size.height) {
            return None;
        }
        let start = pixels.as_ptr().cast_mut();
        // SAFETY: the buffer has the window's length, checked above; GDAL only reads it.
        unsafe { self.transfer_rows(GDALRWFlag::GF_Write, window, layout, start) }
    }

    /// Moves rows between the file and a buffer of the layout, block by block. Blocks would pile up
    /// in GDAL's cache, and how large that is would decide their order in the file.
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
            sample: layout.gdal_type(self.api),
            pixel: layout.sample_bytes(),
            line: layout.row_bytes(),
            band: layout.sample_bytes() * layout.width as usize,
        };
        for block in blocks(window, self.block(self.band(1))) {
            let rows_above = (block.row - window.row) as usize;
            let left_of_it = (block.col - window.col) as usize;
            let offset = rows_above * spacing.line + left_of_it * spacing.pixel;
            // SAFETY: the block lies in the window, and the spacing is the layout's.
            unsafe { self.transfer(direction, block, &bands, rows.add(offset).cast(), spacing) }?;
            self.flush(&bands)?;
        }
        Some(())
    }

    /// Empties the bands' block caches.
    pub(super) fn flush(&self, bands: &[c_int]) -> Option<()> {
        bands.iter().try_for_each(|&number| {
            // SAFETY: the band belongs to the open handle.
            succeeded(unsafe { (self.api.GDALFlushRasterCache)(self.band(number)) })
        })
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
        buffer: *mut c_void,
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
}

/// Cuts a window that starts at a block's corner into blocks, row by row.
pub(super) fn blocks(window: Window, block: Size) -> impl Iterator<Item = Window> {
    let width = block.width.clamp(1, window.size.width);
    let height = block.height.clamp(1, window.size.height);
    let rows = (window.row..window.end_row()).step_by(height as usize);
    rows.flat_map(move |row| {
        (window.col..window.end_col()).step_by(width as usize).map(move |col| {
            let left = Size::new(window.end_col() - col, window.end_row() - row);
            Window::new(col, row, Size::new(width.min(left.width), height.min(left.height)))
        })
    })
}

/// Where pixels lie in a buffer: the type, and the bytes from one pixel, line and band to the next.
#[derive(Clone, Copy)]
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
