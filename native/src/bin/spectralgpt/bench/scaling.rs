//! A sixteenth, a quarter and all of a raster: time should grow with the area, memory should not.

use std::path::Path;

use serde_json::json;
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::raster::gdal::{GdalApi, GdalSource};

use super::rounds::{Rounds, Spread, number};
use super::runner::Runner;
use super::variants::Variant;
use super::{Arguments, Findings};

/// Sides of the parts, as shares of the raster's.
const SHARES: [u32; 3] = [4, 2, 1];

impl Arguments {
    /// Compares parts of the raster, each predicted by a process of its own.
    pub(super) fn scaling(&self, folder: &Path) -> Result<Findings> {
        let ways = self.ways();
        let way = ways.last().ok_or_else(|| Error::failed("there is no way to compute"))?;
        let parts = SHARES.map(|share| self.part(way, share, folder));
        let mut runners = parts.into_iter().collect::<Result<Vec<_>>>()?;
        let rounds = Rounds::run(&mut runners, self.rounds, self.threads())?;
        let least = f64::from(SHARES[0]);
        let mut lines = vec![format!("{} by {}", rounds.words(), way.name)];
        let mut parts = Vec::new();
        for (at, share) in SHARES.into_iter().enumerate() {
            let area = (least / f64::from(share)).powi(2);
            let seconds = rounds.spread(|turns| number(&turns[at], "wall"));
            let chips = rounds.spread(|turns| number(&turns[at], "chips"));
            let growth = rounds
                .spread(|turns| number(&turns[at], "wall") / number(&turns[0], "wall") / area);
            let memory = rounds.spread(|turns| {
                let peak = |at: usize| number(&turns[at], "peak_rss_bytes");
                peak(at) - peak(0)
            });
            lines.push(format!(
                "area x {area:<3} {:5.0} chips  {:7.2} s  time / area {growth}  memory {:+.0} MB",
                chips.median,
                seconds.median,
                memory.most / 1e6,
            ));
            parts.push(json!({
                "area": area,
                "chips": chips.median,
                "seconds": seconds.to_json(),
                "time_per_area": growth.to_json(),
                "more_memory_bytes": Spread::to_json(memory),
            }));
        }
        Ok(Findings { lines, json: json!({ "rounds": rounds.to_json(), "parts": parts }) })
    }

    fn part(&self, way: &Variant, share: u32, folder: &Path) -> Result<Runner> {
        let api = GdalApi::find()?;
        let size = self.input.first().map(|input| GdalSource::open(api, input)).transpose()?;
        let size = size.ok_or_else(|| Error::usage("give a raster with --input"))?.info().size;
        let window =
            format!("0,0,{},{}", (size.width / share).max(1), (size.height / share).max(1));
        let mut told = self.predict(&folder.join(format!("{share}.tif")));
        told.extend(["--window".into(), window.clone().into()]);
        Runner::start(&window, way.serve("predict", self.threads(), &told)?)
    }
}
