//! Holds the C functions of one libgdal.

use std::ffi::{CStr, c_char, c_double, c_int, c_uint, c_void};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gdal_sys::{
    CPLErr, CPLErrorHandler, CSLConstList, GByte, GDAL_GCP, GDALColorInterp, GDALDataType,
    GDALDatasetH, GDALDriverH, GDALMajorObjectH, GDALProgressFunc, GDALRWFlag, GDALRasterBandH,
    GDALRasterIOExtraArg, GDALResampleAlg, GDALTransformerFunc, GDALWarpAppOptions,
    GDALWarpAppOptionsForBinary, GDALWarpOptions, GIntBig, GSpacing, OGRCoordinateTransformationH,
    OGREnvelope, OGRErr, OGRFeatureDefnH, OGRFeatureH, OGRFieldDefnH, OGRFieldType, OGRGeometryH,
    OGRLayerH, OGRSpatialReferenceH, OGRwkbGeometryType, OSRAxisMappingStrategy, VSILFILE,
    vsi_l_offset,
};

use super::library;
use super::strings::text;
use crate::error::{Error, Result};

/// The oldest GDAL whose functions all have the meaning relied on here, as `VERSION_NUM`.
const OLDEST: u32 = 3_040_000;

/// Bytes of a block of 256 x 256 pixels of 16 bits; also what glibc's threshold begins with.
const BLOCK: c_int = 1 << 17;

/// Makes the table, the code that fills it, and the check of its types against GDAL's headers.
macro_rules! table {
    (
        checked { $($name:ident($($arg:ty),*) $(-> $out:ty)?;)* }
        unchecked { $($other:ident($($other_arg:ty),*) $(-> $other_out:ty)?;)* }
    ) => {
        /// The C functions of one libgdal. There is one table per libgdal and it lives for ever.
        #[allow(non_snake_case, reason = "the fields have the C functions' names")]
        pub struct GdalApi {
            $(pub(super) $name: unsafe extern "C" fn($($arg),*) $(-> $out)?,)*
            $(pub(super) $other: unsafe extern "C" fn($($other_arg),*) $(-> $other_out)?,)*
        }

        impl GdalApi {
            /// Fills the table.
            ///
            /// # Safety
            /// `symbol` gives null or the address of libgdal's function of that name.
            unsafe fn filled(symbol: &dyn Fn(&CStr) -> *const c_void) -> Result<Self> {
                let address = |name: &str| address(symbol, name);
                Ok(Self {
                    // SAFETY: the caller promises whose address it is; the type is GDAL's.
                    $($name: unsafe {
                        std::mem::transmute::<Address, unsafe extern "C" fn($($arg),*) $(-> $out)?>(
                            address(concat!(stringify!($name), "\0"))?,
                        )
                    },)*
                    // SAFETY: as above.
                    $($other: unsafe {
                        std::mem::transmute::<Address, unsafe extern "C" fn($($other_arg),*) $(-> $other_out)?>(
                            address(concat!(stringify!($other), "\0"))?,
                        )
                    },)*
                })
            }
        }

        // Naming one of these functions links libgdal, and clippy is the build that never links.
        #[cfg(clippy)]
        const _: fn() = || {
            $(let _: unsafe extern "C" fn($($arg),*) $(-> $out)? = gdal_sys::$name;)*
        };
    };
}

table! {
    checked {
        CPLErrorReset();
        CPLPopErrorHandler();
        CPLPushErrorHandler(CPLErrorHandler);
        CPLSetThreadLocalConfigOption(*const c_char, *const c_char);
        CSLDestroy(*mut *mut c_char);
        GDALAllRegister();
        GDALCreate(GDALDriverH, *const c_char, c_int, c_int, c_int, GDALDataType::Type, CSLConstList)
            -> GDALDatasetH;
        GDALCreateCopy(GDALDriverH, *const c_char, GDALDatasetH, c_int, CSLConstList, GDALProgressFunc,
            *mut c_void) -> GDALDatasetH;
        GDALDatasetCommitTransaction(GDALDatasetH) -> OGRErr::Type;
        GDALDatasetCreateLayer(GDALDatasetH, *const c_char, OGRSpatialReferenceH,
            OGRwkbGeometryType::Type, CSLConstList) -> OGRLayerH;
        GDALDatasetGetLayer(GDALDatasetH, c_int) -> OGRLayerH;
        GDALDatasetGetLayerCount(GDALDatasetH) -> c_int;
        GDALDatasetStartTransaction(GDALDatasetH, c_int) -> OGRErr::Type;
        GDALFlushRasterCache(GDALRasterBandH) -> CPLErr::Type;
        GDALGetBlockSize(GDALRasterBandH, *mut c_int, *mut c_int);
        GDALGetDataTypeName(GDALDataType::Type) -> *const c_char;
        GDALGetDataTypeSizeBytes(GDALDataType::Type) -> c_int;
        GDALGetDatasetDriver(GDALDatasetH) -> GDALDriverH;
        GDALGetDescription(GDALMajorObjectH) -> *const c_char;
        GDALGetDriverByName(*const c_char) -> GDALDriverH;
        GDALGetDriverCount() -> c_int;
        GDALGetFileList(GDALDatasetH) -> *mut *mut c_char;
        GDALGetGCPCount(GDALDatasetH) -> c_int;
        GDALGetGCPSpatialRef(GDALDatasetH) -> OGRSpatialReferenceH;
        GDALGetGCPs(GDALDatasetH) -> *const GDAL_GCP;
        GDALGetGeoTransform(GDALDatasetH, *mut c_double) -> CPLErr::Type;
        GDALGetMaskBand(GDALRasterBandH) -> GDALRasterBandH;
        GDALGetMaskFlags(GDALRasterBandH) -> c_int;
        GDALGetMetadata(GDALMajorObjectH, *const c_char) -> *mut *mut c_char;
        GDALGetRasterBand(GDALDatasetH, c_int) -> GDALRasterBandH;
        GDALGetRasterColorInterpretation(GDALRasterBandH) -> GDALColorInterp::Type;
        GDALGetRasterCount(GDALDatasetH) -> c_int;
        GDALGetRasterDataType(GDALRasterBandH) -> GDALDataType::Type;
        GDALGetRasterNoDataValue(GDALRasterBandH, *mut c_int) -> c_double;
        GDALGetRasterOffset(GDALRasterBandH, *mut c_int) -> c_double;
        GDALGetRasterScale(GDALRasterBandH, *mut c_int) -> c_double;
        GDALGetRasterXSize(GDALDatasetH) -> c_int;
        GDALGetRasterYSize(GDALDatasetH) -> c_int;
        GDALGetSpatialRef(GDALDatasetH) -> OGRSpatialReferenceH;
        GDALOpenEx(*const c_char, c_uint, *const *const c_char, *const *const c_char,
            *const *const c_char) -> GDALDatasetH;
        GDALRasterIOEx(GDALRasterBandH, GDALRWFlag::Type, c_int, c_int, c_int, c_int, *mut c_void,
            c_int, c_int, GDALDataType::Type, GSpacing, GSpacing, *mut GDALRasterIOExtraArg) -> CPLErr::Type;
        GDALReprojectImage(GDALDatasetH, *const c_char, GDALDatasetH, *const c_char,
            GDALResampleAlg::Type, c_double, c_double, GDALProgressFunc, *mut c_void,
            *mut GDALWarpOptions) -> CPLErr::Type;
        GDALRasterizeGeometries(GDALDatasetH, c_int, *const c_int, c_int, *const OGRGeometryH,
            GDALTransformerFunc, *mut c_void, *const c_double, CSLConstList, GDALProgressFunc,
            *mut c_void) -> CPLErr::Type;
        GDALSetCacheMax64(i64);
        GDALSetDescription(GDALMajorObjectH, *const c_char);
        GDALSetGCPs2(GDALDatasetH, c_int, *const GDAL_GCP, OGRSpatialReferenceH) -> CPLErr::Type;
        GDALSetMetadata(GDALMajorObjectH, CSLConstList, *const c_char) -> CPLErr::Type;
        GDALSetRasterNoDataValue(GDALRasterBandH, c_double) -> CPLErr::Type;
        GDALSetRasterScale(GDALRasterBandH, c_double) -> CPLErr::Type;
        GDALSetSpatialRef(GDALDatasetH, OGRSpatialReferenceH) -> CPLErr::Type;
        GDALVersionInfo(*const c_char) -> *const c_char;
        GDALWarp(*const c_char, GDALDatasetH, c_int, *mut GDALDatasetH, *const GDALWarpAppOptions,
            *mut c_int) -> GDALDatasetH;
        GDALWarpAppOptionsFree(*mut GDALWarpAppOptions);
        GDALWarpAppOptionsNew(*mut *mut c_char, *mut GDALWarpAppOptionsForBinary)
            -> *mut GDALWarpAppOptions;
        OCTDestroyCoordinateTransformation(OGRCoordinateTransformationH);
        OCTNewCoordinateTransformation(OGRSpatialReferenceH, OGRSpatialReferenceH)
            -> OGRCoordinateTransformationH;
        OCTTransformEx(OGRCoordinateTransformationH, c_int, *mut c_double, *mut c_double,
            *mut c_double, *mut c_int) -> c_int;
        OGR_F_Create(OGRFeatureDefnH) -> OGRFeatureH;
        OGR_F_Destroy(OGRFeatureH);
        OGR_FD_GetFieldCount(OGRFeatureDefnH) -> c_int;
        OGR_FD_GetFieldDefn(OGRFeatureDefnH, c_int) -> OGRFieldDefnH;
        OGR_FD_GetFieldIndex(OGRFeatureDefnH, *const c_char) -> c_int;
        OGR_Fld_Create(*const c_char, OGRFieldType::Type) -> OGRFieldDefnH;
        OGR_Fld_Destroy(OGRFieldDefnH);
        OGR_Fld_GetNameRef(OGRFieldDefnH) -> *const c_char;
        OGR_F_GetFieldAsString(OGRFeatureH, c_int) -> *const c_char;
        OGR_F_IsFieldSetAndNotNull(OGRFeatureH, c_int) -> c_int;
        OGR_F_SetFieldDouble(OGRFeatureH, c_int, c_double);
        OGR_F_SetFieldInteger(OGRFeatureH, c_int, c_int);
        OGR_F_SetFieldString(OGRFeatureH, c_int, *const c_char);
        OGR_F_SetGeometryDirectly(OGRFeatureH, OGRGeometryH) -> OGRErr::Type;
        OGR_F_StealGeometry(OGRFeatureH) -> OGRGeometryH;
        OGR_G_CreateFromWkb(*const c_void, OGRSpatialReferenceH, *mut OGRGeometryH, c_int)
            -> OGRErr::Type;
        OGR_G_DestroyGeometry(OGRGeometryH);
        OGR_G_GetEnvelope(OGRGeometryH, *mut OGREnvelope);
        OGR_G_GetGeometryType(OGRGeometryH) -> OGRwkbGeometryType::Type;
        OGR_G_GetLinearGeometry(OGRGeometryH, c_double, *mut *mut c_char) -> OGRGeometryH;
        OGR_G_Segmentize(OGRGeometryH, c_double);
        OGR_G_Transform(OGRGeometryH, OGRCoordinateTransformationH) -> OGRErr::Type;
        OGR_GT_Flatten(OGRwkbGeometryType::Type) -> OGRwkbGeometryType::Type;
        OGR_L_CreateFeature(OGRLayerH, OGRFeatureH) -> OGRErr::Type;
        OGR_L_CreateField(OGRLayerH, OGRFieldDefnH, c_int) -> OGRErr::Type;
        OGR_L_GetFeatureCount(OGRLayerH, c_int) -> GIntBig;
        OGR_L_GetLayerDefn(OGRLayerH) -> OGRFeatureDefnH;
        OGR_L_GetNextFeature(OGRLayerH) -> OGRFeatureH;
        OGR_L_GetSpatialRef(OGRLayerH) -> OGRSpatialReferenceH;
        OSRExportToWktEx(OGRSpatialReferenceH, *mut *mut c_char, *const *const c_char)
            -> OGRErr::Type;
        OSRIsSame(OGRSpatialReferenceH, OGRSpatialReferenceH) -> c_int;
        OSRImportFromWkt(OGRSpatialReferenceH, *mut *mut c_char) -> OGRErr::Type;
        OSRNewSpatialReference(*const c_char) -> OGRSpatialReferenceH;
        OSRRelease(OGRSpatialReferenceH);
        OSRSetFromUserInput(OGRSpatialReferenceH, *const c_char) -> OGRErr::Type;
        OSRSetAxisMappingStrategy(OGRSpatialReferenceH, OSRAxisMappingStrategy::Type);
        VSIFree(*mut c_void);
        VSIIngestFile(*mut VSILFILE, *const c_char, *mut *mut GByte, *mut vsi_l_offset, GIntBig)
            -> c_int;
        VSIReadDir(*const c_char) -> *mut *mut c_char;
    }
    // Their C types changed between 3.4 and 3.13: GDALClose returned nothing before 3.7, and the
    // band list and the geotransform became const.
    unchecked {
        GDALClose(GDALDatasetH);
        GDALDatasetRasterIOEx(GDALDatasetH, GDALRWFlag::Type, c_int, c_int, c_int, c_int,
            *mut c_void, c_int, c_int, GDALDataType::Type, c_int, *const c_int, GSpacing, GSpacing,
            GSpacing, *mut GDALRasterIOExtraArg) -> CPLErr::Type;
        GDALSetGeoTransform(GDALDatasetH, *const c_double) -> CPLErr::Type;
    }
}

/// Where a function is.
type Address = *const c_void;

/// Every table made so far.
static TABLES: Mutex<Vec<&'static GdalApi>> = Mutex::new(Vec::new());
/// Held while looking for a libgdal, so that it is loaded and its drivers registered once.
static FINDING: Mutex<()> = Mutex::new(());

impl GdalApi {
    /// Finds a libgdal: one that the process has loaded, else `SPECTRALGPT_GDAL_LIBRARY`, else the
    /// system's. Registers its drivers if it has none yet.
    ///
    /// # Errors
    /// - Model: there is none, or it is older than 3.4; says what was tried.
    pub fn find() -> Result<&'static Self> {
        let _alone = FINDING.lock().unwrap_or_else(PoisonError::into_inner);
        let library = match library::loaded() {
            Some(library) => library,
            None => library::open()?,
        };
        // The table's addresses must stay valid, so the library is never closed.
        let library = std::mem::ManuallyDrop::new(library);
        // SAFETY: `library` exports GDALVersionInfo, so it is, or depends on, a libgdal.
        let api = unsafe { Self::resolve(&|name| library::symbol(&library, name)) }?;
        api.listen(|| {
            // SAFETY: neither call has a precondition.
            unsafe {
                if (api.GDALGetDriverCount)() == 0 {
                    (api.GDALAllRegister)();
                }
            }
        });
        Ok(api)
    }

    /// Makes a libgdal the one that [`find`](Self::find) finds.
    ///
    /// # Errors
    /// - Model: it cannot be loaded, or the process has loaded another one.
    pub fn choose(file: &Path) -> Result<()> {
        let alone = FINDING.lock().unwrap_or_else(PoisonError::into_inner);
        if library::loaded().is_none() {
            // Never closed: the next call finds it among the loaded ones.
            let _ = std::mem::ManuallyDrop::new(library::open_named(file)?);
        }
        drop(alone);
        let found = Self::find()?;
        if library::address_in(file) == Some(found.identity()) {
            return Ok(());
        }
        Err(Error::model(format!(
            "GDAL '{}' was asked for, but this process has loaded '{}' and cannot change; start \
             another process",
            file.display(),
            found.path().display()
        )))
    }

    /// Returns the table of the libgdal whose functions `symbol` finds, for a host that knows its
    /// own. Registers no driver.
    ///
    /// # Errors
    /// - Model: a function is missing, or GDAL is older than 3.4.
    ///
    /// # Safety
    /// `symbol` gives null or the address of the function of that name in one libgdal, which stays
    /// loaded.
    pub unsafe fn resolve(symbol: &dyn Fn(&CStr) -> *const c_void) -> Result<&'static Self> {
        // SAFETY: the caller's promise is the same.
        let api = unsafe { Self::filled(symbol) }?;
        let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tables.iter().find(|known| known.identity() == api.identity()) {
            return Ok(known);
        }
        if api.version_number() < OLDEST {
            return Err(Error::model(format!(
                "GDAL {} was found ('{}'), but 3.4 or newer is needed; install a newer one or set \
                 {} to it",
                api.version(),
                api.path().display(),
                library::VARIABLE,
            )));
        }
        let api: &'static Self = Box::leak(Box::new(api));
        tables.push(api);
        Ok(api)
    }

    /// Returns the version as one number, 3060200 for 3.6.2.
    pub fn version_number(&self) -> u32 {
        self.version_info(c"VERSION_NUM").parse().unwrap_or(0)
    }

    /// Returns GDAL's version, as in `3.6.2`.
    pub fn version(&self) -> String {
        self.version_info(c"RELEASE_NAME")
    }

    /// Returns the file that the functions are in.
    pub fn path(&self) -> PathBuf {
        library::file_of(self.identity())
    }

    /// Settles how a program that owns its process holds memory: bounds the blocks that GDAL keeps
    /// decoded, by default 5 % of the machine's memory, and has the C library give the system back
    /// what is freed of a block's size. Left alone, glibc keeps that, in an arena per thread.
    pub fn settle_memory(&self, cache: u64) {
        // SAFETY: no precondition.
        unsafe { (self.GDALSetCacheMax64)(i64::try_from(cache).unwrap_or(i64::MAX)) };
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        // SAFETY: no precondition; programs call it before a run's threads start, and what others
        // allocate meanwhile may be served either way.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, BLOCK)
        };
    }

    fn version_info(&self, topic: &CStr) -> String {
        // SAFETY: the topic ends with a NUL; the answer is GDAL's own string.
        unsafe { text((self.GDALVersionInfo)(topic.as_ptr())) }
    }

    /// Tells one libgdal from another.
    pub(super) fn identity(&self) -> *const c_void {
        self.GDALVersionInfo as *const c_void
    }
}

impl fmt::Debug for GdalApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: &Path = &self.path();
        f.debug_struct("GdalApi").field("path", &path).finish_non_exhaustive()
    }
}

/// Finds a function by its name, which ends with a NUL.
fn address(symbol: &dyn Fn(&CStr) -> *const c_void, name: &str) -> Result<*const c_void> {
    let found = CStr::from_bytes_with_nul(name.as_bytes()).map_or(std::ptr::null(), symbol);
    if found.is_null() {
        return Err(Error::model(format!(
            "this GDAL has no function {}; install GDAL 3.4 or newer",
            name.trim_end_matches('\0')
        )));
    }
    Ok(found)
}
