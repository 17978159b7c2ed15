//! Turns a checkpoint into a model file that describes itself.

use std::path::Path;

use crate::checkpoint::{Checkpoint, Weights};
use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::inputs::same_file;
use crate::model::manifest::{
    Activation, Channel, Class, Manifest, Output, OutputKind, SCHEMA, Task,
};
use crate::model::profile::Profile;
use crate::model::stac_item::Asset;
use crate::model::{MANIFEST_KEY, beside, deepness, portable, stac_item, stac_mlm};
use crate::onnx::{LIMIT, WeightFormat, Writer};
use crate::spectralgpt::{self, Choices, Config};

/// Sentinel-2's finest pixels, in metres.
const GROUND_RESOLUTION_M: f64 = 10.0;

/// What a model file's descriptions may take of its 2 GiB.
const METADATA_ROOM: u64 = 1 << 20;

/// What a conversion is told; what is `None` is found in the weights or assumed from a profile.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConvertOptions {
    /// The task the checkpoint must be of. Default: as the weights say.
    pub task: Option<Task>,
    /// How the model was fed. Default: as the original feeds this task.
    pub profile: Option<Profile>,
    /// Names of the input channels, replacing the profile's. Default: the profile's.
    pub bands: Option<Vec<String>>,
    /// Names and colours of the classes. Default: the profile's.
    pub classes: Option<Vec<Class>>,
    /// Side of a chip in pixels. Default: what the weights were trained with.
    pub image_size: Option<u32>,
    /// Attention heads. Default: from the width.
    pub heads: Option<u32>,
    /// Attention heads of an autoencoder's decoder. Default: from its width.
    pub decoder_heads: Option<u32>,
    /// How weights are stored. Default: as f32.
    pub weights: WeightFormat,
    /// Scales chips and applies the activation within the network. Default: false.
    pub portable: bool,
    /// Writes a STAC item, `MODEL.stac.json`, too. Default: false.
    pub stac: bool,
    /// Bytes from which on weights stand in a file of their own. Default: where ONNX ends.
    #[doc(hidden)]
    pub single_file_limit: Option<u64>,
}

/// Converts `checkpoint` and writes `model`, replacing it if it exists.
///
/// Weights of more than 2 GiB are written to `MODEL.data` beside it, first. Returns the
/// description; what it assumes is listed in it.
///
/// # Errors
/// - Usage: the options do not fit the weights, or the model would replace them.
/// - Model: not a checkpoint, damaged, or not of a network that is known.
/// - Io: a file cannot be read or written; no new model is left.
pub fn convert(checkpoint: &Path, model: &Path, options: &ConvertOptions) -> Result<Manifest> {
    must_differ(checkpoint, model)?;
    let weights = Checkpoint::open(checkpoint)?;
    let at = |error: Error| error.at(&format!("'{}'", checkpoint.display()));
    let ConvertOptions { task, heads, decoder_heads, image_size, .. } = *options;
    let choices = Choices { task, heads, decoder_heads, image_size };
    let config = Config::read(&weights, &choices).map_err(at)?;
    let mut manifest = describe(&config, options, weights.sha256()?)?;
    let mut graph = spectralgpt::build(&config, false);
    if options.portable {
        portable::make(&mut graph, &mut manifest)?;
    }
    let writer = Writer::new(&graph, &weights, options.weights);
    let limit = options.single_file_limit.unwrap_or(LIMIT - METADATA_ROOM);
    let parameters = parameters(&weights);
    let mut files = Vec::new();
    if writer.bytes() > limit {
        let data =
            Hidden::write(&beside::data_path(model), |out| writer.write_data(out).map_err(at))?;
        manifest.external_data_sha256 = Some(data.sha256.clone());
        files.push(data);
    }
    let described = metadata(&manifest, model, parameters);
    let data_name = files.first().map(Hidden::name);
    files.push(Hidden::write(model, |out| match &data_name {
        Some(name) => writer.write_beside(&described, name, out).map_err(at),
        None => writer.write(&described, out).map_err(at),
    })?);
    if options.stac {
        files.push(item(&manifest, model, parameters, &files)?);
    }
    // In this order, so that the model appears after what it needs.
    files.into_iter().try_for_each(Hidden::publish)?;
    Ok(manifest)
}

/// Writes the STAC item that lists the files.
fn item(manifest: &Manifest, model: &Path, parameters: u64, files: &[Hidden]) -> Result<Hidden> {
    let asset =
        |file: &Hidden| Asset { name: file.name(), bytes: file.bytes, sha256: file.sha256.clone() };
    let [data @ .., network] = files else {
        return Err(Error::failed("no model was written; please report this"));
    };
    let (data, network) = (data.first().map(asset), asset(network));
    let item = stac_item::item(manifest, &name(model), parameters, &network, data.as_ref());
    let path = stac_item::path(model);
    Hidden::write(&path, |out| {
        let written = serde_json::to_writer_pretty(&mut *out, &item).map_err(std::io::Error::from);
        written.map_err(|error| Error::file("write", &path, &error))
    })
}

fn must_differ(checkpoint: &Path, model: &Path) -> Result<()> {
    let files = [model.to_owned(), beside::data_path(model), stac_item::path(model)];
    match files.iter().find(|file| same_file(file, checkpoint)) {
        Some(file) => Err(Error::usage(format!(
            "'{}' is the checkpoint and would be overwritten; give another output",
            file.display()
        ))),
        None => Ok(()),
    }
}

fn name(model: &Path) -> String {
    model.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn describe(
    config: &Config,
    options: &ConvertOptions,
    checkpoint_sha256: String,
) -> Result<Manifest> {
    let default = match config.task {
        Task::Classify => Profile::named("eurosat-stock")?,
        Task::Multilabel => Profile::named("bigearthnet")?,
        Task::Segment => Profile::named("segmunich")?,
        Task::Change => Profile::named("oscd")?,
        Task::Embed | Task::Reconstruct => Profile::named("pretrain")?,
    };
    let profile = options.profile.unwrap_or(default);
    let mut assumed = vec!["ground_resolution_m".to_owned()];
    let mut assume = |given: bool, keys: &[&str]| {
        assumed.extend(keys.iter().filter(|_| !given).map(|key| (*key).to_owned()));
    };
    // A classifier of several labels has the same tensors as one of classes.
    let told = !matches!(config.task, Task::Classify | Task::Multilabel);
    assume(told || options.task.is_some(), &["task"]);
    assume(options.profile.is_some(), &["profile", "normalisation", "processing_level"]);
    assume(options.profile.is_some() || options.bands.is_some(), &["channels"]);
    assume(config.head.classes() == 0 || options.classes.is_some(), &["classes"]);
    assume(options.heads.is_some(), &["heads"]);
    let chip_px = number(config.image_size())?;
    // Only what is said of a whole chip can be said of a square that was resized.
    let scene = matches!(config.task, Task::Classify | Task::Multilabel);
    let footprint_px = profile.footprint_px.filter(|_| scene);
    Ok(Manifest {
        schema: SCHEMA,
        task: config.task,
        channels: channels(config, &profile, options.bands.as_deref())?,
        processing_level: Some(profile.processing_level.to_owned()),
        profile: Some(profile.name.to_owned()),
        normalisation: profile.normalisation(),
        portable: false,
        chip_px,
        footprint_px: footprint_px.unwrap_or(chip_px),
        resize_px: profile.resize_px(chip_px).filter(|_| scene),
        patch_px: number(config.patch)?,
        ground_resolution_m: GROUND_RESOLUTION_M,
        halo_px: 0,
        overlap_px: None,
        heads: Some(number(config.heads)?),
        classes: classes(config, &profile, options.classes.as_deref())?,
        outputs: outputs(config)?,
        assumed,
        checkpoint_sha256: Some(checkpoint_sha256),
        external_data_sha256: None,
        training: None,
    })
}

/// Describes the outputs: what the graph gives, and what that still needs.
fn outputs(config: &Config) -> Result<Vec<Output>> {
    let activation = |kind| match (kind, config.task) {
        (OutputKind::ClassScores, Task::Change) => Activation::LogSoftmax,
        (OutputKind::SceneScores, Task::Multilabel) => Activation::Sigmoid,
        (OutputKind::ClassScores | OutputKind::SceneScores, _) => Activation::Softmax,
        _ => Activation::None,
    };
    let output = |(name, kind, channels): (&str, OutputKind, usize)| {
        let (name, activation) = (name.to_owned(), activation(kind));
        Ok(Output { name, kind, channels: number(channels)?, activation })
    };
    config.outputs().into_iter().map(output).collect()
}

/// Narrows a length of the weights, all of which were checked to be small.
fn number(length: usize) -> Result<u32> {
    u32::try_from(length).map_err(|_| Error::model(format!("the weights have an axis of {length}")))
}

/// Returns the channels: those given, else the profile's; the weights say how many.
fn channels(config: &Config, profile: &Profile, given: Option<&[String]>) -> Result<Vec<Channel>> {
    let needed = config.bands();
    let channels = match given {
        Some(given) => given.iter().cloned().map(Channel::Band).collect(),
        None => profile.channels(),
    };
    if channels.len() == needed {
        return Ok(channels);
    }
    let (what, count) = (if given.is_some() { "--bands" } else { profile.name }, channels.len());
    Err(Error::usage(format!(
        "{what} gives {count} channels, the weights are for {needed}; name {needed} bands with \
         --bands"
    )))
}

fn classes(config: &Config, profile: &Profile, given: Option<&[Class]>) -> Result<Vec<Class>> {
    match given {
        None => Ok(profile.classes(number(config.head.classes())?)),
        Some(given) if given.len() == config.head.classes() => Ok(given.to_vec()),
        Some(given) => Err(Error::usage(format!(
            "--classes describes {} classes, the weights have {}",
            given.len(),
            config.head.classes()
        ))),
    }
}

/// Lists what a model file says of itself.
pub(crate) fn metadata(
    manifest: &Manifest,
    model: &Path,
    parameters: u64,
) -> Vec<(String, String)> {
    let mlm = stac_mlm::properties(manifest, &name(model), parameters);
    let ours = [
        (MANIFEST_KEY.to_owned(), manifest.to_json()),
        (stac_mlm::KEY.to_owned(), mlm.to_string()),
    ];
    ours.into_iter().chain(deepness::properties(manifest)).collect()
}

fn parameters(weights: &dyn Weights) -> u64 {
    let count = |name: &&str| weights.shape(name).map_or(0, |shape| shape.iter().product());
    weights.names().iter().map(count).sum::<usize>() as u64
}
