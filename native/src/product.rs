//! Turns a chip's raw output into planes that can be blended, at the output's own scale.

use crate::activation;
use crate::batch::Batch;
use crate::blend::{Blended, Blender};
use crate::error::{Error, Result};
use crate::model::manifest::{Manifest, Output, OutputKind, Task};
use crate::normalise::Inverse;
use crate::runtime::session::Tensor;
use crate::tile::{Scale, TilePlan};

/// One output of the network on its way to a raster.
#[derive(Debug)]
pub struct Product {
    output: Output,
    scale: Scale,
    plan: TilePlan,
    blender: Blender,
}

impl Product {
    /// Prepares for the plan's window.
    pub fn new(manifest: &Manifest, output: &Output, plan: &TilePlan) -> Self {
        let scale = scale(manifest, output.kind);
        let plan = plan.scaled(scale);
        let decides = matches!(output.kind, OutputKind::ClassScores | OutputKind::SceneScores)
            && manifest.task != Task::Multilabel;
        let blender = Blender::new(&plan, planes(output), decides);
        Self { output: output.clone(), scale, plan, blender }
    }

    /// Returns the bytes that a product of that output holds at most.
    pub fn bytes(manifest: &Manifest, output: &Output, plan: &TilePlan) -> u64 {
        Blender::bytes(&plan.scaled(scale(manifest, output.kind)), planes(output))
    }

    /// Returns which output it is.
    pub fn kind(&self) -> OutputKind {
        self.output.kind
    }

    /// Makes planes of a batch's raw output, (tile, plane, row, column).
    ///
    /// # Errors
    /// - Model: the output has another shape than the description says.
    pub fn planes(output: &Output, tensor: Tensor, batch: &Batch, size: usize) -> Result<Vec<f32>> {
        let pixels = chip_pixels(&tensor, output, size)?;
        let chip = output.channels as usize * pixels;
        let mut values = tensor.values;
        values.truncate(chip * batch.tiles.len());
        for chip in values.chunks_exact_mut(chip) {
            activation::apply(output.activation, chip, output.channels as usize);
        }
        if output.kind != OutputKind::Reconstruction {
            return Ok(values);
        }
        let inputs = batch.inputs.first().map_or(&[][..], Vec::as_slice);
        let chips = values.chunks_exact(chip).zip(inputs.chunks_exact(chip)).zip(&batch.inverses);
        Ok(chips.flat_map(|((chip, input), inverses)| restored(chip, input, inverses)).collect())
    }

    /// Adds a batch's planes; finished rows go to `take`.
    ///
    /// # Errors
    /// - Model: a value is not finite.
    /// - Whatever `take` returns.
    pub fn add(
        &mut self,
        fine: &TilePlan,
        batch: &Batch,
        planes: &[f32],
        take: &mut dyn FnMut(OutputKind, Blended<'_>) -> Result<()>,
    ) -> Result<()> {
        let kind = self.output.kind;
        let tiles = batch.tiles.len().max(1);
        let valid = batch.valid.chunks_exact((batch.valid.len() / tiles).max(1));
        let chips = planes.chunks_exact((planes.len() / tiles).max(1)).zip(valid);
        for (tile, (chip, valid)) in batch.tiles.iter().zip(chips) {
            let valid = self.valid(fine, valid);
            let tile = fine.scaled_tile(*tile, self.scale);
            let first = tile.row + i64::from(self.plan.grid().halo());
            self.blender.drain(first, &mut |rows| take(kind, rows))?;
            self.blender.add(&self.plan, tile, chip, &valid)?;
        }
        Ok(())
    }

    /// Hands over what is left.
    ///
    /// # Errors
    /// - Whatever `take` returns.
    pub fn finish(
        &mut self,
        take: &mut dyn FnMut(OutputKind, Blended<'_>) -> Result<()>,
    ) -> Result<()> {
        let kind = self.output.kind;
        self.blender.drain(i64::MAX, &mut |rows| take(kind, rows))
    }

    /// Returns the share of pixels in more than one chip that chips decided differently.
    pub fn seam_disagreement(&self) -> Option<f64> {
        self.blender.seam_disagreement()
    }

    /// Returns the validity of an output's pixels: of any pixel that one stands for.
    fn valid(&self, fine: &TilePlan, valid: &[u8]) -> Vec<u8> {
        let (from, to) = (fine.grid().chip() as usize, self.plan.grid().chip() as usize);
        if from == to {
            return valid.to_vec();
        }
        let unit = from / to;
        let mut coarse = vec![0; to * to];
        for (row, line) in valid.chunks_exact(from).enumerate() {
            for (col, valid) in line.iter().enumerate() {
                coarse[row / unit * to + col / unit] |= valid;
            }
        }
        coarse
    }
}

/// Returns what a pixel of an output stands for.
pub fn scale(manifest: &Manifest, kind: OutputKind) -> Scale {
    match kind {
        OutputKind::ClassScores | OutputKind::Reconstruction => Scale::Pixel,
        OutputKind::PatchFeatures => Scale::Patch(manifest.patch_px),
        OutputKind::SceneScores | OutputKind::ChipFeatures => Scale::Step,
    }
}

/// Counts the planes that are blended; a reconstruction has its error as one more.
fn planes(output: &Output) -> usize {
    output.channels as usize + usize::from(output.kind == OutputKind::Reconstruction)
}

/// Checks an output's shape; returns its pixels per chip and channel.
fn chip_pixels(tensor: &Tensor, output: &Output, size: usize) -> Result<usize> {
    let shape = &tensor.shape;
    let channels = output.channels as usize;
    let pixels = tensor.values.len() / (channels * size).max(1);
    if shape.first() == Some(&size) && shape.get(1) == Some(&channels) && pixels > 0 {
        return Ok(pixels);
    }
    Err(Error::model(format!(
        "the network's output '{}' has shape {}; {size} x {channels} values or maps were needed",
        output.name,
        shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x "),
    )))
}

/// Returns a reconstructed chip in digital numbers, and its error in them: the root of the mean
/// over the channels of the squared differences.
fn restored(chip: &[f32], input: &[f32], inverses: &[Inverse]) -> Vec<f32> {
    let pixels = chip.len() / inverses.len().max(1);
    let mut planes = vec![0.0; chip.len() + pixels];
    let (numbers, error) = planes.split_at_mut(chip.len());
    for ((channel, inverse), numbers) in
        inverses.iter().enumerate().zip(numbers.chunks_exact_mut(pixels))
    {
        let at = channel * pixels..(channel + 1) * pixels;
        let values = chip[at.clone()].iter().zip(&input[at]);
        for (((value, truth), number), error) in values.zip(numbers).zip(&mut *error) {
            *number = value * inverse.scale + inverse.offset;
            let difference = (value - truth) * inverse.scale;
            *error += difference * difference / inverses.len() as f32;
        }
    }
    error.iter_mut().for_each(|error| *error = error.sqrt());
    planes
}
