//! Tries each provider on a network of one node.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::engine::Engine;
use super::environment::{Loaded, guard, load};
use super::library::Library;
use super::provider::Precision;
use super::search::{Candidate, Places};
use crate::error::Result;

/// What a provider is good for on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderStatus {
    /// ONNX Runtime's name of the provider.
    pub name: &'static str,
    /// Whether the library was built with it.
    pub built_in: bool,
    /// Why no session can be made with it, if none can.
    pub trouble: Option<String>,
}

/// `y = Identity(x)` on one float, as ONNX protobuf: IR version 8, opset 17.
#[rustfmt::skip]
pub(super) const IDENTITY: &[u8] = &[
    0x08, 8,                                        // ModelProto.ir_version
    0x3a, 55,                                       // .graph, 55 bytes:
    0x0a, 16,                                       //   GraphProto.node, 16 bytes:
    0x0a, 1, b'x', 0x12, 1, b'y',                   //     input, output
    0x22, 8, b'I', b'd', b'e', b'n', b't', b'i', b't', b'y', // op_type
    0x12, 1, b'g',                                  //   .name
    0x5a, 15, 0x0a, 1, b'x',                        //   .input: name,
    0x12, 10, 0x0a, 8, 0x08, 1,                     //     type: tensor of f32,
    0x12, 4, 0x0a, 2, 0x08, 1,                      //     shape (1)
    0x62, 15, 0x0a, 1, b'y',                        //   .output: the same
    0x12, 10, 0x0a, 8, 0x08, 1,
    0x12, 4, 0x0a, 2, 0x08, 1,
    0x42, 2, 0x10, 17,                              // .opset_import: version 17
];

/// Loads ONNX Runtime and tries its providers; `library` is one that the caller names.
///
/// # Errors
/// - Model: no library can be used.
pub fn providers(library: Option<&Path>) -> Result<(Library, Vec<ProviderStatus>)> {
    let loaded = load(library)?;
    let status = |engine: Engine| ProviderStatus {
        name: engine.name(),
        built_in: guard(|| Ok(engine.is_built_in())).unwrap_or(false),
        trouble: attempt(&loaded, engine).err().map(|error| error.message().to_string()),
    };
    let engines = [Engine::Cpu, Engine::OpenVino, Engine::Cuda(0), Engine::TensorRt(0)];
    Ok((loaded.library.clone(), engines.into_iter().map(status).collect()))
}

/// Loads ONNX Runtime and describes it as programs are told, a JSON object: `version`, `path`,
/// the `candidates` that were looked at, the `providers` and what troubles them.
///
/// # Errors
/// - Model: no library can be used.
pub fn describe(library: Option<&Path>) -> Result<Value> {
    let candidate = |found: &Candidate| json!({ "path": found.path.display().to_string(), "origin": found.origin.to_string() });
    let candidates: Vec<Value> = Places::here(library).candidates().iter().map(candidate).collect();
    let (library, providers) = providers(library)?;
    let provider = |status: ProviderStatus| json!({ "name": status.name, "built_in": status.built_in, "trouble": status.trouble });
    let providers: Vec<Value> = providers.into_iter().map(provider).collect();
    Ok(json!({
        "version": library.version,
        "path": library.path.display().to_string(),
        "candidates": candidates,
        "providers": providers,
    }))
}

/// Says whether the first GPU, or OpenVINO, computes with this library; tried once per process.
pub(super) fn works(loaded: &Loaded, engine: Engine) -> bool {
    static GPU: OnceLock<bool> = OnceLock::new();
    static OPENVINO: OnceLock<bool> = OnceLock::new();
    let known = if engine == Engine::OpenVino { &OPENVINO } else { &GPU };
    *known.get_or_init(|| {
        if !guard(|| Ok(engine.is_built_in())).unwrap_or(false) {
            return false;
        }
        let trouble = attempt(loaded, engine).err();
        if let Some(error) = &trouble {
            log::warn!("computing without {}: {error}", engine.name());
        }
        trouble.is_none()
    })
}

fn attempt(loaded: &Loaded, engine: Engine) -> Result<()> {
    guard(|| {
        let mut builder = engine.builder(loaded, Precision::Fp32, 1, 1)?;
        let session = builder.commit_from_memory(IDENTITY);
        session.map(drop).map_err(|error| engine.explain(loaded, &error))
    })
}
