//! The segmentation head: a pyramid of maps from the tokens, and a decoder that joins them.

use super::algebra::round;
use super::config::Config;
use super::fold::{Conv, Upsampling};
use super::maps::Map;
use super::recipe::{stored, tensor};
use super::transformer::Encoded;
use crate::onnx::{Graph, Recipe, Value};

/// Groups of channels that are normalised together, in the pyramid and in the decoder.
const PYRAMID_GROUPS: usize = 32;
const DECODER_GROUPS: usize = 16;

/// Sides of the maps that the coarsest level is pooled to.
const POOLS: [usize; 4] = [1, 2, 3, 6];

/// The pyramid; `levels` are not upsampled yet, finest first.
#[derive(Debug)]
pub(super) struct Pyramid {
    pub(super) levels: [Map; 3],
    pub(super) top: Map,
}

/// What the decoder makes on its way, coarsest first, and in the end.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) steps: [Map; 4],
    pub(super) joined: Map,
}

impl Graph {
    /// Sums the spectral groups, weighted, into one map.
    ///
    /// The encoder's last layer is applied to the sum, which is the same and a fourth of the work.
    pub(super) fn fuse_groups(&mut self, c: &Config, x: &Encoded) -> Map {
        let residual = self.sum_groups(c, x.residual, c.dim);
        let hidden = self.sum_groups(c, x.hidden, 4 * c.dim);
        let update =
            self.matmul_stored(hidden, &format!("{}.weight", x.fc2), 4 * c.dim, c.dim, 1.0);
        let bias = self.group_bias(c, &x.fc2);
        let tokens = self.add(residual, update);
        let tokens = self.add(tokens, bias);
        let map = self.transpose(tokens, &[0, 2, 1]);
        let value = self.reshape(map, &[c.dim, c.side, c.side]);
        Map { value, channels: c.dim, side: c.side }
    }

    fn sum_groups(&mut self, c: &Config, x: Value, width: usize) -> Value {
        let shares = self.stored("fc.0.weight", &[1, c.groups]);
        let x = self.reshape(x, &[c.groups, c.positions() * width]);
        let x = self.matmul(shares, x);
        self.reshape(x, &[c.positions(), width])
    }

    /// Adds the last layer's bias times the sum of the groups' weights, plus the sum's own bias.
    fn group_bias(&mut self, c: &Config, fc2: &str) -> Value {
        let (name, dim, groups) = (format!("{fc2}.bias"), c.dim, c.groups);
        let recipe: Recipe = Box::new(move |w| {
            let shares = tensor(w, "fc.0.weight", groups)?;
            let share: f64 = shares.iter().map(|&share| f64::from(share)).sum();
            let own = f64::from(tensor(w, "fc.0.bias", 1)?[0]);
            let bias = tensor(w, &name, dim)?;
            Ok(bias.iter().map(|&bias| round(f64::from(bias) * share + own)).collect())
        });
        self.weight("fc.0.bias", &[dim], recipe)
    }

    /// Makes four maps of different widths, three of them to be upsampled.
    pub(super) fn pyramid(&mut self, c: &Config, fused: Map) -> Pyramid {
        let mut level = |i: usize, to: usize| {
            self.conv_norm_gelu(fused, &format!("conv{i}"), to, PYRAMID_GROUPS)
        };
        let levels = [0, 1, 2].map(|i| level(i, c.head.levels[i].middle));
        Pyramid { levels, top: level(3, c.head.top) }
    }

    /// Joins the pyramid from its top down to its finest level.
    pub(super) fn decode(&mut self, c: &Config, pyramid: &Pyramid) -> Decoded {
        let [fine, middle, coarse] = [0, 1, 2].map(|i| self.side_input(c, pyramid, i));
        let x1 = self.pool_pyramid(c, pyramid.top);
        let x = self.conv1x1(x1, "decoder.conv_x1", c.head.width);
        let x2 = self.step_down(x, coarse, "decoder.Conv_fuse1_");
        let x3 = self.step_down(x2, middle, "decoder.Conv_fuse2_");
        let x4 = self.step_down(x3, fine, "decoder.Conv_fuse3_");
        let steps = [x1, x2, x3, x4];
        Decoded { steps, joined: self.join(c, steps) }
    }

    /// Upsamples a pyramid level and brings it to the decoder's width.
    fn side_input(&mut self, c: &Config, pyramid: &Pyramid, i: usize) -> Map {
        let name = format!("decoder.Conv_fuse{}", 3 - i);
        let then =
            Conv { name: format!("{name}.0"), to: c.head.width, from: c.head.levels[i].channels };
        let x = self.upsample(pyramid.levels[i], upsampling(c, i), Some(then));
        self.norm_gelu(x, &format!("{name}.1"), DECODER_GROUPS)
    }

    /// Upsamples a pyramid level as the original does, for a look inside.
    pub(super) fn level(&mut self, c: &Config, pyramid: &Pyramid, i: usize) -> Map {
        self.upsample(pyramid.levels[i], upsampling(c, i), None)
    }

    fn step_down(&mut self, x: Map, side_input: Map, name: &str) -> Map {
        let x = self.resize_map(x, side_input.side);
        let x = self.add_map(x, side_input);
        self.conv_norm_gelu(x, name, x.channels, DECODER_GROUPS)
    }

    /// Looks at the top level at several scales at once.
    fn pool_pyramid(&mut self, c: &Config, top: Map) -> Map {
        let width = c.head.width;
        let name = "decoder.PPMHead.final";
        let last = Conv { name: format!("{name}.0"), to: width, from: 4 * width + c.head.top };
        let firsts = [0, 1, 2, 3].map(|i| Conv {
            name: format!("decoder.PPMHead.psp_modules.{i}.1"),
            to: width,
            from: c.head.top,
        });
        let bias = last.clone().bias_after(firsts.to_vec());
        let own = last.clone().part(4 * width..last.from);
        let mut sum = self.conv_made(top, &last.name, width, own, Some(bias));
        for ((i, first), side) in firsts.into_iter().enumerate().zip(POOLS) {
            let name = first.name.clone();
            let weight = last.clone().part_after(i * width..(i + 1) * width, first);
            let x = self.pool_map(top, side);
            let x = self.conv_made(x, &name, width, weight, None);
            let x = if side == 1 { x } else { self.resize_map(x, top.side) };
            sum = self.add_map(sum, x);
        }
        self.norm_gelu(sum, &format!("{name}.1"), DECODER_GROUPS)
    }

    /// Convolves all steps together, each at its own resolution.
    fn join(&mut self, c: &Config, steps: [Map; 4]) -> Map {
        let width = c.head.width;
        let conv = Conv { name: "decoder.fuse_all.0".into(), to: width, from: 4 * width };
        let mut part = |i: usize, bias| {
            let weight = conv.clone().part(i * width..(i + 1) * width);
            let name = format!("{}.x{}", conv.name, i + 1);
            self.conv_made(steps[i], &name, width, weight, bias)
        };
        let bias = stored("decoder.fuse_all.0.bias", &[width]);
        let parts = [part(0, None), part(1, None), part(2, None)];
        let mut sum = part(3, Some(bias));
        for x in parts {
            let x = self.resize_map(x, sum.side);
            sum = self.add_map(sum, x);
        }
        self.norm_gelu(sum, "decoder.fuse_all.1", DECODER_GROUPS)
    }
}

fn upsampling(c: &Config, i: usize) -> Upsampling {
    let level = c.head.levels[i];
    Upsampling {
        name: format!("conv{i}.3"),
        to: level.channels,
        from: level.middle,
        side: c.upsampling(i),
    }
}
