//! Puts a head on an encoder and writes both as one model.

use std::path::Path;

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::encoder::Encoder;
use super::options::TrainOptions;
use super::search::Fitted;
use super::seen::{AROUND, Seen};
use super::table::Scale;
use crate::convert::metadata;
use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::model::Model;
use crate::model::manifest::Manifest;
use crate::onnx::{Graph, LIMIT, NoWeights, Value, WeightFormat, Writer};
use crate::runtime::provider::Precision;
use crate::runtime::session::Session;
use crate::spectralgpt::LOGITS;

/// Every so many pixels of a chip are compared with what the model says of them.
const EVERY: usize = 7;
/// How far scores may be apart, as a share of the largest: in fp32, and where the network rounds to
/// halves or bf16 but the head that was compared does not.
const TOLERANCE: f32 = 1e-3;
const TOLERANCE_ROUNDED: f32 = 0.1;

/// Writes the model under a hidden name, checks that it says what the head says, and names it.
/// Returns how far scores are apart, as a share of the largest.
///
/// # Errors
/// - Model: the model is too large, or says something else.
/// - Io: it cannot be written; nothing is left.
pub(super) fn write(
    encoder: &Encoder,
    fitted: &Fitted,
    scale: &Scale,
    manifest: Manifest,
    sample: &Seen,
    output: &Path,
    options: &TrainOptions,
) -> Result<f32> {
    let graph = graft(encoder, fitted, scale, sample)?;
    let described = metadata(&manifest, output, graph.parameters());
    let writer = Writer::new(&graph, &NoWeights, WeightFormat::Fp32);
    if writer.bytes() > LIMIT {
        return Err(Error::model(
            "the encoder and its head do not go into one file of 2 GiB; convert the checkpoint \
             with --weights fp16 first",
        ));
    }
    let hidden = Hidden::write(output, |out| writer.write(&described, out))?;
    let apart = verify(hidden.path(), &expected(fitted, scale, sample), sample, options)?;
    hidden.publish()?;
    Ok(apart)
}

/// Makes the network: what is constant in the head (means, deviations) goes into its weights;
/// channels are weighted before means are taken of them, and features before they are enlarged, which
/// is the same and less work.
fn graft(encoder: &Encoder, fitted: &Fitted, scale: &Scale, sample: &Seen) -> Result<Graph> {
    let mut graph = encoder.graph()?;
    let image = graph.find(encoder.manifest().task.inputs()[0]);
    let image = image.ok_or_else(|| Error::model("its network has no input 'image'"))?;
    let map = if fitted.family.features { Some(encoder.features(&mut graph)?) } else { None };
    graph.clear_outputs();
    let first = &fitted.head.layers[0];
    let (weight, bias) = scale.folded(&first.weight, &first.bias);
    let (spectrum, features) = weight.view().split_at(Axis(0), scale.spectrum());
    let channels = spectrum.nrows() / (1 + AROUND.len());
    let (pixel, around) = spectrum.split_at(Axis(0), channels);
    let mut x = convolve(&mut graph, image, "pixel", pixel, Some(&bias));
    for (side, around) in AROUND.into_iter().zip(around.axis_chunks_iter(Axis(0), channels)) {
        let around = convolve(&mut graph, image, &format!("around.{side}"), around, None);
        let means = graph.means_around(around, side);
        x = graph.add(x, means);
    }
    if let Some(map) = map {
        let features = convolve(&mut graph, map, "features", features, None);
        let features = graph.enlarge(features, sample.side / sample.map.side);
        x = graph.add(x, features);
    }
    let mut classes = bias.len();
    for layer in &fitted.head.layers[1..] {
        let hidden = graph.tanh(x);
        x = convolve(&mut graph, hidden, "classes", layer.weight.view(), Some(&layer.bias));
        classes = layer.bias.len();
    }
    graph.output(LOGITS, x, &[classes, sample.side, sample.side]);
    graph.prune();
    Ok(graph)
}

/// Applies weights, (input, output), to every pixel of a map.
fn convolve(
    graph: &mut Graph,
    x: Value,
    name: &str,
    weight: ArrayView2<'_, f32>,
    bias: Option<&Array1<f32>>,
) -> Value {
    let (from, to) = weight.dim();
    let turned = weight.t().iter().copied().collect();
    let weight = graph.floats(&format!("trained.{name}.weight"), &[to, from, 1, 1], turned);
    let bias = match bias {
        Some(bias) => graph.floats(&format!("trained.{name}.bias"), &[to], bias.to_vec()),
        None => Graph::ABSENT,
    };
    graph.conv(x, weight, bias, 1)
}

/// Checks that the model opens and scores a chip's pixels as the head does, (pixel, class). Returns
/// how far scores are apart, as a share of the largest.
fn verify(
    model: &Path,
    expected: &Array2<f32>,
    sample: &Seen,
    options: &TrainOptions,
) -> Result<f32> {
    let wrong = |error: Error| error.at("the model that was written cannot be used");
    let opened = Model::open(model).map_err(wrong)?;
    let session = Session::open(opened.path(), &options.session()).map_err(wrong)?;
    let outputs = session.run(&[&sample.input], &[LOGITS]).map_err(wrong)?;
    let largest = expected.iter().fold(1.0_f32, |most, score| most.max(score.abs()));
    let pixels = sample.side * sample.side;
    let exact = session.report().precision == Precision::Fp32;
    let tolerance = if exact { TOLERANCE } else { TOLERANCE_ROUNDED };
    let mut apart = 0.0_f32;
    for (row, pixel) in expected.rows().into_iter().zip((0..pixels).step_by(EVERY)) {
        for (class, score) in row.iter().enumerate() {
            let difference = (outputs[0].values[class * pixels + pixel] - score).abs() / largest;
            // What is no number is far apart.
            apart = apart.max(if difference <= tolerance { difference } else { f32::INFINITY });
        }
    }
    if apart <= tolerance {
        return Ok(apart);
    }
    Err(Error::model(
        "the model that was written does not say what was trained; give --precision fp32 --device \
         cpu, or report this",
    ))
}

/// Scores every so many pixels of a chip, (pixel, class).
fn expected(fitted: &Fitted, scale: &Scale, sample: &Seen) -> Array2<f32> {
    let inputs = fitted.head.layers[0].weight.nrows();
    let places: Vec<usize> = (0..sample.side * sample.side).step_by(EVERY).collect();
    let mut seen = Array2::zeros((places.len(), inputs));
    let mut raw = vec![0.0; sample.columns()];
    for (mut row, place) in seen.rows_mut().into_iter().zip(places) {
        sample.pixel(place / sample.side, place % sample.side, &mut raw);
        row.iter_mut().zip(scale.row(&raw)).for_each(|(value, seen)| *value = seen);
    }
    fitted.head.scores(seen.view())
}
