//! The processing step `SpectralGPT` of GDAL 3.9 and newer: all bands of an output in one pass.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use gdal_sys::{CPLErr, CSLConstList, GDALDataType};
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::live::{self, ARGUMENTS, Request};
use spectralgpt_core::raster::gdal::Host;

use super::{guarded, tell_inferred};

/// Registers it, where GDAL can.
///
/// # Errors
/// - Failed: GDAL refuses.
pub(super) fn add(host: &'static Host) -> Result<()> {
    let argument = |name: &&str| format!("<Argument name='{name}' type='string'/>");
    let arguments: String = ARGUMENTS.iter().map(argument).collect();
    let list = "ProcessedDatasetFunctionArgumentsList";
    let metadata = CString::new(format!("<{list}>{arguments}</{list}>")).unwrap_or_default();
    host.add_process(c"SpectralGPT", &metadata, Some(init), Some(free), Some(process))
}

/// Opens what a step needs when a VRT is opened; `data` gets the request.
unsafe extern "C" fn init(
    _name: *const c_char,
    host: *mut c_void,
    arguments: CSLConstList,
    _in_bands: c_int,
    _in_type: GDALDataType::Type,
    _in_nodata: *mut f64,
    out_bands: *mut c_int,
    out_type: *mut GDALDataType::Type,
    _out_nodata: *mut *mut f64,
    folder: *const c_char,
    data: *mut *mut c_void,
) -> CPLErr::Type {
    // SAFETY: `Host::add_process` gave GDAL the host, which lives for ever.
    let host: &'static Host = unsafe { &*host.cast_const().cast() };
    guarded(host, || {
        // SAFETY: GDAL gives a list that ends with a null, and a text or null.
        let (items, folder) = unsafe {
            let folder = (!folder.is_null()).then(|| CStr::from_ptr(folder).to_string_lossy());
            (Host::arguments(arguments), folder.unwrap_or_default())
        };
        let items = items.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request = Request::parse(items)?.beside(Path::new(folder.as_ref()));
        let what = live::live(host.api(), &request)?.output(request.emit)?;
        // SAFETY: GDAL has room for each.
        unsafe {
            out_bands.write(c_int::try_from(what.layer.bands.len()).unwrap_or(c_int::MAX));
            out_type.write(Host::sample_type(what.layer.sample));
            data.write(Box::into_raw(Box::new(request)).cast());
        }
        Ok(())
    })
}

/// Takes the request back when a VRT is closed.
unsafe extern "C" fn free(_name: *const c_char, _host: *mut c_void, data: *mut c_void) {
    // SAFETY: `init` made it, and GDAL frees it once.
    drop(unsafe { Box::from_raw(data.cast::<Request>()) });
}

/// Fills a window, (row, column, band). What the step's input holds there does not matter.
unsafe extern "C" fn process(
    _name: *const c_char,
    host: *mut c_void,
    data: *mut c_void,
    _arguments: CSLConstList,
    cols: c_int,
    rows: c_int,
    _in_pixels: *const c_void,
    _in_bytes: usize,
    _in_type: GDALDataType::Type,
    _in_bands: c_int,
    _in_nodata: *const f64,
    pixels: *mut c_void,
    bytes: usize,
    pixel_type: GDALDataType::Type,
    bands: c_int,
    _nodata: *const f64,
    col: f64,
    row: f64,
    width: f64,
    height: f64,
    _geotransform: *const f64,
    _folder: *const c_char,
    _more: CSLConstList,
) -> CPLErr::Type {
    // SAFETY: both are what `init` had and made.
    let (host, request): (&'static Host, &Request) =
        unsafe { (&*host.cast_const().cast(), &*data.cast_const().cast()) };
    guarded(host, || {
        let live = live::live(host.api(), request)?;
        let what = live.output(request.emit)?;
        let (count, step) = (what.layer.bands.len(), what.layer.sample.bytes());
        let (cols, rows) = (places(col, width, cols), places(row, height, rows));
        let fits = usize::try_from(bands) == Ok(count)
            && pixel_type == Host::sample_type(what.layer.sample)
            && bytes / (count * step) >= cols.len() * rows.len();
        if !fits {
            return Err(Error::usage(
                "the VRT's bands are not the model's; make it anew with 'spectralgpt live'",
            ));
        }
        let pixel = c_int::try_from(count * step).unwrap_or(c_int::MAX);
        let inferred = live.read(&what, 0..count, &cols, &rows, &mut |band, row, samples| {
            // SAFETY: the buffer has that row and band, as was checked.
            unsafe {
                let to = pixels.byte_add((row * cols.len() * count + band) * step);
                host.give((what.layer.sample, samples), to, pixel_type, pixel);
            }
        })?;
        tell_inferred(host, inferred);
        Ok(())
    })
}

/// Lists which pixels of a side are wanted: `count` that are spread over `length` from `first` on.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and positions outside are refused"
)]
fn places(first: f64, length: f64, count: c_int) -> Vec<u32> {
    let apart = length / f64::from(count.max(1));
    (0..count).map(|at| (first + (f64::from(at) + 0.5) * apart) as u32).collect()
}
