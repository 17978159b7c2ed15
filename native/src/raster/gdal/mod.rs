//! Reads and writes rasters with GDAL, through C functions that are resolved at run time.
//!
//! libgdal is never linked: one binary serves every GDAL from 3.4 on, and whichever GDAL the
//! process already has. [`GdalApi::find`] gets it, [`GdalSource`] reads, [`GdalSink`] writes.
#![allow(unsafe_code, reason = "calls C; every other module of the crate is safe")]

mod aoi;
mod api;
mod area;
mod bands;
mod create;
mod creation;
mod dataset;
mod encode;
mod georeference;
mod grid;
mod hidden;
mod host;
mod info;
mod int8;
mod labels;
mod library;
mod listen;
mod pam;
mod pieces;
mod pool;
mod publish;
mod rehearse;
mod scratch;
mod shapes;
mod sink;
mod source;
mod srs;
mod strings;
#[cfg(test)]
mod tests;
mod transfer;
mod vector;
mod vsi;
mod warp;
mod watch;

pub use aoi::Aoi;
pub use api::GdalApi;
pub use area::bbox_window;
pub use bands::GdalBands;
pub use georeference::{Gcp, Georeference, near};
pub use host::Host;
pub use info::{BandInfo, Mask, RasterInfo, Subdataset};
pub use labels::Labels;
pub use scratch::scratch_bytes;
pub use sink::{Format, GdalSink, SinkOptions};
pub use source::GdalSource;
pub(crate) use srs::same_srs;
pub use warp::{Place, Resampling};
pub use watch::RowProgress;
