//! ONNX Runtime: found, loaded once, asked to run.
//!
//! [`search`] looks for the library, [`library`] opens it, the first [`session::Session`] makes it
//! the process's for good. What a session runs on is chosen in [`provider`].
#![allow(
    unsafe_code,
    reason = "ONNX Runtime is a C library, and what is passed to it is checked here"
)]

mod engine;
mod environment;
mod extras;
mod fallback;
pub mod library;
mod network;
pub mod probe;
pub mod processor;
pub mod provider;
pub mod search;
pub mod session;
mod stop;

/// The oldest ONNX Runtime whose functions we can call, as major and minor version.
pub const OLDEST: (u32, u32) = (1, 17);

/// What to do when there is no ONNX Runtime, as the end of a sentence.
const REMEDY: &str = "`pip install onnxruntime` or name a libonnxruntime.so in \
                      SPECTRALGPT_ORT_LIBRARY";

/// Tells ONNX Runtime not to phone home, unless the user has decided.
///
/// Its own switch comes too late: releases since 1.29 write to the user's cache as soon as they
/// start. To be called first thing in `main`, before there are threads; loading calls it again for
/// programs that load us as a library.
pub fn disable_telemetry() {
    const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";
    if std::env::var_os(VARIABLE).is_none() {
        // SAFETY: sound while no other thread reads the environment, which holds in `main`. Inside
        // a host this runs once, and our plugins have set the variable before us.
        unsafe { std::env::set_var(VARIABLE, "1") };
    }
}
