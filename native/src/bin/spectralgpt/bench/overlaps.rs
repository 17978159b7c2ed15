//! What an overlap of chips costs, and what it does to seams.

use std::path::Path;

use serde_json::json;
use spectralgpt_core::error::{Error, Result};

use super::compare::agreement;
use super::rounds::{Rounds, number};
use super::runner::Runner;
use super::{Arguments, Findings};

impl Arguments {
    /// Predicts with each overlap; the last one's map is what the others are compared with.
    pub(super) fn overlaps(&self, folder: &Path) -> Result<Findings> {
        let ways = self.ways();
        let way = ways.last().ok_or_else(|| Error::failed("there is no way to compute"))?;
        let map = |overlap: &u32| folder.join(format!("{overlap}.tif"));
        let start = |overlap: &u32| {
            let mut told = self.predict(&map(overlap));
            told.extend(["--overlap".into(), overlap.to_string().into()]);
            Runner::start(&overlap.to_string(), way.serve("predict", self.threads(), &told)?)
        };
        let mut runners = self.overlaps.iter().map(start).collect::<Result<Vec<_>>>()?;
        let rounds = Rounds::run(&mut runners, self.rounds, self.threads(), None)?;
        let last = self.overlaps.len() - 1;
        let mut lines = vec![
            format!("{} by {}", rounds.words(), way.name),
            "overlap  chips     time    chips disagree  as with the last".to_owned(),
        ];
        let mut found = Vec::new();
        for (at, overlap) in self.overlaps.iter().enumerate() {
            let of = |key: &'static str| rounds.spread(|turns| number(&turns[at], key)).median;
            let cost = rounds.ratio(at, 0, "wall");
            let seams = of("seam_disagreement");
            let same = agreement(&map(&self.overlaps[last]), &map(overlap))?;
            let seams_words =
                if seams.is_nan() { "-".into() } else { format!("{:.2} %", 100.0 * seams) };
            lines.push(format!(
                "{overlap:>7}  {:>5.0}  x {:.2}  {seams_words:>14}  {:>13.2} %",
                of("chips"),
                cost.median,
                100.0 * same,
            ));
            found.push(json!({
                "overlap": overlap,
                "chips": of("chips"),
                "cost": cost.to_json(),
                "seam_disagreement": if seams.is_nan() { None } else { Some(seams) },
                "agreement_with_last": same,
            }));
        }
        Ok(Findings { lines, json: json!({ "rounds": rounds.to_json(), "overlaps": found }) })
    }
}
