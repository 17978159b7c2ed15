//! Turns the choice of device, provider and precision into a session builder of ONNX Runtime.

use ort::ep::{
    self, ArbitrarilyConfigurableExecutionProvider as _, ExecutionProvider as _,
    ExecutionProviderDispatch,
};
use ort::logging::LogLevel;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::environment::{Loaded, out_of_memory};
use super::processor;
use super::provider::{Device, Precision, ProviderChoice};
use crate::error::{Error, Result};

/// What executes a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Engine {
    Cpu,
    Cuda(u32),
    OpenVino,
    TensorRt(u32),
}

impl Engine {
    /// Resolves what was asked for; `works` says whether a GPU or OpenVINO computes here, and is asked
    /// only if that matters.
    ///
    /// # Errors
    /// - Usage: the provider does not run on the device.
    pub(super) fn choose(
        device: Device,
        provider: ProviderChoice,
        works: impl Fn(Self) -> bool,
    ) -> Result<Self> {
        let contradiction = |needs: &str| {
            Err(Error::usage(format!(
                "the provider {provider} does not run on the device {device}; give --device {needs}"
            )))
        };
        match (provider, device) {
            (ProviderChoice::OpenVino, Device::Cuda(_)) => contradiction("cpu"),
            (ProviderChoice::OpenVino, _) => Ok(Engine::OpenVino),
            (ProviderChoice::TensorRt, Device::Cpu) => contradiction("cuda"),
            (ProviderChoice::TensorRt, Device::Cuda(number)) => Ok(Engine::TensorRt(number)),
            (ProviderChoice::TensorRt, Device::Auto) => Ok(Engine::TensorRt(0)),
            (_, Device::Cuda(number)) => Ok(Engine::Cuda(number)),
            (_, Device::Auto) if works(Engine::Cuda(0)) => Ok(Engine::Cuda(0)),
            (ProviderChoice::Auto, _) if works(Engine::OpenVino) => Ok(Engine::OpenVino),
            (_, Device::Auto | Device::Cpu) => Ok(Engine::Cpu),
        }
    }

    /// Returns ONNX Runtime's name of it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Engine::Cpu => ep::CPU::NAME,
            Engine::Cuda(_) => ep::CUDA::NAME,
            Engine::OpenVino => ep::OpenVINO::NAME,
            Engine::TensorRt(_) => ep::TensorRT::NAME,
        }
    }

    /// Says whether the loaded library was built with it.
    pub(super) fn is_built_in(self) -> bool {
        match self {
            Engine::Cpu => ep::CPU::is_available(),
            Engine::Cuda(_) => ep::CUDA::is_available(),
            Engine::OpenVino => ep::OpenVINO::is_available(),
            Engine::TensorRt(_) => ep::TensorRT::is_available(),
        }
        .unwrap_or(false)
    }

    /// Resolves the precision: what will be used, and what the user should know about it.
    ///
    /// # Errors
    /// - Usage: not offered here; the words name who offers it.
    pub(super) fn precision(self, wanted: Precision) -> Result<(Precision, Option<&'static str>)> {
        use Precision::{Bf16, Fastest, Fp16, Fp32};
        let refuse = |why: &str| Err(Error::usage(format!("precision {wanted}: {why}")));
        match (self, wanted) {
            (Engine::Cpu | Engine::OpenVino, Fastest) if !processor::has_amx() => {
                Ok((Fp32, Some("fp32 is the fastest here: this processor has no AMX")))
            }
            (Engine::Cpu, Fastest) => Ok((
                Fp32,
                Some(
                    "fp32 is the fastest that this ONNX Runtime offers; this processor's AMX needs \
                     one with OpenVINO (`pip install onnxruntime-openvino`)",
                ),
            )),
            (Engine::Cpu, Bf16 | Fp16) => refuse(
                "ONNX Runtime's own CPU provider computes in fp32 only; give --provider openvino \
                 (`pip install onnxruntime-openvino`) or --precision fp32",
            ),
            (Engine::Cuda(_), Bf16) => refuse(
                "CUDA computes in fp32 and fp16 only; give --precision fp16, or --provider tensorrt",
            ),
            (Engine::OpenVino, Bf16) if !processor::has_bf16() => {
                refuse("this processor has no bfloat16 instructions; give --precision fp32")
            }
            (Engine::OpenVino, Fp16) if !processor::has_fp16() => {
                refuse("this processor has no half precision instructions; give --precision fp32")
            }
            (Engine::OpenVino, Fastest) => Ok((Bf16, None)),
            (Engine::Cuda(_) | Engine::TensorRt(_), Fastest) => Ok((Fp16, None)),
            (Engine::TensorRt(_), Fp32) => {
                Ok((Fp32, Some("TensorRT may round the factors of fp32 products to TF32")))
            }
            (_, precision) => Ok((precision, None)),
        }
    }

    /// Begins a session on it.
    ///
    /// # Errors
    /// - Model: the library or the machine does not offer it.
    pub(super) fn builder(
        self,
        loaded: &Loaded,
        precision: Precision,
        threads: usize,
        batch: usize,
    ) -> Result<SessionBuilder> {
        let batch = i64::try_from(batch).unwrap_or(i64::MAX);
        let builder = ort::session::Session::builder(&loaded.environment)?
            .with_log_level(LogLevel::Error)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_parallel_execution(false)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_memory_pattern(true)?
            .with_dimension_override("batch", batch)?;
        builder
            .with_execution_providers([self.dispatch(precision, threads)])
            .map_err(|error| self.explain(loaded, &error))
    }

    fn dispatch(self, precision: Precision, threads: usize) -> ExecutionProviderDispatch {
        let id = |number| i32::try_from(number).unwrap_or(i32::MAX);
        match self {
            Engine::Cpu => ep::CPU::default().with_arena_allocator(true).build(),
            // A search for convolution algorithms by timing would make results differ by run.
            Engine::Cuda(number) => ep::CUDA::default()
                .with_device_id(id(number))
                .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
                .with_tf32(false)
                .build(),
            Engine::OpenVino => ep::OpenVINO::default()
                .with_device_type("CPU")
                .with_num_threads(threads)
                .with_arbitrary_config("load_config", openvino_config(precision))
                .build(),
            Engine::TensorRt(number) => ep::TensorRT::default()
                .with_device_id(id(number))
                .with_fp16(precision == Precision::Fp16)
                .with_bf16(precision == Precision::Bf16)
                .build(),
        }
        .error_on_failure()
    }

    /// Says why a network cannot be run, in the library's words, and what to do.
    pub(super) fn explain<R>(self, loaded: &Loaded, error: &ort::Error<R>) -> Error {
        use ort::ErrorCode::{InvalidGraph, InvalidProtobuf, NoModel, NotImplemented};
        if let Some(error) = out_of_memory(error.message()) {
            return error;
        }
        let version = &loaded.library.version;
        let words = error.message().trim_end().trim_end_matches('.');
        let is_model =
            matches!(error.code(), InvalidGraph | InvalidProtobuf | NoModel | NotImplemented);
        let remedy = match self {
            _ if is_model => None,
            Engine::Cpu => None, // always there
            Engine::Cuda(_) => {
                Some("`pip install onnxruntime-gpu`, CUDA and cuDNN, or --device cpu")
            }
            Engine::OpenVino => Some("`pip install onnxruntime-openvino`, or --provider ort"),
            Engine::TensorRt(_) => {
                Some("`pip install onnxruntime-gpu` and TensorRT, or --provider ort")
            }
        };
        Error::model(match remedy {
            Some(remedy) => format!(
                "{} cannot be used with ONNX Runtime {version} ('{}'): {words}; {remedy}",
                self.name(),
                loaded.library.path.display(),
            ),
            None => format!(
                "ONNX Runtime {version} cannot run it: {words}; give an .onnx file made by \
                 `spectralgpt convert`"
            ),
        })
    }
}

/// Pins OpenVINO's arithmetic: left alone, it may choose bfloat16 by the processor it finds.
fn openvino_config(precision: Precision) -> String {
    let hint = match precision {
        Precision::Bf16 => "bf16",
        Precision::Fp16 => "f16",
        Precision::Fp32 | Precision::Fastest => "f32",
    };
    serde_json::json!({ "CPU": { "INFERENCE_PRECISION_HINT": hint } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_auto_asks_what_works() {
        use ProviderChoice::{OpenVino, Ort, TensorRt};
        let choose = |device, provider| {
            Engine::choose(device, provider, |engine| panic!("{} asked", engine.name()))
        };
        assert_eq!(choose(Device::Cpu, Ort).unwrap(), Engine::Cpu);
        assert_eq!(choose(Device::Cuda(2), Ort).unwrap(), Engine::Cuda(2));
        assert_eq!(choose(Device::Auto, OpenVino).unwrap(), Engine::OpenVino);
        assert_eq!(choose(Device::Cuda(1), TensorRt).unwrap(), Engine::TensorRt(1));
        assert!(
            choose(Device::Cuda(0), OpenVino).is_err() && choose(Device::Cpu, TensorRt).is_err()
        );
    }

    #[test]
    fn auto_takes_a_gpu_then_openvino_then_the_rest() {
        use ProviderChoice::{Auto, Ort};
        let (gpu, openvino) = (Engine::Cuda(0), Engine::OpenVino);
        for (device, provider, working, expected) in [
            (Device::Auto, Auto, &[gpu, openvino][..], gpu),
            (Device::Auto, Auto, &[openvino], openvino),
            (Device::Cpu, Auto, &[gpu, openvino], openvino),
            (Device::Auto, Ort, &[openvino], Engine::Cpu),
            (Device::Auto, Auto, &[], Engine::Cpu),
        ] {
            let chosen = Engine::choose(device, provider, |engine| working.contains(&engine));
            assert_eq!(chosen.unwrap(), expected, "{device} {provider} {working:?}");
        }
    }

    #[test]
    fn precision_is_never_lowered_unasked() {
        for engine in [Engine::Cpu, Engine::Cuda(0), Engine::OpenVino, Engine::TensorRt(0)] {
            assert_eq!(engine.precision(Precision::Fp32).unwrap().0, Precision::Fp32);
            assert_ne!(engine.precision(Precision::Fastest).unwrap().0, Precision::Fastest);
        }
        let refused = Engine::Cpu.precision(Precision::Bf16).unwrap_err();
        assert!(refused.message().contains("--provider openvino"), "{refused}");
        assert!(Engine::Cpu.precision(Precision::Fastest).unwrap().1.is_some());
    }
}
