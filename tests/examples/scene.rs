//! Writes a scene of SegMunich's ten bands, or of twelve, by formula, a tiled GeoTIFF, to measure
//! with.
//!
//!     cargo run --example scene -- FILE.tif WIDTH HEIGHT [twelve]

use std::error::Error;
use std::path::Path;

use conformance::{detgen, raster};
use spectralgpt_core::geometry::Size;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (file, width, height, bands) = match words[..] {
        [file, width, height] => (file, width, height, &raster::SEGMUNICH[..]),
        [file, width, height, "twelve"] => (file, width, height, &raster::TWELVE[..]),
        _ => return Err("give FILE.tif WIDTH HEIGHT [twelve]".into()),
    };
    let size = Size::new(width.parse()?, height.parse()?);
    let (width, height) = (size.width as usize, size.height as usize);
    let pixels = detgen::raw_u16("scene", bands.len(), height, width, 200, 3800);
    let rows = raster::by_row(&pixels, width, bands.len());
    let creation = ["COMPRESS=DEFLATE", "TILED=YES", "INTERLEAVE=BAND"];
    raster::write_u16_as(Path::new(file), size, bands, &rows, &creation);
    Ok(())
}
