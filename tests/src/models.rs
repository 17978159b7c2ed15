//! Makes small model files whose output is known without a network.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use spectralgpt_core::checkpoint::Weights;
use spectralgpt_core::convert::{ConvertOptions, convert};
use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::model::MANIFEST_KEY;
use spectralgpt_core::model::manifest::{
    Activation, Channel, Manifest, Normalisation, Output, OutputKind, SCHEMA, Task,
};
use spectralgpt_core::model::profile::Profile;
use spectralgpt_core::onnx::{Graph, Value, write};

use crate::segment::segment_tensors;
use crate::torch::{self, Wrap};

/// Holds no tensors: the models here have none that come from a checkpoint.
struct NoWeights;

impl Weights for NoWeights {
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    fn shape(&self, _name: &str) -> Option<&[usize]> {
        None
    }

    fn read(&self, name: &str) -> Result<Vec<f32>> {
        Err(Error::model(format!("no tensor {name}")))
    }
}

/// Describes a model of band `B02` and chips of 128 pixels that passes digital numbers through.
pub fn plain_manifest(classes: u32, halo_px: u32) -> Manifest {
    Manifest {
        schema: SCHEMA,
        task: Task::Segment,
        channels: vec![Channel::Band("B02".into())],
        processing_level: None,
        profile: None,
        normalisation: Normalisation::None,
        portable: false,
        chip_px: 128,
        footprint_px: 128,
        resize_px: None,
        patch_px: 8,
        ground_resolution_m: 10.0,
        halo_px,
        overlap_px: None,
        heads: None,
        classes: Profile::named("pretrain").expect("a profile").classes(classes),
        outputs: vec![Output {
            name: "scores".into(),
            kind: OutputKind::ClassScores,
            channels: classes,
            activation: Activation::None,
        }],
        assumed: Vec::new(),
        checkpoint_sha256: None,
        external_data_sha256: None,
        training: None,
    }
}

/// Describes a model of one class that is fed as a profile says.
pub fn profile_manifest(profile: &Profile) -> Manifest {
    Manifest {
        channels: profile.channels(),
        normalisation: profile.normalisation(),
        footprint_px: profile.footprint_px.unwrap_or(128),
        resize_px: profile.resize_px(128),
        ..plain_manifest(1, 0)
    }
}

/// Writes a model file whose network is made by `network` from the chip.
///
/// # Panics
/// The file cannot be written.
pub fn save(path: &Path, manifest: &Manifest, network: impl FnOnce(&mut Graph, Value) -> Value) {
    save_dates(path, manifest, |graph, chips| network(graph, chips[0]));
}

/// Writes a model file whose network is made by `network` from the chips of all dates.
///
/// # Panics
/// The file cannot be written.
pub fn save_dates(
    path: &Path,
    manifest: &Manifest,
    network: impl FnOnce(&mut Graph, &[Value]) -> Value,
) {
    let side = manifest.chip_px as usize;
    let mut graph = Graph::new("test");
    let dims = [manifest.channels.len(), side, side];
    let inputs = manifest.task.inputs().iter();
    let chips: Vec<Value> = inputs.map(|name| graph.input(name, &dims)).collect();
    let scores = network(&mut graph, &chips);
    graph.output("scores", scores, &[manifest.classes.len(), side, side]);
    finish(path, manifest, &graph);
}

fn finish(path: &Path, manifest: &Manifest, graph: &Graph) {
    let metadata = [(MANIFEST_KEY.to_owned(), manifest.to_json())];
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    write(graph, &NoWeights, &metadata, &mut file).expect("a model");
}

/// Writes a model that gives the same scores everywhere, one per class.
pub fn constant(path: &Path, scores: &[f32]) {
    let classes = scores.len();
    let manifest = plain_manifest(u32::try_from(classes).expect("few classes"), 0);
    save(path, &manifest, |graph, chip| {
        let weight = graph.floats("weight", &[classes, 1, 1, 1], vec![0.0; classes]);
        let bias = graph.floats("bias", &[classes], scores.to_vec());
        graph.conv(chip, weight, bias, 1)
    });
}

/// Writes a model that gives the sum over the square of that radius around each pixel; what lies
/// outside the chip counts as zero, so its halo is the radius.
pub fn box_sum(path: &Path, radius: u32) {
    save(path, &plain_manifest(1, radius), |graph, chip| {
        let side = 2 * radius as usize + 1;
        let weight = graph.floats("weight", &[1, 1, side, side], vec![1.0; side * side]);
        graph.conv(chip, weight, Graph::ABSENT, side)
    });
}

/// Writes a change model whose scores of band `B02` are before - after and after - before.
pub fn difference(path: &Path) {
    let manifest = Manifest { task: Task::Change, ..plain_manifest(2, 0) };
    let mut graph = Graph::new("test");
    let [before, after] = ["before", "after"].map(|date| graph.input(date, &[1, 128, 128]));
    let change = graph.sub(before, after);
    let weight = graph.floats("weight", &[2, 1, 1, 1], vec![1.0, -1.0]);
    let scores = graph.conv(change, weight, Graph::ABSENT, 1);
    graph.output("scores", scores, &[2, 128, 128]);
    finish(path, &manifest, &graph);
}

/// Writes a model with that metadata and no manifest: one channel x, chips of 128 pixels, the
/// scores x and 1 - x.
///
/// # Panics
/// The file cannot be written.
pub fn foreign(path: &Path, metadata: &[(&str, &str)]) {
    let mut graph = Graph::new("foreign");
    let chip = graph.input("x", &[1, 128, 128]);
    let weight = graph.floats("weight", &[2, 1, 1, 1], vec![1.0, -1.0]);
    let bias = graph.floats("bias", &[2], vec![0.0, 1.0]);
    let scores = graph.conv(chip, weight, bias, 1);
    graph.output("y", scores, &[2, 128, 128]);
    let entry = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let metadata: Vec<_> = metadata.iter().map(entry).collect();
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    write(&graph, &NoWeights, &metadata, &mut file).expect("a model");
}

/// Writes a checkpoint of generated segmentation weights and converts it.
///
/// # Panics
/// Either cannot be written.
pub fn segment(folder: &Path, depth: usize, width_scale: f64) -> PathBuf {
    let checkpoint = checkpoint(folder, depth, width_scale);
    let model = checkpoint.with_extension("onnx");
    convert(&checkpoint, &model, &ConvertOptions::default()).expect("a model");
    model
}

/// Writes a checkpoint of generated segmentation weights.
///
/// # Panics
/// It cannot be written.
pub fn checkpoint(folder: &Path, depth: usize, width_scale: f64) -> PathBuf {
    let path = folder.join(format!("segment_d{depth}_w{width_scale}.pth"));
    let tensors = segment_tensors(depth, width_scale, 13, "");
    torch::write(&path, &tensors, Wrap::Published).expect("a checkpoint");
    path
}
