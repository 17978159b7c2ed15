//! Describes a raster before any pixel is read.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_int};

use gdal_sys::{GDALColorInterp, GDALMajorObjectH};

use super::dataset::Dataset;
use super::georeference::Georeference;
use super::strings::{text, texts};
use crate::geometry::Size;

/// What a file says of its raster.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterInfo {
    /// Extent.
    pub size: Size,
    /// The bands in the file's order; none in a mere container of subdatasets.
    pub bands: Vec<BandInfo>,
    /// Where it lies.
    pub georeference: Georeference,
    /// GDAL's name of the format, as in `GTiff`.
    pub driver: String,
    /// The metadata of the default domain.
    pub metadata: BTreeMap<String, String>,
    /// Further rasters in the file.
    pub subdatasets: Vec<Subdataset>,
    /// The files that it is made of, as far as the format's driver knows.
    pub files: Vec<String>,
    /// Tells whether a block of the file holds all bands.
    pub pixel_interleaved: bool,
}

/// What a file says of a band.
#[derive(Debug, Clone, PartialEq)]
pub struct BandInfo {
    /// Its name; empty if it has none.
    pub description: String,
    /// The metadata of the default domain, and of `IMAGERY` (wavelengths) where the former does not
    /// have the key.
    pub metadata: BTreeMap<String, String>,
    /// The value that means "nothing here".
    pub nodata: Option<f64>,
    /// What its scale and offset, where they make reflectance of ten thousandths, add to its numbers.
    pub dn_offset: Option<f64>,
    /// GDAL's name of the pixel type, as in `UInt16`.
    pub data_type: String,
    /// Tells whether the band is the opacity of the others.
    pub alpha: bool,
    /// Who else says which pixels are valid.
    pub mask: Mask,
    /// Extent of a block.
    pub block: Size,
}

/// Who says which pixels of a band are valid, besides its nodata value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// Nobody.
    None,
    /// A mask of this band alone.
    Band,
    /// A mask of all bands.
    Dataset,
    /// The metadata item `NODATA_VALUES`: invalid where all bands hold theirs.
    NodataValues,
}

/// A raster inside a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subdataset {
    /// What to open.
    pub name: String,
    /// What it is.
    pub description: String,
}

impl RasterInfo {
    /// Reads all of it; GDAL calls only, none of which touches pixels.
    pub(super) fn read(dataset: &Dataset) -> Self {
        let interleave = metadata(dataset, dataset.handle, Some(c"IMAGE_STRUCTURE"));
        Self {
            size: dataset.size(),
            bands: (1..=dataset.bands()).map(|number| BandInfo::read(dataset, number)).collect(),
            georeference: Georeference::read(dataset),
            driver: dataset.driver(),
            metadata: metadata(dataset, dataset.handle, None),
            subdatasets: subdatasets(&metadata(dataset, dataset.handle, Some(c"SUBDATASETS"))),
            files: dataset.files(),
            pixel_interleaved: interleave.get("INTERLEAVE").is_some_and(|how| how == "PIXEL"),
        }
    }
}

impl BandInfo {
    fn read(dataset: &Dataset, number: c_int) -> Self {
        let (api, band) = (dataset.api, dataset.band(number));
        let mut all = metadata(dataset, band, Some(c"IMAGERY"));
        all.extend(metadata(dataset, band, None));
        let mut has_nodata = 0;
        // SAFETY: the band belongs to the open handle; the number is ours.
        unsafe {
            let nodata = (api.GDALGetRasterNoDataValue)(band, &raw mut has_nodata);
            let alpha = (api.GDALGetRasterColorInterpretation)(band);
            let data_type = (api.GDALGetDataTypeName)((api.GDALGetRasterDataType)(band));
            Self {
                description: text((api.GDALGetDescription)(band)),
                metadata: all,
                nodata: (has_nodata != 0).then_some(nodata),
                dn_offset: dn_offset(dataset, number),
                data_type: text(data_type),
                alpha: alpha == GDALColorInterp::GCI_AlphaBand,
                mask: Mask::of_flags((api.GDALGetMaskFlags)(band)),
                block: dataset.block(band),
            }
        }
    }
}

impl Mask {
    /// Understands GDAL's `GMF_` bits. A nodata value and an alpha band are looked at by
    /// themselves, because GDAL's mask is only ever one of the two.
    fn of_flags(flags: c_int) -> Self {
        const ALL_VALID: c_int = 1;
        const PER_DATASET: c_int = 2;
        const ALPHA: c_int = 4;
        const NODATA: c_int = 8;
        match flags {
            _ if flags & (ALL_VALID | ALPHA) != 0 => Self::None,
            _ if flags & NODATA != 0 && flags & PER_DATASET != 0 => Self::NodataValues,
            _ if flags & NODATA != 0 => Self::None,
            _ if flags & PER_DATASET != 0 => Self::Dataset,
            _ => Self::Band,
        }
    }
}

/// Returns the offset in digital numbers that a band's scale and offset mean. Other scales than
/// reflectance's of Sentinel-2, 0.0001, are of other numbers.
fn dn_offset(dataset: &Dataset, number: c_int) -> Option<f64> {
    let (api, band) = (dataset.api, dataset.band(number));
    let (mut has_offset, mut has_scale) = (0, 0);
    // SAFETY: the band belongs to the open handle; the numbers are ours.
    let (offset, scale) = unsafe {
        (
            (api.GDALGetRasterOffset)(band, &raw mut has_offset),
            (api.GDALGetRasterScale)(band, &raw mut has_scale),
        )
    };
    let reflectance = has_offset != 0 && has_scale != 0 && (scale - 1e-4).abs() < 1e-9;
    reflectance.then(|| (offset / scale).round())
}

/// Reads a domain's items; `None` is the default domain.
fn metadata(
    dataset: &Dataset,
    object: GDALMajorObjectH,
    domain: Option<&CStr>,
) -> BTreeMap<String, String> {
    let domain = domain.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: the object is the open handle or a band of it; the list is GDAL's own.
    let items = unsafe { texts((dataset.api.GDALGetMetadata)(object, domain)) };
    let pairs = items.iter().filter_map(|item| item.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Understands `SUBDATASET_1_NAME` and `SUBDATASET_1_DESC`, and so on.
fn subdatasets(items: &BTreeMap<String, String>) -> Vec<Subdataset> {
    let item = |number: usize, what| items.get(&format!("SUBDATASET_{number}_{what}")).cloned();
    (1..)
        .map_while(|number| {
            let name = item(number, "NAME")?;
            Some(Subdataset { name, description: item(number, "DESC").unwrap_or_default() })
        })
        .collect()
}
