//! Draws a report for people: the confusion matrix, its figures beside it.

use super::report::TrainReport;
use crate::error::Result;
use crate::geometry::Size;
use crate::picture::{Canvas, Rgb, TEXT_HEIGHT};

const WHITE: Rgb = [255; 3];
const BLACK: Rgb = [0; 3];
/// Pixels around everything, and a cell's sides.
const GAP: u32 = 12;
const CELL: Size = Size::new(64, 28);
/// The letters of a name that are shown, and those above a column.
const LETTERS: usize = 24;
const LETTERS_ABOVE: usize = 7;

/// Draws the matrix: a row per true class, a column per class said, shares of the row in per cent.
///
/// # Errors
/// None but our own mistakes.
pub(super) fn draw(report: &TrainReport) -> Result<Canvas> {
    let classes = &report.classes;
    let names: Vec<String> = classes.iter().map(|class| cut(&class.name, LETTERS)).collect();
    let widest = names.iter().map(|name| Canvas::text_width(name)).max().unwrap_or(0);
    let count = u32::try_from(classes.len()).unwrap_or(u32::MAX);
    let (left, top) = (2 * GAP + widest, 4 * GAP + 2 * TEXT_HEIGHT + CELL.height);
    let figures = left + count * CELL.width + GAP;
    let head = lines(report);
    let longest = head.iter().map(|line| Canvas::text_width(line)).max().unwrap_or(0);
    let width = (figures + Canvas::text_width(HEADING) + GAP).max(longest + 2 * GAP);
    let mut canvas = Canvas::new(Size::new(width, top + count * CELL.height + GAP), WHITE);
    for (number, line) in (0..).zip(&head) {
        canvas.text(GAP, GAP + number * (TEXT_HEIGHT + GAP / 2), line, BLACK);
    }
    canvas.text(figures, top - CELL.height, HEADING, BLACK);
    for (row, class) in (0u32..).zip(classes) {
        let line = top + row * CELL.height;
        let text = line + (CELL.height - TEXT_HEIGHT) / 2;
        canvas.text(GAP, text, &names[row as usize], BLACK);
        let above = cut(&class.name, LETTERS_ABOVE);
        canvas.text(left + row * CELL.width, top - CELL.height, &above, BLACK);
        let counts = &report.confusion[row as usize];
        let all: f64 = counts.iter().sum();
        for (col, pixels) in (0u32..).zip(counts) {
            cell(&mut canvas, left + col * CELL.width, line, pixels / all.max(1.0), row == col);
        }
        let figure = format!(
            "{:9.3} {:6.3} {:5.3} {:9} {:6}",
            class.precision, class.recall, class.f1, class.support, class.blocks
        );
        canvas.text(figures, text, &figure, BLACK);
    }
    Ok(canvas)
}

const HEADING: &str = "precision recall    F1    pixels blocks";

fn lines(report: &TrainReport) -> [String; 2] {
    [
        format!(
            "overall accuracy {:.3} (commonest class {:.3}), macro F1 {:.3}; spectrum alone {:.3}, \
             {:.3}",
            report.figures.overall_accuracy,
            report.majority_rate,
            report.figures.macro_f1,
            report.comparison.spectrum_alone.overall_accuracy,
            report.comparison.spectrum_alone.macro_f1
        ),
        format!(
            "row: true class, column: class said, per cent of the row; {} blocks of {} pixels, {} \
             folds",
            report.blocks, report.block_px, report.folds
        ),
    ]
}

/// Fills a cell: what is right in green, what is wrong in red, the more the darker.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is 0 to 1")]
fn cell(canvas: &mut Canvas, col: u32, row: u32, share: f64, right: bool) {
    let shade = 255 - (share.clamp(0.0, 1.0) * 150.0) as u8;
    let colour = if right { [shade, 255, shade] } else { [255, shade, shade] };
    canvas.fill(col, row, Size::new(CELL.width - 1, CELL.height - 1), colour);
    let text = format!("{:5.1}", share * 100.0);
    canvas.text(col + 8, row + (CELL.height - TEXT_HEIGHT) / 2, &text, BLACK);
}

fn cut(name: &str, letters: usize) -> String {
    name.chars().take(letters).collect()
}
