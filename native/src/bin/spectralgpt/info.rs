//! `spectralgpt info`.

use std::path::PathBuf;

use clap::Args;
use spectralgpt_core::error::Result;
use spectralgpt_core::model::Model;
use spectralgpt_core::model::manifest::{Activation, Channel, Manifest, Normalisation};

use crate::print;

/// Arguments of `info`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The model file
    model: PathBuf,
    /// What the scores of another's model still need: none, softmax, log_softmax, sigmoid
    #[arg(long, value_name = "NAME")]
    activation: Option<Activation>,
    /// Prints the model's description as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<()> {
        let model = Model::open_with(&self.model, self.activation)?;
        if self.json {
            return print(&model.manifest().to_json());
        }
        lines(model.manifest()).iter().try_for_each(|line| print(line))
    }
}

fn lines(manifest: &Manifest) -> Vec<String> {
    let assumed =
        |key: &str| if manifest.assumed.iter().any(|a| a == key) { " (assumed)" } else { "" };
    let line = |label: &str, value: &str, key: &str| format!("{label:<18}{value}{}", assumed(key));
    let optional = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
    let side = manifest.chip_px;
    let mut lines = vec![
        line("task", manifest.task.name(), "task"),
        line("bands", &channels(&manifest.channels), "channels"),
        line("processing level", &optional(&manifest.processing_level), "processing_level"),
        line("profile", &optional(&manifest.profile), "profile"),
        line("normalisation", normalisation(manifest), "normalisation"),
        line("chip", &format!("{side} x {side} pixels"), "chip_px"),
        line("resolution", &format!("{} m", manifest.ground_resolution_m), "ground_resolution_m"),
        line("halo", &format!("{} pixels", manifest.halo_px), "halo_px"),
        line("overlap", &format!("{} pixels", manifest.default_overlap()), "overlap"),
        line("checkpoint", &optional(&manifest.checkpoint_sha256), "checkpoint_sha256"),
    ];
    if let Some(heads) = manifest.heads {
        lines.push(line("heads", &heads.to_string(), "heads"));
    }
    lines.push(line("classes", &manifest.classes.len().to_string(), "classes"));
    let class = |class: &spectralgpt_core::model::manifest::Class| {
        let from = class.threshold.map_or(String::new(), |least| format!("  (from {least})"));
        format!("{:>6}  {}  {}{from}", class.value, class.colour, class.name)
    };
    lines.extend(manifest.classes.iter().map(class));
    lines
}

fn channels(channels: &[Channel]) -> String {
    let name = |channel: &Channel| match channel {
        Channel::Band(name) => name.clone(),
        Channel::Mean(names) => format!("mean of {} bands", names.len()),
    };
    channels.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn normalisation(manifest: &Manifest) -> &'static str {
    match &manifest.normalisation {
        Normalisation::None if manifest.portable => "within the network",
        Normalisation::None => "none",
        Normalisation::ChipMinMax { .. } => "minimum to maximum of each chip",
        Normalisation::ZScore { .. } => "mean and standard deviation of each band",
        Normalisation::ClippedBytes { .. } => "mean -+ 2 standard deviations to 8 bits",
    }
}
