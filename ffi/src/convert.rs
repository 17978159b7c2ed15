//! Turns checkpoints into models.

use std::ffi::c_char;

use spectralgpt_core::convert::{ConvertOptions, convert};
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::model::classes;
use spectralgpt_core::model::manifest::Task;
use spectralgpt_core::model::profile::Profile;
use spectralgpt_core::onnx::WeightFormat;

use crate::array::split;
use crate::boundary;
use crate::error::sgpt_error;
use crate::status::sgpt_status;

/// What a conversion is told; what is not is found in the weights or assumed. One thread at a time.
#[derive(Debug)]
pub struct sgpt_convert_options(ConvertOptions);

/// Converts `checkpoint`, a file that torch.save wrote or safetensors, and writes `model`, replacing
/// it if it exists. `options` is NULL for the defaults. `json_out` gets the model's description, what
/// was assumed listed in it, unless it is NULL; free it with `sgpt_text_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert(
    checkpoint: *const c_char,
    model: *const c_char,
    options: *const sgpt_convert_options,
    json_out: *mut *mut c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.optional_out(json_out);
            let checkpoint = caller.path("checkpoint", checkpoint)?;
            let model = caller.path("model", model)?;
            let defaults = ConvertOptions::default();
            let options = caller.optional(options).map_or(&defaults, |options| &options.0);
            out.give_text(&convert(checkpoint, model, options)?.to_json());
            Ok(())
        })
    }
}

fn task(name: &str) -> Result<Option<Task>> {
    let found = Task::ALL.into_iter().find(|task| task.name() == name);
    if found.is_some() || name == "auto" {
        return Ok(found);
    }
    let known = Task::ALL.map(Task::name).join(", ");
    Err(Error::usage(format!("'{name}' is not a task; give auto, {known}")))
}

fn weights(name: &str) -> Result<WeightFormat> {
    match name {
        "fp32" => Ok(WeightFormat::Fp32),
        "fp16" => Ok(WeightFormat::Fp16),
        _ => Err(Error::usage(format!("'{name}' is not how weights are stored; give fp32, fp16"))),
    }
}

/// Makes options with every one at its default. `options_out` gets them; free them with
/// `sgpt_convert_options_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert_options_new(
    options_out: *mut *mut sgpt_convert_options,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            caller
                .out("options_out", options_out)?
                .give(sgpt_convert_options(ConvertOptions::default()));
            Ok(())
        })
    }
}

/// Frees options; NULL is nothing to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert_options_free(options: *mut sgpt_convert_options) {
    // SAFETY: the caller keeps to ABI.md.
    unsafe { boundary::free(options) }
}

/// Sets the task that the checkpoint must be of: "classify", "multilabel", "segment", "change",
/// "embed", "reconstruct"; "auto": as its tensors say, the default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert_options_set_task(
    options: *mut sgpt_convert_options,
    name: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.task = task(caller.text("name", name)?)?;
            Ok(())
        })
    }
}

/// Sets how the model was fed: "pretrain", "eurosat-stock", "eurosat-canonical", "bigearthnet",
/// "segmunich", "oscd". Default: as the original feeds the task.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert_options_set_profile(
    options: *mut sgpt_convert_options,
    name: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.profile = Some(Profile::named(caller.text("name", name)?)?);
            Ok(())
        })
    }
}

/// Sets the names of the model's input bands in order, separated by commas. Default: the profile's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert_options_set_bands(
    options: *mut sgpt_convert_options,
    names: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.bands = Some(split(Some(caller.text("names", names)?)));
            Ok(())
        })
    }
}

/// Sets the classes, a JSON list as in [{"name": "Water", "colour": "#0000ff"}], in score order.
/// Default: the profile's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert_options_set_classes(
    options: *mut sgpt_convert_options,
    json: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.classes = Some(classes::parse(caller.text("json", json)?)?);
            Ok(())
        })
    }
}

/// Sets the side of a chip in pixels; positions are resized. Default: as trained.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert_options_set_image_size(
    options: *mut sgpt_convert_options,
    pixels: u32,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.image_size = Some(pixels);
            Ok(())
        })
    }
}

/// Sets the attention heads, which leave no trace in the weights. Default: from the width.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert_options_set_heads(
    options: *mut sgpt_convert_options,
    heads: u32,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.heads = Some(heads);
            Ok(())
        })
    }
}

/// Sets the attention heads of an autoencoder's decoder. Default: from its width.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert_options_set_decoder_heads(
    options: *mut sgpt_convert_options,
    heads: u32,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.decoder_heads = Some(heads);
            Ok(())
        })
    }
}

/// Sets how weights are stored: "fp32", "fp16". Default: "fp32".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert_options_set_weights(
    options: *mut sgpt_convert_options,
    name: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.weights = weights(caller.text("name", name)?)?;
            Ok(())
        })
    }
}

/// Sets whether the network scales chips and applies the activation itself, so that other programs
/// run it too: 1 or 0. Default: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert_options_set_portable(
    options: *mut sgpt_convert_options,
    on: i32,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.portable = on != 0;
            Ok(())
        })
    }
}

/// Sets whether a STAC item, MODEL.stac.json, is written too: 1 or 0. Default: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_convert_options_set_stac(
    options: *mut sgpt_convert_options,
    on: i32,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.stac = on != 0;
            Ok(())
        })
    }
}
