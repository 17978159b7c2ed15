//! A model file and what it says of itself.

pub mod manifest;
