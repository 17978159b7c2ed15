//! Writes a scene of SegMunich's ten bands by formula, a tiled GeoTIFF, to measure with.
//!
//!     cargo run --example scene -- FILE.tif WIDTH HEIGHT

use std::error::Error;
use std::path::Path;

use conformance::{detgen, raster};
use spectralgpt_core::geometry::Size;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, width, height] = arguments.as_slice() else {
        return Err("give FILE.tif WIDTH HEIGHT".into());
    };
    let size = Size::new(width.parse()?, height.parse()?);
    let (width, height) = (size.width as usize, size.height as usize);
    let pixels = detgen::raw_u16("scene", 10, height, width, 200, 3800);
    let rows = raster::by_row(&pixels, width, 10);
    let creation = ["COMPRESS=DEFLATE", "TILED=YES", "INTERLEAVE=BAND"];
    raster::write_u16_as(Path::new(file), size, &raster::SEGMUNICH, &rows, &creation);
    Ok(())
}
