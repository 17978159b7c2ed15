//! Describes segmentation models of others by what their files say.

mod deepness;
mod mlm;

use super::manifest::{
    Activation, Channel, Class, Manifest, Normalisation, Output, OutputKind, SCHEMA, Task,
};
use super::profile::Profile;
use super::stac_mlm;
use crate::error::{Error, Result};
use crate::onnx::{Dim, Element, ModelFacts, ValueFacts};

/// A class's name and colour.
type Named = (String, Option<String>);

/// What another's description says; `None` where it says nothing.
#[derive(Debug, Default)]
struct Described {
    /// Names of the bands.
    bands: Option<Vec<String>>,
    /// Mean and standard deviation of each channel's digital numbers; one pair stands for all.
    scaling: Option<Vec<(f64, f64)>>,
    classes: Option<Vec<Named>>,
    activation: Option<Activation>,
    resolution_m: Option<f64>,
    side_px: Option<u32>,
    overlap_px: Option<u32>,
    halo_px: u32,
}

/// Makes a manifest for a model that has none of ours, from Deepness's keys or a STAC MLM
/// description among its metadata.
///
/// Channels without a name are called `1`, `2` and so on. What nothing told is listed as assumed.
///
/// # Errors
/// - Usage: nothing tells what the outputs still need, and `activation` is not given.
/// - Model: no description, or not a network of one image and one map of scores per class.
pub fn manifest(facts: &ModelFacts, activation: Option<Activation>) -> Result<Manifest> {
    let described = match facts.metadata.get(stac_mlm::KEY) {
        Some(json) => mlm::read(json)?,
        None if facts.metadata.contains_key("model_type") => deepness::read(&facts.metadata)?,
        None => {
            return Err(Error::model(
                "it does not describe itself (no 'spectralgpt', 'stac_mlm' or Deepness metadata); \
                 give a file that 'spectralgpt convert' wrote",
            ));
        }
    };
    let activation = activation.or(described.activation).ok_or_else(|| {
        Error::usage(
            "it does not say what its outputs still need to be scores; give --activation none (as \
             Deepness asks of its models), softmax, log_softmax or sigmoid",
        )
    })?;
    let manifest = describe(facts, described, activation)?;
    manifest.check()?;
    Ok(manifest)
}

fn describe(facts: &ModelFacts, described: Described, activation: Activation) -> Result<Manifest> {
    let ([input], [output]) = (facts.inputs.as_slice(), facts.outputs.as_slice()) else {
        return Err(Error::model(format!(
            "it has {} inputs and {} outputs; one image in and one map of scores out are needed",
            facts.inputs.len(),
            facts.outputs.len()
        )));
    };
    let chip_px = side(input, described.side_px)?;
    let bands = channels(input, &described)?;
    let count = classes_of(output, &described, chip_px)?;
    let mut assumed = Vec::new();
    let mut assume = |known: bool, key: &str| assumed.extend((!known).then(|| key.to_owned()));
    assume(described.resolution_m.is_some(), "ground_resolution_m");
    assume(described.classes.is_some(), "classes");
    assume(described.bands.is_some(), "channels");
    Ok(Manifest {
        schema: SCHEMA,
        task: Task::Segment,
        normalisation: normalisation(described.scaling, bands.len())?,
        channels: bands.into_iter().map(Channel::Band).collect(),
        processing_level: None,
        profile: None,
        portable: false,
        chip_px,
        footprint_px: chip_px,
        resize_px: None,
        patch_px: 1,
        ground_resolution_m: described.resolution_m.unwrap_or(10.0),
        halo_px: described.halo_px,
        overlap_px: described.overlap_px,
        heads: None,
        classes: classes(count, described.classes)?,
        outputs: vec![Output {
            name: output.name.clone(),
            kind: OutputKind::ClassScores,
            channels: count,
            activation,
        }],
        assumed,
        checkpoint_sha256: None,
        external_data_sha256: None,
        training: None,
    })
}

/// Returns a fixed length of an axis.
fn fixed(value: &ValueFacts, axis: usize) -> Option<u32> {
    match value.dims.get(axis) {
        Some(Dim::Fixed(length)) => u32::try_from(*length).ok(),
        _ => None,
    }
}

/// Returns the side of the image, as the network or else the description says.
fn side(input: &ValueFacts, described: Option<u32>) -> Result<u32> {
    if input.dims.len() != 4 || input.element != Element::Float32 {
        return Err(Error::model(format!(
            "its input '{}' is not an f32 image (batch, channel, row, column)",
            input.name
        )));
    }
    match (fixed(input, 2), fixed(input, 3), described) {
        (Some(height), Some(width), _) if height == width => Ok(height),
        (None, None, Some(side)) => Ok(side),
        (Some(_), Some(_), _) => Err(Error::model("its input is not square")),
        _ => Err(Error::model(
            "neither its input nor its metadata ('tiles_size') says how many pixels it takes",
        )),
    }
}

fn channels(input: &ValueFacts, described: &Described) -> Result<Vec<String>> {
    let bands = described.bands.as_ref().map(Vec::len);
    let scaled = described.scaling.as_ref().map(Vec::len).filter(|count| *count > 1);
    let count = fixed(input, 1).map(|count| count as usize).or(bands).or(scaled);
    let count = count.ok_or_else(|| {
        Error::model("neither its input nor its metadata says how many channels it takes")
    })?;
    match &described.bands {
        Some(bands) if bands.len() == count => Ok(bands.clone()),
        Some(bands) => Err(Error::model(format!(
            "its metadata names {} bands, its input has {count} channels",
            bands.len()
        ))),
        None => Ok((1..=count).map(|number| number.to_string()).collect()),
    }
}

/// Returns the number of classes of an output that must be a map of at least two.
fn classes_of(output: &ValueFacts, described: &Described, side: u32) -> Result<u32> {
    let named = described.classes.as_ref().and_then(|names| u32::try_from(names.len()).ok());
    let same = |axis| fixed(output, axis).is_none_or(|length| length == side);
    match fixed(output, 1).or(named) {
        Some(0 | 1) => Err(Error::model(
            "its output has one channel; give a model with a score for each class, the background \
             among them",
        )),
        Some(count) if output.dims.len() == 4 && same(2) && same(3) => Ok(count),
        _ => Err(Error::model(format!(
            "its output '{}' is not a map of scores (batch, class, row, column) as large as its \
             input",
            output.name
        ))),
    }
}

fn normalisation(scaling: Option<Vec<(f64, f64)>>, channels: usize) -> Result<Normalisation> {
    let Some(mut scaling) = scaling else { return Ok(Normalisation::None) };
    if let ([one], true) = (scaling.as_slice(), channels > 1) {
        scaling = vec![*one; channels];
    }
    if scaling.len() != channels {
        return Err(Error::model(format!(
            "its metadata scales {} channels, its input has {channels}",
            scaling.len()
        )));
    }
    let sound = |(mean, std): &(f64, f64)| mean.is_finite() && std.is_finite() && *std != 0.0;
    if !scaling.iter().all(sound) {
        return Err(Error::model("its metadata scales a channel by a range of 0 or by no number"));
    }
    let (mean, std) = scaling.into_iter().unzip();
    Ok(Normalisation::ZScore { mean, std })
}

fn classes(count: u32, named: Option<Vec<Named>>) -> Result<Vec<Class>> {
    let mut classes = Profile::named("pretrain")?.classes(count);
    let Some(named) = named else { return Ok(classes) };
    if named.len() != classes.len() {
        return Err(Error::model(format!(
            "its metadata names {} classes, its output has {count}",
            named.len()
        )));
    }
    for (class, (name, colour)) in classes.iter_mut().zip(named) {
        class.name = name;
        class.colour = colour.unwrap_or_else(|| class.colour.clone());
    }
    Ok(classes)
}

/// Says that a key of the metadata is not what it should be.
fn wrong(key: &str, needed: &str) -> Error {
    Error::model(format!("its metadata '{key}' is not {needed}"))
}

#[cfg(test)]
mod tests;
