//! `spectralgpt convert`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use log::info;
use serde::Deserialize;
use spectralgpt_core::convert::{ConvertOptions, convert};
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::memory;
use spectralgpt_core::model::manifest::{Class, Task};
use spectralgpt_core::model::profile::Profile;
use spectralgpt_core::onnx::WeightFormat;

/// Arguments of `convert`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A file that torch.save wrote: the published weights, a fine-tuned checkpoint
    checkpoint: PathBuf,
    /// The file to write; replaced if it exists
    model: PathBuf,
    /// What the checkpoint must be for [default: auto, as its tensors say]
    #[arg(long, value_name = "TASK", default_value = "auto", hide_default_value = true,
          value_parser = ["auto", "classify", "multilabel", "segment", "change", "embed", "reconstruct"])]
    task: String,
    /// How the model was fed: pretrain, eurosat-stock, eurosat-canonical, bigearthnet, segmunich, oscd,
    /// landcover [default: as the original feeds this task]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Names of the model's input bands in order, as in B02,B03,B04 [default: the profile's]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    bands: Option<Vec<String>>,
    /// JSON list of the classes: [{"name": "Water", "colour": "#0000ff"}, ...] [default: the profile's]
    #[arg(long, value_name = "FILE.json")]
    classes: Option<PathBuf>,
    /// Side of a chip in pixels; positions are resized [default: as trained]
    #[arg(long, value_name = "N")]
    image_size: Option<u32>,
    /// Attention heads, which leave no trace in the weights [default: from the width]
    #[arg(long, value_name = "N")]
    heads: Option<u32>,
    /// Attention heads of an autoencoder's decoder [default: from its width]
    #[arg(long, value_name = "N")]
    decoder_heads: Option<u32>,
    /// How weights are stored, fp32 or fp16; fp16 halves the file, the arithmetic stays fp32
    #[arg(long, value_name = "FORMAT", default_value = "fp32", value_parser = ["fp32", "fp16"])]
    weights: String,
    /// Makes a model that any ONNX program can feed digital numbers: chips are scaled within the
    /// network, its outputs are probabilities; pixels without data are taken as 0
    #[arg(long)]
    portable: bool,
    /// Writes a STAC item (MLM extension) that describes the model, MODEL.stac.json
    #[arg(long)]
    stac: bool,
}

/// A class as people write it; its value is its place in the list.
#[derive(Debug, Deserialize)]
struct NamedClass {
    name: String,
    #[serde(alias = "color")]
    colour: Option<String>,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<()> {
        let started = Instant::now();
        let mut options = ConvertOptions::default();
        options.task = Task::ALL.into_iter().find(|task| task.name() == self.task);
        options.profile = self.profile.as_deref().map(Profile::named).transpose()?;
        options.bands = self.bands;
        options.classes = self.classes.as_deref().map(read_classes).transpose()?;
        options.image_size = self.image_size;
        options.heads = self.heads;
        options.decoder_heads = self.decoder_heads;
        options.weights =
            if self.weights == "fp16" { WeightFormat::Fp16 } else { WeightFormat::Fp32 };
        (options.portable, options.stac) = (self.portable, self.stac);
        let manifest = convert(&self.checkpoint, &self.model, &options)?;
        info!(
            "{} model, {} classes, chips of {side} x {side} pixels, {} heads",
            manifest.task.name(),
            manifest.classes.len(),
            manifest.heads.unwrap_or_default(),
            side = manifest.chip_px,
        );
        if !manifest.assumed.is_empty() {
            info!("the weights do not tell, and were assumed: {}", manifest.assumed.join(", "));
        }
        info!(
            "wrote '{}' in {:.1} s, peak memory {}",
            self.model.display(),
            started.elapsed().as_secs_f64(),
            memory::words(memory::peak_resident().unwrap_or_default())
        );
        Ok(())
    }
}

fn read_classes(path: &Path) -> Result<Vec<Class>> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::file("read", path, &error))?;
    let wrong = |what: String| {
        Error::usage(format!(
            "'{}' is not a list of classes ({what}); give \
             [{{\"name\": \"Water\", \"colour\": \"#0000ff\"}}, ...]",
            path.display()
        ))
    };
    let named: Vec<NamedClass> =
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let numbered = Profile::named("pretrain")?.classes(u32::try_from(named.len()).unwrap_or(0));
    let classes = named.into_iter().zip(numbered).map(|(given, class)| {
        let colour = given.colour.unwrap_or(class.colour);
        if !is_colour(&colour) {
            return Err(wrong(format!("'{colour}' is not a colour like #0000ff")));
        }
        Ok(Class { value: class.value, name: given.name, colour })
    });
    classes.collect()
}

pub(crate) fn is_colour(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or_default();
    digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}
