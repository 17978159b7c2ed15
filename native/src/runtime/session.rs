//! Runs a network, batch by batch.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use super::engine::Engine;
use super::environment::{Loaded, load, lock};
use super::network::{Key, Network, Stamp};
use super::probe::works;
use super::provider::{Device, Precision, ProviderChoice};
use super::stop::Stop;
use crate::error::{Error, Kind, Result};
use crate::speed;

pub use super::network::{Input, Tensor};
pub use super::stop::Terminator;

/// How a network is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// The hardware. Default: auto.
    pub device: Device,
    /// Who computes there. Default: auto.
    pub provider: ProviderChoice,
    /// The arithmetic. Default: fp32.
    pub precision: Precision,
    /// Threads within an operator. Default: 1.
    pub threads: usize,
    /// Chips per run, pinned: every run has this many. Default: 1.
    pub batch: usize,
    /// The ONNX Runtime library. Default: searched.
    pub library: Option<PathBuf>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            device: Device::default(),
            provider: ProviderChoice::default(),
            precision: Precision::default(),
            threads: 1,
            batch: 1,
            library: None,
        }
    }
}

/// States who computes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderReport {
    /// ONNX Runtime's name of the provider, such as `CPUExecutionProvider`.
    pub provider: String,
    /// Version of the library.
    pub library: String,
    /// The library's file.
    pub library_path: PathBuf,
    /// The arithmetic in use; never `fastest`.
    pub precision: Precision,
    /// Nodes that the provider left to the CPU; unknown before the first run.
    pub fallback_nodes: Option<u32>,
    /// What the user should know about this choice.
    pub note: Option<String>,
}

/// A network, loaded. Clones and equal requests share it and take turns.
#[derive(Debug, Clone)]
pub struct Session {
    network: Arc<Network>,
    report: ProviderReport,
    stop: Arc<Stop>,
}

static CACHE: Mutex<Option<HashMap<Key, Weak<Network>>>> = Mutex::new(None);

/// Returns the network that is loaded for a key, or loads it.
fn shared(key: Key, load: impl FnOnce(&Key) -> Result<Network>) -> Result<Arc<Network>> {
    let mut cache = lock(&CACHE);
    let cache = cache.get_or_insert_default();
    if let Some(network) = cache.get(&key).and_then(Weak::upgrade) {
        return Ok(network);
    }
    let network = Arc::new(load(&key)?);
    cache.retain(|_, network| network.strong_count() > 0);
    cache.insert(key, Arc::downgrade(&network));
    Ok(network)
}

impl Session {
    /// Loads a model file, or joins a session that has loaded it with the same options.
    ///
    /// # Errors
    /// - Usage: the options contradict each other.
    /// - Model: no ONNX Runtime, no such device, or not a model that it can run.
    pub fn open(model: &Path, options: &SessionOptions) -> Result<Self> {
        let unreadable = |error: std::io::Error| {
            Error::model(format!("the model '{}' cannot be read: {error}", model.display()))
        };
        let path = model.canonicalize().map_err(unreadable)?;
        let about = path.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(Error::model(format!("the model '{}' is not a file", model.display())));
        }
        Self::join(&path, (about.len(), about.modified().ok()), None, options)
    }

    /// Loads a model that is in memory; `name` stands for it in messages, and no other model may
    /// have it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_bytes(name: &Path, model: &[u8], options: &SessionOptions) -> Result<Self> {
        Self::join(name, (model.len() as u64, None), Some(model), options)
    }

    fn join(path: &Path, stamp: Stamp, model: Option<&[u8]>, o: &SessionOptions) -> Result<Self> {
        if o.batch == 0 || o.threads == 0 {
            return Err(Error::usage(
                "0 chips per batch or 0 threads were asked for; give 1 or more",
            ));
        }
        let loaded = load(o.library.as_deref())?;
        let engine = Engine::choose(o.device, o.provider, |engine| works(&loaded, engine))?;
        let open =
            |engine, precision| Self::on(engine, precision, &loaded, (path, stamp), model, o);
        match open(engine, o.precision) {
            Err(refused) if engine == Engine::OpenVino && o.provider == ProviderChoice::Auto => {
                // What it cannot run may still be run; a file that is no model fails again.
                let session = open(Engine::Cpu, o.precision).map_err(|error| {
                    if error.kind() == Kind::Usage { refused.clone() } else { error }
                })?;
                log::warn!("computing without {}: {refused}", engine.name());
                Ok(session)
            }
            Err(refused) if o.precision == Precision::Fastest && refused.kind() == Kind::Usage => {
                // Not every network can be rewritten to compute in halves.
                let session = open(engine, Precision::Fp32)?;
                log::warn!("computing in fp32, as 'fastest' allows: {refused}");
                Ok(session)
            }
            opened => opened,
        }
    }

    fn on(
        engine: Engine,
        precision: Precision,
        loaded: &Loaded,
        (path, stamp): (&Path, Stamp),
        model: Option<&[u8]>,
        o: &SessionOptions,
    ) -> Result<Self> {
        let (precision, note) = engine.precision(precision)?;
        let (threads, batch) = (o.threads, o.batch);
        let key = Key { path: path.to_path_buf(), stamp, engine, precision, threads, batch };
        let network = shared(key, |key| Network::load(loaded, key, model))?;
        let hint = || speed::hint(&loaded.library.path, engine.name(), o.precision);
        let report = ProviderReport {
            provider: engine.name().to_string(),
            library: loaded.library.version.clone(),
            library_path: loaded.library.path.clone(),
            precision,
            fallback_nodes: None,
            note: note.map(str::to_owned).or_else(hint),
        };
        Ok(Self { network, report, stop: Arc::new(Stop::new()?) })
    }

    /// Lists the inputs in the graph's order.
    pub fn inputs(&self) -> &[Input] {
        &self.network.inputs
    }

    /// Lists the outputs' names in the graph's order.
    pub fn outputs(&self) -> &[String] {
        &self.network.outputs
    }

    /// States who computes.
    pub fn report(&self) -> ProviderReport {
        let fallback_nodes = self.network.fallback_nodes.get().copied();
        ProviderReport { fallback_nodes, ..self.report.clone() }
    }

    /// Returns a session on the same network that only its own [`terminator`](Self::terminator)
    /// stops.
    ///
    /// # Errors
    /// - Model: ONNX Runtime refuses.
    pub fn apart(&self) -> Result<Self> {
        Ok(Self { stop: Arc::new(Stop::new()?), ..self.clone() })
    }

    /// Returns what stops this session's runs, and those of its clones.
    pub fn terminator(&self) -> Terminator {
        Terminator(Arc::clone(&self.stop))
    }

    /// Runs one batch.
    ///
    /// `inputs` are in the graph's order, each as long as its shape says. `outputs` names what to
    /// return, in that order; empty: everything, in the graph's order.
    ///
    /// # Errors
    /// - Usage: wrong number or length of inputs, or no such output.
    /// - Cancelled: [`Terminator::terminate`] was called; the next run works again.
    /// - Io: memory ran out.
    /// - Model: ONNX Runtime failed.
    pub fn run(&self, inputs: &[&[f32]], outputs: &[&str]) -> Result<Vec<Tensor>> {
        self.network.run(inputs, outputs, &self.stop)
    }
}

#[cfg(test)]
#[allow(clippy::print_stdout, reason = "a test skips aloud")]
mod tests {
    use super::super::probe::{IDENTITY, providers};
    use super::*;

    #[test]
    fn equal_requests_share_a_network() {
        if providers(None).is_err() {
            println!("skipped: no ONNX Runtime library found");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        std::fs::write(&path, IDENTITY).unwrap();
        let open = |threads| {
            Session::open(&path, &SessionOptions { threads, ..SessionOptions::default() }).unwrap()
        };
        let (one, same, other) = (open(1), open(1), open(2));
        assert!(Arc::ptr_eq(&one.network, &same.network));
        assert!(!Arc::ptr_eq(&one.network, &other.network));
        let kept = Arc::downgrade(&one.network);
        drop((one, same));
        assert!(kept.upgrade().is_none(), "the last handle frees the network");
        std::fs::write(&path, [IDENTITY, &[0x12, 1, b'p']].concat()).unwrap();
        assert!(!Arc::ptr_eq(&other.network, &open(2).network), "a changed file is another model");
    }

    #[test]
    fn a_batch_that_the_model_fixes_is_named() {
        if providers(None).is_err() {
            println!("skipped: no ONNX Runtime library found");
            return;
        }
        let open = |batch| {
            let options = SessionOptions { batch, ..SessionOptions::default() };
            Session::open_bytes(Path::new("builtin:identity"), IDENTITY, &options)
        };
        assert_eq!(open(1).unwrap().run(&[&[7.0]], &["y"]).unwrap()[0].values, [7.0]);
        let error = open(2).unwrap_err();
        assert!(error.message().contains("holds 1 chips per run, 2 were asked for"), "{error}");
        assert!(error.message().contains("builtin:identity"), "{error}");
    }

    #[test]
    fn sessions_cross_threads() {
        fn crosses<T: Send + Sync>() {}
        crosses::<Session>();
        crosses::<Terminator>();
    }
}
