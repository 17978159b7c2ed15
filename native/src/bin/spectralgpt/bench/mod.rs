//! `spectralgpt bench`: how fast this machine is, and what it could be, all in one run.

mod compare;
mod overlaps;
pub(crate) mod rounds;
pub(crate) mod runner;
mod scaling;
mod scene;
pub(crate) mod variants;
mod versus;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::options::Options;
use spectralgpt_core::runtime::provider::Device;
use tempfile::TempDir;

use crate::parse::count;
use crate::print;
use variants::{Variant, variants};

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The model
    #[arg(default_value = "builtin:landcover")]
    model: PathBuf,
    /// A raster to predict, one per date [default: a made scene]
    #[arg(long, value_name = "RASTER")]
    input: Vec<String>,
    /// Rounds, in each of which everything that is compared has a turn
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = count)]
    rounds: usize,
    /// Threads [default: as many as this process may use]
    #[arg(short = 'j', long, value_name = "N", value_parser = count)]
    threads: Option<usize>,
    /// What computes: auto, cpu, cuda, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: Device,
    /// Pixels that neighbouring chips share [default: the model's, 32]
    #[arg(long, value_name = "PX")]
    overlap: Option<u32>,
    /// Chips inferred together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count)]
    batch: usize,
    /// Another program to compare with, whose command answers each line as `spectralgpt serve` does; {input}
    /// and {output} stand for the rasters, one per date, and the map. May be repeated
    #[arg(long, value_name = "NAME=COMMAND")]
    peer: Vec<String>,
    /// Billions of operations of the model for a chip: shares of the machine's best are told then
    #[arg(long, value_name = "GFLOP")]
    gflop: Option<f64>,
    /// Compares overlaps instead, separated by commas: seams, time, and the map of the last of them
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["peer", "scaling"])]
    overlaps: Vec<u32>,
    /// Compares sixteenths and quarters of the raster with all of it instead: time and memory
    #[arg(long, requires = "input", conflicts_with = "peer")]
    scaling: bool,
    /// Measures the fastest way alone
    #[arg(long)]
    fastest: bool,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

/// What was found, for people and for programs.
pub(crate) struct Findings {
    pub(crate) lines: Vec<String>,
    pub(crate) json: Value,
}

impl Arguments {
    pub(crate) fn run(mut self) -> Result<()> {
        let folder = TempDir::new()
            .map_err(|e| Error::io(format!("no temporary folder can be made: {e}")))?;
        if self.input.is_empty() {
            self.input = scene::make(&self.model, folder.path())?;
        }
        let findings = match (self.overlaps.is_empty(), self.scaling) {
            (false, _) => self.overlaps(folder.path()),
            (true, true) => self.scaling(folder.path()),
            (true, false) => self.versus(folder.path()),
        }?;
        if self.json {
            return print(&findings.json.to_string());
        }
        findings.lines.iter().try_for_each(|line| print(line))
    }

    /// Lists the ways to be measured, the fastest last.
    fn ways(&self) -> Vec<Variant> {
        let mut ways = variants(self.device);
        if self.fastest || self.scaling || !self.overlaps.is_empty() {
            ways.drain(..ways.len() - 1);
        }
        ways
    }

    fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| Options::default().threads)
    }

    /// Lists what `serve predict` is told, whoever computes; `output` is the map.
    fn predict(&self, output: &Path) -> Vec<OsString> {
        let mut told: Vec<OsString> = vec!["--model".into(), self.model.clone().into()];
        for input in &self.input {
            told.extend(["--input".into(), input.into()]);
        }
        told.extend(["--output".into(), output.into()]);
        told.extend(["--batch".into(), self.batch.to_string().into()]);
        if let Some(overlap) = self.overlap {
            told.extend(["--overlap".into(), overlap.to_string().into()]);
        }
        told
    }
}
