//! Speaks with a libgdal that calls functions of ours: registers them, passes pixels and words.

use std::ffi::{CStr, CString, c_char, c_int, c_uchar, c_void};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use gdal_sys::{
    CPLErr, CSLConstList, GDALDataType, GDALDerivedPixelFuncWithArgs,
    GDALVRTProcessedDatasetFuncFree, GDALVRTProcessedDatasetFuncInit,
    GDALVRTProcessedDatasetFuncProcess, VSILFILE, vsi_l_offset,
};
use libloading::os::unix::Library;

use super::GdalApi;
use super::dataset::{gdal_type, succeeded};
use super::library;
use super::strings::{c_text, texts};
use crate::error::{Error, Result};
use crate::raster::SampleType;

/// GDAL's `CPLE_AppDefined`.
const APP_DEFINED: c_int = 1;
/// The first GDAL with processing functions that programs register.
const PROCESSES: u32 = 3_090_000;

type AddPixelFunction = unsafe extern "C" fn(
    *const c_char,
    GDALDerivedPixelFuncWithArgs,
    *const c_char,
) -> CPLErr::Type;
type AddProcess = unsafe extern "C" fn(
    *const c_char,
    *mut c_void,
    *const c_char,
    GDALDataType::Type,
    *const GDALDataType::Type,
    usize,
    *const c_int,
    usize,
    GDALVRTProcessedDatasetFuncInit,
    GDALVRTProcessedDatasetFuncFree,
    GDALVRTProcessedDatasetFuncProcess,
    CSLConstList,
) -> CPLErr::Type;
type CopyWords = unsafe extern "C" fn(
    *const c_void,
    GDALDataType::Type,
    c_int,
    *mut c_void,
    GDALDataType::Type,
    c_int,
    c_int,
);

/// A libgdal that may call us; there is one per libgdal and it lives for ever.
pub struct Host {
    api: &'static GdalApi,
    add_pixel_function: AddPixelFunction,
    add_process: Option<AddProcess>,
    copy_words: CopyWords,
    debug: unsafe extern "C" fn(*const c_char, *const c_char, ...),
    error: unsafe extern "C" fn(CPLErr::Type, c_int, *const c_char, ...),
    open_memory:
        unsafe extern "C" fn(*const c_char, *mut c_uchar, vsi_l_offset, c_int) -> *mut VSILFILE,
    close_file: unsafe extern "C" fn(*mut VSILFILE) -> c_int,
}

/// Gets a function of a type that GDAL's headers give it.
macro_rules! function {
    ($module:expr, $name:literal) => {{
        let address = library::symbol($module, $name);
        // SAFETY: null is none, and anything else is GDAL's function of that name and type.
        unsafe { std::mem::transmute::<*const c_void, Option<_>>(address) }
    }};
}

impl Host {
    /// Returns the libgdal that `caller`, an address in code, belongs to.
    ///
    /// # Errors
    /// - Model: the code is not GDAL's, or GDAL is older than 3.4.
    pub fn of_caller(caller: *const c_void) -> Result<&'static Self> {
        library::around(caller).map_or_else(
            || Err(Error::model("the caller is no libgdal; call sgpt_gdal_register instead")),
            Self::of_module,
        )
    }

    /// Returns the libgdal that a module of this process is, or depends on; without a file the one
    /// that [`GdalApi::find`] finds.
    ///
    /// # Errors
    /// - Model: there is none, or it is older than 3.4.
    pub fn of_file(module: Option<&Path>) -> Result<&'static Self> {
        let found = match module {
            Some(file) => library::named(Some(file)),
            None => library::named(Some(&GdalApi::find()?.path())),
        };
        let none = || {
            let name = module.unwrap_or(Path::new("libgdal")).display();
            Error::model(format!(
                "'{name}' is not loaded in this process or does not use GDAL; name the library of \
                 GDAL's Python module, as in osgeo/_gdal.so, or libgdal itself"
            ))
        };
        Self::of_module(found.ok_or_else(none)?)
    }

    fn of_module(module: Library) -> Result<&'static Self> {
        static HOSTS: Mutex<Vec<&'static Host>> = Mutex::new(Vec::new());
        // The addresses must stay valid, so the module is never closed.
        let module = std::mem::ManuallyDrop::new(module);
        // SAFETY: the module is, or depends on, one libgdal.
        let api = unsafe { GdalApi::resolve(&|name| library::symbol(&module, name)) }?;
        let mut hosts = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.iter().find(|host| std::ptr::eq(host.api, api)) {
            return Ok(host);
        }
        let host: &'static Self = Box::leak(Box::new(Self::filled(&module, api)?));
        hosts.push(host);
        Ok(host)
    }

    fn filled(module: &Library, api: &'static GdalApi) -> Result<Self> {
        let missing =
            || Error::model("this GDAL lacks what plugins call; install GDAL 3.4 or newer");
        Ok(Self {
            api,
            add_pixel_function: function!(module, c"GDALAddDerivedBandPixelFuncWithArgs")
                .ok_or_else(missing)?,
            add_process: function!(module, c"GDALVRTRegisterProcessedDatasetFunc"),
            copy_words: function!(module, c"GDALCopyWords").ok_or_else(missing)?,
            debug: function!(module, c"CPLDebug").ok_or_else(missing)?,
            error: function!(module, c"CPLError").ok_or_else(missing)?,
            open_memory: function!(module, c"VSIFileFromMemBuffer").ok_or_else(missing)?,
            close_file: function!(module, c"VSIFCloseL").ok_or_else(missing)?,
        })
    }

    /// Returns the functions that read and write rasters.
    pub fn api(&self) -> &'static GdalApi {
        self.api
    }

    /// Raises a failure on this thread.
    pub fn fail(&self, words: &str) {
        self.say(CPLErr::CE_Failure, words);
    }

    /// Raises a warning on this thread.
    pub fn warn(&self, words: &str) {
        self.say(CPLErr::CE_Warning, words);
    }

    fn say(&self, class: CPLErr::Type, words: &str) {
        let words = CString::new(words.replace('\0', "\u{fffd}")).unwrap_or_default();
        // SAFETY: the format takes one text, which outlives the call.
        unsafe { (self.error)(class, APP_DEFINED, c"%s".as_ptr(), words.as_ptr()) };
    }

    /// Tells who set `CPL_DEBUG` to `SPECTRALGPT` or `ON`.
    pub fn debug(&self, words: &str) {
        let words = CString::new(words.replace('\0', "\u{fffd}")).unwrap_or_default();
        // SAFETY: the format takes one text, which outlives the call.
        unsafe { (self.debug)(c"SPECTRALGPT".as_ptr(), c"%s".as_ptr(), words.as_ptr()) };
    }

    /// Has VRTs find a pixel function by its name.
    ///
    /// # Errors
    /// - Failed: GDAL refuses.
    pub fn add_pixel_function(
        &self,
        name: &CStr,
        function: GDALDerivedPixelFuncWithArgs,
    ) -> Result<()> {
        // SAFETY: GDAL copies the name; no metadata; the function lives as long as the process.
        let added = unsafe { (self.add_pixel_function)(name.as_ptr(), function, std::ptr::null()) };
        succeeded(added).ok_or_else(|| Error::failed("GDAL does not take the pixel function"))
    }

    /// Has VRTs find a processing step by its name, where GDAL is 3.9 or newer. `user` is passed to
    /// its functions, `metadata` lists its arguments as XML. It takes one band of bytes.
    ///
    /// # Errors
    /// - Failed: GDAL refuses.
    pub fn add_process(
        &'static self,
        name: &CStr,
        metadata: &CStr,
        init: GDALVRTProcessedDatasetFuncInit,
        free: GDALVRTProcessedDatasetFuncFree,
        process: GDALVRTProcessedDatasetFuncProcess,
    ) -> Result<()> {
        let Some(add) = self.add_process.filter(|_| self.api.version_number() >= PROCESSES) else {
            return Ok(());
        };
        let user = std::ptr::from_ref(self).cast_mut().cast();
        let (byte, none) = (GDALDataType::GDT_Byte, std::ptr::null_mut());
        // SAFETY: GDAL copies the texts; null lists are empty; the functions, and the host that
        // they get back, live as long as the process.
        let added = unsafe {
            let (types, counts) = (std::ptr::null(), std::ptr::null());
            let (name, metadata) = (name.as_ptr(), metadata.as_ptr());
            add(name, user, metadata, byte, types, 0, counts, 0, init, free, process, none)
        };
        succeeded(added).ok_or_else(|| Error::failed("GDAL does not take the processing step"))
    }

    /// Shows bytes as a file of GDAL's `/vsimem/`.
    ///
    /// # Errors
    /// - Io: GDAL refuses.
    pub fn show_file(&self, name: &str, bytes: &'static [u8]) -> Result<()> {
        let (c_name, length) = (c_text(name)?, bytes.len() as vsi_l_offset);
        // SAFETY: the bytes live as long as the process, are not GDAL's to free, and nobody writes
        // to files in a folder of ours.
        let opened = unsafe {
            let file = (self.open_memory)(c_name.as_ptr(), bytes.as_ptr().cast_mut(), length, 0);
            !file.is_null() && (self.close_file)(file) == 0
        };
        if opened { Ok(()) } else { Err(Error::io(format!("GDAL does not take '{name}'"))) }
    }

    /// Returns GDAL's number of a sample type.
    pub fn sample_type(sample: SampleType) -> GDALDataType::Type {
        gdal_type(sample)
    }

    /// Copies samples of ours, without gaps, to GDAL's, `step` bytes apart, as GDAL converts types.
    ///
    /// # Safety
    /// `to` has room for as many samples of `to_type`.
    pub unsafe fn give(
        &self,
        (sample, from): (SampleType, &[u8]),
        to: *mut c_void,
        to_type: GDALDataType::Type,
        step: c_int,
    ) {
        let size = sample.bytes();
        let count = c_int::try_from(from.len() / size).unwrap_or(0);
        let size = c_int::try_from(size).unwrap_or(0);
        // SAFETY: `from` has the samples; the caller promises the room.
        unsafe {
            let from = from.as_ptr().cast();
            (self.copy_words)(from, gdal_type(sample), size, to, to_type, step, count);
        }
    }

    /// Copies `into.len()` numbers of GDAL's, `step` samples apart.
    ///
    /// # Safety
    /// `from` has as many samples of `from_type`.
    pub unsafe fn take(
        &self,
        from: *const c_void,
        from_type: GDALDataType::Type,
        step: usize,
        into: &mut [f64],
    ) {
        // SAFETY: no precondition.
        let bytes =
            unsafe { (self.api.GDALGetDataTypeSizeBytes)(from_type) }.unsigned_abs() as usize;
        let step = c_int::try_from(bytes * step).unwrap_or(0);
        let (count, double) = (c_int::try_from(into.len()).unwrap_or(0), GDALDataType::GDT_Float64);
        // SAFETY: the caller promises the samples; `into` has room for the numbers.
        unsafe {
            let into = into.as_mut_ptr().cast();
            (self.copy_words)(from, from_type, step, into, double, 8, count);
        }
    }

    /// Copies a list of texts that ends with a null, as functions get their arguments.
    ///
    /// # Safety
    /// `list` is null or such a list.
    pub unsafe fn arguments(list: CSLConstList) -> Vec<(String, String)> {
        // SAFETY: the caller's promise is the same.
        let items = unsafe { texts(list.cast_const()) };
        let pairs = items.iter().filter_map(|item| item.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("api", &self.api).finish_non_exhaustive()
    }
}
