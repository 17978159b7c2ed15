//! Trains models of a caller's own classes.

use std::ffi::c_char;

use spectralgpt_core::error::Error;
use spectralgpt_core::train::{TrainOptions, parse_classes, train};

use crate::boundary;
use crate::error::sgpt_error;
use crate::model::sgpt_model;
use crate::options::sgpt_options;
use crate::status::sgpt_status;
use crate::watch::sgpt_watch;

/// What a training is told besides `sgpt_options`. One thread at a time.
#[derive(Debug)]
pub struct sgpt_train_options(TrainOptions);

/// Trains a head on `model`'s encoder with the labelled places of a raster and writes `output`, a
/// segmentation model whose name ends in ".onnx". `input` is the raster and `labels` what is where
/// in it, both anything GDAL opens, UTF-8: polygons, lines or points, or a raster of class values (0
/// and nodata: no label). `training` and `options` are NULL for the defaults; of the latter, outputs
/// and parts do not count. `watch` may be NULL. `report_out` gets how good the model is on blocks that it
/// did not learn from, as JSON (docs/training.md), unless it is NULL; free it with `sgpt_text_free`.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "a training has two kinds of options")]
pub unsafe extern "C" fn sgpt_train(
    model: *const sgpt_model,
    input: *const c_char,
    labels: *const c_char,
    output: *const c_char,
    training: *const sgpt_train_options,
    options: *const sgpt_options,
    watch: *const sgpt_watch,
    report_out: *mut *mut c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.optional_out(report_out);
            let model = &caller.shared("model", model)?.0;
            let (input, labels) = (caller.text("input", input)?, caller.text("labels", labels)?);
            let output = caller.path("output", output)?;
            let told = caller.optional(training).map(|training| training.0.clone());
            let mut told = told.unwrap_or_default();
            if let Some(options) = caller.optional(options) {
                told.line = options.0.clone();
            }
            let mut watcher = caller.watcher(watch);
            let report = train(model, input, labels, output, &told, &mut watcher)?;
            let json = serde_json::to_string(&report)
                .map_err(|error| Error::failed(format!("the report cannot be written: {error}")))?;
            out.give_text(&json);
            Ok(())
        })
    }
}

/// Makes options with every one at its default. `options_out` gets them; free them with
/// `sgpt_train_options_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_train_options_new(
    options_out: *mut *mut sgpt_train_options,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            caller
                .out("options_out", options_out)?
                .give(sgpt_train_options(TrainOptions::default()));
            Ok(())
        })
    }
}

/// Frees options; NULL is nothing to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_train_options_free(options: *mut sgpt_train_options) {
    // SAFETY: the caller keeps to ABI.md.
    unsafe { boundary::free(options) }
}

/// Sets the field of the vector file that holds the classes. Default: the labels are a raster.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_train_options_set_field(
    options: *mut sgpt_train_options,
    field: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.field = Some(caller.text("field", field)?.to_owned());
            Ok(())
        })
    }
}

/// Sets names and colours of classes, a JSON list as in
/// [{"label": "3", "name": "Water", "colour": "#0000ff"}]. Default: the labels, colours of ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_train_options_set_classes(
    options: *mut sgpt_train_options,
    json: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.classes = parse_classes(caller.text("json", json)?)?;
            Ok(())
        })
    }
}

/// Sets what is put on the encoder: "auto", whatever tests best, "logistic", "mlp". Default: "auto".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_train_options_set_head(
    options: *mut sgpt_train_options,
    name: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.head = caller.text("name", name)?.parse()?;
            Ok(())
        })
    }
}

/// Sets what the head sees besides each pixel's spectrum: "auto", "encoder", "decoder". Default:
/// "auto".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_train_options_set_layer(
    options: *mut sgpt_train_options,
    name: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.layer = caller.text("name", name)?.parse()?;
            Ok(())
        })
    }
}

/// Sets how far rare classes are lifted, from 0, each class counts as its pixels, to 1, all count
/// alike. Default: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_train_options_set_balance(
    options: *mut sgpt_train_options,
    share: f64,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.balance = share;
            Ok(())
        })
    }
}

/// Sets the side of the blocks that are learnt from or tested on as a whole, in pixels, from 32.
/// Default: 32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_train_options_set_blocks(
    options: *mut sgpt_train_options,
    pixels: u32,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.block_px = pixels;
            Ok(())
        })
    }
}

/// Sets the parts that the blocks are dealt into, each tested once, 2 to 20. Default: 5.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_train_options_set_folds(
    options: *mut sgpt_train_options,
    folds: u32,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.folds = folds as usize;
            Ok(())
        })
    }
}

/// Sets what starts all that is drawn by lot; equal seeds give equal files. Default: 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_train_options_set_seed(
    options: *mut sgpt_train_options,
    seed: u64,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |_, options| {
            options.0.seed = seed;
            Ok(())
        })
    }
}

/// Sets the folder that keeps what the encoder gives, for the next training. Default: it is not
/// kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_train_options_set_cache(
    options: *mut sgpt_train_options,
    path: *const c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::change(options, error_out, |caller, options| {
            options.0.cache = Some(caller.path("path", path)?.to_owned());
            Ok(())
        })
    }
}
