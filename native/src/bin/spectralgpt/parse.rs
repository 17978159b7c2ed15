//! Reads option values that the library has no type for.

use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::geometry::{Size, Window};

/// Reads COL,ROW,W,H.
pub(crate) fn window(text: &str) -> Result<Window> {
    let numbers: Option<Vec<u32>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some([col, row, width, height]) => Ok(Window::new(*col, *row, Size::new(*width, *height))),
        _ => Err(Error::usage("give COL,ROW,W,H in whole pixels, as in 0,0,1000,800")),
    }
}

/// Reads X0,Y0,X1,Y1.
pub(crate) fn corners(text: &str) -> Result<[f64; 4]> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    let corners = numbers.and_then(|numbers| numbers.try_into().ok());
    corners.ok_or_else(|| Error::usage("give X0,Y0,X1,Y1, as in 600000,5390000,610000,5400000"))
}

/// Reads a number of chips or threads.
pub(crate) fn count(text: &str) -> Result<usize> {
    text.parse()
        .ok()
        .filter(|n| (1..=4096).contains(n))
        .ok_or_else(|| Error::usage("give a whole number from 1 to 4096"))
}
