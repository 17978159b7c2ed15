//! Feeds changed model files to the reader of their metadata.
#![no_main]

mod edit;

use std::path::PathBuf;
use std::sync::LazyLock;

use conformance::models;
use libfuzzer_sys::fuzz_target;
use spectralgpt_core::model::Model;
use spectralgpt_core::onnx::read_metadata;

/// Keys of the fields that are read, and lengths that lie.
const KEYS: &[u8] = b"\x08\x3a\x72\x5a\x62\x0a\x12\x09\x0d\x80\xff\x7f";

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("fuzz-{}.onnx", std::process::id())));

static VALID: LazyLock<Vec<u8>> = LazyLock::new(|| {
    models::constant(&FILE, &[0.5, 0.25]);
    std::fs::read(&*FILE).expect("a model")
});

fuzz_target!(|data: &[u8]| {
    let Some((kind, edits)) = data.split_first() else { return };
    let mut model = edits.to_vec();
    if kind % 4 != 3 {
        model = VALID.clone();
        edit::edit(&mut model, edits, KEYS);
    }
    std::fs::write(&*FILE, model).expect("room for a file");
    if let Ok(facts) = read_metadata(&FILE) {
        assert!(!facts.outputs.is_empty());
        drop(Model::open(&FILE));
    }
});
