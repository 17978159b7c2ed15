//! Puts a head on an encoder and writes both as one model.

use std::path::Path;

use ndarray::Array2;

use super::encode::Seen;
use super::encoder::Encoder;
use super::options::TrainOptions;
use super::search::Fitted;
use super::table::narrow;
use crate::convert::metadata;
use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::model::Model;
use crate::model::manifest::Manifest;
use crate::onnx::{Graph, LIMIT, NoWeights, Value, WeightFormat, Writer};
use crate::runtime::session::{Session, SessionOptions};
use crate::spectralgpt::LOGITS;

/// Every so many pixels of a chip are compared with what the model says of them.
const EVERY: usize = 7;
/// How far scores may be apart, as a share of the largest.
const TOLERANCE: f32 = 1e-3;

/// Writes the model under a hidden name, checks that it says what the head says, and names it.
///
/// # Errors
/// - Model: the model is too large, or says something else.
/// - Io: it cannot be written; nothing is left.
pub(super) fn write(
    encoder: &Encoder,
    fitted: &Fitted,
    manifest: Manifest,
    sample: &Seen,
    output: &Path,
    options: &TrainOptions,
) -> Result<()> {
    let graph = graft(encoder, fitted, sample)?;
    let described = metadata(&manifest, output, graph.parameters());
    let writer = Writer::new(&graph, &NoWeights, WeightFormat::Fp32);
    if writer.bytes() > LIMIT {
        return Err(Error::model(
            "the encoder and its head do not go into one file of 2 GiB; convert the checkpoint \
             with --weights fp16 first",
        ));
    }
    let hidden = Hidden::write(output, |out| writer.write(&described, out))?;
    verify(hidden.path(), fitted, sample, options)?;
    hidden.publish()
}

/// Makes the network: what is constant in the head (means, deviations) goes into its weights, and
/// features are weighted before they are enlarged, which is the same and less work.
fn graft(encoder: &Encoder, fitted: &Fitted, sample: &Seen) -> Result<Graph> {
    let mut graph = encoder.graph()?;
    let image = graph.find(encoder.manifest().task.inputs()[0]);
    let image = image.ok_or_else(|| Error::model("its network has no input 'image'"))?;
    let map = if fitted.candidate.features { Some(encoder.features(&mut graph)?) } else { None };
    graph.clear_outputs();
    let first = &fitted.head.layers[0];
    let (weight, bias) = folded(fitted);
    let width = first.bias.len();
    let mut x = convolve(&mut graph, image, "spectrum", &weight[..fitted.spectrum], Some(&bias));
    if let Some(map) = map {
        let features = convolve(&mut graph, map, "features", &weight[fitted.spectrum..], None);
        let features = graph.enlarge(features, sample.side / sample.map.side);
        x = graph.add(x, features);
    }
    let mut classes = width;
    for layer in &fitted.head.layers[1..] {
        let hidden = graph.tanh(x);
        let weight: Vec<Vec<f32>> =
            layer.weight.rows().into_iter().map(|row| row.to_vec()).collect();
        x = convolve(&mut graph, hidden, "classes", &weight, Some(&layer.bias.to_vec()));
        classes = layer.bias.len();
    }
    graph.output(LOGITS, x, &[classes, sample.side, sample.side]);
    graph.prune();
    Ok(graph)
}

/// Returns the first layer's weights, (input, output), and bias for inputs that are not scaled.
fn folded(fitted: &Fitted) -> (Vec<Vec<f32>>, Vec<f32>) {
    let first = &fitted.head.layers[0];
    let mut bias: Vec<f64> = first.bias.iter().copied().map(f64::from).collect();
    let mut weights = Vec::new();
    for (row, (mean, deviation)) in first.weight.rows().into_iter().zip(&fitted.table_scales) {
        let scaled: Vec<f64> = row.iter().map(|weight| f64::from(*weight) / deviation).collect();
        bias.iter_mut().zip(&scaled).for_each(|(bias, weight)| *bias -= weight * mean);
        weights.push(scaled.into_iter().map(narrow).collect());
    }
    (weights, bias.into_iter().map(narrow).collect())
}

/// Applies weights, (input, output), to every pixel of a map.
fn convolve(
    graph: &mut Graph,
    x: Value,
    name: &str,
    weight: &[Vec<f32>],
    bias: Option<&[f32]>,
) -> Value {
    let (from, to) = (weight.len(), weight.first().map_or(0, Vec::len));
    let turned: Vec<f32> = (0..to).flat_map(|out| weight.iter().map(move |row| row[out])).collect();
    let weight = graph.floats(&format!("trained.{name}.weight"), &[to, from, 1, 1], turned);
    let bias = match bias {
        Some(bias) => graph.floats(&format!("trained.{name}.bias"), &[to], bias.to_vec()),
        None => Graph::ABSENT,
    };
    graph.conv(x, weight, bias, 1)
}

/// Checks that the model opens and scores a chip's pixels as the head does.
fn verify(model: &Path, fitted: &Fitted, sample: &Seen, options: &TrainOptions) -> Result<()> {
    let wrong = |error: Error| error.at("the model that was written cannot be used");
    let (line, pixels) = (&options.line, sample.side * sample.side);
    let opened = Model::open(model).map_err(wrong)?;
    let settings = SessionOptions {
        threads: line.threads,
        library: line.library.clone(),
        device: line.device,
        provider: line.provider,
        precision: line.precision,
        batch: 1,
    };
    let session = Session::open(opened.path(), &settings).map_err(wrong)?;
    let outputs = session.run(&[&sample.input], &[LOGITS]).map_err(wrong)?;
    let expected = expected(fitted, sample);
    let largest = expected.iter().fold(1.0_f32, |most, score| most.max(score.abs()));
    let classes = expected.ncols();
    for (row, pixel) in expected.rows().into_iter().zip((0..pixels).step_by(EVERY)) {
        for (class, score) in (0..classes).zip(row) {
            let said = outputs[0].values[class * pixels + pixel];
            let allowed = TOLERANCE * largest;
            // Also what is no number fails.
            if !((said - score).abs() <= allowed) {
                return Err(Error::model(format!(
                    "the model that was written does not say what was trained: {said} instead of \
                     {score}; give --precision fp32 --device cpu, or report this"
                )));
            }
        }
    }
    Ok(())
}

/// Scores every so many pixels of a chip, (pixel, class).
fn expected(fitted: &Fitted, sample: &Seen) -> Array2<f32> {
    let columns = fitted.spectrum + sample.map.features;
    let used = fitted.table_scales.len();
    let places: Vec<usize> = (0..sample.side * sample.side).step_by(EVERY).collect();
    let mut seen = Array2::zeros((places.len(), used));
    let mut pixel = vec![0.0; columns];
    for (mut row, place) in seen.rows_mut().into_iter().zip(places) {
        sample.pixel(place / sample.side, place % sample.side, &mut pixel);
        for ((value, raw), (mean, deviation)) in
            row.iter_mut().zip(&pixel).zip(&fitted.table_scales)
        {
            *value = narrow((f64::from(*raw) - mean) / deviation);
        }
    }
    fitted.head.scores(seen.view())
}
