//! `spectralgpt doctor`.

use clap::Args;
use serde_json::{Value, json};
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::memory;
use spectralgpt_core::options::Options;
use spectralgpt_core::raster::gdal::GdalApi;
use spectralgpt_core::runtime::probe;

use crate::print;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<()> {
        let (gdal, gdal_error) = apart(gdal());
        let (runtime, runtime_error) = apart(probe::describe(None));
        let found = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "threads": Options::default().threads,
            "memory_bytes": memory::default_budget(),
            "gdal": gdal,
            "onnxruntime": runtime,
        });
        if self.json {
            print(&found.to_string())?;
        } else {
            lines(&found).iter().try_for_each(|line| print(line))?;
        }
        match (runtime_error, gdal_error) {
            (Some(error), _) | (None, Some(error)) => Err(error),
            (None, None) => Ok(()),
        }
    }
}

/// Makes one value of either outcome, and keeps the error.
fn apart(found: Result<Value>) -> (Value, Option<Error>) {
    match found {
        Ok(value) => (value, None),
        Err(error) => (json!({ "error": error.message() }), Some(error)),
    }
}

fn gdal() -> Result<Value> {
    let api = GdalApi::find()?;
    Ok(json!({ "version": api.version(), "path": api.path().display().to_string() }))
}

fn lines(found: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let part = |name: &str| {
        let part = &found[name];
        match part.get("error") {
            Some(error) => format!("{name:<14}{}", text(error)),
            None => format!("{name:<14}{} at '{}'", text(&part["version"]), text(&part["path"])),
        }
    };
    let mut lines = vec![
        format!("{:<14}{}", "spectralgpt", text(&found["version"])),
        format!("{:<14}{}", "threads", found["threads"]),
        format!("{:<14}{}", "memory", memory::words(found["memory_bytes"].as_u64().unwrap_or(0))),
        part("gdal"),
        part("onnxruntime"),
    ];
    let list = |key: &str| found["onnxruntime"][key].as_array().cloned().unwrap_or_default();
    for provider in list("providers") {
        let state = match (&provider["built_in"], &provider["trouble"]) {
            (_, Value::Null) => "works".to_owned(),
            (Value::Bool(false), _) => "not in this library".to_owned(),
            (_, trouble) => text(trouble),
        };
        lines.push(format!("  {:<26}{state}", text(&provider["name"])));
    }
    for candidate in list("candidates") {
        lines.push(format!(
            "  found '{}' ({})",
            text(&candidate["path"]),
            text(&candidate["origin"])
        ));
    }
    lines
}
