//! SpectralGPT on whole scenes: a checkpoint and a Sentinel-2 raster in, a georeferenced map out.
//!
//! The line, one module per arrow:
//! `Window -> TilePlan -> read -> normalise -> batch -> infer -> blend -> write`.
#![deny(unsafe_code)]

pub mod activation;
pub mod arrays;
pub mod bands;
pub mod batch;
pub mod blend;
pub mod checkpoint;
pub mod convert;
pub mod demo;
pub mod emit;
pub mod error;
pub mod geometry;
mod hidden;
pub mod inputs;
mod journal;
pub mod landscape;
pub mod live;
pub mod memory;
pub mod model;
pub mod normalise;
pub mod onnx;
pub mod options;
pub mod outputs;
pub mod picture;
pub mod pipeline;
pub mod preview;
pub mod product;
pub mod progress;
pub mod raster;
mod resize;
mod resume;
pub mod runtime;
pub mod scene;
pub mod sentinel2;
pub mod series;
pub mod spare;
pub mod spectralgpt;
pub mod speed;
pub mod strip;
pub mod tile;
pub mod train;
mod xml;
