//! A network rewritten to compute in halves, against itself, on the processor: ONNX Runtime casts
//! around operators that it has no halves of there, so values are rounded as on a GPU, sums are not.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use conformance::networks::{Network, checkpoint};
use conformance::{detgen, models, skipped, tell};
use spectralgpt_core::convert::{ConvertOptions, convert};
use spectralgpt_core::error::{Kind, Result};
use spectralgpt_core::model::manifest::Task;
use spectralgpt_core::onnx::{Element, WeightFormat, halved, read_metadata_of};
use spectralgpt_core::runtime::provider::{Device, Precision};
use spectralgpt_core::runtime::session::{Session, SessionOptions};

/// Counts where a word stands in a file.
fn count(bytes: &[u8], word: &str) -> usize {
    bytes.windows(word.len()).filter(|part| *part == word.as_bytes()).count()
}

/// Runs a model on two chips of its own; the first output's values.
fn run(model: &Path) -> Vec<f32> {
    run_on(model, SessionOptions { device: Device::Cpu, ..SessionOptions::default() }).unwrap()
}

fn run_on(model: &Path, options: SessionOptions) -> Result<Vec<f32>> {
    let session = Session::open(model, &SessionOptions { batch: 2, ..options })?;
    let chips = |(seed, shape): (usize, &[usize])| {
        let [planes, rows, cols] = [shape[0] * shape[1], shape[2], shape[3]];
        let values = detgen::raw_u16(&format!("halved{seed}"), planes, rows, cols, 0, 1000);
        values.iter().map(|value| f32::from(*value) / 1000.0).collect()
    };
    let shapes = session.inputs().iter().map(|input| input.shape.as_slice());
    let given: Vec<Vec<f32>> = shapes.enumerate().map(chips).collect();
    let given: Vec<&[f32]> = given.iter().map(Vec::as_slice).collect();
    Ok(session.run(&given, &[])?.remove(0).values)
}

/// Returns the largest difference of values, as a share of their range.
fn apart(single: &[f32], half: &[f32]) -> f32 {
    let range = single.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    assert!(range > 0.0 && single.len() == half.len());
    assert_ne!(single, half, "it still computes in single");
    single.iter().zip(half).fold(0.0, |most: f32, (a, b)| most.max((a - b).abs())) / range
}

/// Halves a model that has so many attentions; how far it is from what it was.
fn difference(model: &Path, attentions: usize) -> f32 {
    let bytes = fs::read(model).unwrap();
    let half = halved(Cow::Borrowed(&bytes)).unwrap();
    let facts = read_metadata_of(&half).unwrap();
    assert!(facts.inputs.iter().chain(&facts.outputs).all(|it| it.element == Element::Float32));
    assert!(half.len() < bytes.len(), "{} of {} bytes", half.len(), bytes.len());
    assert_eq!(count(&half, "MultiHeadAttention"), attentions);
    let place = model.with_extension("half.onnx");
    fs::write(&place, half).unwrap();
    apart(&run(model), &run(&place))
}

#[test]
fn halves_answer_as_singles_within_what_they_can_tell() {
    let folder = tempfile::tempdir().unwrap();
    let network = |network, name: &str, options: ConvertOptions| {
        let [from, to] = ["pth", "onnx"].map(|end| folder.path().join(name).with_extension(end));
        checkpoint(&from, network, 2);
        convert(&from, &to, &options).unwrap();
        to
    };
    let task = |task| {
        let mut options = ConvertOptions::default();
        options.task = Some(task);
        options
    };
    let coder = Network::Autoencoder { side: 128, decoder_depth: 1 };
    let mut stored = ConvertOptions::default();
    stored.weights = WeightFormat::Fp16;
    for (model, attentions) in [
        (models::segment(folder.path(), 2, 0.25), 2),
        (network(Network::Change, "change", ConvertOptions::default()), 2),
        (network(Network::ClassifySeparate, "classify", stored), 2),
        (network(coder, "embed", task(Task::Embed)), 2),
        (network(coder, "reconstruct", task(Task::Reconstruct)), 3),
    ] {
        let difference = difference(&model, attentions);
        tell(&format!("{}: {difference:.1e} of the range", model.display()));
        assert!(difference < 1e-2, "{}: {difference}", model.display());
    }
}

#[test]
fn a_gpu_computes_in_halves_where_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::segment(folder.path(), 2, 0.25);
    for precision in [Precision::Fp16, Precision::Fastest] {
        let options =
            SessionOptions { device: Device::Cuda(0), precision, ..SessionOptions::default() };
        match run_on(&model, options) {
            Ok(half) => assert!(apart(&run(&model), &half) < 1e-2),
            Err(refused) => {
                assert_eq!(refused.kind(), Kind::Model);
                assert!(refused.message().contains("CUDAExecutionProvider cannot be used"));
                assert!(refused.message().contains("--device cpu"), "{refused}");
                skipped("no GPU: the load error was tested");
            }
        }
    }
}

#[test]
fn what_cannot_be_halved_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.onnx");
    models::foreign(&path, &[]);
    let mut bytes = fs::read(&path).unwrap();
    let name = b"spectralgpt";
    let at = bytes.windows(name.len()).position(|part| part == name).unwrap();
    bytes[at..at + name.len()].copy_from_slice(b"otherwriter");
    let mut options = ConvertOptions::default();
    options.portable = true;
    let weights = models::checkpoint(folder.path(), 1, 0.25);
    let portable = folder.path().join("portable.onnx");
    convert(&weights, &portable, &options).unwrap();
    options.portable = false;
    options.single_file_limit = Some(0);
    let beside = folder.path().join("beside.onnx");
    convert(&weights, &beside, &options).unwrap();
    let [portable, beside] = [portable, beside].map(|path| fs::read(path).unwrap());
    for (model, why) in
        [(&bytes, "another program"), (&portable, "--portable"), (&beside, "in another file")]
    {
        let error = halved(Cow::Borrowed(model)).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.message().contains(why) && error.message().contains("fp32"), "{error}");
    }
    assert_eq!(halved(Cow::Borrowed(b"nothing")).unwrap_err().kind(), Kind::Model);
}
