//! Cuts a raster into pieces of whole blocks that fit into memory.

use crate::geometry::{Size, Window};

/// Lists windows of whole blocks, each of at most `bytes`, but at least one block. However large they
/// are, their blocks follow each other in the same order: row by row of blocks.
pub(super) fn pieces(
    size: Size,
    block: Size,
    pixel_bytes: usize,
    bytes: u64,
) -> impl Iterator<Item = Window> {
    let block = Size::new(block.width.clamp(1, size.width), block.height.clamp(1, size.height));
    let affordable = bytes / (block.pixels() * pixel_bytes).max(1) as u64;
    let affordable = u32::try_from(affordable).unwrap_or(u32::MAX).max(1);
    let across = size.width.div_ceil(block.width);
    let (cols, rows) = (affordable.min(across), (affordable / across).max(1));
    let (width, height) = (cols.saturating_mul(block.width), rows.saturating_mul(block.height));
    (0..size.height).step_by(height as usize).flat_map(move |row| {
        (0..size.width).step_by(width as usize).map(move |col| {
            let left = Size::new(size.width - col, size.height - row);
            Window::new(col, row, Size::new(width.min(left.width), height.min(left.height)))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::gdal::transfer::blocks;

    #[test]
    fn have_the_same_blocks_in_the_same_order_whatever_the_budget() {
        for (size, block) in [
            (Size::new(1301, 277), Size::square(256)),
            (Size::new(391, 277), Size::new(391, 3)),
            (Size::new(5, 7), Size::square(16)),
        ] {
            let whole: Vec<Window> = blocks(Window::whole(size), block).collect();
            for bytes in [0, 1 << 17, 1 << 18, 1 << 20, 3 << 20, 1 << 40] {
                let parts: Vec<Window> = pieces(size, block, 3, bytes).collect();
                let apart: Vec<Window> =
                    parts.iter().flat_map(|part| blocks(*part, block)).collect();
                assert_eq!(apart, whole, "{bytes} bytes");
                let one = (block.pixels() * 3) as u64;
                let most = parts.iter().map(|part| (part.size.pixels() * 3) as u64).max();
                assert!(most <= Some(bytes.max(one)));
            }
        }
    }
}
