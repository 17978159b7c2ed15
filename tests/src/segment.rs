//! Lists the segmentation model's tensors, as its state dict does, with generated weights.

use crate::detgen;

/// A key, its shape, its values in row-major order.
pub type Tensor = (String, Vec<usize>, Vec<f32>);

const GROUPS: usize = 4;
const PLACES: usize = 256;

/// Generates every tensor of a segmentation checkpoint in state dict order.
///
/// `width_scale` multiplies all widths, in steps of 1/16; 1.0 is the published model (with depth
/// 12 and 13 classes), and only multiples of 1/16 from 1/16 on are meant. `seed_prefix` gives
/// other weights.
pub fn segment_tensors(
    depth: usize,
    width_scale: f64,
    classes: usize,
    seed_prefix: &str,
) -> Vec<Tensor> {
    segment_shapes(depth, width_scale, classes)
        .into_iter()
        .map(|(name, shape)| {
            let values = detgen::tensor(&name, &shape, seed_prefix);
            (name, shape, values)
        })
        .collect()
}

/// Lists keys and shapes of a segmentation checkpoint; the arguments are those of
/// [`segment_tensors`].
pub fn segment_shapes(depth: usize, width_scale: f64, classes: usize) -> Vec<(String, Vec<usize>)> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a scale is a few sixteenths"
    )]
    let sixteenths = (width_scale * 16.0).round() as usize;
    let mut list = List::new(sixteenths);
    list.places("", PLACES, list.wide(768));
    list.encoder(depth);
    list.head(classes);
    list.shapes
}

pub(crate) struct List {
    sixteenths: usize,
    pub(crate) shapes: Vec<(String, Vec<usize>)>,
}

impl List {
    /// Starts a list of a network whose widths are so many sixteenths of the published one's.
    pub(crate) fn new(sixteenths: usize) -> Self {
        Self { sixteenths, shapes: Vec::new() }
    }

    fn wide(&self, channels: usize) -> usize {
        channels * self.sixteenths / 16
    }

    pub(crate) fn push(&mut self, name: impl Into<String>, shape: &[usize]) {
        self.shapes.push((name.into(), shape.to_vec()));
    }

    /// Adds a weight and a bias with as many values as the weight's first axis.
    pub(crate) fn affine(&mut self, name: &str, weight: &[usize]) {
        self.push(format!("{name}.weight"), weight);
        self.push(format!("{name}.bias"), &weight[..1]);
    }

    /// Adds a 1x1 convolution (`.0`) and its group norm (`.1`).
    fn conv_norm(&mut self, name: &str, out: usize, input: usize) {
        self.affine(&format!("{name}.0"), &[out, input, 1, 1]);
        self.affine(&format!("{name}.1"), &[out]);
    }

    /// Adds the tables of places and of spectral groups.
    pub(crate) fn places(&mut self, prefix: &str, places: usize, dim: usize) {
        self.push(format!("{prefix}pos_embed_spatial"), &[1, places, dim]);
        self.push(format!("{prefix}pos_embed_temporal"), &[1, GROUPS, dim]);
    }

    /// Adds a stack of transformer blocks.
    pub(crate) fn blocks(&mut self, stack: &str, depth: usize, dim: usize) {
        for block in 0..depth {
            let name = |part: &str| format!("{stack}.{block}.{part}");
            self.affine(&name("norm1"), &[dim]);
            for part in ["q", "k", "v", "proj"] {
                self.affine(&name(&format!("attn.{part}")), &[dim, dim]);
            }
            self.affine(&name("norm2"), &[dim]);
            self.affine(&name("mlp.fc1"), &[4 * dim, dim]);
            self.affine(&name("mlp.fc2"), &[dim, 4 * dim]);
        }
    }

    /// Adds the patch embedding, the blocks and the last norm.
    pub(crate) fn encoder(&mut self, depth: usize) {
        let dim = self.wide(768);
        self.affine("patch_embed.proj", &[dim, 1, 3, 8, 8]);
        self.blocks("blocks", depth, dim);
        self.affine("norm", &[dim]);
    }

    fn head(&mut self, classes: usize) {
        let (dim, narrow, top) = (self.wide(768), self.wide(256), self.wide(2048));
        self.affine("cls_seg.0", &[classes, narrow, 3, 3]);
        for pool in 0..4 {
            self.affine(&format!("decoder.PPMHead.psp_modules.{pool}.1"), &[narrow, top, 1, 1]);
        }
        self.conv_norm("decoder.PPMHead.final", narrow, 4 * narrow + top);
        for (step, input) in [(1, self.wide(1024)), (2, self.wide(512)), (3, narrow)] {
            self.conv_norm(&format!("decoder.Conv_fuse{step}"), narrow, input);
            self.conv_norm(&format!("decoder.Conv_fuse{step}_"), narrow, narrow);
        }
        self.conv_norm("decoder.fuse_all", narrow, 4 * narrow);
        self.affine("decoder.conv_x1", &[narrow, narrow, 1, 1]);
        for (level, middle, out, side) in [(0, 512, 256, 8), (1, 512, 512, 4), (2, 1024, 1024, 2)] {
            let (middle, out) = (self.wide(middle), self.wide(out));
            self.conv_norm(&format!("conv{level}"), middle, dim);
            self.push(format!("conv{level}.3.weight"), &[middle, out, side, side]);
            self.push(format!("conv{level}.3.bias"), &[out]);
        }
        self.conv_norm("conv3", top, dim);
        self.affine("fc.0", &[1, GROUPS]);
    }
}
