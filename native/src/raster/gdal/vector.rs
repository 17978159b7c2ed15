//! Writes vector files of polygons.

use std::ffi::{CStr, c_int};
use std::path::Path;

use gdal_sys::{GDALDataType, OGRFeatureH, OGRFieldType, OGRLayerH, OGRwkbGeometryType};

use super::GdalApi;
use super::create::Strict;
use super::dataset::{Dataset, succeeded};
use super::srs::Srs;
use super::strings::{CTexts, c_path, c_text};
use crate::error::{Error, Kind, Result};

/// The date that a GeoPackage says it was changed at, so that two runs give the same bytes.
const CHANGED: &CStr = c"1970-01-01T00:00:00.000Z";
/// Where GDAL looks for it.
const CHANGED_KEY: &CStr = c"OGR_CURRENT_DATE";

/// What a field holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Integer(i32),
    Real(f64),
    Text(&'a str),
}

impl Value<'_> {
    fn kind(&self) -> OGRFieldType::Type {
        match self {
            Value::Integer(_) => OGRFieldType::OFTInteger,
            Value::Real(_) => OGRFieldType::OFTReal,
            Value::Text(_) => OGRFieldType::OFTString,
        }
    }
}

/// A GeoPackage that is being written, of one layer of polygons.
pub(super) struct VectorFile {
    // First, so that it is closed while the date holds.
    dataset: Dataset,
    layer: OGRLayerH,
    _date: Dated,
}

impl VectorFile {
    /// Creates it; `fields` are names and values of their kinds, `srs` is WKT.
    ///
    /// # Errors
    /// - Usage: this GDAL writes no GeoPackage; a name holds a NUL.
    /// - Io: it cannot be written.
    pub(super) fn create(
        api: &'static GdalApi,
        path: &Path,
        (name, srs): (&str, &str),
        fields: &[(String, Value<'_>)],
        metadata: &[(String, String)],
    ) -> Result<Self> {
        let date = Dated::new(api);
        let (file, name, srs) = (c_path(path)?, c_text(name)?, c_text(srs)?);
        let items: Vec<String> =
            metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let items = CTexts::new(&items)?;
        let none = std::ptr::null_mut();
        let dataset = Dataset::made(api, c"GPKG", &[], Strict::No, |driver| {
            // SAFETY: the driver is GDAL's; the name outlives the call; null means no options.
            unsafe {
                (api.GDALCreate)(driver, file.as_ptr(), 0, 0, 0, GDALDataType::GDT_Unknown, none)
            }
        })?;
        let doing = || format!("cannot write '{}'", path.display());
        let layer = api.attempt(Kind::Io, doing, || {
            let srs = Srs::parse(api, &srs)?;
            let polygons = OGRwkbGeometryType::wkbPolygon;
            let (handle, name, srs) = (dataset.handle, name.as_ptr(), srs.handle);
            // SAFETY: the handle is open, what is passed outlives the calls, GDAL copies it.
            unsafe {
                let layer = (api.GDALDatasetCreateLayer)(handle, name, srs, polygons, none);
                if layer.is_null() {
                    return None;
                }
                succeeded((api.GDALSetMetadata)(layer, items.as_ptr(), std::ptr::null()))?;
                ((api.GDALDatasetStartTransaction)(handle, 0) == 0).then_some(layer)
            }
        })?;
        let file = Self { dataset, layer, _date: date };
        fields.iter().try_for_each(|(name, value)| file.add_field(name, value.kind()))?;
        Ok(file)
    }

    fn add_field(&self, name: &str, kind: OGRFieldType::Type) -> Result<()> {
        let (api, c_name) = (self.dataset.api, c_text(name)?);
        let doing = || format!("cannot make the field '{name}'");
        api.attempt(Kind::Io, doing, || {
            // SAFETY: the layer belongs to the open handle; the definition is ours, GDAL copies it.
            unsafe {
                let field = (api.OGR_Fld_Create)(c_name.as_ptr(), kind);
                let made = (api.OGR_L_CreateField)(self.layer, field, 1);
                (api.OGR_Fld_Destroy)(field);
                (made == 0).then_some(())
            }
        })
    }

    /// Adds a polygon of four corners with the values of all fields, in order.
    ///
    /// # Errors
    /// - Usage: a text holds a NUL.
    /// - Io: it cannot be written.
    pub(super) fn add(&self, corners: [[f64; 2]; 4], values: &[Value<'_>]) -> Result<()> {
        let api = self.dataset.api;
        let texts = values.iter().map(|value| match value {
            Value::Text(text) => c_text(text),
            _ => c_text(""),
        });
        let texts = texts.collect::<Result<Vec<_>>>()?;
        let polygon = well_known(corners);
        api.attempt(
            Kind::Io,
            || "cannot write a polygon".to_owned(),
            || {
                let length = c_int::try_from(polygon.len()).ok()?;
                let (mut shape, none) = (std::ptr::null_mut(), std::ptr::null_mut());
                // SAFETY: the bytes have that length; the layer belongs to the open handle; the feature is
                // ours and takes the shape over.
                unsafe {
                    let bytes = polygon.as_ptr().cast();
                    let made = (api.OGR_G_CreateFromWkb)(bytes, none, &raw mut shape, length);
                    (made == 0).then_some(())?;
                    let feature = (api.OGR_F_Create)((api.OGR_L_GetLayerDefn)(self.layer));
                    (api.OGR_F_SetGeometryDirectly)(feature, shape);
                    for ((number, value), text) in (0..).zip(values).zip(&texts) {
                        set(api, feature, number, value, text);
                    }
                    let added = (api.OGR_L_CreateFeature)(self.layer, feature);
                    (api.OGR_F_Destroy)(feature);
                    (added == 0).then_some(())
                }
            },
        )
    }

    /// Writes what is held back and closes the file.
    ///
    /// # Errors
    /// - Io: it cannot be written.
    pub(super) fn close(self) -> Result<()> {
        let (api, doing) = (self.dataset.api, || "cannot write the polygons".to_owned());
        api.attempt(Kind::Io, doing, || {
            // SAFETY: the handle is open.
            let written = unsafe { (api.GDALDatasetCommitTransaction)(self.dataset.handle) };
            (written == 0).then_some(())
        })?;
        self.dataset.close(doing)
    }
}

/// Sets a field of a feature.
///
/// # Safety
/// The feature is valid and has that field.
unsafe fn set(api: &GdalApi, feature: OGRFeatureH, number: c_int, value: &Value<'_>, text: &CStr) {
    // SAFETY: the caller's promise; GDAL copies the text.
    unsafe {
        match value {
            Value::Integer(value) => (api.OGR_F_SetFieldInteger)(feature, number, *value),
            Value::Real(value) => (api.OGR_F_SetFieldDouble)(feature, number, *value),
            Value::Text(_) => (api.OGR_F_SetFieldString)(feature, number, text.as_ptr()),
        }
    }
}

/// Returns a polygon as OGC's well-known binary, the first corner again at its end.
fn well_known(corners: [[f64; 2]; 4]) -> Vec<u8> {
    const LITTLE_ENDIAN: u8 = 1;
    const POLYGON: u32 = 3;
    let mut bytes = vec![LITTLE_ENDIAN];
    for number in [POLYGON, 1, 5] {
        bytes.extend(number.to_le_bytes());
    }
    for number in corners.iter().chain(&corners[..1]).flatten() {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

/// Counts the polygons of a finished file.
///
/// # Errors
/// - Io: it cannot be read back.
pub(super) fn count(api: &'static GdalApi, path: &Path) -> Result<i64> {
    let unusable = |error: Error| Error::io(format!("the written file is unusable: {error}"));
    let file = Dataset::open_vector(api, &path.to_string_lossy()).map_err(unusable)?;
    let count = |layer: &OGRLayerH| {
        // SAFETY: the layer belongs to the open handle.
        unsafe { (api.OGR_L_GetFeatureCount)(*layer, 1) }
    };
    Ok(file.layers().iter().map(count).sum())
}

/// Has GeoPackages that this thread writes say the same date.
struct Dated(&'static GdalApi);

impl Dated {
    fn new(api: &'static GdalApi) -> Self {
        // SAFETY: both texts end with a NUL; GDAL copies them.
        unsafe { (api.CPLSetThreadLocalConfigOption)(CHANGED_KEY.as_ptr(), CHANGED.as_ptr()) };
        Self(api)
    }
}

impl Drop for Dated {
    fn drop(&mut self) {
        // SAFETY: the text ends with a NUL; null means that the option is not set.
        unsafe { (self.0.CPLSetThreadLocalConfigOption)(CHANGED_KEY.as_ptr(), std::ptr::null()) };
    }
}
