//! Registers what GDAL calls: a VRT then runs the model when it is read.

mod pixel_function;
mod processed_dataset;
mod ramps;
pub mod register;
pub mod vrt;

use std::panic::{AssertUnwindSafe, catch_unwind};

use gdal_sys::CPLErr;
use spectralgpt_core::error::Result;
use spectralgpt_core::live::chips_inferred;
use spectralgpt_core::raster::gdal::Host;

use crate::boundary::defect;

/// Runs the body of a function that GDAL calls; what goes wrong becomes an error of GDAL's.
fn guarded(host: &Host, body: impl FnOnce() -> Result<()>) -> CPLErr::Type {
    let words = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return CPLErr::CE_None,
        Ok(Err(error)) => error.message().to_owned(),
        Err(panic) => defect(&*panic),
    };
    host.fail(&format!("spectralgpt: {words}"));
    CPLErr::CE_Failure
}

/// Tells who listens how many chips a read took.
fn tell_inferred(host: &Host, chips: u64) {
    if chips > 0 {
        host.debug(&format!("{chips} chips inferred, {} in all", chips_inferred()));
    }
}
