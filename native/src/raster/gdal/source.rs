//! Opens a raster.

use std::ffi::c_int;

use super::bands::GdalBands;
use super::listen::tell;
use super::pool::{FIRST, Pool};
use super::{GdalApi, RasterInfo};
use crate::error::{Error, Result};

/// An open raster whose bands are still to be chosen.
#[derive(Debug)]
pub struct GdalSource {
    pub(super) pool: Pool,
    pub(super) info: RasterInfo,
    /// Tells which pixels are valid besides, if the pixels are made of others.
    pub(super) validity: Option<Box<GdalSource>>,
}

impl GdalSource {
    /// Opens whatever GDAL can: a file, a `/vsi` path, a subdataset.
    ///
    /// # Errors
    /// - Input: GDAL cannot open it.
    /// - Usage: the path holds a NUL.
    pub fn open(api: &'static GdalApi, path: &str) -> Result<Self> {
        Self::open_as(api, path, path)
    }

    /// Opens the text of a virtual raster, or a name, that people know by another `name`.
    ///
    /// # Errors
    /// - Input: GDAL cannot open it.
    /// - Usage: the source holds a NUL.
    pub fn open_as(api: &'static GdalApi, source: &str, name: &str) -> Result<Self> {
        let pool = Pool::open(api, source, name)?;
        let (info, said) =
            pool.with(FIRST, |dataset| Ok(api.listen(|| RasterInfo::read(dataset))))?;
        tell(&said.warnings);
        Ok(Self { pool, info, validity: None })
    }

    /// Names the files that a virtual raster is made of, where GDAL does not know all of them.
    #[must_use]
    pub fn made_of(mut self, files: Vec<String>) -> Self {
        self.info.files = files;
        self
    }

    /// Returns what the file says of its raster.
    pub fn info(&self) -> &RasterInfo {
        &self.info
    }

    /// Chooses the bands to read, in order and numbered from 1. `nodata` replaces the bands' own
    /// nodata values; NaN means that there is none.
    ///
    /// # Errors
    /// - Usage: no band is chosen, or one that is not there.
    /// - Input: a band's pixels do not go into f32.
    pub fn select(self, bands: &[usize], nodata: Option<f64>) -> Result<GdalBands> {
        let path = self.pool.name();
        if bands.is_empty() {
            return Err(Error::usage(format!(
                "no band of '{path}' is chosen; choose at least one"
            )));
        }
        let numbers = bands.iter().map(|&band| self.number(band)).collect::<Result<Vec<_>>>()?;
        let validity = self.validity.map(|other| other.select(bands, nodata)).transpose()?;
        Ok(GdalBands::new(self.pool, self.info, numbers, nodata, validity))
    }

    /// Checks a band's number and type.
    fn number(&self, band: usize) -> Result<c_int> {
        let (path, count) = (self.pool.name(), self.info.bands.len());
        let missing = || {
            Error::usage(format!("'{path}' has no band {band}; choose from its {count} band(s)"))
        };
        let info = band.checked_sub(1).and_then(|index| self.info.bands.get(index));
        let data_type = &info.ok_or_else(missing)?.data_type;
        if data_type.starts_with('C') || matches!(data_type.as_str(), "Int64" | "UInt64") {
            return Err(Error::input(format!(
                "band {band} of '{path}' is {data_type}, which is not read; convert it with \
                 gdal_translate -ot Float32"
            )));
        }
        c_int::try_from(band).map_err(|_| missing())
    }
}
