//! Some tensors, and the reader that must survive what becomes of them.

use std::path::PathBuf;
use std::sync::LazyLock;

use conformance::detgen;
use conformance::segment::Tensor;
use spectralgpt_core::checkpoint::{Checkpoint, Weights};

/// Three small tensors, one without axes.
pub static TENSORS: LazyLock<Vec<Tensor>> = LazyLock::new(|| {
    [("proj.weight", vec![5, 3, 2]), ("norm.bias", vec![7]), ("scale", vec![])]
        .map(|(name, shape)| (name.to_owned(), shape.clone(), detgen::tensor(name, &shape, "")))
        .to_vec()
});

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("fuzz-{}.pth", std::process::id())));

/// Opens a checkpoint of these bytes and reads all that it lists.
pub fn read(bytes: &[u8]) {
    std::fs::write(&*FILE, bytes).expect("room for a file");
    if let Ok(checkpoint) = Checkpoint::open(&FILE) {
        for name in checkpoint.names() {
            let values = checkpoint.read(name).map_or(0, |values| values.len());
            assert!(values <= 1 << 22);
        }
    }
}
