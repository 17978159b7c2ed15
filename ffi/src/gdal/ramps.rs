//! Rasters that hold their own columns and rows: sources of live VRTs, so that a pixel function
//! learns which pixels it is asked for.

use std::sync::LazyLock;

use spectralgpt_core::error::Result;
use spectralgpt_core::live::vrt::{COLUMNS, RAMP, ROWS};
use spectralgpt_core::raster::gdal::Host;

static FILES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [tiff(RAMP, 1), tiff(1, RAMP)]);

/// Shows both to a libgdal.
///
/// # Errors
/// - Io: GDAL refuses.
pub(super) fn show(host: &Host) -> Result<()> {
    let files = LazyLock::force(&FILES);
    host.show_file(COLUMNS, &files[0])?;
    host.show_file(ROWS, &files[1])
}

/// Makes a TIFF of one strip of 32-bit floats: 0, 1, 2 and so on.
fn tiff(width: u32, height: u32) -> Vec<u8> {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let bytes = width * height * 4;
    let fields: [(u16, u16, u32); 10] = [
        (256, LONG, width),
        (257, LONG, height),
        (258, SHORT, 32),    // bits per sample
        (259, SHORT, 1),     // not compressed
        (262, SHORT, 1),     // black is zero
        (273, LONG, 8),      // where the strip begins
        (277, SHORT, 1),     // samples per pixel
        (278, LONG, height), // rows per strip
        (279, LONG, bytes),  // bytes of the strip
        (339, SHORT, 3),     // IEEE floats
    ];
    let mut file = b"II*\0".to_vec();
    file.extend((8 + bytes).to_le_bytes());
    file.extend((0..width * height).flat_map(|at| (at as f32).to_le_bytes()));
    file.extend(10u16.to_le_bytes());
    for (tag, kind, value) in fields {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    file
}
