//! The pixel function `spectralgpt`: a derived band of a VRT whose pixels the model makes.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use gdal_sys::{CPLErr, CSLConstList, GDALDataType};
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::live::{self, LiveOutput, Request};
use spectralgpt_core::raster::gdal::Host;

use super::{guarded, register, tell_inferred};

type PixelFunction = unsafe extern "C" fn(
    *mut *mut c_void,
    c_int,
    *mut c_void,
    c_int,
    c_int,
    GDALDataType::Type,
    GDALDataType::Type,
    c_int,
    c_int,
    CSLConstList,
) -> CPLErr::Type;

/// One function per libgdal of the process: a pixel function is not told who calls it.
pub(super) const FUNCTIONS: [PixelFunction; 4] =
    [function::<0>, function::<1>, function::<2>, function::<3>];

/// A part of a VRT's band that GDAL wants.
struct Wanted {
    sources: [*const c_void; 2],
    source_type: GDALDataType::Type,
    cols: usize,
    rows: usize,
    pixels: *mut c_void,
    pixel_type: GDALDataType::Type,
    pixel_step: c_int,
    row_step: c_int,
    arguments: Vec<(String, String)>,
}

/// What GDAL calls. The sources are the columns and the rows of the pixels that are wanted.
unsafe extern "C" fn function<const NUMBER: usize>(
    sources: *mut *mut c_void,
    sources_len: c_int,
    pixels: *mut c_void,
    cols: c_int,
    rows: c_int,
    source_type: GDALDataType::Type,
    pixel_type: GDALDataType::Type,
    pixel_step: c_int,
    row_step: c_int,
    arguments: CSLConstList,
) -> CPLErr::Type {
    let Some(host) = register::enrolled(NUMBER) else { return CPLErr::CE_Failure };
    guarded(host, || {
        let count = |count: c_int| usize::try_from(count).unwrap_or(0);
        if sources_len != 2 || cols <= 0 || rows <= 0 {
            return Err(Error::usage(format!(
                "a band of the VRT has {sources_len} sources; it needs two, its columns and its \
                 rows: make the VRT anew with 'spectralgpt live'"
            )));
        }
        // SAFETY: GDAL gives as many sources as it says, and a list that ends with a null.
        let (sources, arguments) =
            unsafe { ([*sources, *sources.add(1)], Host::arguments(arguments)) };
        let wanted = Wanted {
            sources: sources.map(<*mut c_void>::cast_const),
            source_type,
            cols: count(cols),
            rows: count(rows),
            pixels,
            pixel_type,
            pixel_step,
            row_step,
            arguments,
        };
        wanted.serve(host)
    })
}

impl Wanted {
    fn serve(&self, host: &Host) -> Result<()> {
        let items = self.arguments.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request = Request::parse(items)?;
        let live = live::live(host.api(), &request)?;
        let what = live.output(request.emit)?;
        let (cols, rows) = self.positions(host);
        if let Some(words) = too_coarse(&what, &request, [&cols, &rows]) {
            static TOLD: AtomicBool = AtomicBool::new(false);
            if !TOLD.swap(true, Ordering::Relaxed) {
                host.warn(&format!("spectralgpt: {words}"));
            }
            self.nothing(host, &what);
            return Ok(());
        }
        let bands = request.band..request.band + 1;
        let inferred = live.read(&what, bands, &cols, &rows, &mut |_, row, samples| {
            // SAFETY: the row is one of those that are wanted.
            unsafe { self.give(host, &what, row, samples) };
        })?;
        tell_inferred(host, inferred);
        Ok(())
    }

    /// Reads which columns and rows are wanted; GDAL may have averaged them.
    fn positions(&self, host: &Host) -> (Vec<u32>, Vec<u32>) {
        let (mut cols, mut rows) = (vec![0.0; self.cols], vec![0.0; self.rows]);
        // SAFETY: a source holds columns times rows samples without gaps: the first row of the one,
        // the first column of the other.
        unsafe {
            host.take(self.sources[0], self.source_type, 1, &mut cols);
            host.take(self.sources[1], self.source_type, self.cols, &mut rows);
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast saturates, and positions outside are refused"
        )]
        let whole = |at: Vec<f64>| at.into_iter().map(|at| at as u32).collect();
        (whole(cols), whole(rows))
    }

    /// Fills all with what means "nothing here".
    fn nothing(&self, host: &Host, what: &LiveOutput) {
        let line = what.nodata().repeat(self.cols);
        for row in 0..self.rows {
            // SAFETY: the row is one of those that are wanted.
            unsafe { self.give(host, what, row, &line) };
        }
    }

    /// Writes a row of samples.
    ///
    /// # Safety
    /// The row is one of those that are wanted.
    unsafe fn give(&self, host: &Host, what: &LiveOutput, row: usize, samples: &[u8]) {
        let offset = row.cast_signed() * self.row_step as isize;
        // SAFETY: GDAL has room for `cols` pixels at each row.
        unsafe {
            let to = self.pixels.byte_offset(offset);
            host.give((what.layer.sample, samples), to, self.pixel_type, self.pixel_step);
        }
    }
}

/// Says why pixels so far apart are not served, if they are not.
fn too_coarse(what: &LiveOutput, request: &Request, places: [&[u32]; 2]) -> Option<String> {
    let apart = |places: &[u32]| {
        let across = f64::from(places.last()?.abs_diff(*places.first()?));
        Some((across / (places.len() - 1).max(1) as f64).round())
    };
    let apart = places.into_iter().filter_map(apart).fold(1.0, f64::max);
    let metres = what.pixel_metres()?;
    let most = request.max_pixel_size.unwrap_or(live::WIDEST * metres);
    (apart > 1.0 && apart * metres > most).then(|| {
        format!(
            "pixels {:.0} m apart were asked for, which would infer far more than is shown; \
             nothing is shown beyond {most:.0} m: zoom in, or raise the argument max_pixel_size \
             in the VRT",
            apart * metres
        )
    })
}
