//! Runs models on rasters.

use std::ffi::c_char;

use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::raster::{RasterSink, RasterSource};

use crate::array::{check_apart, names, sgpt_array, sgpt_buffer};
use crate::boundary::{self, Read, Write};
use crate::error::sgpt_error;
use crate::raster::{sgpt_sink, sgpt_source};
use crate::relay;
use crate::session::sgpt_session;
use crate::status::sgpt_status;
use crate::watch::sgpt_watch;

/// Predicts raster files, anything GDAL opens, into a map. `inputs` are `inputs_len` file names,
/// UTF-8, one per date; `output` is the file to write; other outputs go beside it, as with the
/// command line.
/// `watch` may be NULL. `report_out` gets what was done as JSON (`outputs`, `seconds`, `chips`,
/// `chips_skipped`, `chips_per_second`, `provider`, `precision`, `fallback_nodes`,
/// `seam_disagreement`, `peak_rss_bytes`), unless it is NULL; free it with `sgpt_text_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_predict_files(
    session: *const sgpt_session,
    inputs: *const *const c_char,
    inputs_len: usize,
    output: *const c_char,
    watch: *const sgpt_watch,
    report_out: *mut *mut c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.optional_out(report_out);
            let predictor = &caller.shared("session", session)?.0;
            let output = caller.path("output", output)?;
            let inputs = caller.texts("inputs", inputs, inputs_len)?;
            let report = predictor.predict(&inputs, output, &mut caller.watcher(watch))?;
            out.give_text(&report.to_json().to_string());
            Ok(())
        })
    }
}

/// Predicts rasters in memory into memory; needs no GDAL. `inputs` are `inputs_len` rasters of one
/// size, one per date; `outputs` are `outputs_len` rooms, one per output of the options in their
/// order, which must not overlap anything. Inputs are read on other threads until the call returns.
/// `watch` may be NULL. `report_out` gets what was done as JSON, as `sgpt_predict_files` gives it,
/// unless it is NULL; free it with `sgpt_text_free`.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "arrays in C are two arguments")]
pub unsafe extern "C" fn sgpt_predict_arrays(
    session: *const sgpt_session,
    inputs: *const sgpt_array,
    inputs_len: usize,
    outputs: *const sgpt_buffer,
    outputs_len: usize,
    watch: *const sgpt_watch,
    report_out: *mut *mut c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.optional_out(report_out);
            let predictor = &caller.shared("session", session)?.0;
            let inputs = caller.array("inputs", inputs, inputs_len)?;
            let outputs = caller.array("outputs", outputs, outputs_len)?;
            check_apart(inputs, outputs)?;
            let source = |(index, input): (usize, &sgpt_array)| {
                input.source(caller, &format!("inputs[{index}]"), predictor)
            };
            let sources = inputs.iter().enumerate().map(source).collect::<Result<Vec<_>>>()?;
            let size = sources.first().map_or(Size::new(1, 1), RasterSource::size);
            let layers = predictor.layers(size)?;
            let sink = |(index, (output, layer)): (usize, (&sgpt_buffer, _))| {
                output.sink(caller, &format!("outputs[{index}]"), layer)
            };
            let sinks = outputs.iter().zip(&layers).enumerate().map(sink);
            let mut sinks = sinks.collect::<Result<Vec<_>>>()?;
            check_count(outputs.len(), layers.len())?;
            let sources: Vec<&dyn RasterSource> = sources.iter().map(|s| s as _).collect();
            let mut sinks: Vec<&mut dyn RasterSink> = sinks.iter_mut().map(|s| s as _).collect();
            let report =
                predictor.predict_sources(&sources, &mut sinks, &mut caller.watcher(watch))?;
            out.give_text(&report.to_json().to_string());
            Ok(())
        })
    }
}

/// Predicts rasters that callbacks read into outputs that callbacks store; needs no GDAL. `sources`
/// are `sources_len` rasters of one size, one per date; `sinks` are `sinks_len` outputs, one per
/// output of the options in their order. All callbacks come on the thread that called in, one at a
/// time, none after one of them ended the run; each may call this library. `watch` may be NULL.
/// `report_out` gets what was done as JSON, as `sgpt_predict_files` gives it, unless it is NULL; free
/// it with `sgpt_text_free`.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "arrays in C are two arguments")]
pub unsafe extern "C" fn sgpt_predict_callbacks(
    session: *const sgpt_session,
    sources: *const sgpt_source,
    sources_len: usize,
    sinks: *const sgpt_sink,
    sinks_len: usize,
    watch: *const sgpt_watch,
    report_out: *mut *mut c_char,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let out = caller.optional_out(report_out);
            let predictor = &caller.shared("session", session)?.0;
            let sources = caller.array("sources", sources, sources_len)?;
            let sinks = caller.array("sinks", sinks, sinks_len)?;
            check_count(sinks.len(), predictor.options().emit.len())?;
            let read = |(index, source): (usize, &sgpt_source)| {
                let name = format!("sources[{index}]");
                let names = names(caller, &name, source.band_names, source.bands)?;
                let bands = predictor.find_bands(&names).map_err(|error| error.at(&name))?;
                caller.read(&name, source, bands)
            };
            let reads = sources.iter().enumerate().map(read).collect::<Result<Vec<Read>>>()?;
            let write =
                |(index, sink): (usize, &sgpt_sink)| caller.write(&format!("sinks[{index}]"), sink);
            let writes = sinks.iter().enumerate().map(write).collect::<Result<Vec<Write>>>()?;
            let report = relay::predict(predictor, &reads, &writes, &mut caller.watcher(watch))?;
            out.give_text(&report.to_json().to_string());
            Ok(())
        })
    }
}

fn check_count(given: usize, needed: usize) -> Result<()> {
    if given == needed {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{given} places for outputs were given, {needed} outputs are asked for"
    )))
}
