//! `spectralgpt doctor`.

use clap::Args;
use serde_json::{Value, json};
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::memory;
use spectralgpt_core::options::Options;
use spectralgpt_core::raster::gdal::GdalApi;
use spectralgpt_core::runtime::probe;
use spectralgpt_core::runtime::provider::Device;
use spectralgpt_core::speed::{Measured, Record};

use crate::bench::rounds::{Rounds, number};
use crate::bench::runner::Runner;
use crate::bench::variants::{Variant, variants};
use crate::print;

/// Rounds that the speed is measured in.
const ROUNDS: usize = 3;

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
        let (speed, _) = apart(speed());
        let found = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "threads": Options::default().threads,
            "memory_bytes": memory::default_budget(),
            "gdal": gdal,
            "onnxruntime": runtime,
            "speed": speed,
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

/// Times an encoder's block in every way there is, and keeps that for later runs' logs.
fn speed() -> Result<Value> {
    let threads = Options::default().threads;
    let ways = variants(Device::Cpu);
    let start = |way: &Variant| Runner::start(way.name, way.serve("block", threads, &[])?);
    let mut runners = ways.iter().map(start).collect::<Result<Vec<_>>>()?;
    let rounds = Rounds::run(&mut runners, ROUNDS, threads, None)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let measured = runners.iter().enumerate().map(|(at, runner)| Measured {
        library: text(&runner.about["library"]).into(),
        version: text(&runner.about["onnxruntime"]),
        provider: text(&runner.about["provider"]),
        precision: text(&runner.about["precision"]),
        seconds: rounds
            .spread(|turns| number(&turns[at], "wall") / number(&turns[at], "runs"))
            .median,
    });
    let measured: Vec<Measured> = measured.collect();
    if let Err(error) = Record::new(measured.clone()).keep() {
        log::warn!("what was measured is not kept: {error}");
    }
    Ok(json!(measured))
}

fn speed_lines(speed: &Value) -> Vec<String> {
    let ways = speed.as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(first) = ways.first() else { return Vec::new() };
    let line = |way: &Value| {
        let text = |key: &str| way[key].as_str().unwrap_or_default().to_owned();
        format!(
            "  x {:<6.2}{} {} (ONNX Runtime {})",
            number(first, "seconds") / number(way, "seconds"),
            text("provider"),
            text("precision"),
            text("version"),
        )
    };
    let head =
        format!("speed         of an encoder's block, {:.0} ms", 1e3 * number(first, "seconds"));
    std::iter::once(head).chain(ways.iter().map(line)).collect()
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
    lines.extend(speed_lines(&found["speed"]));
    for candidate in list("candidates") {
        lines.push(format!(
            "  found '{}' ({})",
            text(&candidate["path"]),
            text(&candidate["origin"])
        ));
    }
    lines
}
