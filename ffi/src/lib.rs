//! The C ABI of libspectralgpt; `include/spectralgpt.h` is generated from this crate.

pub mod version;
