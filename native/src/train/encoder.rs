//! The part of a model that is kept: its encoder, or its decoder too, and how it is fed.

use super::options::{Layer, TrainOptions};
use super::report::TrainReport;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::model::manifest::{Activation, Class, Manifest, Output, OutputKind, Task, Training};
use crate::onnx::{Graph, Place, Value};
use crate::spectralgpt::{ENCODED, LOGITS, PATCH_FEATURES, PIXEL_FEATURES};

/// A model's encoder.
#[derive(Debug)]
pub(super) struct Encoder {
    place: Place,
    sha256: String,
    manifest: Manifest,
    decoder: bool,
}

impl Encoder {
    /// Takes a model's.
    ///
    /// # Errors
    /// - Usage: the model has no such layer.
    /// - Model: it is of a task whose encoder cannot be used, or none of ours.
    pub(super) fn of(model: &Model, layer: Layer) -> Result<Self> {
        let at = |error: Error| error.at(&format!("model '{}'", model.path().display()));
        let manifest = fed_pixel_by_pixel(model.manifest()).map_err(at)?;
        let place = model.place();
        let graph = Graph::read(&place).map_err(at)?;
        let has_decoder = graph.find(PIXEL_FEATURES).is_some();
        if layer == Layer::Decoder && !has_decoder {
            return Err(at(Error::usage(
                "it has no decoder whose features could be used; give --layer encoder, or a \
                 segmentation model that this version converted",
            )));
        }
        let decoder = has_decoder && layer != Layer::Encoder;
        let encoder = Self { sha256: place.sha256()?, place, manifest, decoder };
        encoder.features(&mut encoder.graph()?).map_err(at)?;
        Ok(encoder)
    }

    /// Returns how the encoder is fed.
    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the SHA-256 of the model file.
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Returns the whole network.
    ///
    /// # Errors
    /// - Model, Io: the file has changed and cannot be read any more.
    pub(super) fn graph(&self) -> Result<Graph> {
        Graph::read(&self.place)
    }

    /// Names the features.
    pub(super) fn layer(&self) -> &'static str {
        if self.decoder { "decoder" } else { "encoder" }
    }

    /// Finds the map of features, (batch, feature, row, column), or makes it of a classifier's tokens.
    ///
    /// # Errors
    /// - Model: the network has none.
    pub(super) fn features(&self, graph: &mut Graph) -> Result<Value> {
        let name = if self.decoder { PIXEL_FEATURES } else { PATCH_FEATURES };
        if let Some(map) = graph.find(name) {
            return Ok(map);
        }
        let [residual, hidden] = ENCODED;
        let (Some(residual), Some(hidden)) = (graph.find(residual), graph.find(hidden)) else {
            return Err(Error::model(
                "its network does not tell where its encoder ends; convert its checkpoint again \
                 with this version",
            ));
        };
        graph.map_of_tokens(
            residual,
            hidden,
            (self.manifest.chip_px / self.manifest.patch_px) as usize,
        )
    }

    /// Describes the encoder with a new head.
    pub(super) fn describe(
        &self,
        classes: &[Class],
        report: &TrainReport,
        labels: &str,
        options: &TrainOptions,
    ) -> Result<Manifest> {
        let channels = u32::try_from(classes.len())
            .map_err(|_| Error::failed("more classes than can be counted"))?;
        let labels = std::path::Path::new(labels).file_name().unwrap_or_default();
        let about_head = ["task", "classes"];
        let assumed = self.manifest.assumed.iter().filter(|it| !about_head.contains(&it.as_str()));
        Ok(Manifest {
            task: Task::Segment,
            classes: classes.to_vec(),
            outputs: vec![Output {
                name: LOGITS.to_owned(),
                kind: OutputKind::ClassScores,
                channels,
                activation: Activation::Softmax,
            }],
            assumed: assumed.cloned().collect(),
            external_data_sha256: None,
            training: Some(Training {
                origin_sha256: self.sha256.clone(),
                labels: labels.to_string_lossy().into_owned(),
                field: options.field.clone(),
                features: report.uses_features.then(|| self.layer().to_owned()),
                head: report.head.name().to_owned(),
                strength: report.strength,
                seed: report.seed,
                pixels: report.classes.iter().map(|class| class.drawn as u64).sum(),
                blocks: report.blocks as u64,
                block_px: report.block_px,
                folds: report.folds as u64,
                overall_accuracy: report.figures.overall_accuracy,
                macro_f1: report.figures.macro_f1,
                majority_rate: report.majority_rate,
            }),
            ..self.manifest.clone()
        })
    }
}

/// Returns how a model is fed, without what is meant for whole scenes only.
///
/// # Errors
/// - Model: its encoder cannot be used.
fn fed_pixel_by_pixel(manifest: &Manifest) -> Result<Manifest> {
    let refuse = |why: &str| {
        Err(Error::model(format!(
            "{why}; give a segmentation, classification or embedding model, or an autoencoder \
             converted with --task embed"
        )))
    };
    match manifest.task {
        Task::Change => refuse("a change model's encoder sees two dates at once"),
        Task::Reconstruct => refuse("a reconstruction model's encoder sees parts of a chip only"),
        _ if manifest.portable => {
            refuse("it was converted with --portable, and scales chips by itself")
        }
        _ => Ok(Manifest {
            footprint_px: manifest.chip_px,
            resize_px: None,
            training: None,
            ..manifest.clone()
        }),
    }
}
