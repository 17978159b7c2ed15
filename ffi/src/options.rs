//! Says how to run a model: which outputs, which part, which pixels.

use std::ffi::c_char;

use spectralgpt_core::error::Result;
use spectralgpt_core::geometry::{Size, Window};
use spectralgpt_core::options::{Options, Part};

use crate::array::split;
use crate::boundary;
use crate::error::sgpt_error;
use crate::status::sgpt_status;

pub mod compute;
pub mod files;
pub mod scene;

/// How to run a model. One thread at a time.
#[derive(Debug)]
pub struct sgpt_options(pub(crate) Options);

/// Makes options with every one at its default. `options_out` gets them; free them with
/// `sgpt_options_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_new(
    options_out: *mut *mut sgpt_options,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            caller.out("options_out", options_out)?.give(sgpt_options(Options::default()));
            Ok(())
        })
    }
}

/// Frees options; NULL is nothing to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_free(options: *mut sgpt_options) {
    // SAFETY: the caller keeps to ABI.md.
    unsafe { boundary::free(options) }
}

/// Sets the outputs, names separated by commas as in "classes,scores": classes, scores, confidence,
/// entropy, disagreement, valid; features, chip-features; reconstruction, anomaly. To files only:
/// grid (a GeoPackage, a polygon per chip of a scene classification), features-int8,
/// chip-features-int8 (8-bit integers with a scale per band). Default: what the model's task gives
/// first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_emit(
    options: *mut sgpt_options,
    names: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            let names = split(Some(caller.text("names", names)?));
            options.0.emit = names.iter().map(|name| name.parse()).collect::<Result<_>>()?;
            Ok(())
        })
    }
}

/// Sets the part to map, in pixels of the raster; pixels around it are still looked at. Default:
/// all of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_window(
    options: *mut sgpt_options,
    column: u32,
    row: u32,
    width: u32,
    height: u32,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.part = Part::Window(Window::new(column, row, Size::new(width, height)));
            Ok(())
        })
    }
}

/// Sets the part to map to the pixels that a rectangle covers, of georeferenced files: `x0`, `y0`
/// is one corner, `x1`, `y1` the opposite one, `srs` their reference system as in "EPSG:4326" (x is
/// longitude); NULL: the raster's own. Default: all of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_bbox(
    options: *mut sgpt_options,
    x0: f64,
    y0: f64,
    x1: f64,
    y1: f64,
    srs: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            let srs = caller.optional_text("srs", srs)?.map(str::to_owned);
            options.0.part = Part::Rectangle { corners: [x0, y0, x1, y1], srs };
            Ok(())
        })
    }
}

/// Sets the part to map to the pixels in the polygons of a vector file, of georeferenced files.
/// `path` names it. Default: all of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_aoi(
    options: *mut sgpt_options,
    path: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.part = Part::Polygons(caller.path("path", path)?.to_owned());
            Ok(())
        })
    }
}

/// Sets how many pixels neighbouring chips share, a multiple of the model's patch. Default: the
/// model's own, 32 for most.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_overlap(
    options: *mut sgpt_options,
    pixels: u32,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.overlap = Some(pixels);
            Ok(())
        })
    }
}

/// Sets the names of the rasters' bands in their order, separated by commas as in "B02,-,B04", '-'
/// for one that is not needed; NULL: as the rasters say, the default. Comes before what a raster
/// says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_bands(
    options: *mut sgpt_options,
    names: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            let names = caller.optional_text("names", names)?;
            options.0.bands = names.map(|names| split(Some(names)));
            Ok(())
        })
    }
}

/// Sets the digital number that means "nothing here", in any band; NaN: none does, whatever a file
/// says. Default: as a file says; none in memory and behind callbacks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_nodata(
    options: *mut sgpt_options,
    value: f64,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.nodata = Some(value);
            Ok(())
        })
    }
}

/// Sets what is added to every digital number, -1000 for Sentinel-2 products since baseline 04.00.
/// Default: as a file says, else 0 where the model does not need to know.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_options_set_dn_offset(
    options: *mut sgpt_options,
    offset: f64,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.dn_offset = Some(offset);
            Ok(())
        })
    }
}
