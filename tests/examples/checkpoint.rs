//! Writes a segmentation checkpoint of generated weights, to try the line with: its classes mean
//! nothing.
//!
//!     cargo run --example checkpoint -- FILE.pth DEPTH WIDTH_SCALE

use std::error::Error;
use std::path::Path;

use conformance::segment::segment_tensors;
use conformance::torch::{self, Wrap};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, depth, width_scale] = arguments.as_slice() else {
        return Err("give FILE.pth DEPTH WIDTH_SCALE, as in small.pth 2 0.25".into());
    };
    let tensors = segment_tensors(depth.parse()?, width_scale.parse()?, 13, "");
    torch::write(Path::new(file), &tensors, Wrap::Published)?;
    Ok(())
}
