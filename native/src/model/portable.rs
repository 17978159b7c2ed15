//! Puts into the network what the line does around it, so that any runtime can feed it digital
//! numbers, at any scale: minimum to maximum does not depend on it.

use super::manifest::{Activation, Channel, Manifest, Normalisation, Task};
use crate::error::{Error, Result};
use crate::normalise::needed;
use crate::onnx::{Attribute, Graph, Value};

/// Added to a range, so that a constant channel gives 0; lost in rounding where there is one.
const EPSILON: f32 = 1e-9;

/// The output that has been activated.
const SCORES: &str = "scores";

/// Makes a network and its description portable.
///
/// Its inputs become digital numbers of the bands that the channels need, divided by anything; its
/// scores become what the activation makes of them.
///
/// # Errors
/// - Usage: the model is fed in a way that depends on the scale, or gives back what it was fed.
pub fn make(graph: &mut Graph, manifest: &mut Manifest) -> Result<()> {
    let means = means(manifest)?;
    let bands: Vec<String> = needed(&manifest.channels).into_iter().map(str::to_owned).collect();
    let side = manifest.chip_px as usize;
    for input in manifest.task.inputs() {
        graph.before(input, &[bands.len(), side, side], |graph, image| {
            let channels = graph.with_means(image, means);
            graph.scale_chips(channels)
        })?;
    }
    for output in &mut manifest.outputs {
        let Some(operator) = operator(output.activation) else { continue };
        graph.after(&output.name, SCORES, |graph, raw| match operator {
            "Softmax" => graph.op(operator, &[raw], &[("axis", Attribute::Int(1))]),
            _ => graph.op(operator, &[raw], &[]),
        })?;
        (output.name, output.activation) = (SCORES.to_owned(), Activation::None);
    }
    manifest.channels = bands.into_iter().map(Channel::Band).collect();
    (manifest.normalisation, manifest.portable) = (Normalisation::None, true);
    Ok(())
}

/// Counts the channels that are means of all bands, which come last.
fn means(manifest: &Manifest) -> Result<usize> {
    if manifest.task == Task::Reconstruct {
        return Err(Error::usage(
            "--portable cannot give back digital numbers, which a reconstruction is made for; \
             leave it out",
        ));
    }
    let scaled = matches!(manifest.normalisation, Normalisation::ChipMinMax { .. });
    let bands = needed(&manifest.channels);
    let (first, means) = manifest.channels.split_at(bands.len().min(manifest.channels.len()));
    let plain = first.iter().all(|channel| matches!(channel, Channel::Band(_)));
    let all = |channel: &Channel| matches!(channel, Channel::Mean(names) if *names == bands);
    if scaled && manifest.resize_px.is_none() && plain && means.iter().all(all) {
        return Ok(means.len());
    }
    Err(Error::usage(format!(
        "--portable needs a model whose chips are scaled from their own minimum to maximum, which \
         the profile '{}' does not do; leave it out, or give a --profile such as segmunich",
        manifest.profile.as_deref().unwrap_or("none")
    )))
}

fn operator(activation: Activation) -> Option<&'static str> {
    match activation {
        Activation::None => None,
        Activation::Softmax => Some("Softmax"),
        Activation::LogSoftmax => Some("Exp"),
        Activation::Sigmoid => Some("Sigmoid"),
    }
}

impl Graph {
    /// Appends the mean of all bands, so many times.
    fn with_means(&mut self, bands: Value, count: usize) -> Value {
        if count == 0 {
            return bands;
        }
        let axes = self.ints(&[1], vec![1]);
        let mean = self.op("ReduceMean", &[bands, axes], &[]);
        let mut all = vec![bands];
        all.resize(count + 1, mean);
        self.op("Concat", &all, &[("axis", Attribute::Int(1))])
    }

    /// Scales each channel from its minimum to its maximum over the chip.
    fn scale_chips(&mut self, x: Value) -> Value {
        let axes = self.ints(&[2], vec![2, 3]);
        let low = self.op("ReduceMin", &[x, axes], &[]);
        let high = self.op("ReduceMax", &[x, axes], &[]);
        let range = self.op("Sub", &[high, low], &[]);
        let epsilon = self.floats("epsilon", &[1], vec![EPSILON]);
        let range = self.add(range, epsilon);
        let above = self.op("Sub", &[x, low], &[]);
        self.op("Div", &[above, range], &[])
    }
}
