//! Remembers what `spectralgpt doctor` measured of this machine, so that a run can tell what it forgoes.

mod networks;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::runtime::processor;
use crate::runtime::provider::Precision;

pub use networks::{Probe, Probed, probe};

/// A gain below this is not worth a word: measured, it may be none.
const WORTH_TELLING: f64 = 1.1;

/// How fast a library computes an encoder's block, one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The library's file, without links.
    pub library: PathBuf,
    /// Its version.
    pub version: String,
    /// ONNX Runtime's name of the provider.
    pub provider: String,
    /// The arithmetic, as `--precision` has it.
    pub precision: String,
    /// Seconds for one chip, the median.
    pub seconds: f64,
}

/// What was measured on one machine, all in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    processor: String,
    measured: Vec<Measured>,
}

impl Record {
    /// Takes what was measured on this machine.
    pub fn new(measured: Vec<Measured>) -> Self {
        Self { processor: processor::name().to_owned(), measured }
    }

    /// Keeps it for later runs, in the user's cache folder; returns the file.
    ///
    /// # Errors
    /// - Io: there is no such folder, or it cannot be written to.
    pub fn keep(&self) -> Result<PathBuf> {
        let file = file().ok_or_else(|| Error::io("neither XDG_CACHE_HOME nor HOME is set"))?;
        let wrong = |error| Error::file("write", &file, &error);
        std::fs::create_dir_all(file.parent().unwrap_or(&file)).map_err(wrong)?;
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::from);
        text.and_then(|text| std::fs::write(&file, text)).map_err(wrong)?;
        Ok(file)
    }

    /// Returns what was kept, if it is of this processor.
    fn kept() -> Option<Self> {
        let record: Self = serde_json::from_slice(&std::fs::read(file()?).ok()?).ok()?;
        (record.processor == processor::name()).then_some(record)
    }

    /// Returns how many times as fast as fp32 by a library's provider the fastest way is, and which.
    fn gain(&self, library: &Path, provider: &str) -> Option<(f64, &Measured)> {
        let is_now = |way: &&Measured| {
            way.library == library && way.provider == provider && way.precision == "fp32"
        };
        let now = self.measured.iter().find(is_now)?;
        let best = self.measured.iter().min_by(|a, b| a.seconds.total_cmp(&b.seconds))?;
        Some((now.seconds / best.seconds, best))
    }
}

/// Returns the processor time of this process so far, of all its threads, in seconds; the kernel counts
/// hundredths.
pub fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in brackets, may hold anything.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}

/// Says what `--precision fastest` would give a run that computes in `precision`; costs a look at a small
/// file.
pub(crate) fn hint(library: &Path, provider: &str, precision: Precision) -> Option<String> {
    if precision != Precision::Fp32 || !processor::has_amx() {
        return None;
    }
    let record = Record::kept();
    match record.as_ref().and_then(|record| record.gain(library, provider)) {
        Some((gain, _)) if gain < WORTH_TELLING => None,
        Some((gain, way)) => Some(words(gain, way, library)),
        None => Some(unmeasured(provider).to_owned()),
    }
}

fn words(gain: f64, way: &Measured, library: &Path) -> String {
    let place = if way.library == library {
        String::new()
    } else {
        format!(" with SPECTRALGPT_ORT_LIBRARY={}", way.library.display())
    };
    format!(
        "--precision fastest{place} would be about {gain:.1} times as fast here, in {} (as \
         `spectralgpt doctor` measured)",
        way.precision
    )
}

fn unmeasured(provider: &str) -> &'static str {
    if provider.starts_with("OpenVINO") {
        "--precision fastest would compute in bf16 here; `spectralgpt doctor` measures what that gains"
    } else {
        "this processor has AMX: with an ONNX Runtime that has OpenVINO (`onnxruntime-openvino`), \
         --precision fastest would compute in bf16; `spectralgpt doctor` measures what that gains"
    }
}

fn file() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
    Some(cache.join("spectralgpt/speed.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(library: &str, provider: &str, precision: &str, seconds: f64) -> Measured {
        Measured {
            library: library.into(),
            version: "1.24.1".into(),
            provider: provider.into(),
            precision: precision.into(),
            seconds,
        }
    }

    #[test]
    fn busy_threads_count() {
        let before = processor_seconds();
        let busy = std::thread::spawn(move || while processor_seconds() < before + 0.05 {});
        busy.join().unwrap();
        assert!(processor_seconds() >= before + 0.05);
    }

    #[test]
    fn a_gain_is_against_this_librarys_fp32_and_names_another_library() {
        let (cpu, openvino) = ("CPUExecutionProvider", "OpenVINOExecutionProvider");
        let record = Record::new(vec![
            way("/a.so", cpu, "fp32", 0.08),
            way("/b.so", cpu, "fp32", 0.09),
            way("/b.so", openvino, "fp32", 0.06),
            way("/b.so", openvino, "bf16", 0.02),
        ]);
        let gain = |library: &str, provider| record.gain(Path::new(library), provider);
        let (times, best) = gain("/a.so", cpu).unwrap();
        assert_eq!((times, best.precision.as_str()), (4.0, "bf16"));
        assert!(
            words(times, best, Path::new("/a.so")).contains("LIBRARY=/b.so would be about 4.0")
        );
        let (times, best) = gain("/b.so", openvino).unwrap();
        assert!((times - 3.0).abs() < 1e-9);
        assert!(words(times, best, Path::new("/b.so")).contains("fastest would be about 3.0"));
        assert!(gain("/a.so", openvino).is_none() && gain("/c.so", cpu).is_none());
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}
