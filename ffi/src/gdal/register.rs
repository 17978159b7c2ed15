//! Makes a libgdal know us.

use std::ffi::{c_char, c_void};
use std::sync::{Mutex, PoisonError};

use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::raster::gdal::Host;

use super::{guarded, pixel_function, processed_dataset, ramps};
use crate::boundary;
use crate::error::sgpt_error;
use crate::status::sgpt_status;

/// Registers with the GDAL that calls; GDAL finds it in a file `gdal_SpectralGPT.so` on its
/// GDAL_DRIVER_PATH. Programs call `sgpt_gdal_register`.
#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
#[allow(non_snake_case, reason = "GDAL makes the name of the file's")]
pub unsafe extern "C" fn GDALRegister_SpectralGPT() {
    // The return address tells which of several libgdals calls.
    std::arch::naked_asm!("mov rdi, [rsp]", "jmp {register}", register = sym register_with_caller)
}

/// Registers with the GDAL that calls; GDAL finds it in a file `gdal_SpectralGPT.so` on its
/// GDAL_DRIVER_PATH. Programs call `sgpt_gdal_register`.
#[cfg(target_arch = "aarch64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
#[allow(non_snake_case, reason = "GDAL makes the name of the file's")]
pub unsafe extern "C" fn GDALRegister_SpectralGPT() {
    // The return address tells which of several libgdals calls.
    std::arch::naked_asm!("mov x0, x30", "b {register}", register = sym register_with_caller)
}

/// Registers with the libgdal that the address is in, else with the one that is found.
extern "C" fn register_with_caller(caller: *const c_void) {
    match Host::of_caller(caller).or_else(|_| Host::of_file(None)) {
        Ok(host) => drop(guarded(host, || enrol(host))),
        Err(error) => log::error!("{error}"),
    }
}

/// Registers the pixel function `spectralgpt`, and from GDAL 3.9 on the processing step
/// `SpectralGPT`, with a GDAL that the process has loaded, so that it reads live VRTs. `module` is a
/// library that is, or uses, that GDAL, as Python's osgeo/_gdal...so; NULL: the one that is found as
/// for files. Registering again does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_gdal_register(
    module: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let module = if module.is_null() { None } else { Some(caller.path("module", module)?) };
            enrol(Host::of_file(module)?)
        })
    }
}

/// Ends the reads of live VRTs that this process is at, in any thread and GDAL: they fail, the program
/// is told so by GDAL; reads that begin later are served, and chips that are inferred already are
/// kept. Returns at once; a read ends when its chip does. May be a handler of `signal`.
#[unsafe(no_mangle)]
pub extern "C" fn sgpt_gdal_interrupt() {
    spectralgpt_core::live::interrupt();
}

/// The libgdals that know us, each by the number of its pixel function.
static ENROLLED: Mutex<Vec<&'static Host>> = Mutex::new(Vec::new());

fn enrol(host: &'static Host) -> Result<()> {
    let mut enrolled = ENROLLED.lock().unwrap_or_else(PoisonError::into_inner);
    if enrolled.iter().any(|other| std::ptr::eq(*other, host)) {
        return Ok(());
    }
    let function = pixel_function::FUNCTIONS.get(enrolled.len()).ok_or_else(|| {
        Error::failed(format!("this process has more than {} libgdals", enrolled.len()))
    })?;
    ramps::show(host)?;
    // First, because from then on the function may be called.
    enrolled.push(host);
    host.add_pixel_function(c"spectralgpt", Some(*function))?;
    processed_dataset::add(host)
}

/// Returns the libgdal whose pixel function has that number.
pub(super) fn enrolled(number: usize) -> Option<&'static Host> {
    ENROLLED.lock().unwrap_or_else(PoisonError::into_inner).get(number).copied()
}
