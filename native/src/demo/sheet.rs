//! Lays scene, map and confidence side by side.

use super::files::NONE;
use crate::error::Result;
use crate::geometry::Size;
use crate::landscape::{BANDS, Landscape, NODATA};
use crate::model::manifest::Class;
use crate::picture::{Canvas, Rgb, TEXT_HEIGHT, parse_colour};

const WHITE: Rgb = [255; 3];
const BLACK: Rgb = [0; 3];
/// Where there is no data.
const PALE: Rgb = [205, 220, 235];
/// Pixels between things.
const GAP: u32 = 12;
/// From one line of a legend to the next, and from a swatch to its text.
const LINE: u32 = TEXT_HEIGHT + 4;

/// What is shown; images are (row, column) of the landscape's extent.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    pub(super) landscape: &'a Landscape,
    /// Class values; [`NONE`] where there is no data.
    pub(super) map: &'a [f32],
    /// 0 to 1; [`NONE`] where there is no data.
    pub(super) confidence: &'a [f32],
    pub(super) classes: &'a [Class],
}

impl Sheet<'_> {
    /// Draws everything.
    ///
    /// # Errors
    /// None but our own mistakes: an image of another extent.
    pub(super) fn draw(&self) -> Result<Canvas> {
        let size = self.landscape.size();
        let top = GAP + TEXT_HEIGHT + GAP / 2;
        let legend = top + size.height + GAP;
        let names: Vec<&str> = self.classes.iter().map(|class| class.name.as_str()).collect();
        let (places, rows) = flow(&names, size.width);
        let height = legend + rows * LINE + GAP;
        let mut canvas = Canvas::new(Size::new(3 * size.width + 4 * GAP, height), WHITE);
        let column = |number: u32| GAP + number * (size.width + GAP);
        let images = [
            ("True colour (B04, B03, B02)", self.true_colour()),
            ("Map", self.map.iter().map(|value| self.class_colour(*value)).collect()),
            ("Confidence", self.confidence.iter().map(|value| grey(*value)).collect()),
        ];
        for (number, (title, pixels)) in (0..).zip(&images) {
            canvas.text(column(number), GAP, title, BLACK);
            canvas.image(column(number), top, size, pixels)?;
        }
        for (class, (col, line)) in self.classes.iter().zip(places) {
            let (col, row) = (column(1) + col, legend + line * LINE);
            entry(&mut canvas, col, row, parse_colour(&class.colour), &class.name);
        }
        let shades = [("0.0", 0.0), ("0.25", 0.25), ("0.5", 0.5), ("0.75", 0.75), ("1.0", 1.0)];
        let shades = shades.into_iter().chain([("no data", NONE)]);
        let (places, _) =
            flow(&shades.clone().map(|(text, _)| text).collect::<Vec<_>>(), size.width);
        for ((text, share), (col, line)) in shades.zip(places) {
            entry(&mut canvas, column(2) + col, legend + line * LINE, grey(share), text);
        }
        Ok(canvas)
    }

    /// Stretches the scene from its 1st to its 98th hundredth, one stretch for all three, the dark
    /// more than the bright.
    fn true_colour(&self) -> Vec<Rgb> {
        let band = |name| BANDS.iter().position(|band| *band == name).unwrap_or(0);
        let planes = ["B04", "B03", "B02"].map(|name| self.landscape.band(band(name)));
        let mut sorted: Vec<u16> = planes
            .iter()
            .flat_map(|plane| plane.iter().copied())
            .filter(|dn| *dn != NODATA)
            .collect();
        sorted.sort_unstable();
        let at =
            |share: usize| sorted.get(sorted.len() * share / 100).copied().map_or(0.0, f32::from);
        let (low, high) = (at(1), at(98).max(at(1) + 1.0));
        let shade = |dn: u16| ((f32::from(dn) - low) / (high - low)).clamp(0.0, 1.0).sqrt();
        let pixel = |at: usize| match planes.map(|plane| plane[at]) {
            [NODATA, NODATA, NODATA] => PALE,
            dns => dns.map(|dn| byte(shade(dn))),
        };
        (0..self.landscape.size().pixels()).map(pixel).collect()
    }

    fn class_colour(&self, value: f32) -> Rgb {
        let class = self.classes.iter().find(|class| class.value as f32 == value);
        class.map_or(PALE, |class| parse_colour(&class.colour))
    }
}

/// Places texts with a swatch each in lines of a width; returns their column and line, and the
/// lines.
fn flow(texts: &[&str], width: u32) -> (Vec<(u32, u32)>, u32) {
    let (mut places, mut col, mut line) = (Vec::new(), 0, 0);
    for text in texts {
        let length = LINE + Canvas::text_width(text);
        if col > 0 && col + length > width {
            (col, line) = (0, line + 1);
        }
        places.push((col, line));
        col += length + GAP;
    }
    (places, line + 1)
}

/// Draws a swatch and what it stands for.
fn entry(canvas: &mut Canvas, col: u32, row: u32, colour: Rgb, text: &str) {
    canvas.fill(col, row, Size::new(TEXT_HEIGHT, TEXT_HEIGHT), BLACK);
    canvas.fill(col + 1, row + 1, Size::new(TEXT_HEIGHT - 2, TEXT_HEIGHT - 2), colour);
    canvas.text(col + LINE, row, text, BLACK);
}

fn grey(share: f32) -> Rgb {
    if share == NONE { PALE } else { [byte(share); 3] }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
fn byte(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * 255.0).round() as u8
}
