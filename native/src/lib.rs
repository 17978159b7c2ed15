//! SpectralGPT on whole scenes.
pub mod error;
pub mod geometry;
