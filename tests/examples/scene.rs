//! Writes a scene of SegMunich's ten bands, or of twelve, by formula, a tiled GeoTIFF, to measure
//! with.
//!
//!     cargo run --example scene -- FILE.tif WIDTH HEIGHT [twelve [SEED]]

use std::error::Error;
use std::path::Path;

use conformance::{detgen, raster};
use spectralgpt_core::geometry::Size;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (file, width, height, rest) = match words[..] {
        [file, width, height, ref rest @ ..] => (file, width, height, rest),
        _ => return Err("give FILE.tif WIDTH HEIGHT [twelve [SEED]]".into()),
    };
    let bands = if rest.is_empty() { &raster::SEGMUNICH[..] } else { &raster::TWELVE[..] };
    let seed = rest.get(1).unwrap_or(&"scene");
    let size = Size::new(width.parse()?, height.parse()?);
    let (width, height) = (size.width as usize, size.height as usize);
    let pixels = detgen::raw_u16(seed, bands.len(), height, width, 200, 3800);
    let rows = raster::by_row(&pixels, width, bands.len());
    let creation = ["COMPRESS=DEFLATE", "TILED=YES", "INTERLEAVE=BAND"];
    raster::write_u16_as(Path::new(file), size, bands, &rows, &creation);
    Ok(())
}
