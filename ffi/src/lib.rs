//! The C ABI of libspectralgpt; `include/spectralgpt.h` is generated from this crate.
//!
#![doc = include_str!("../ABI.md")]
#![allow(non_camel_case_types, reason = "types have the names that C sees")]
#![allow(
    clippy::missing_safety_doc,
    reason = "ABI.md says once, for every function, what its caller promises"
)]

pub mod array;
mod boundary;
pub mod convert;
pub mod error;
pub mod gdal;
pub mod log;
pub mod model;
pub mod options;
pub mod predict;
pub mod preview;
pub mod raster;
mod relay;
pub mod runtime;
pub mod session;
pub mod stack;
pub mod status;
pub mod train;
pub mod version;
pub mod watch;
