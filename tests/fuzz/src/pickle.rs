//! Feeds changed pickles, in archives whose checksums are right, to the checkpoint's reader.
#![no_main]

mod edit;

use std::path::PathBuf;
use std::sync::LazyLock;

use conformance::segment::Tensor;
use conformance::torch::{self, Archive, Wrap};
use libfuzzer_sys::fuzz_target;
use spectralgpt_core::checkpoint::{Checkpoint, Weights};

/// The operations that the reader knows, and some that it does not.
const OPCODES: &[u8] = b".NKMJGXB()]}tRasebuqrhjcQ\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\
                         \x90\x93\x94\x95CioP0";

static TENSORS: LazyLock<Vec<Tensor>> = LazyLock::new(|| {
    let tensor = |(name, shape): (&str, Vec<usize>)| {
        let values = conformance::detgen::tensor(name, &shape, "");
        (name.to_owned(), shape, values)
    };
    [("proj.weight", vec![5, 3, 2]), ("norm.bias", vec![7]), ("scale", vec![])].map(tensor).to_vec()
});

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("fuzz-{}.pth", std::process::id())));

fuzz_target!(|data: &[u8]| {
    let Some((wrap, edits)) = data.split_first() else { return };
    let wrap = [Wrap::Published, Wrap::Flat, Wrap::Module].get(usize::from(*wrap % 4));
    let pickle = match wrap {
        None => edits.to_vec(),
        Some(wrap) => {
            let mut pickle = torch::pickle(&TENSORS, *wrap).expect("a pickle");
            edit::edit(&mut pickle, edits, OPCODES);
            pickle
        }
    };
    let mut archive = Archive::new(Vec::new(), "archive");
    archive.record("data.pkl", &pickle).expect("an entry");
    for (key, (_, _, values)) in TENSORS.iter().enumerate() {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        archive.record(&format!("data/{key}"), &bytes).expect("an entry");
    }
    std::fs::write(&*FILE, archive.finish().expect("an archive")).expect("room for a file");
    if let Ok(checkpoint) = Checkpoint::open(&FILE) {
        for name in checkpoint.names() {
            let values = checkpoint.read(name).map_or(0, |values| values.len());
            assert!(values <= 1 << 22);
        }
    }
});
