//! Writes the network of a checkpoint as an exporter would, for other programs to be measured with.
//!
//!     cargo run --example naive -- CHECKPOINT FILE.onnx

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use conformance::naive;
use spectralgpt_core::checkpoint::{Checkpoint, Weights};
use spectralgpt_core::onnx::write;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [checkpoint, model] = arguments.as_slice() else {
        return Err("give CHECKPOINT FILE.onnx".into());
    };
    let weights = Checkpoint::open(Path::new(checkpoint))?;
    let is_segment = weights.shape("cls_seg.0.weight").is_some();
    let graph = if is_segment { naive::segment(&weights) } else { naive::embed(&weights) };
    write(&graph, &weights, &[], &mut BufWriter::new(File::create(model)?))?;
    Ok(())
}
