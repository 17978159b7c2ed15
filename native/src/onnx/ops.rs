//! Names the operators that a network is spelled with.
//!
//! Maps are (batch, channel, row, column); the batch is never mentioned.

use super::graph::{Attribute, Graph, Value};

impl Graph {
    /// Adds two tensors, broadcast.
    pub fn add(&mut self, x: Value, y: Value) -> Value {
        self.op("Add", &[x, y], &[])
    }

    /// Subtracts the second of two tensors, broadcast.
    pub fn sub(&mut self, x: Value, y: Value) -> Value {
        self.op("Sub", &[x, y], &[])
    }

    /// Multiplies two tensors element by element, broadcast.
    pub fn mul(&mut self, x: Value, y: Value) -> Value {
        self.op("Mul", &[x, y], &[])
    }

    /// Multiplies matrices, the last two axes of each.
    pub fn matmul(&mut self, x: Value, y: Value) -> Value {
        self.op("MatMul", &[x, y], &[])
    }

    /// Applies GELU in the exact form, with the error function.
    pub fn gelu(&mut self, x: Value) -> Value {
        self.op("Gelu", &[x], &[])
    }

    /// Makes the last axis sum to 1.
    pub fn softmax(&mut self, x: Value) -> Value {
        self.op("Softmax", &[x], &[("axis", Attribute::Int(-1))])
    }

    /// Takes the logarithm of the shares that softmax gives along an axis.
    pub fn log_softmax(&mut self, x: Value, axis: i64) -> Value {
        self.op("LogSoftmax", &[x], &[("axis", Attribute::Int(axis))])
    }

    /// Gives the axes after the batch other lengths, in the same order of values.
    pub fn reshape(&mut self, x: Value, dims: &[usize]) -> Value {
        let kept = std::iter::once(0); // means "as it is"
        let shape: Vec<_> = kept.chain(dims.iter().map(|&n| n as i64)).collect();
        let shape = self.ints(&[shape.len()], shape);
        self.op("Reshape", &[x, shape], &[])
    }

    /// Gives the axes after the batch other lengths, and the batch what is left of the values.
    pub fn regroup(&mut self, x: Value, dims: &[usize]) -> Value {
        let rest = std::iter::once(-1); // means "as long as needed"
        let shape: Vec<_> = rest.chain(dims.iter().map(|&n| n as i64)).collect();
        let shape = self.ints(&[shape.len()], shape);
        self.op("Reshape", &[x, shape], &[])
    }

    /// Puts tensors one after the other along an axis.
    pub fn concat(&mut self, parts: &[Value], axis: i64) -> Value {
        self.op("Concat", parts, &[("axis", Attribute::Int(axis))])
    }

    /// Appends a row of zeros to (batch, row, value).
    pub fn append_zeros(&mut self, x: Value) -> Value {
        let pads = self.ints(&[6], vec![0, 0, 0, 0, 1, 0]);
        self.op("Pad", &[x, pads], &[])
    }

    /// Puts axis `order[i]` at place i.
    pub fn transpose(&mut self, x: Value, order: &[i64]) -> Value {
        self.op("Transpose", &[x], &[("perm", Attribute::Ints(order.into()))])
    }

    /// Normalises the last axis, then scales and shifts it.
    pub fn layer_normalization(&mut self, x: Value, scale: Value, bias: Value, eps: f32) -> Value {
        let attributes = [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(eps))];
        self.op("LayerNormalization", &[x, scale, bias], &attributes)
    }

    /// Convolves a map, stride 1, with zeros around it so that its sides stay.
    ///
    /// `weight` is (to, from, `kernel`, `kernel`), `kernel` odd; `bias` is (to) or absent.
    pub fn conv(&mut self, x: Value, weight: Value, bias: Value, kernel: usize) -> Value {
        let (side, pad) = (kernel as i64, kernel as i64 / 2);
        let attributes = [
            ("kernel_shape", Attribute::Ints(vec![side; 2])),
            ("pads", Attribute::Ints(vec![pad; 4])),
        ];
        match bias {
            Self::ABSENT => self.op("Conv", &[x, weight], &attributes),
            bias => self.op("Conv", &[x, weight, bias], &attributes),
        }
    }

    /// Spreads `block` x `block` groups of channels (the group is the slower index) over space.
    pub fn depth_to_space(&mut self, x: Value, block: usize) -> Value {
        self.op("DepthToSpace", &[x], &[("blocksize", Attribute::Int(block as i64))])
    }

    /// Takes the maxima of square windows, without padding.
    pub fn max_pool(&mut self, x: Value, kernel: usize, stride: usize) -> Value {
        let attributes = [
            ("kernel_shape", Attribute::Ints(vec![kernel as i64; 2])),
            ("strides", Attribute::Ints(vec![stride as i64; 2])),
        ];
        self.op("MaxPool", &[x], &attributes)
    }

    /// Takes the means of square windows around every pixel, as far as they lie in the map: along the
    /// rows first, then along the columns.
    ///
    /// `side` is odd.
    pub fn means_around(&mut self, x: Value, side: usize) -> Value {
        let (side, pad) = (side as i64, side as i64 / 2);
        [([1, side], [0, pad]), ([side, 1], [pad, 0])].into_iter().fold(x, |x, (window, pads)| {
            let attributes = [
                ("kernel_shape", Attribute::Ints(window.to_vec())),
                ("pads", Attribute::Ints([pads, pads].concat())),
                ("count_include_pad", Attribute::Int(0)),
            ];
            self.op("AveragePool", &[x], &attributes)
        })
    }

    /// Replaces an axis by the axes of `indices` into it.
    pub fn gather(&mut self, x: Value, indices: Value, axis: i64) -> Value {
        self.op("Gather", &[x, indices], &[("axis", Attribute::Int(axis))])
    }

    /// Takes the maximum over an axis and drops it.
    pub fn reduce_max(&mut self, x: Value, axis: i64) -> Value {
        let axes = self.ints(&[1], vec![axis]);
        self.op("ReduceMax", &[x, axes], &[("keepdims", Attribute::Int(0))])
    }

    /// Takes the mean over an axis and drops it.
    pub fn mean(&mut self, x: Value, axis: i64) -> Value {
        let axes = self.ints(&[1], vec![axis]);
        self.op("ReduceMean", &[x, axes], &[("keepdims", Attribute::Int(0))])
    }

    /// Takes the mean of each map, which becomes one pixel.
    pub fn mean_pixel(&mut self, x: Value) -> Value {
        let axes = self.ints(&[2], vec![2, 3]);
        self.op("ReduceMean", &[x, axes], &[])
    }

    /// Takes the root of the sum of each map's squares, which becomes one pixel.
    pub fn root_of_squares(&mut self, x: Value) -> Value {
        let axes = self.ints(&[2], vec![2, 3]);
        self.op("ReduceL2", &[x, axes], &[])
    }

    /// Takes the inverse of the square root.
    pub fn inverse_root(&mut self, x: Value) -> Value {
        let root = self.op("Sqrt", &[x], &[]);
        self.op("Reciprocal", &[root], &[])
    }

    /// Repeats the single value along the last axis of (batch, row, 1).
    pub fn repeat_last(&mut self, x: Value, times: usize) -> Value {
        let shape = self.ints(&[3], vec![1, 1, times as i64]);
        self.op("Expand", &[x, shape], &[])
    }

    /// Applies the hyperbolic tangent.
    pub fn tanh(&mut self, x: Value) -> Value {
        self.op("Tanh", &[x], &[])
    }

    /// Enlarges a map bilinearly a whole number of times; pixels' areas, not centres, cover each
    /// other, and what lies beyond the outermost centres has their values.
    pub fn enlarge(&mut self, x: Value, times: usize) -> Value {
        if times == 1 {
            return x;
        }
        let scale = times as f32;
        let name = format!("scales.{times}");
        let scales = self.floats(&name, &[4], vec![1.0, 1.0, scale, scale]);
        let attributes = [
            ("mode", Attribute::Text("linear".into())),
            ("coordinate_transformation_mode", Attribute::Text("half_pixel".into())),
        ];
        self.op("Resize", &[x, Self::ABSENT, scales], &attributes)
    }

    /// Resizes a square map bilinearly, corners aligned.
    pub fn resize(&mut self, x: Value, from: usize, to: usize) -> Value {
        if from == to {
            return x;
        }
        let scale = resize_scale(from, to);
        let name = format!("scales.{from}.{to}");
        let scales = self.floats(&name, &[4], vec![1.0, 1.0, scale, scale]);
        let attributes = [
            ("mode", Attribute::Text("linear".into())),
            ("coordinate_transformation_mode", Attribute::Text("align_corners".into())),
        ];
        self.op("Resize", &[x, Self::ABSENT, scales], &attributes)
    }
}

/// Returns the f32 by which a length is multiplied and rounded down to be exactly another.
///
/// Scales, not sizes: sizes would have to name the batch. Runtimes multiply in f32 or f64; both fit.
#[allow(clippy::cast_possible_truncation, reason = "lengths are small; rounding is the point")]
fn resize_scale(from: usize, to: usize) -> f32 {
    let scale = (to as f64 / from as f64) as f32;
    let exact = f64::from(scale) * from as f64;
    if exact < to as f64 || scale * (from as f32) < to as f32 { scale.next_up() } else { scale }
}

#[cfg(test)]
mod tests {
    use super::resize_scale;

    #[test]
    fn scales_round_down_to_the_wanted_length_in_both_precisions() {
        for from in 1..=64_usize {
            for to in 1..=1024_usize {
                let scale = resize_scale(from, to);
                assert_eq!((scale * from as f32).floor(), to as f32, "{from} -> {to}");
                assert_eq!((f64::from(scale) * from as f64).floor(), to as f64, "{from} -> {to}");
            }
        }
    }
}
