//! The head that scores pixels: a pyramid of maps from the tokens, and a decoder that joins them.

use super::config::Config;
use super::fold::{Conv, Upsampling};
use super::head::PixelHead;
use super::maps::Map;
use super::recipe::stored;
use crate::onnx::Graph;

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
    /// Makes four maps of different widths, three of them to be upsampled.
    pub(super) fn pyramid(&mut self, head: &PixelHead, fused: Map) -> Pyramid {
        let mut level = |i: usize, to: usize| {
            self.conv_norm_gelu(fused, &format!("conv{i}"), to, PYRAMID_GROUPS)
        };
        let levels = [0, 1, 2].map(|i| level(i, head.levels[i].middle));
        Pyramid { levels, top: level(3, head.top) }
    }

    /// Joins the pyramid from its top down to its finest level.
    pub(super) fn decode(&mut self, c: &Config, head: &PixelHead, pyramid: &Pyramid) -> Decoded {
        let [fine, middle, coarse] = [0, 1, 2].map(|i| self.side_input(c, head, pyramid, i));
        let x1 = self.pool_pyramid(head, pyramid.top);
        let x = self.conv1x1(x1, "decoder.conv_x1", head.width);
        let x2 = self.step_down(x, coarse, "decoder.Conv_fuse1_");
        let x3 = self.step_down(x2, middle, "decoder.Conv_fuse2_");
        let x4 = self.step_down(x3, fine, "decoder.Conv_fuse3_");
        let steps = [x1, x2, x3, x4];
        Decoded { steps, joined: self.join(head, steps) }
    }

    /// Upsamples a pyramid level and brings it to the decoder's width.
    fn side_input(&mut self, c: &Config, head: &PixelHead, pyramid: &Pyramid, i: usize) -> Map {
        let name = format!("decoder.Conv_fuse{}", 3 - i);
        let then =
            Conv { name: format!("{name}.0"), to: head.width, from: head.levels[i].channels };
        let x = self.upsample(pyramid.levels[i], upsampling(c, head, i), Some(then));
        self.norm_gelu(x, &format!("{name}.1"), DECODER_GROUPS)
    }

    /// Upsamples a pyramid level as the original does, for a look inside.
    pub(super) fn level(
        &mut self,
        c: &Config,
        head: &PixelHead,
        pyramid: &Pyramid,
        i: usize,
    ) -> Map {
        self.upsample(pyramid.levels[i], upsampling(c, head, i), None)
    }

    fn step_down(&mut self, x: Map, side_input: Map, name: &str) -> Map {
        let x = self.resize_map(x, side_input.side);
        let x = self.add_map(x, side_input);
        self.conv_norm_gelu(x, name, x.channels, DECODER_GROUPS)
    }

    /// Looks at the top level at several scales at once.
    fn pool_pyramid(&mut self, head: &PixelHead, top: Map) -> Map {
        let width = head.width;
        let name = "decoder.PPMHead.final";
        let last = Conv { name: format!("{name}.0"), to: width, from: 4 * width + head.top };
        let firsts = [0, 1, 2, 3].map(|i| Conv {
            name: format!("decoder.PPMHead.psp_modules.{i}.1"),
            to: width,
            from: head.top,
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
    fn join(&mut self, head: &PixelHead, steps: [Map; 4]) -> Map {
        let width = head.width;
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

fn upsampling(c: &Config, head: &PixelHead, i: usize) -> Upsampling {
    let level = head.levels[i];
    Upsampling {
        name: format!("conv{i}.3"),
        to: level.channels,
        from: level.middle,
        side: c.upsampling(i),
    }
}
