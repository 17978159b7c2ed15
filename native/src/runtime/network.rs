//! A network in ONNX Runtime: loaded, checked against what it is given, run.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::SystemTime;

use half::f16;
use ort::session::{RunOptions, Session as OrtSession, SessionInputValue};
use ort::value::{DynValue, Outlet, TensorElementType, TensorRef};

use super::engine::Engine;
use super::environment::{Loaded, guard, lock};
use super::fallback::Profile;
use super::provider::Precision;
use super::stop::Stop;
use crate::error::{Error, Result};
use crate::onnx::halved;

/// One output of a run, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Lengths of the axes, the batch first.
    pub shape: Vec<usize>,
    /// The values, not necessarily finite.
    pub values: Vec<f32>,
}

/// One input of a network: its name and its fixed shape, the batch first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name in the graph.
    pub name: String,
    /// Lengths of the axes; for an image (batch, channel, row, column).
    pub shape: Vec<usize>,
}

/// A file's size in bytes and time of change.
pub(super) type Stamp = (u64, Option<SystemTime>);

/// What distinguishes two networks of a process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    pub(super) engine: Engine,
    pub(super) precision: Precision,
    pub(super) threads: usize,
    pub(super) batch: usize,
}

impl Key {
    /// Says whether the engine needs a model in halves: CUDA computes as the model was written.
    fn rewrites(&self) -> bool {
        matches!(self.engine, Engine::Cuda(_)) && self.precision == Precision::Fp16
    }

    /// Returns the model's bytes: those in memory, or the file's.
    fn bytes<'a>(&self, embedded: Option<&'a [u8]>) -> Result<Cow<'a, [u8]>> {
        let read = || std::fs::read(&self.path).map(Cow::Owned);
        let failed = |error: std::io::Error| Error::file("read", &self.path, &error);
        embedded.map_or_else(|| read().map_err(failed), |bytes| Ok(Cow::Borrowed(bytes)))
    }
}

/// A loaded network; runs take turns.
#[derive(Debug)]
pub(super) struct Network {
    live: Mutex<Live>,
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<String>,
    pub(super) fallback_nodes: OnceLock<u32>,
}

#[derive(Debug)]
struct Live {
    session: OrtSession,
    profile: Option<Profile>,
}

impl Network {
    /// Loads a network from its file, or from `embedded` bytes.
    ///
    /// # Errors
    /// - Usage: the file fixes another batch.
    /// - Model: the engine or the network cannot be used.
    pub(super) fn load(loaded: &Loaded, key: &Key, embedded: Option<&[u8]>) -> Result<Self> {
        let about = |error: Error| error.at(&format!("the model '{}'", key.path.display()));
        let (session, profile) = guard(|| {
            let mut builder = key.engine.builder(loaded, key.precision, key.threads, key.batch)?;
            let profile = (key.engine != Engine::Cpu).then(Profile::start).transpose()?;
            if let Some(profile) = &profile {
                builder = builder.with_profiling(profile.prefix())?;
            }
            let rewritten = key.rewrites().then(|| halved(key.bytes(embedded)?)).transpose()?;
            let session = match rewritten.as_deref().or(embedded) {
                Some(bytes) => builder.commit_from_memory(bytes),
                None => builder.commit_from_file(&key.path),
            };
            let session = session.map_err(|error| key.engine.explain(loaded, &error))?;
            Ok((session, profile))
        })
        .map_err(about)?;
        let inputs = session.inputs().iter().map(|outlet| pinned(outlet, key.batch));
        let inputs = inputs.collect::<Result<_>>().map_err(about)?;
        let outputs = session.outputs().iter().map(|outlet| outlet.name().to_string()).collect();
        let fallback_nodes = OnceLock::new();
        if key.engine == Engine::Cpu {
            fallback_nodes.get_or_init(|| 0);
        }
        Ok(Self { live: Mutex::new(Live { session, profile }), inputs, outputs, fallback_nodes })
    }

    /// Runs one batch; see [`Session::run`](super::session::Session::run).
    pub(super) fn run(
        &self,
        inputs: &[&[f32]],
        outputs: &[&str],
        stop: &Stop,
    ) -> Result<Vec<Tensor>> {
        self.check(inputs, outputs)?;
        let mut live = lock(&self.live);
        let result = guard(|| live.run(&self.inputs, inputs, outputs, &stop.options));
        if stop.clear() {
            return Err(Error::cancelled());
        }
        if let Some(profile) = live.profile.take() {
            profile.finish(&mut live.session, &self.fallback_nodes);
        }
        result.map_err(|error| error.at("ONNX Runtime failed to run the model"))
    }

    fn check(&self, inputs: &[&[f32]], outputs: &[&str]) -> Result<()> {
        if inputs.len() != self.inputs.len() {
            return Err(Error::usage(format!(
                "{} inputs were given, the model has {}",
                inputs.len(),
                self.inputs.len()
            )));
        }
        for (input, values) in self.inputs.iter().zip(inputs) {
            if values.len() != input.shape.iter().product::<usize>() {
                return Err(Error::usage(format!(
                    "{} values were given for the input '{}', which is {}",
                    values.len(),
                    input.name,
                    in_words(&input.shape)
                )));
            }
        }
        match outputs.iter().find(|name| !self.outputs.iter().any(|output| output == *name)) {
            Some(name) => Err(Error::usage(format!(
                "the model has no output '{name}'; it has {}",
                self.outputs.join(", ")
            ))),
            None => Ok(()),
        }
    }
}

impl Live {
    fn run(
        &mut self,
        inputs: &[Input],
        values: &[&[f32]],
        outputs: &[&str],
        options: &RunOptions,
    ) -> Result<Vec<Tensor>> {
        let tensors = inputs.iter().zip(values).map(|(input, values)| {
            TensorRef::from_array_view((input.shape.as_slice(), *values)).map(Into::into)
        });
        let values: Vec<SessionInputValue<'_>> = tensors.collect::<ort::Result<_>>()?;
        let results = self.session.run_with_options(values.as_slice(), options)?;
        if outputs.is_empty() {
            return results.values().map(|value| copy_out(&value)).collect();
        }
        outputs.iter().map(|name| copy_out(&results[*name])).collect()
    }
}

/// Reads an input's shape; every axis must have a length, the first one the batch's.
fn pinned(outlet: &Outlet, batch: usize) -> Result<Input> {
    let name = outlet.name().to_string();
    let kind = outlet.dtype();
    let (Some(TensorElementType::Float32), Some(shape)) = (kind.tensor_type(), kind.tensor_shape())
    else {
        return Err(Error::model(format!("its input '{name}' is {kind}; f32 is needed")));
    };
    let lengths = shape.iter().enumerate().map(|(axis, &length)| match (axis, length) {
        (0, ..=0) => Some(batch),
        _ => usize::try_from(length).ok().filter(|&length| length > 0),
    });
    match lengths.collect::<Option<Vec<_>>>() {
        Some(shape) if shape.first() == Some(&batch) => Ok(Input { name, shape }),
        Some(shape) if !shape.is_empty() => Err(Error::usage(format!(
            "its input '{name}' holds {} chips per run, {batch} were asked for; give --batch {}",
            shape[0], shape[0]
        ))),
        _ => Err(Error::model(format!(
            "its input '{name}' is {kind}; every axis but the batch needs a fixed length"
        ))),
    }
}

/// Copies an output, as f32.
fn copy_out(value: &DynValue) -> Result<Tensor> {
    let kind = value.dtype();
    let (shape, values) = match kind.tensor_type() {
        Some(TensorElementType::Float32) => {
            let (shape, values) = value.try_extract_tensor::<f32>()?;
            (shape, values.to_vec())
        }
        Some(TensorElementType::Float16) => {
            let (shape, values) = value.try_extract_tensor::<f16>()?;
            (shape, values.iter().copied().map(f16::to_f32).collect())
        }
        _ => return Err(Error::model(format!("an output is {kind}; f32 or f16 is needed"))),
    };
    let shape = shape.iter().map(|&length| usize::try_from(length).unwrap_or(0)).collect();
    Ok(Tensor { shape, values })
}

fn in_words(shape: &[usize]) -> String {
    let words: Vec<_> = shape.iter().map(usize::to_string).collect();
    format!("{} = {} values", words.join(" x "), shape.iter().product::<usize>())
}
