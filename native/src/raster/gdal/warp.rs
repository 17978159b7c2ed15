//! Brings a raster to another grid when it is read, by a virtual raster that GDAL warps.

use std::ffi::c_int;

use gdal_sys::GDALDatasetH;

use super::area::{PixelGrid, bbox_window, bounds};
use super::dataset::Dataset;
use super::georeference::{Georeference, near};
use super::srs::same_srs;
use super::strings::{CTexts, texts};
use super::{GdalApi, GdalSource, RasterInfo};
use crate::error::{Error, Kind, Result};
use crate::geometry::Size;

/// Where a raster's pixels lie.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Place {
    /// On Earth.
    pub georeference: Georeference,
    /// How many there are.
    pub size: Size,
}

impl Place {
    /// Tells whether a raster's pixels lie there; what does not say its reference system may.
    pub fn is_of(&self, api: &'static GdalApi, info: &RasterInfo) -> bool {
        let (ours, theirs) = (&self.georeference, &info.georeference);
        info.size == self.size && near(ours, theirs) && same_srs(api, &ours.srs, &theirs.srs)
    }
}

/// How the pixels of another grid are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resampling {
    /// Of the nearest.
    Nearest,
    /// Of the four around, the nearer the more.
    Bilinear,
    /// As the mean of all that lie in the new one.
    Average,
}

impl Resampling {
    /// Returns GDAL's word.
    pub fn name(self) -> &'static str {
        match self {
            Resampling::Nearest => "near",
            Resampling::Bilinear => "bilinear",
            Resampling::Average => "average",
        }
    }
}

impl GdalSource {
    /// Returns the raster on another grid. Its pixels are made of valid ones; those are valid whose
    /// nearest one is. `nodata` replaces the bands' own nodata values; NaN means that there is none.
    ///
    /// # Errors
    /// - Input: one of the two does not say where it lies, or they lie apart.
    pub fn onto(self, place: &Place, how: Resampling, nodata: Option<f64>) -> Result<Self> {
        let name = self.pool.name().to_owned();
        self.warped(place, how, nodata).map_err(|error| error.at(&format!("'{name}'")))
    }

    fn warped(self, place: &Place, how: Resampling, nodata: Option<f64>) -> Result<Self> {
        let api = self.pool.api();
        self.must_meet(api, place)?;
        let nodata = self.nodata(nodata);
        let make = |how: Resampling| {
            let dataset = Dataset::open_named(api, self.pool.source(), self.pool.name())?;
            let xml = virtual_raster(api, &dataset, &arguments(place, how, &nodata)?)?;
            Self::open_as(api, &xml, self.pool.name())
        };
        let mut warped = make(how)?;
        if how != Resampling::Nearest {
            warped.validity = Some(Box::new(make(Resampling::Nearest)?));
        }
        // GDAL leaves some of what bands say behind.
        for (new, old) in warped.info.bands.iter_mut().zip(&self.info.bands) {
            new.description.clone_from(&old.description);
            new.metadata.clone_from(&old.metadata);
            new.dn_offset = old.dn_offset;
        }
        warped.info.metadata = self.info.metadata;
        warped.info.files = self.info.files;
        Ok(warped)
    }

    /// Checks that the raster covers something of the place.
    fn must_meet(&self, api: &'static GdalApi, place: &Place) -> Result<()> {
        let (ours, theirs) = (&self.info.georeference, &place.georeference);
        if ours.srs.is_empty() != theirs.srs.is_empty() {
            return Err(Error::input(
                "one of the rasters does not say its coordinate reference system, so they cannot be \
                 brought to one grid; add it with gdal_edit.py -a_srs",
            ));
        }
        let corners = PixelGrid::new(ours, self.info.size)?.corners();
        let srs = (!ours.srs.is_empty()).then_some(ours.srs.as_str());
        let extent = bounds(&corners).unwrap_or_default();
        bbox_window(api, theirs, place.size, extent, srs).map(|_| ()).map_err(|error| {
            Error::input(format!("the rasters do not overlap ({})", error.message()))
        })
    }

    /// Returns the nodata value of each band, as gdalwarp takes it; empty unless all have one.
    fn nodata(&self, given: Option<f64>) -> String {
        let bands = self.info.bands.iter();
        let values = bands.map(|band| given.or(band.nodata).map(|value| value.to_string()));
        let values: Option<Vec<String>> = values.collect();
        values.unwrap_or_default().join(" ")
    }
}

/// Returns gdalwarp's arguments for a place.
fn arguments(place: &Place, how: Resampling, nodata: &str) -> Result<CTexts> {
    let Some([x, width, 0.0, y, 0.0, height]) = place.georeference.geotransform else {
        return Err(Error::input(
            "a raster can only be brought to a grid whose rows run along an axis; reproject the \
             other one first, as with gdalwarp",
        ));
    };
    let (right, bottom) =
        (x + width * f64::from(place.size.width), y + height * f64::from(place.size.height));
    let number = |value: f64| value.to_string();
    // GDAL would widen the kernel by a ratio that it guesses anew for each block: up to a fifth of the
    // values off, and other ones for other windows.
    let exact = ["-et", "0", "-wo", "XSCALE=1", "-wo", "YSCALE=1"].map(str::to_owned);
    let mut words: Vec<String> =
        ["-of", "VRT", "-dstalpha", "-r", how.name()].map(str::to_owned).to_vec();
    words.extend(exact);
    if !place.georeference.srs.is_empty() {
        words.extend(["-t_srs".to_owned(), place.georeference.srs.clone()]);
    }
    let edges = [x.min(right), y.min(bottom), x.max(right), y.max(bottom)];
    words.push("-te".to_owned());
    words.extend(edges.map(number));
    words.push("-ts".to_owned());
    words.extend([place.size.width.to_string(), place.size.height.to_string()]);
    if nodata.contains("NaN") {
        words.extend(["-srcnodata".to_owned(), "none".to_owned()]);
    } else if !nodata.is_empty() {
        words.extend(["-srcnodata".to_owned(), nodata.to_owned()]);
        words.extend(["-dstnodata".to_owned(), nodata.to_owned()]);
    }
    CTexts::new(&words)
}

/// Returns the text of the virtual raster that gdalwarp makes.
fn virtual_raster(api: &'static GdalApi, from: &Dataset, arguments: &CTexts) -> Result<String> {
    let doing = || "cannot be brought to the grid".to_owned();
    api.attempt(Kind::Input, doing, || {
        let mut sources: [GDALDatasetH; 1] = [from.handle];
        let mut misused: c_int = 0;
        // SAFETY: the arguments and the open source outlive the calls; a null handle means that a new
        // raster is made, which is ours to close, and virtual rasters without a name stay in memory.
        unsafe {
            let options = (api.GDALWarpAppOptionsNew)(arguments.as_ptr(), std::ptr::null_mut());
            if options.is_null() {
                return None;
            }
            let none = std::ptr::null_mut();
            let to = c"".as_ptr();
            let handle =
                (api.GDALWarp)(to, none, 1, sources.as_mut_ptr(), options, &raw mut misused);
            (api.GDALWarpAppOptionsFree)(options);
            if handle.is_null() {
                return None;
            }
            let warped = Dataset { api, handle };
            let text = (api.GDALGetMetadata)(warped.handle, c"xml:VRT".as_ptr());
            texts(text).into_iter().next()
        }
    })
}
