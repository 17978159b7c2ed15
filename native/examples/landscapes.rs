//! Writes landscapes one after another to standard output, for training.
//!
//! Each is, without separators: the DN offset as i32, 12 bands as u16 (band, row, col), and the
//! truth as u8 (row, col), little-endian. Seeds count up from `--seed`.
//!
//!     landscapes --seed 1000 --count 10 --size 128x128 > chips.bin
#![allow(clippy::print_stderr, reason = "it says what was wrong")]

use std::io::{BufWriter, Error, Result, Write};

use clap::Parser;
use rayon::prelude::*;
use spectralgpt_core::geometry::Size;
use spectralgpt_core::landscape::Landscape;

/// Made at once, so that threads have work.
const AT_ONCE: usize = 16;

#[derive(Parser)]
struct Args {
    /// Seed of the first landscape.
    #[arg(long)]
    seed: u64,
    /// Landscapes.
    #[arg(long)]
    count: u64,
    /// Extent in pixels, WIDTHxHEIGHT.
    #[arg(long, value_parser = size, default_value = "128x128")]
    size: Size,
}

fn size(text: &str) -> std::result::Result<Size, String> {
    let parts = text
        .split_once('x')
        .and_then(|(width, height)| Some(Size::new(width.parse().ok()?, height.parse().ok()?)));
    parts.filter(|size| size.pixels() > 0).ok_or_else(|| "give WIDTHxHEIGHT, as 128x128".into())
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let end = args.seed.checked_add(args.count).ok_or_else(|| Error::other("seeds end at 2^64"))?;
    let seeds: Vec<u64> = (args.seed..end).collect();
    for seeds in seeds.chunks(AT_ONCE) {
        let made: Vec<Landscape> =
            seeds.par_iter().map(|&seed| Landscape::new(seed, args.size)).collect();
        made.iter().try_for_each(|landscape| write(&mut out, landscape))?;
    }
    out.flush()
}

fn write(out: &mut impl Write, landscape: &Landscape) -> Result<()> {
    out.write_all(&landscape.dn_offset().to_le_bytes())?;
    let pixels: Vec<u8> = landscape.pixels().iter().flat_map(|dn| dn.to_le_bytes()).collect();
    out.write_all(&pixels)?;
    out.write_all(landscape.truth())
}
