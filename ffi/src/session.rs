//! Loads networks, says what they will give.

use std::ffi::c_char;

use serde_json::json;
use spectralgpt_core::emit::Emit;
use spectralgpt_core::error::Error;
use spectralgpt_core::geometry::Size;
use spectralgpt_core::options::Options;
use spectralgpt_core::scene::Predictor;

use crate::array::number;
use crate::boundary;
use crate::error::sgpt_error;
use crate::model::sgpt_model;
use crate::options::sgpt_options;
use crate::status::sgpt_status;

/// A model with its network loaded, and how to run it. Immutable: several threads may use it at
/// once, and take turns in the network.
#[derive(Debug)]
pub struct sgpt_session(pub(crate) Predictor);

/// The extent and type of an output. The layout is frozen.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct sgpt_layout {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bands.
    pub bands: usize,
    /// The type of its samples, `SGPT_SAMPLE_...`.
    pub sample_type: i32,
    /// 1 if a value means "nothing here", else 0.
    pub has_nodata: i32,
    /// That value.
    pub nodata: f64,
}

/// Loads a model's network. `model` is the model; `options` say how to run it, NULL for the
/// defaults; both may be freed or changed afterwards. Sessions of the same model file and the same
/// device, provider, precision, threads and batch share one network. `session_out` gets the
/// session; free it with `sgpt_session_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_session_new(
    model: *const sgpt_model,
    options: *const sgpt_options,
    session_out: *mut *mut sgpt_session,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.out("session_out", session_out)?;
            let model = caller.shared("model", model)?.0.clone();
            let options = caller.optional(options).map_or_else(Options::default, |o| o.0.clone());
            let predictor = Predictor::new(model, options)?;
            predictor.load()?;
            out.give(sgpt_session(predictor));
            Ok(())
        })
    }
}

/// Describes a session as JSON: `provider`, `precision`, `onnxruntime` (its version),
/// `fallback_nodes` (null before the first run), `note`, `outputs` (their names in order).
/// `json_out` gets the text; free it with `sgpt_text_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_session_describe(
    session: *const sgpt_session,
    json_out: *mut *mut c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.out("json_out", json_out)?;
            let predictor = &caller.shared("session", session)?.0;
            let report = predictor.load()?;
            let outputs: Vec<&str> =
                predictor.options().emit.iter().map(|emit: &Emit| emit.name()).collect();
            let json = json!({
                "provider": report.provider,
                "precision": report.precision.to_string(),
                "onnxruntime": report.library,
                "fallback_nodes": report.fallback_nodes,
                "note": report.note,
                "outputs": outputs,
            });
            out.give_text(&json.to_string());
            Ok(())
        })
    }
}

/// Tells the extent and type of an output of a raster in memory or behind callbacks. `width` and
/// `height` are the raster's, in pixels; `output` is the output's place in the options' list, from
/// 0. `layout_out` gets what is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_session_layout(
    session: *const sgpt_session,
    width: u32,
    height: u32,
    output: usize,
    layout_out: *mut sgpt_layout,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.out("layout_out", layout_out)?;
            let layers = caller.shared("session", session)?.0.layers(Size::new(width, height))?;
            let (size, layer) = layers.get(output).ok_or_else(|| {
                Error::usage(format!("'output' is {output}, but there are {}", layers.len()))
            })?;
            out.set(sgpt_layout {
                width: size.width,
                height: size.height,
                bands: layer.bands.len(),
                sample_type: number(layer.sample),
                has_nodata: layer.nodata.is_some().into(),
                nodata: layer.nodata.unwrap_or_default(),
            });
            Ok(())
        })
    }
}

/// Frees a session, not within a call that uses it; NULL is nothing to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_session_free(session: *mut sgpt_session) {
    // SAFETY: the caller keeps to ABI.md.
    unsafe { boundary::free(session) }
}
