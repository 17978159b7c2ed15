//! Feeds changed files without checksums, of the old layout and of safetensors, to the reader.
#![no_main]

mod edit;
mod subject;

use conformance::safetensors;
use conformance::torch::{self, Wrap};
use libfuzzer_sys::fuzz_target;

/// Parts of pickles and of JSON, and lengths that lie.
const ALPHABET: &[u8] = b".()]}tRsebuqhQ\x80\x85\x88\x8a{}[]\",:0123456789-e\\\0\x7f\xff";

fuzz_target!(|data: &[u8]| {
    let Some((kind, edits)) = data.split_first() else { return };
    let mut file = match kind % 4 {
        0 => torch::legacy(&subject::TENSORS, Wrap::Published).expect("a file"),
        1 => torch::legacy(&subject::TENSORS, Wrap::Module).expect("a file"),
        2 => safetensors::bytes(&subject::TENSORS, "module."),
        // A header whose length is right, whatever it holds.
        _ => safetensors::file(&String::from_utf8_lossy(edits), &[0; 16]),
    };
    if kind % 4 < 3 {
        edit::edit(&mut file, edits, ALPHABET);
    }
    subject::read(&file);
});
