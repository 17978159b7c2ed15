//! Combines what a head made of square maps is spelled with.

use super::fold::{Conv, Upsampling};
use super::recipe::stored;
use crate::onnx::{Graph, Recipe, Value};

/// What keeps group normalisation from dividing by zero.
const EPSILON: f32 = 1e-5;

/// A square map, (batch, channel, row, column).
#[derive(Debug, Clone, Copy)]
pub(super) struct Map {
    pub(super) value: Value,
    pub(super) channels: usize,
    pub(super) side: usize,
}

impl Graph {
    /// Makes a map an output of the graph.
    pub(super) fn output_map(&mut self, name: &str, x: Map) {
        self.output(name, x.value, &[x.channels, x.side, x.side]);
    }

    /// Adds a map, or one of a single pixel everywhere.
    pub(super) fn add_map(&mut self, x: Map, y: Map) -> Map {
        Map { value: self.add(x.value, y.value), ..x }
    }

    /// Resizes bilinearly, corners aligned.
    pub(super) fn resize_map(&mut self, x: Map, side: usize) -> Map {
        Map { value: self.resize(x.value, x.side, side), side, ..x }
    }

    /// Convolves 1x1, normalises (groups of channels), applies GELU.
    pub(super) fn conv_norm_gelu(&mut self, x: Map, name: &str, to: usize, groups: usize) -> Map {
        let x = self.conv1x1(x, &format!("{name}.0"), to);
        self.norm_gelu(x, &format!("{name}.1"), groups)
    }

    /// Convolves 1x1 with stored weights.
    pub(super) fn conv1x1(&mut self, x: Map, name: &str, to: usize) -> Map {
        let weight = stored(&format!("{name}.weight"), &[to, x.channels]);
        let bias = stored(&format!("{name}.bias"), &[to]);
        self.conv_made(x, name, to, weight, Some(bias))
    }

    /// Convolves 3x3 with stored weights, zeros around the map.
    pub(super) fn conv3x3(&mut self, x: Map, name: &str, to: usize) -> Map {
        let dims = [to, x.channels, 3, 3];
        let weight = self.stored(&format!("{name}.weight"), &dims);
        let bias = self.stored(&format!("{name}.bias"), &[to]);
        Map { value: self.conv(x.value, weight, bias, 3), channels: to, ..x }
    }

    /// Convolves 1x1 with weights (`to`, from) that are made.
    pub(super) fn conv_made(
        &mut self,
        x: Map,
        name: &str,
        to: usize,
        weight: Recipe,
        bias: Option<Recipe>,
    ) -> Map {
        let weight = self.weight(&format!("{name}.weight"), &[to, x.channels, 1, 1], weight);
        let bias = match bias {
            Some(bias) => self.weight(&format!("{name}.bias"), &[to], bias),
            None => Self::ABSENT,
        };
        Map { value: self.conv(x.value, weight, bias, 1), channels: to, ..x }
    }

    /// Upsamples by a transposed convolution, and then convolves 1x1 if that is given.
    pub(super) fn upsample(&mut self, x: Map, up: Upsampling, then: Option<Conv>) -> Map {
        let side = up.side;
        let (name, channels, weight, bias) = match then {
            None => (up.name.clone(), up.to, up.clone().weight(), up.bias()),
            Some(then) => (
                then.name.clone(),
                then.to,
                up.clone().weight_then(then.clone()),
                up.bias_then(then),
            ),
        };
        let deep = self.conv_made(x, &name, channels * side * side, weight, Some(bias));
        let value = self.depth_to_space(deep.value, side);
        Map { value, channels, side: x.side * side }
    }

    /// Normalises groups of channels, then scales and shifts each channel.
    ///
    /// Sums are taken over each channel first: a runtime that keeps a pixel's channels together need
    /// not part them for that.
    pub(super) fn group_norm(&mut self, x: Map, name: &str, groups: usize) -> Map {
        let Map { channels, side, .. } = x;
        let mean = self.mean_pixel(x.value);
        let mean = self.mean_of_groups(mean, channels, groups);
        let centred = self.sub(x.value, mean);
        let root = self.root_of_squares(centred);
        let share = self.floats(&format!("share.{side}"), &[1], vec![1.0 / side as f32]);
        let spread = self.mul(root, share); // not a sum of squares, which leaves the range of halves
        let variance = self.mul(spread, spread);
        let variance = self.mean_of_groups(variance, channels, groups);
        let epsilon = self.floats("epsilon", &[1], vec![EPSILON]);
        let variance = self.add(variance, epsilon);
        let inverse = self.inverse_root(variance);
        let scale = self.stored(&format!("{name}.weight"), &[channels, 1, 1]);
        let scale = self.mul(inverse, scale);
        let bias = self.stored(&format!("{name}.bias"), &[channels, 1, 1]);
        let map = self.mul(centred, scale);
        Map { value: self.add(map, bias), ..x }
    }

    /// Gives every channel of (batch, channel, 1, 1) the mean of its group.
    fn mean_of_groups(&mut self, x: Value, channels: usize, groups: usize) -> Value {
        let each = channels / groups;
        let x = self.reshape(x, &[groups, each]);
        let x = self.mean(x, 2);
        let x = self.reshape(x, &[groups, 1]);
        let x = self.repeat_last(x, each);
        self.reshape(x, &[channels, 1, 1])
    }

    /// Normalises groups of channels and applies GELU.
    pub(super) fn norm_gelu(&mut self, x: Map, name: &str, groups: usize) -> Map {
        let x = self.group_norm(x, name, groups);
        Map { value: self.gelu(x.value), ..x }
    }

    /// Adds a tensor of the checkpoint as it is.
    pub(super) fn stored(&mut self, name: &str, dims: &[usize]) -> Value {
        self.weight(name, dims, stored(name, dims))
    }
}
