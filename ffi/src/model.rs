//! Opens and describes models.

use std::ffi::c_char;

use spectralgpt_core::error::Result;
use spectralgpt_core::model::Model;
use spectralgpt_core::model::manifest::Activation;

use crate::boundary::{self, Caller};
use crate::error::sgpt_error;
use crate::status::sgpt_status;

/// A model, described. Immutable: several threads may use it at once. Sessions made from it stay
/// valid when it is freed.
#[derive(Debug)]
pub struct sgpt_model(pub(crate) Model);

/// Opens a model. `path` names its file, or a built-in one as in "builtin:landcover". `activation`
/// says what the scores of another's model still need, "none", "softmax", "log_softmax" or
/// "sigmoid"; NULL, the default, for a model that says it itself. `model_out` gets the model; free
/// it with `sgpt_model_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_model_open(
    path: *const c_char,
    activation: *const c_char,
    model_out: *mut *mut sgpt_model,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.out("model_out", model_out)?;
            let path = caller.path("path", path)?;
            let activation = activation_of(caller, activation)?;
            out.give(sgpt_model(Model::open_with(path, activation)?));
            Ok(())
        })
    }
}

/// Opens a model that is in memory: the `bytes_len` bytes of a model file, which are copied; its
/// weights must be among them. `activation` and `model_out` are as `sgpt_model_open` has them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_model_from_memory(
    bytes: *const u8,
    bytes_len: usize,
    activation: *const c_char,
    model_out: *mut *mut sgpt_model,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.out("model_out", model_out)?;
            let bytes = caller.array("bytes", bytes, bytes_len)?;
            let activation = activation_of(caller, activation)?;
            out.give(sgpt_model(Model::from_bytes(bytes.into(), activation)?));
            Ok(())
        })
    }
}

/// Describes a model as JSON: what it does, its bands, classes, outputs, and all else that its file
/// says (docs/manifest.schema.json). `json_out` gets the text; free it with `sgpt_text_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_model_describe(
    model: *const sgpt_model,
    json_out: *mut *mut c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.out("json_out", json_out)?;
            out.give_text(&caller.shared("model", model)?.0.manifest().to_json());
            Ok(())
        })
    }
}

fn activation_of(caller: Caller, name: *const c_char) -> Result<Option<Activation>> {
    caller.optional_text("activation", name)?.map(str::parse).transpose()
}

/// Frees a model; NULL is nothing to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_model_free(model: *mut sgpt_model) {
    // SAFETY: the caller keeps to ABI.md.
    unsafe { boundary::free(model) }
}
