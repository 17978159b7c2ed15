//! Draws small pictures for people: images side by side, legends, tables.

use std::path::Path;

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::hidden::Hidden;

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// The height of a line of text, in pixels.
pub const TEXT_HEIGHT: u32 = 16;

/// Pixels to draw on, rows from the top. What passes an edge is cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas {
    size: Size,
    pixels: Vec<Rgb>,
}

impl Canvas {
    /// Makes a canvas of one colour.
    pub fn new(size: Size, colour: Rgb) -> Self {
        Self { size, pixels: vec![colour; size.width as usize * size.height as usize] }
    }

    /// Returns the size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Fills a rectangle, whose first column and row are given.
    pub fn fill(&mut self, col: u32, row: u32, size: Size, colour: Rgb) {
        for (row, col) in places(size).map(|(r, c)| (row + r, col + c)) {
            self.put(col, row, |_| colour);
        }
    }

    /// Puts an image, (row, column), at a column and row.
    ///
    /// # Errors
    /// - Failed: `pixels` are not as many as the size says.
    pub fn image(&mut self, col: u32, row: u32, size: Size, pixels: &[Rgb]) -> Result<()> {
        if pixels.len() != size.width as usize * size.height as usize {
            return Err(Error::failed(format!("{} pixels for an image of {size}", pixels.len())));
        }
        for ((r, c), colour) in places(size).zip(pixels) {
            self.put(col + c, row + r, |_| *colour);
        }
        Ok(())
    }

    /// Writes a line of text with its top left corner at a column and row. Characters beyond ASCII
    /// are shown as `?`.
    pub fn text(&mut self, col: u32, row: u32, text: &str, colour: Rgb) {
        let columns = (col..).step_by(CHARACTER_WIDTH as usize);
        for (col, character) in columns.zip(text.chars()) {
            let glyph = |c| get_raster(c, FontWeight::Regular, RasterHeight::Size16);
            let Some(glyph) = glyph(character).or_else(|| glyph('?')) else { continue };
            for (row, line) in (row..).zip(glyph.rows()) {
                for (col, ink) in (col..).zip(line) {
                    self.put(col, row, |ground| mix(ground, colour, *ink));
                }
            }
        }
    }

    /// Returns the width of a line of text in pixels.
    pub fn text_width(text: &str) -> u32 {
        u32::try_from(text.chars().count()).unwrap_or(u32::MAX).saturating_mul(CHARACTER_WIDTH)
    }

    /// Writes a PNG file, which has its name only once it is complete.
    ///
    /// # Errors
    /// - Io: the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let failed =
            |error: png::EncodingError| Error::io(format!("'{}': {error}", path.display()));
        let hidden = Hidden::write(path, |out| {
            let mut encoder = png::Encoder::new(out, self.size.width, self.size.height);
            encoder.set_color(png::ColorType::Rgb);
            encoder.set_depth(png::BitDepth::Eight);
            let mut writer = encoder.write_header().map_err(failed)?;
            writer.write_image_data(self.pixels.as_flattened()).map_err(failed)?;
            writer.finish().map_err(failed)
        })?;
        hidden.publish()
    }

    fn put(&mut self, col: u32, row: u32, colour: impl FnOnce(Rgb) -> Rgb) {
        if col < self.size.width && row < self.size.height {
            let at = row as usize * self.size.width as usize + col as usize;
            self.pixels[at] = colour(self.pixels[at]);
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a character is a few pixels wide")]
const CHARACTER_WIDTH: u32 = get_raster_width(FontWeight::Regular, RasterHeight::Size16) as u32;

/// Walks the rows and columns of a rectangle.
fn places(size: Size) -> impl Iterator<Item = (u32, u32)> {
    (0..size.height).flat_map(move |row| (0..size.width).map(move |col| (row, col)))
}

fn mix(ground: Rgb, colour: Rgb, ink: u8) -> Rgb {
    let part = |ground: u8, colour: u8| {
        let [ground, colour, ink] = [ground, colour, ink].map(u32::from);
        u8::try_from((ground * (255 - ink) + colour * ink) / 255).unwrap_or(u8::MAX)
    };
    std::array::from_fn(|place| part(ground[place], colour[place]))
}

/// Reads a colour written `#rrggbb`; another text is black.
pub fn parse_colour(hex: &str) -> Rgb {
    let digits = hex.strip_prefix('#').and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let [_, red, green, blue] = digits.unwrap_or(0).to_be_bytes();
    [red, green, blue]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_in_the_file_and_cut_at_the_edges() {
        let size = Size { width: 31, height: 19 };
        let mut canvas = Canvas::new(size, [255; 3]);
        canvas.fill(29, 17, Size { width: 5, height: 5 }, parse_colour("#0a0b0c"));
        canvas.text(0, 0, "Wü", [0; 3]);
        canvas.image(20, 1, Size { width: 2, height: 1 }, &[[1, 2, 3], [4, 5, 6]]).unwrap();
        assert!(canvas.image(0, 0, size, &[]).is_err());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        canvas.save(&path).unwrap();
        let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; 31 * 19 * 3];
        reader.next_frame(&mut bytes).unwrap();
        assert_eq!(bytes, canvas.pixels.as_flattened());
        let at = |col: usize, row: usize| canvas.pixels[row * 31 + col];
        assert_eq!((at(21, 1), at(30, 18), at(28, 18)), ([4, 5, 6], [10, 11, 12], [255; 3]));
        let ink = |from: usize| {
            let places = (from..from + 7).flat_map(|col| (0..16).map(move |row| (col, row)));
            places.filter(|(col, row)| at(*col, *row)[0] < 128).count()
        };
        assert!(ink(0) > 10 && ink(7) > 5, "two letters: {} {}", ink(0), ink(7));
    }
}
