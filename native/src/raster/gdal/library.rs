//! Finds a libgdal in the process, else on the system.

use std::ffi::{CStr, CString, OsStr, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};

use super::strings::text;
use crate::error::{Error, Result};

/// The environment variable that names a libgdal.
pub(super) const VARIABLE: &str = "SPECTRALGPT_GDAL_LIBRARY";
/// The version numbers in file names that are tried, GDAL 3.13 to 3.4.
const SONAMES: std::ops::RangeInclusive<u32> = 30..=39;

/// Returns a module of this process that is, or depends on, a libgdal.
pub(super) fn loaded() -> Option<Library> {
    let mut names: Vec<CString> = Vec::new();
    // SAFETY: `note_name` gets back the pointer to `names`, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(note_name), (&raw mut names).cast()) };
    names.iter().find_map(|name| {
        // The program itself has no name.
        named((!name.is_empty()).then(|| Path::new(OsStr::from_bytes(name.to_bytes()))))
    })
}

/// Collects the file names of loaded modules into the `Vec<CString>` behind `names`.
unsafe extern "C" fn note_name(
    module: *mut libc::dl_phdr_info,
    _size: usize,
    names: *mut c_void,
) -> c_int {
    // SAFETY: the loader gives a module whose name ends with a NUL; `names` is from `loaded`.
    let (name, names) =
        unsafe { (CStr::from_ptr((*module).dlpi_name), &mut *names.cast::<Vec<CString>>()) };
    names.push(name.to_owned());
    0
}

/// Loads a libgdal that the caller names.
///
/// # Errors
/// - Model: it cannot be loaded, or is no libgdal.
pub(super) fn open_named(file: &Path) -> Result<Library> {
    let unusable = |why: String| {
        Error::model(format!(
            "GDAL cannot be loaded from '{}': {why}; name the libgdal.so of GDAL 3.4 or newer",
            file.display()
        ))
    };
    let library = load(file.as_os_str()).map_err(|error| {
        unusable(std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string))
    })?;
    if symbol(&library, c"GDALVersionInfo").is_null() {
        return Err(unusable("it has no function GDALVersionInfo".into()));
    }
    Ok(library)
}

/// Loads the libgdal that the environment names, else the system's newest.
///
/// # Errors
/// - Model: none can be loaded.
pub(super) fn open() -> Result<Library> {
    if let Some(name) = std::env::var_os(VARIABLE) {
        return load(&name).map_err(|error| {
            let error =
                std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string);
            Error::model(format!(
                "{VARIABLE} is '{}', which cannot be loaded: {error}; set it to the libgdal.so of \
                 GDAL 3.4 or newer, or unset it",
                name.display()
            ))
        });
    }
    let numbered = SONAMES.rev().map(|number| format!("libgdal.so.{number}"));
    numbered.chain(["libgdal.so".into()]).find_map(|name| load(name.as_ref()).ok()).ok_or_else(
        || {
            Error::model(format!(
                "GDAL was not found: no libgdal is loaded in this process, and none of \
                 libgdal.so.{} to libgdal.so.{} and libgdal.so can be loaded; install GDAL 3.4 or \
                 newer (Debian, Ubuntu: apt install gdal-bin) or set {VARIABLE} to its file",
                SONAMES.end(),
                SONAMES.start(),
            ))
        },
    )
}

fn load(name: &std::ffi::OsStr) -> std::result::Result<Library, libloading::Error> {
    // SAFETY: loading runs the initialisers of GDAL and its dependencies, which expect just that.
    unsafe { Library::open(Some(name), RTLD_LAZY | RTLD_LOCAL) }
}

/// Returns the module that an address is in, which is, or depends on, a libgdal; or `None`.
pub(super) fn around(address: *const c_void) -> Option<Library> {
    let file = file_of(address);
    // The program itself may be linked with GDAL, and the loader repeats its first argument.
    let own = std::env::args_os().next().is_some_and(|first| first == file.as_os_str());
    let name = (!own && !file.as_os_str().is_empty()).then_some(file);
    named(name.as_deref())
}

/// Returns a module of this process that is, or depends on, a libgdal: that of a file, or the
/// program.
pub(super) fn named(file: Option<&Path>) -> Option<Library> {
    // SAFETY: RTLD_NOLOAD only counts up a module that is there; none of its code runs.
    let module = unsafe { Library::open(file, RTLD_LAZY | libc::RTLD_NOLOAD) }.ok()?;
    (!symbol(&module, c"GDALVersionInfo").is_null()).then_some(module)
}

/// Returns where a libgdal that the process has loaded from that file has its `GDALVersionInfo`.
pub(super) fn address_in(file: &Path) -> Option<*const c_void> {
    // SAFETY: RTLD_NOLOAD only counts up a module that is there; none of its code runs.
    let module = unsafe { Library::open(Some(file), RTLD_LAZY | libc::RTLD_NOLOAD) }.ok()?;
    Some(symbol(&module, c"GDALVersionInfo"))
}

/// Returns the address of a function in a module or its dependencies, null if there is none.
pub(super) fn symbol(module: &Library, name: &CStr) -> *const c_void {
    // SAFETY: the address is only looked at here; who calls it must know its type.
    unsafe { module.get::<*const c_void>(name.to_bytes_with_nul()) }
        .map_or(std::ptr::null(), |symbol| *symbol)
}

/// Returns the file that a function was loaded from; empty if the loader does not know.
pub(super) fn file_of(function: *const c_void) -> PathBuf {
    let mut place = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: std::ptr::null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: std::ptr::null_mut(),
    };
    // SAFETY: any address may be asked about; `place` is ours.
    unsafe { libc::dladdr(function, &raw mut place) };
    // SAFETY: the name is null or the loader's own string.
    PathBuf::from(unsafe { text(place.dli_fname) })
}
