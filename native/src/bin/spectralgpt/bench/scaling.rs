//! Parts of a raster against all of it: time should grow with the area, memory with no more than the
//! width.

use std::path::Path;

use serde_json::json;
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::raster::gdal::{GdalApi, GdalSource};

use super::rounds::{Rounds, number};
use super::runner::Runner;
use super::variants::Variant;
use super::{Arguments, Findings};

/// The parts: what the raster's width and height are divided by. The last is all of it.
const PARTS: [[u32; 2]; 5] = [[4, 4], [2, 2], [1, 16], [1, 4], [1, 1]];

impl Arguments {
    /// Compares parts of the raster, each predicted by a process of its own.
    pub(super) fn scaling(&self, folder: &Path) -> Result<Findings> {
        let ways = self.ways();
        let way = ways.last().ok_or_else(|| Error::failed("there is no way to compute"))?;
        let whole = self.input.first().map(|it| GdalSource::open(GdalApi::find()?, it));
        let whole = whole.transpose()?.ok_or_else(|| Error::usage("give a raster with --input"))?;
        let sizes = PARTS.map(|[width, height]| {
            let Size { width: w, height: h } = whole.info().size;
            Size::new((w / width).max(1), (h / height).max(1))
        });
        let parts = sizes.map(|size| self.part(way, size, folder));
        let mut runners = parts.into_iter().collect::<Result<Vec<_>>>()?;
        let rounds = Rounds::run(&mut runners, self.rounds, self.threads(), None)?;
        let mut lines =
            vec![format!("{} by {}; the whole against each part", rounds.words(), way.name)];
        let mut parts = Vec::new();
        let last = sizes.len() - 1;
        for (at, (size, [width, height])) in sizes.into_iter().zip(PARTS).enumerate() {
            let area = f64::from(width * height);
            let seconds = rounds.spread(|turns| number(&turns[at], "wall"));
            let chips = rounds.spread(|turns| number(&turns[at], "chips")).median;
            let growth = rounds
                .spread(|turns| number(&turns[last], "wall") / number(&turns[at], "wall") / area);
            let peak = |at: usize| rounds.spread(|turns| number(&turns[at], "peak_rss_bytes")).most;
            let memory = peak(last) - peak(at);
            lines.push(format!(
                "{:>5} x {:<5} {chips:5.0} chips {:7.2} s  area x {area:<3} time / area {growth}  memory \
                 {:+.0} MB",
                size.width,
                size.height,
                seconds.median,
                memory / 1e6,
            ));
            parts.push(json!({
                "width": size.width,
                "height": size.height,
                "area": area,
                "chips": chips,
                "seconds": seconds.to_json(),
                "time_per_area": growth.to_json(),
                "more_memory_bytes": memory,
            }));
        }
        Ok(Findings { lines, json: json!({ "rounds": rounds.to_json(), "parts": parts }) })
    }

    fn part(&self, way: &Variant, size: Size, folder: &Path) -> Result<Runner> {
        let window = format!("0,0,{},{}", size.width, size.height);
        let mut told = self.predict(&folder.join(format!("{window}.tif")));
        told.extend(["--window".into(), window.clone().into()]);
        Runner::start(&window, way.serve("predict", self.threads(), &told)?)
    }
}
