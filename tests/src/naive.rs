//! Builds the networks as an exporter writes them: an operator per layer of the original, nothing
//! folded, nothing moved. What ours is compared with.
//!
//! The patch embedding is a Conv3d, heads are split for q, k and v, the pyramid is upsampled by
//! transposed convolutions, and maps are concatenated at the full resolution.

use spectralgpt_core::checkpoint::Weights;
use spectralgpt_core::error::Error;
use spectralgpt_core::onnx::{Attribute, Graph, Recipe, Value};

/// Pixels along a chip's side, and patches; spectral groups.
const SIDE: usize = 128;
const PLACES: usize = SIDE / 8;
const GROUPS: usize = 4;
const TOKENS: usize = GROUPS * PLACES * PLACES;

/// Builds the segmentation network; its output is `logits`.
///
/// # Panics
/// The weights are not of one.
pub fn segment(weights: &dyn Weights) -> Graph {
    let mut net = Net::new(weights);
    let tokens = net.encode();
    let scores = net.score(tokens);
    let classes = net.axis("cls_seg.0.bias", 0);
    net.graph.output("logits", scores, &[classes, SIDE, SIDE]);
    net.graph
}

/// Builds an autoencoder's encoder that sees the whole chip; its output is `patch_features`.
///
/// # Panics
/// The weights are not of one.
pub fn embed(weights: &dyn Weights) -> Graph {
    let mut net = Net::new(weights);
    let (tokens, dim) = (net.encode(), net.dim);
    let tokens = net.layer_norm(tokens, "norm");
    let groups = net.graph.reshape(tokens, &[GROUPS, PLACES * PLACES, dim]);
    let places = net.graph.mean(groups, 1);
    let map = net.graph.transpose(places, &[0, 2, 1]);
    let map = net.graph.reshape(map, &[dim, PLACES, PLACES]);
    net.graph.output("patch_features", map, &[dim, PLACES, PLACES]);
    net.graph
}

/// A map and its side in pixels.
#[derive(Clone, Copy)]
struct Map(Value, usize);

struct Net<'a> {
    graph: Graph,
    weights: &'a dyn Weights,
    dim: usize,
}

impl<'a> Net<'a> {
    fn new(weights: &'a dyn Weights) -> Self {
        let mut net = Self { graph: Graph::new("naive"), weights, dim: 0 };
        net.dim = net.axis("patch_embed.proj.bias", 0);
        net
    }

    fn axis(&self, name: &str, axis: usize) -> usize {
        self.weights.shape(name).unwrap_or_else(|| panic!("no tensor {name}"))[axis]
    }

    /// Adds a tensor as it is.
    fn stored(&mut self, name: &str) -> Value {
        let dims = self.weights.shape(name).unwrap_or_else(|| panic!("no tensor {name}")).to_vec();
        let own = name.to_owned();
        self.graph.weight(name, &dims, Box::new(move |w| w.read(&own)))
    }

    /// Adds a layer's matrix, turned, as exporters fold that.
    fn turned(&mut self, name: &str) -> (Value, usize) {
        let (to, from) = (self.axis(name, 0), self.axis(name, 1));
        let own = name.to_owned();
        let recipe: Recipe = Box::new(move |w| {
            let matrix = w.read(&own)?;
            Ok((0..from * to).map(|at| matrix[at % to * from + at / to]).collect())
        });
        (self.graph.weight(&format!("{name}.turned"), &[from, to], recipe), to)
    }

    fn linear(&mut self, x: Value, name: &str) -> Value {
        let (weight, _) = self.turned(&format!("{name}.weight"));
        let x = self.graph.matmul(x, weight);
        let bias = self.stored(&format!("{name}.bias"));
        self.graph.add(x, bias)
    }

    fn layer_norm(&mut self, x: Value, name: &str) -> Value {
        let [scale, bias] = ["weight", "bias"].map(|part| self.stored(&format!("{name}.{part}")));
        self.graph.layer_normalization(x, scale, bias, 1e-6)
    }

    /// Encodes the chip: tokens by spectral group, row, column.
    fn encode(&mut self) -> Value {
        let dim = self.dim;
        let image = self.graph.input("image", &[GROUPS * 3, SIDE, SIDE]);
        let volume = self.graph.reshape(image, &[1, GROUPS * 3, SIDE, SIDE]);
        let [weight, bias] =
            ["weight", "bias"].map(|part| self.stored(&format!("patch_embed.proj.{part}")));
        let patch = Attribute::Ints(vec![3, 8, 8]);
        let attributes = [("kernel_shape", patch.clone()), ("strides", patch)];
        let x = self.graph.op("Conv", &[volume, weight, bias], &attributes);
        let x = self.graph.reshape(x, &[dim, GROUPS, PLACES * PLACES]);
        let x = self.graph.transpose(x, &[0, 2, 3, 1]);
        let x = self.graph.reshape(x, &[TOKENS, dim]);
        let places = self.graph.weight("places", &[TOKENS, dim], places(dim));
        let mut x = self.graph.add(x, places);
        let mut block = 0;
        while self.weights.shape(&format!("blocks.{block}.norm1.weight")).is_some() {
            x = self.block(x, &format!("blocks.{block}"));
            block += 1;
        }
        x
    }

    fn block(&mut self, x: Value, name: &str) -> Value {
        let normed = self.layer_norm(x, &format!("{name}.norm1"));
        let mixed = self.attention(normed, &format!("{name}.attn"));
        let x = self.graph.add(x, mixed);
        let normed = self.layer_norm(x, &format!("{name}.norm2"));
        let hidden = self.linear(normed, &format!("{name}.mlp.fc1"));
        let hidden = self.graph.gelu(hidden);
        let update = self.linear(hidden, &format!("{name}.mlp.fc2"));
        self.graph.add(x, update)
    }

    fn attention(&mut self, x: Value, name: &str) -> Value {
        let (dim, width) = (self.dim, 64.min(self.dim / 2));
        let [q, k, v] = ["q", "k", "v"].map(|part| {
            let x = self.linear(x, &format!("{name}.{part}"));
            let x = self.graph.reshape(x, &[TOKENS, dim / width, width]);
            self.graph.transpose(x, &[0, 2, 1, 3])
        });
        let k = self.graph.transpose(k, &[0, 1, 3, 2]);
        let scores = self.graph.matmul(q, k);
        let scale = self.graph.floats("scale", &[1], vec![(width as f32).powf(-0.5)]);
        let scores = self.graph.mul(scores, scale);
        let shares = self.graph.softmax(scores);
        let mixed = self.graph.matmul(shares, v);
        let mixed = self.graph.transpose(mixed, &[0, 2, 1, 3]);
        let mixed = self.graph.reshape(mixed, &[TOKENS, dim]);
        self.linear(mixed, &format!("{name}.proj"))
    }

    /// Sums the spectral groups and scores every pixel.
    fn score(&mut self, tokens: Value) -> Value {
        let dim = self.dim;
        let x = self.graph.reshape(tokens, &[GROUPS, PLACES * PLACES, dim]);
        let x = self.graph.transpose(x, &[0, 2, 3, 1]);
        let x = self.linear(x, "fc.0");
        let x = self.graph.reshape(x, &[PLACES * PLACES, dim]);
        let x = self.graph.transpose(x, &[0, 2, 1]);
        let fused = Map(self.graph.reshape(x, &[dim, PLACES, PLACES]), PLACES);
        let levels = [(0, 8), (1, 4), (2, 2)].map(|(level, factor)| {
            let x = self.conv_norm_gelu(fused, &format!("conv{level}"), 32);
            self.upsample(x, &format!("conv{level}.3"), factor)
        });
        let top = self.conv_norm_gelu(fused, "conv3", 32);
        let joined = self.decode(levels, top);
        self.conv(joined, "cls_seg.0").0
    }

    fn decode(&mut self, [fine, middle, coarse]: [Map; 3], top: Map) -> Map {
        let mut parts = Vec::new();
        for (pool, side) in [1, 2, 3, 6].into_iter().enumerate() {
            let x = self.pool(top, side);
            let x = self.conv(x, &format!("decoder.PPMHead.psp_modules.{pool}.1"));
            parts.push(self.resize(x, top.1).0);
        }
        parts.push(top.0);
        let x1 = Map(self.graph.concat(&parts, 1), top.1);
        let x1 = self.conv_norm_gelu(x1, "decoder.PPMHead.final", 16);
        let x = self.resize(x1, coarse.1);
        let x = self.conv(x, "decoder.conv_x1");
        let x2 = self.step(x, coarse, 1);
        let x3 = self.step(x2, middle, 2);
        let x4 = self.step(x3, fine, 3);
        let parts = [x1, x2, x3, x4].map(|x| self.resize(x, x4.1).0);
        let x = Map(self.graph.concat(&parts, 1), x4.1);
        self.conv_norm_gelu(x, "decoder.fuse_all", 16)
    }

    fn step(&mut self, x: Map, side_input: Map, step: usize) -> Map {
        let y = self.conv_norm_gelu(side_input, &format!("decoder.Conv_fuse{step}"), 16);
        let x = self.resize(x, y.1);
        let x = Map(self.graph.add(x.0, y.0), y.1);
        self.conv_norm_gelu(x, &format!("decoder.Conv_fuse{step}_"), 16)
    }

    fn conv(&mut self, x: Map, name: &str) -> Map {
        let kernel = self.axis(&format!("{name}.weight"), 2);
        let [weight, bias] = ["weight", "bias"].map(|part| self.stored(&format!("{name}.{part}")));
        Map(self.graph.conv(x.0, weight, bias, kernel), x.1)
    }

    fn conv_norm_gelu(&mut self, x: Map, name: &str, groups: usize) -> Map {
        let Map(x, side) = self.conv(x, &format!("{name}.0"));
        let channels = self.axis(&format!("{name}.1.weight"), 0);
        let rows = self.graph.reshape(x, &[groups, channels / groups * side * side]);
        let [one, zero] = [("one", 1.0), ("zero", 0.0)].map(|(name, value)| {
            self.graph.floats(&format!("{name}.{groups}"), &[groups], vec![value; groups])
        });
        let epsilon = ("epsilon", Attribute::Float(1e-5));
        let rows = self.graph.op("InstanceNormalization", &[rows, one, zero], &[epsilon]);
        let x = self.graph.reshape(rows, &[channels, side, side]);
        let [scale, bias] = ["weight", "bias"].map(|part| {
            let own = format!("{name}.1.{part}");
            let recipe: Recipe = Box::new(move |w| w.read(&own));
            self.graph.weight(&format!("{name}.1.{part}"), &[channels, 1, 1], recipe)
        });
        let x = self.graph.mul(x, scale);
        let x = self.graph.add(x, bias);
        Map(self.graph.gelu(x), side)
    }

    fn upsample(&mut self, x: Map, name: &str, factor: usize) -> Map {
        let [weight, bias] = ["weight", "bias"].map(|part| self.stored(&format!("{name}.{part}")));
        let factors = Attribute::Ints(vec![factor as i64; 2]);
        let attributes = [("kernel_shape", factors.clone()), ("strides", factors)];
        let x = Map(self.graph.op("ConvTranspose", &[x.0, weight, bias], &attributes), x.1);
        Map(x.0, x.1 * factor)
    }

    fn resize(&mut self, x: Map, side: usize) -> Map {
        Map(self.graph.resize(x.0, x.1, side), side)
    }

    /// Takes the maxima of windows as adaptive pooling has them; those of 6 are of unequal length.
    fn pool(&mut self, x: Map, side: usize) -> Map {
        let value = match (x.1, side) {
            (PLACES, 1) => self.graph.max_pool(x.0, 16, 16),
            (PLACES, 2) => self.graph.max_pool(x.0, 8, 8),
            (PLACES, 3) => self.graph.max_pool(x.0, 6, 5),
            _ => {
                let rows = [[0, 1, 2, 2], [2, 3, 4, 5], [5, 6, 7, 7], [8, 9, 10, 10]];
                let last = [[10, 11, 12, 13], [13, 14, 15, 15]];
                let indices = self.graph.ints(&[6, 4], [rows.concat(), last.concat()].concat());
                let rows = self.graph.gather(x.0, indices, 2);
                let rows = self.graph.reduce_max(rows, 3);
                let columns = self.graph.gather(rows, indices, 3);
                self.graph.reduce_max(columns, 4)
            }
        };
        Map(value, side)
    }
}

/// Adds the tables of places and spectral groups, or takes the one table of both.
fn places(dim: usize) -> Recipe {
    Box::new(move |w| {
        if w.shape("pos_embed").is_some() {
            return w.read("pos_embed");
        }
        let (spatial, group) = (w.read("pos_embed_spatial")?, w.read("pos_embed_temporal")?);
        if spatial.len() != PLACES * PLACES * dim {
            return Err(Error::model("the naive network has chips of 128 pixels only"));
        }
        let sum = group.chunks(dim).flat_map(|group| {
            spatial.iter().enumerate().map(|(at, value)| value + group[at % dim])
        });
        Ok(sum.collect())
    })
}
