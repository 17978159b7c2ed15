//! The ways in which this machine can compute a model.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use spectralgpt_core::error::Result;
use spectralgpt_core::runtime::provider::Device;
use spectralgpt_core::runtime::search::{self, Origin, Places};

use super::runner::serve;

/// A library, who computes with it, and how.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    library: Option<PathBuf>,
    device: String,
    provider: &'static str,
    precision: &'static str,
}

/// Lists the ways on a device, the plainest first: fp32 by ONNX Runtime's own, then by OpenVINO,
/// then the fastest there is.
pub(crate) fn variants(device: Device) -> Vec<Variant> {
    let make = |name, library: &Option<PathBuf>, provider, precision| Variant {
        name,
        library: library.clone(),
        device: device.to_string(),
        provider,
        precision,
    };
    let (plain, openvino) = libraries();
    if matches!(device, Device::Cuda(_)) {
        return [("fp32, GPU", "fp32"), ("fastest, GPU", "fastest")]
            .map(|(name, precision)| make(name, &None, "auto", precision))
            .to_vec();
    }
    let own = if plain.is_some() { &plain } else { &openvino };
    let mut ways = vec![make("fp32", own, "ort", "fp32")];
    if openvino.is_some() {
        ways.push(make("fp32, OpenVINO", &openvino, "openvino", "fp32"));
        ways.push(make("fastest", &openvino, "openvino", "fastest"));
    }
    ways
}

/// Finds the best library without OpenVINO, and the best with it.
fn libraries() -> (Option<PathBuf>, Option<PathBuf>) {
    let found = Places::here(None).candidates();
    let files = found.into_iter().filter(|it| it.origin != Origin::System || it.path.is_absolute());
    let (with, without): (Vec<PathBuf>, Vec<PathBuf>) =
        files.map(|it| it.path).partition(|path| search::has_openvino(path));
    (without.into_iter().next(), with.into_iter().next())
}

impl Variant {
    /// Makes the command that does some work this way, again and again.
    ///
    /// # Errors
    /// - Io: this program's own file is gone.
    pub(crate) fn serve(&self, work: &str, threads: usize, more: &[OsString]) -> Result<Command> {
        let mut command = serve(work)?;
        self.tell(&mut command, threads);
        command.args(more);
        Ok(command)
    }

    /// Tells a command of ours to compute this way.
    pub(crate) fn tell(&self, command: &mut Command, threads: usize) {
        command.args(["--device", &self.device, "--provider", self.provider]);
        command.args(["--precision", self.precision, "--threads", &threads.to_string()]);
        if let Some(library) = &self.library {
            command.env("SPECTRALGPT_ORT_LIBRARY", library);
        }
    }
}
