//! Writes a checkpoint of generated weights, to try the line with: its classes mean nothing.
//!
//!     cargo run --example checkpoint -- FILE.pth DEPTH [WIDTH_SCALE|classify|change|autoencoder]
//!
//! A width scale, as 0.25, is of a segmentation network; the others have the published widths.

use std::error::Error;
use std::path::Path;

use conformance::networks::{self, Network};
use conformance::segment::segment_tensors;
use conformance::torch::{self, Wrap};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, depth, kind] = arguments.as_slice() else {
        return Err(
            "give FILE.pth DEPTH and a width scale or a network, as in small.pth 2 0.25".into()
        );
    };
    let (path, depth) = (Path::new(file), depth.parse()?);
    let network = match kind.as_str() {
        "classify" => Network::Classify,
        "change" => Network::Change,
        "autoencoder" => Network::Autoencoder { side: 128, decoder_depth: 1 },
        scale => {
            let tensors = segment_tensors(depth, scale.parse()?, 13, "");
            torch::write(path, &tensors, Wrap::Published)?;
            return Ok(());
        }
    };
    networks::checkpoint(path, network, depth);
    Ok(())
}
