//! Lists what arguments must be, and what they must not be.

use crate::signatures::Named;

/// Pointers that may be NULL, as the header says of each.
const NULLABLE: [&str; 14] = [
    "sgpt_gdal_register.module",
    "sgpt_live_vrt.kind",
    "sgpt_log_set.log",
    "sgpt_log_set.user_data",
    "*.activation",
    "sgpt_options_set_bands.names",
    "sgpt_options_set_bbox.srs",
    "sgpt_convert.json_out",
    "*.error_out",
    "*.options@const sgpt_options*",
    "*.options@const sgpt_convert_options*",
    "*.training",
    "*.report_out",
    "*.watch",
];

/// Functions that fail even with good arguments: they are given files that do not exist.
pub(crate) const FAIL: [&str; 7] = [
    "sgpt_convert",
    "sgpt_gdal_use",
    "sgpt_live_vrt",
    "sgpt_predict_files",
    "sgpt_preview_files",
    "sgpt_stack_vrt",
    "sgpt_train",
];

/// Arguments that are kept for later, so that nothing is wrong with any path yet.
const KEPT: [&str; 3] =
    ["sgpt_options_set_onnxruntime", "sgpt_options_set_aoi", "sgpt_train_options_set_cache"];

fn nullable(function: &str, parameter: &Named) -> bool {
    let Named { kind, name } = parameter;
    let here = [format!("{function}.{name}"), format!("*.{name}"), format!("*.{name}@{kind}")];
    NULLABLE.iter().any(|entry| here.iter().any(|here| here == entry))
}

/// Returns a good argument.
pub(crate) fn good(function: &str, parameter: &Named) -> String {
    let Named { kind, name } = parameter;
    let by_kind = match kind.as_str() {
        "const char*" => return text(function, name).to_owned(),
        "const char*const*" => "w->files",
        "const uint8_t*" => "w->bytes",
        "size_t" if name == "bytes_len" => "w->bytes_len",
        "sgpt_error**" => "&w->error",
        "char**" => "&w->text_made",
        "const sgpt_error*" | "sgpt_error*" => "w->reason",
        "char*" => "w->text",
        "sgpt_layout*" => "&w->layout",
        "void*" | "sgpt_log" => "NULL",
        "int32_t" => "1",
        "uint32_t" => {
            if name == "row" || name == "column" {
                "0"
            } else {
                "8"
            }
        }
        "size_t" => {
            if name == "output" {
                "0"
            } else {
                "1"
            }
        }
        "uint64_t" => "1u << 31",
        "double" => "1.0",
        _ => {
            let object = kind.trim_start_matches("const ").trim_start_matches("sgpt_");
            let plain = ["array", "buffer", "source", "sink", "watch"];
            return match object.strip_suffix("**") {
                Some(object) => format!("&w->{object}_made"),
                None => {
                    let object = object.trim_end_matches('*');
                    format!("{}w->{object}", if plain.contains(&object) { "&" } else { "" })
                }
            };
        }
    };
    by_kind.to_owned()
}

fn text(function: &str, name: &str) -> &'static str {
    match (function, name) {
        ("sgpt_model_open", "path") => "w->model_path",
        ("sgpt_options_set_emit", _) => "\"classes\"",
        ("sgpt_options_set_device", _) => "\"cpu\"",
        ("sgpt_options_set_provider", _) => "\"ort\"",
        ("sgpt_options_set_format", _) => "\"COG\"",
        ("sgpt_options_set_resolution", _) => "\"source\"",
        ("sgpt_options_set_threshold", _) => "\"0.5\"",
        ("sgpt_train_options_set_head" | "sgpt_train_options_set_layer", _) => "\"auto\"",
        ("sgpt_convert_options_set_task", _) => "\"segment\"",
        ("sgpt_convert_options_set_profile", _) => "\"segmunich\"",
        (_, "checkpoint") => "w->checkpoint_path",
        (_, "model" | "output") => "w->map_path",
        (_, "activation" | "srs" | "module") => "NULL",
        (_, "kind") => "\"auto\"",
        (_, "json") => "\"[]\"",
        (_, "option") => "\"COMPRESS=ZSTD\"",
        (_, "name") => "\"fp32\"",
        (_, "names") => "\"B02\"",
        _ => "\"/nowhere/file\"",
    }
}

pub(crate) type Wrong = (&'static str, String, &'static str);

/// Lists what an argument must not be.
pub(crate) fn wrong(function: &str, parameter: &Named) -> Vec<Wrong> {
    let Named { kind, name } = parameter;
    let fails = FAIL.contains(&function);
    let (refused, either) = ("REFUSED", if fails { "REFUSED" } else { "EITHER" });
    let with = |what, value: &str, must| (what, value.to_owned(), must);
    match kind.as_str() {
        "const char*" => {
            let kept = KEPT.contains(&function) || nullable(function, parameter);
            let path = kept && KEPT.contains(&function);
            let long =
                ["path", "checkpoint", "name", "json", "activation"].contains(&name.as_str());
            vec![
                with("NULL", "NULL", if nullable(function, parameter) { either } else { refused }),
                with("empty", "\"\"", either),
                with("no UTF-8", "no_utf8", if path { either } else { refused }),
                with("64 KiB long", "long_text", if long && !path { refused } else { either }),
            ]
        }
        "size_t" if name.ends_with("_len") => {
            vec![with("0", "0", refused), with("all bits", "SIZE_MAX", refused)]
        }
        "size_t" => vec![with("0", "0", either), with("all bits", "SIZE_MAX", refused)],
        "uint32_t" => vec![with("0", "0", either), with("all bits", "UINT32_MAX", either)],
        "uint64_t" => vec![with("0", "0", either), with("all bits", "UINT64_MAX", either)],
        "int32_t" => vec![with("least", "INT32_MIN", either), with("most", "INT32_MAX", either)],
        "double" => {
            vec![with("NaN", "(double)NAN", either), with("infinite", "(double)INFINITY", either)]
        }
        // The functions that look at an object or free it take NULL.
        _ if !function.contains("_set") && function.ends_with("_free")
            || function.starts_with("sgpt_error_")
            || function == "sgpt_cancel_request" =>
        {
            vec![with("NULL", "NULL", either)]
        }
        _ => {
            vec![with("NULL", "NULL", if nullable(function, parameter) { either } else { refused })]
        }
    }
}

/// Lists what a member must not be.
pub(crate) fn wrong_member(object: &str, member: &Named, place: &str) -> Vec<Wrong> {
    let Named { kind, name } = member;
    let with = |what, value: String, must| (what, value, must);
    let kind = if kind.ends_with('*') { kind.as_str() } else { kind.trim_start_matches("const ") };
    match (kind, name.as_str()) {
        (_, "user_data") => Vec::new(),
        _ if object == "watch" => vec![with("NULL", "NULL".into(), "DONE")],
        ("const void*" | "void*", _) => vec![
            with("NULL", "NULL".into(), "REFUSED"),
            with("not aligned", format!("(char *){place} + 1"), "REFUSED"),
        ],
        ("size_t", "samples_len" | "valid_len" | "bands") => vec![
            with("0", "0".into(), "REFUSED"),
            with("one less", format!("{place} - 1"), "REFUSED"),
            with("one more", format!("{place} + 1"), "REFUSED"),
            with("all bits", "SIZE_MAX".into(), "REFUSED"),
            with("a product's overflow", "SIZE_MAX / PIXELS + 2".into(), "REFUSED"),
        ],
        // The other two are 0, which puts all of an output's samples in one place.
        ("size_t", "band_stride") if object == "buffer" => {
            vec![with("all bits", "SIZE_MAX".into(), "REFUSED")]
        }
        // There is one band, and so no step to the next.
        ("size_t", "band_stride") => vec![with("all bits", "SIZE_MAX".into(), "DONE")],
        ("size_t", _) => vec![
            with("all bits", "SIZE_MAX".into(), "REFUSED"),
            with("half of all", "SIZE_MAX / 2 + 1".into(), "REFUSED"),
        ],
        ("uint32_t", _) => {
            vec![with("0", "0".into(), "REFUSED"), with("all bits", "UINT32_MAX".into(), "REFUSED")]
        }
        ("int32_t", _) => vec![
            with("0", "0".into(), "REFUSED"),
            with("unknown", "99".into(), "REFUSED"),
            with("least", "INT32_MIN".into(), "REFUSED"),
        ],
        ("const char*", _) => vec![
            with("NULL", "NULL".into(), "REFUSED"),
            with("empty", "\"\"".into(), "REFUSED"),
            with("no UTF-8", "no_utf8".into(), "REFUSED"),
            with("64 KiB long", "long_text".into(), "REFUSED"),
        ],
        _ => vec![with("NULL", "NULL".into(), "REFUSED")],
    }
}
