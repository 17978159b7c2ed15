//! The ways to compute against each other, and against other programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::model::Model;
use spectralgpt_core::model::manifest::OutputKind;
use spectralgpt_core::runtime::processor;
use spectralgpt_core::runtime::provider::Device;

use super::compare::{Accuracy, agreement};
use super::rounds::{Rounds, Spread, number};
use super::runner::Runner;
use super::variants::Variant;
use super::{Arguments, Findings};

/// What a process of ours tells of its turn, besides its whole time.
const STAGES: [&str; 5] = ["reading", "normalising", "inferring", "blending", "writing"];

/// Who has a turn in each round: other programs, our ways, then bare matrix products.
struct Contest<'a> {
    arguments: &'a Arguments,
    folder: &'a Path,
    ways: Vec<Variant>,
    runners: Vec<Runner>,
    peers: usize,
}

impl Arguments {
    /// Compares peers, and every way this machine offers.
    pub(super) fn versus(&self, folder: &Path) -> Result<Findings> {
        let mut contest = Contest::prepare(self, folder)?;
        // Matrix products of the last way, the fastest where there is a choice.
        let watch = Some(contest.runners.len() - 1);
        // Who waits for a GPU uses little of a processor.
        let used = if matches!(self.device, Device::Cuda(_)) { 0 } else { self.threads() };
        let rounds = Rounds::run(&mut contest.runners, self.rounds, used, watch)?;
        contest.findings(&rounds)
    }

    /// Starts another program, given as NAME=COMMAND.
    fn start_peer(&self, peer: &str, map: &Path) -> Result<Runner> {
        let (name, command) = peer.split_once('=').ok_or_else(|| {
            Error::usage(format!("'{peer}' names no command; give --peer NAME=COMMAND"))
        })?;
        let command = command
            .replace("{input}", &self.input.join(" "))
            .replace("{output}", &map.to_string_lossy());
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {command}")]);
        Runner::start(name, shell)
    }
}

impl<'a> Contest<'a> {
    fn prepare(arguments: &'a Arguments, folder: &'a Path) -> Result<Self> {
        let ways = arguments.ways();
        let peers = arguments.peer.len();
        let mut contest = Self { arguments, folder, ways, runners: Vec::new(), peers };
        for (at, peer) in arguments.peer.iter().enumerate() {
            let runner = arguments.start_peer(peer, &contest.map(at))?;
            contest.runners.push(runner);
        }
        for at in 0..contest.ways.len() {
            let told = arguments.predict(&contest.map(peers + at));
            let runner = contest.start(at, "predict", &told)?;
            contest.runners.push(runner);
        }
        for at in 0..contest.ways.len() {
            let runner = contest.start(at, "products", &[])?;
            contest.runners.push(runner);
        }
        Ok(contest)
    }

    /// Starts some work in one of our ways.
    fn start(&self, way: usize, work: &str, told: &[OsString]) -> Result<Runner> {
        let way = &self.ways[way];
        Runner::start(way.name, way.serve(work, self.arguments.threads(), told)?)
    }

    fn map(&self, at: usize) -> PathBuf {
        self.folder.join(format!("map{at}.tif"))
    }

    /// Counts those that predict; the rest multiply matrices.
    fn predicting(&self) -> usize {
        self.peers + self.ways.len()
    }

    fn findings(&self, rounds: &Rounds) -> Result<Findings> {
        let accuracies = self.accuracies()?;
        let best = self.best_rates(rounds);
        let mut lines = vec![
            format!("{}, {} threads", processor::name(), self.arguments.threads()),
            rounds.words(),
        ];
        let peak = |(way, rate): (&Variant, &f64)| {
            lines.push(format!("matrix products, {}: {:.0} GFLOP/s", way.name, rate / 1e9));
            json!({ "name": way.name, "flop_per_second": rate })
        };
        let peaks: Vec<Value> = self.ways.iter().zip(&best).map(peak).collect();
        let mut found = Vec::new();
        for (at, accuracy) in accuracies.iter().enumerate() {
            let one = self.one(rounds, at, &best, accuracy.as_ref())?;
            lines.extend(words(&one, self.peers > 0));
            found.push(one);
        }
        let json = json!({
            "processor": processor::name(),
            "threads": self.arguments.threads(),
            "rounds": rounds.to_json(),
            "products": peaks,
            "variants": found,
        });
        Ok(Findings { lines, json })
    }

    /// Returns the best rate of matrix products of each way, in operations per second.
    fn best_rates(&self, rounds: &Rounds) -> Vec<f64> {
        let first = self.predicting();
        let rate = |at: usize| {
            rounds.spread(|turns| number(&turns[at], "flop") / number(&turns[at], "wall")).most
        };
        let rates: Vec<f64> = (0..self.ways.len()).map(|way| rate(first + way)).collect();
        // The ceiling of fp32 is the better library's.
        let is_full = |way: usize| self.runners[first + way].about["precision"] == "fp32";
        let full = (0..rates.len()).filter(|&way| is_full(way)).map(|way| rates[way]);
        let full = full.fold(f64::NAN, f64::max);
        (0..rates.len()).map(|way| if is_full(way) { full } else { rates[way] }).collect()
    }

    /// Describes one process that predicts.
    fn one(
        &self,
        rounds: &Rounds,
        at: usize,
        best: &[f64],
        accuracy: Option<&Accuracy>,
    ) -> Result<Value> {
        let of = |key: &'static str| rounds.spread(|turns| number(&turns[at], key));
        let per = |a: &'static str, b: &'static str| {
            rounds.spread(|turns| number(&turns[at], a) / number(&turns[at], b))
        };
        let outside = rounds
            .spread(|turns| 1.0 - number(&turns[at], "inferring") / number(&turns[at], "wall"));
        let about = &self.runners[at].about;
        let mut one = json!({
            "name": self.runners[at].name,
            "provider": about["provider"],
            "precision": about["precision"],
            "onnxruntime": about["onnxruntime"],
            "seconds": of("wall").to_json(),
            "chips": of("chips").median,
            "chips_per_second": per("chips", "wall").to_json(),
            "processors_used": per("cpu", "wall").to_json(),
            "share_outside_inference": outside.to_json(),
            "peak_rss_bytes": of("peak_rss_bytes").most,
            "ratios": self.ratios(rounds, at),
        });
        for stage in STAGES {
            one[stage] = of(stage).median.into();
        }
        if at >= self.peers {
            one["seam_disagreement"] = of("seam_disagreement").median.into();
            if let Some(gflop) = self.arguments.gflop {
                let share = per("chips", "inferring").median * gflop * 1e9 / best[at - self.peers];
                one["share_of_ceiling"] = share.into();
            }
        }
        if let Some(accuracy) = accuracy {
            one["accuracy"] = accuracy.to_json();
            one["accuracy_words"] = accuracy.to_string().into();
        }
        if at < self.peers && self.decides()? {
            one["agreement_with_ours"] = agreement(&self.map(self.peers), &self.map(at))?.into();
        }
        Ok(one)
    }

    /// Says how many times as fast it is as each peer, else as the plainest of our ways.
    fn ratios(&self, rounds: &Rounds, at: usize) -> Vec<Value> {
        (0..self.peers.max(1))
            .map(|base| {
                let ratio = |key| Spread::to_json(rounds.ratio(base, at, key));
                json!({
                    "against": self.runners[base].name,
                    "whole": ratio("wall"),
                    "network": ratio("inferring"),
                })
            })
            .collect()
    }

    /// Says whether there are classes to compare, and fp32 to compare them with.
    fn decides(&self) -> Result<bool> {
        if self.arguments.fastest {
            return Ok(false);
        }
        let model = Model::open(&self.arguments.model)?;
        Ok(model.manifest().outputs.iter().any(|output| output.kind == OutputKind::ClassScores))
    }

    /// Compares the scores of our ways with the plainest one's; predicts once more for that.
    fn accuracies(&self) -> Result<Vec<Option<Accuracy>>> {
        let mut accuracies = vec![None; self.predicting()];
        if !self.decides()? {
            return Ok(accuracies);
        }
        let scores = |way: usize| self.folder.join(format!("scores{way}.tif"));
        for way in 0..self.ways.len() {
            self.predict_scores(way, &scores(way))?;
            accuracies[self.peers + way] = Some(Accuracy::of(&scores(0), &scores(way))?);
        }
        Ok(accuracies)
    }

    fn predict_scores(&self, way: usize, file: &Path) -> Result<()> {
        let program = std::env::current_exe().map_err(|error| {
            Error::io(format!("this program cannot find its own file: {error}"))
        })?;
        let mut command = Command::new(program);
        command.arg("predict").arg(&self.arguments.model).args(&self.arguments.input);
        command.arg("--output").arg(file).args(["--emit", "scores", "--quiet"]);
        if let Some(overlap) = self.arguments.overlap {
            command.args(["--overlap", &overlap.to_string()]);
        }
        self.ways[way].tell(&mut command, self.arguments.threads());
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(Error::model(format!("'{}' failed; it said why above", self.ways[way].name))),
        }
    }
}

/// Writes for people what was found of a process.
fn words(one: &Value, has_peers: bool) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let spread = |value: &Value| {
        let [median, least, most] = ["median", "min", "max"].map(|key| number(value, key));
        format!("{median:.2} [{least:.2}-{most:.2}]")
    };
    let mut lines = vec![format!(
        "{}: {} chips/s, {} MB at most; {} {} (ONNX Runtime {})",
        text(&one["name"]),
        spread(&one["chips_per_second"]),
        (number(one, "peak_rss_bytes") / 1e6).round(),
        text(&one["provider"]),
        text(&one["precision"]),
        text(&one["onnxruntime"]),
    )];
    let ratios = one["ratios"].as_array().into_iter().flatten();
    for ratio in ratios.filter(|ratio| ratio["against"] != one["name"]) {
        lines.push(format!(
            "  x {} whole, x {} network, against {}",
            spread(&ratio["whole"]),
            spread(&ratio["network"]),
            text(&ratio["against"]),
        ));
    }
    let told = STAGES.iter().filter(|stage| one[**stage].is_number());
    let stages: Vec<_> = told.map(|stage| format!("{stage} {:.3} s", number(one, stage))).collect();
    lines.push(format!(
        "  {}; {:.1} % outside inference",
        stages.join(", "),
        100.0 * number(&one["share_outside_inference"], "median"),
    ));
    if let Some(share) = one["share_of_ceiling"].as_f64() {
        lines.push(format!("  {:.0} % of the best rate of matrix products", 100.0 * share));
    }
    if let Some(words) = one["accuracy_words"].as_str() {
        lines.push(format!("  {words}"));
    }
    if let Some(seams) = one["seam_disagreement"].as_f64() {
        lines.push(format!("  chips disagree at {:.2} % of the pixels they share", 100.0 * seams));
    }
    if let (Some(same), true) = (one["agreement_with_ours"].as_f64(), has_peers) {
        lines.push(format!("  map as our fp32 at {:.2} % of the pixels", 100.0 * same));
    }
    lines
}
