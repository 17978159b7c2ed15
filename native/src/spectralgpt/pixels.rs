//! Networks that score every pixel: segmentation, and change detection from two dates.

use super::config::Config;
use super::head::PixelHead;
use super::maps::Map;
use super::outputs::{LOG_PROBABILITIES, LOGITS, PATCH_FEATURES, PIXEL_FEATURES};
use super::transformer::Encoded;
use super::upernet::{Decoded, Pyramid};
use crate::model::manifest::Task;
use crate::onnx::Graph;

impl Graph {
    /// Builds a network that ends in the pyramid and its decoder.
    pub(super) fn score_pixels(&mut self, c: &Config, head: &PixelHead, probes: bool) {
        let image = self.dates(c);
        let encoded = self.encode(c, image);
        let fused = self.fuse_groups(c, &encoded);
        let pyramid = self.pyramid(head, fused);
        let decoded = self.decode(c, head, &pyramid);
        self.name_value(decoded.joined.value, PIXEL_FEATURES);
        let scores = self.conv3x3(decoded.joined, "cls_seg.0", head.classes);
        if c.task == Task::Change {
            let value = self.log_softmax(scores.value, 1);
            self.output_map(LOG_PROBABILITIES, Map { value, ..scores });
        } else {
            self.output_map(LOGITS, scores);
        }
        self.output_map(PATCH_FEATURES, fused);
        if probes {
            self.output_stages(c, head, &encoded, &pyramid, &decoded);
        }
    }

    /// Makes inner results outputs.
    fn output_stages(
        &mut self,
        c: &Config,
        head: &PixelHead,
        encoded: &Encoded,
        pyramid: &Pyramid,
        decoded: &Decoded,
    ) {
        let tokens = self.finish(encoded);
        let dims = [c.dates() * c.tokens(), c.dim];
        let tokens = if c.dates() == 1 { tokens } else { self.regroup(tokens, &dims) };
        self.output("tokens", tokens, &dims);
        for i in 0..3 {
            let level = self.level(c, head, pyramid, i);
            self.output_map(&format!("conv{i}"), level);
        }
        self.output_map("conv3", pyramid.top);
        for (name, step) in ["ppm", "fpn2", "fpn3", "fpn4"].into_iter().zip(decoded.steps) {
            self.output_map(name, step);
        }
        self.output_map("fuse_all", decoded.joined);
    }
}
