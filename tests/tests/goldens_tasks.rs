//! Our classification, change detection and autoencoder against what the original PyTorch code
//! gave, from checkpoint to output.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::fs::File;
use std::io::BufWriter;

use conformance::golden::{self, Golden};
use conformance::networks::{self, Network};
use conformance::{detgen, full, tell};
use spectralgpt_core::checkpoint::Checkpoint;
use spectralgpt_core::model::manifest::Task;
use spectralgpt_core::onnx::{Graph, write};
use spectralgpt_core::runtime::session::{Session, SessionOptions};
use spectralgpt_core::spectralgpt::{Choices, Config, build, build_pass};

/// The inner stages: name, side, and the sub-sampling of the golden arrays.
const STAGES: [(&str, usize, usize, usize); 10] = [
    ("fused", 16, 4, 1),
    ("conv0", 128, 16, 8),
    ("conv1", 64, 16, 4),
    ("conv2", 32, 16, 2),
    ("conv3", 16, 32, 1),
    ("ppm", 16, 8, 1),
    ("fpn2", 32, 8, 2),
    ("fpn3", 64, 8, 4),
    ("fpn4", 128, 8, 8),
    ("fuse_all", 128, 8, 8),
];

/// Returns every `planes`-th plane of (plane, row, column), every `rows`-th row, `columns`-th column.
fn sampled(x: &[f32], dims: [usize; 2], [planes, rows, columns]: [usize; 3]) -> Vec<f32> {
    let taken = x.chunks_exact(dims[0] * dims[1]).step_by(planes);
    let lines = taken.flat_map(|plane| plane.chunks_exact(dims[1]).step_by(rows));
    lines.flat_map(|line| line.iter().copied().step_by(columns)).collect()
}

/// Returns the tokens that the goldens keep, and every sixth of their values.
fn some_tokens(tokens: &[f32]) -> Vec<f32> {
    sampled(tokens, [1024, 768], [1, 8, 6])
}

/// Writes a checkpoint, makes a model of it and runs that on the given dates.
fn infer(
    network: Network,
    depth: usize,
    task: Option<Task>,
    make: impl FnOnce(&Config) -> Graph,
    dates: &[&[f32]],
    outputs: &[&str],
) -> Vec<Vec<f32>> {
    let folder = tempfile::tempdir().unwrap();
    let (checkpoint, model) = (folder.path().join("a.pth"), folder.path().join("a.onnx"));
    networks::checkpoint(&checkpoint, network, depth);
    let weights = Checkpoint::open(&checkpoint).unwrap();
    let config = Config::read(&weights, &Choices { task, ..Choices::default() }).unwrap();
    let mut file = BufWriter::new(File::create(&model).unwrap());
    write(&make(&config), &weights, &[], &mut file).unwrap();
    drop(file);
    let batch = dates[0].len() / (config.bands() * config.image_size().pow(2));
    let options = SessionOptions { batch, ..SessionOptions::default() };
    let tensors = Session::open(&model, &options).unwrap().run(dates, outputs).unwrap();
    tensors.into_iter().map(|tensor| tensor.values).collect()
}

fn check(name: &str, ours: &[f32]) {
    golden::load(name).unwrap().check(ours);
}

/// Checks the class of every pixel where the original's own margin lets a class be told.
fn check_classes(golden: &Golden, scores: &[f32], tolerance: f32) {
    let (no_change, change) = scores.split_at(scores.len() / 2);
    let theirs = golden.array.values.iter();
    let decided = no_change.iter().zip(change).zip(theirs).map(|((no, yes), theirs)| {
        let near = (no - yes).abs() < 2.0 * tolerance;
        if near { *theirs } else { f32::from(u8::from(yes > no)) }
    });
    golden.check_pixels(&decided.collect::<Vec<_>>(), 0);
}

#[test]
fn classes_and_tokens_of_a_chip_are_the_originals() {
    let image = detgen::image("input", 12, 128, 128);
    for depth in if full() { vec![1, 2, 12] } else { vec![1, 2] } {
        for (network, name) in [(Network::Classify, ""), (Network::ClassifySeparate, "_seppos")] {
            let Some(logits) = golden::load(&format!("classify{name}_base128_d{depth}_logits"))
            else {
                return;
            };
            let outputs = ["logits", "feature", "tokens", "patches"];
            let probed = |config: &Config| build(config, true);
            let ours = infer(network, depth, None, probed, &[&image], &outputs);
            logits.check(&ours[0]);
            check(&format!("classify{name}_base128_d{depth}_feature"), &ours[1]);
            check(&format!("encoder_tokens{name}_base128_d{depth}"), &some_tokens(&ours[2]));
            check(&format!("encoder_tokens{name}_base128_d0_patch"), &some_tokens(&ours[3]));
        }
    }
}

#[test]
fn changes_and_every_stage_of_their_head_are_the_originals() {
    let (before, after) = (detgen::image("input", 12, 128, 128), detgen::second_date());
    for depth in if full() { vec![1, 2, 12] } else { vec![1, 2] } {
        let name = |what: &str| format!("change_base128_d{depth}_{what}");
        let Some(scores) = golden::load(&name("logprob")) else { return };
        let stages = if depth == 1 { &STAGES[..] } else { &[] };
        let outputs: Vec<_> = ["log_probabilities"]
            .into_iter()
            .chain(stages.iter().map(|stage| golden::output(stage.0)))
            .collect();
        let graph = |config: &Config| build(config, depth == 1);
        let ours = infer(Network::Change, depth, None, graph, &[&before, &after], &outputs);
        scores.check(&ours[0]);
        check_classes(&golden::load(&name("argmax")).unwrap(), &ours[0], scores.tolerance);
        for (&(stage, side, channels, pixels), map) in stages.iter().zip(&ours[1..]) {
            check(&name(stage), &sampled(map, [side, side], [channels, pixels, pixels]));
        }
    }
}

#[test]
fn the_features_of_a_chip_are_the_originals() {
    let image = detgen::image("input", 12, 128, 128);
    for depth in if full() { vec![1, 12] } else { vec![1] } {
        let Some(tokens) = golden::load(&format!("encode_mae_base128_d{depth}_tokens")) else {
            return;
        };
        let outputs = ["tokens", "chip_features", "patch_features"];
        let network = Network::Autoencoder { side: 128, decoder_depth: 1 };
        let ours = infer(network, depth, None, |config| build(config, true), &[&image], &outputs);
        tokens.check(&some_tokens(&ours[0]));
        check(&format!("encode_mae_base128_d{depth}_mean"), &ours[1]);
        let token =
            |group: usize, place: usize, value: usize| ours[0][(group * 256 + place) * 768 + value];
        for (at, feature) in ours[2].iter().enumerate() {
            let mean = (0..4).map(|group| token(group, at % 256, at / 256)).sum::<f32>() / 4.0;
            assert!((feature - mean).abs() < 1e-5, "feature {at}");
        }
    }
}

#[test]
fn masked_passes_are_the_originals() {
    // Side, blocks, blocks of the decoder, percent hidden, tokens seen, step of the tokens kept,
    // and the loss in double precision.
    let runs = [
        (128, 1, 1, 90, 102, 4, 16.367_720_775),
        (128, 1, 1, 75, 256, 16, 15.468_358_088),
        (96, 1, 1, 90, 57, 16, 16.661_501_866),
        (128, 12, 4, 90, 102, 4, 19.195_383_757),
        (96, 12, 4, 90, 57, 16, 19.220_133_839),
    ];
    for (side, depth, decoder_depth, percent, seen, step, loss) in runs {
        if depth > 1 && !full() {
            continue;
        }
        let name = |what: &str| {
            format!("reconstruct_base{side}_d{depth}_dd{decoder_depth}_r{percent}_{what}")
        };
        let Some(ids) = golden::load(&name("ids_keep")) else { return };
        let tokens = 4 * (side / 8) * (side / 8);
        let visible = detgen::visible(tokens, seen);
        let theirs = ids.array.values.iter().copied();
        assert!(visible.iter().map(|&id| id as f32).eq(theirs), "{}", name("ids_keep"));
        let ours = infer(
            Network::Autoencoder { side, decoder_depth },
            depth,
            Some(Task::Reconstruct),
            |config| build_pass(config, &visible).unwrap(),
            &[&detgen::image("input", 12, side, side)],
            &["pred", "latent", "reconstruction", "loss"],
        );
        check(&name("pred"), &sampled(&ours[0], [tokens, 192], [1, step, 1]));
        check(&name("latent"), &sampled(&ours[1], [seen, 768], [1, 1, 12]));
        if side == 128 && percent == 90 {
            check(&name("image"), &sampled(&ours[2], [side, side], [1, 2, 2]));
        }
        let off = (f64::from(ours[3][0]) / loss - 1.0).abs();
        tell(&format!("golden {:<40} {off:9.2e} of 5e-6, relative", name("loss")));
        assert!(off < 5e-6, "{}: {off}", name("loss"));
    }
}

/// Reconstruction in one graph is what four passes, one by one, give together.
#[test]
fn a_reconstruction_is_the_mean_of_what_was_predicted_while_hidden() {
    let network = Network::Autoencoder { side: 96, decoder_depth: 1 };
    let chips: Vec<f32> =
        ["input", "other"].iter().flat_map(|name| detgen::image(name, 12, 96, 96)).collect();
    let run = |make: &dyn Fn(&Config) -> Graph, outputs: &[&str]| {
        infer(network, 1, Some(Task::Reconstruct), make, &[&chips], outputs)
    };
    let ours = run(&|config| build(config, false), &["reconstruction", "loss"]);
    // The stream that deals the tokens is part of the network's definition.
    let mut ids: Vec<usize> = (0..576).collect();
    ids.sort_by_key(|&id| detgen::splitmix64(u64::from_be_bytes(*b"quarters"), id as u64));
    let (mut sum, mut loss) = (vec![0.0; chips.len()], vec![0.0; 2]);
    for quarter in ids.chunks(144) {
        let pass = run(&|config| build_pass(config, quarter).unwrap(), &["reconstruction", "loss"]);
        for (at, (sum, value)) in sum.iter_mut().zip(&pass[0]).enumerate() {
            let (band, row, column) = (at / 9216 % 12, at / 96 % 96, at % 96);
            let token = band / 3 * 144 + row / 8 * 12 + column / 8;
            *sum += if quarter.contains(&token) { 0.0 } else { value / 3.0 };
        }
        loss.iter_mut().zip(&pass[1]).for_each(|(sum, value)| *sum += value / 4.0);
    }
    let near = |a: &[f32], b: &[f32], most: f32| a.iter().zip(b).all(|(a, b)| (a - b).abs() < most);
    assert!(near(&ours[0], &sum, 2e-5) && near(&ours[1], &loss, 1e-4));
}

#[test]
fn the_networks_have_the_published_sizes() {
    let autoencoder = |side| Network::Autoencoder { side, decoder_depth: 4 };
    for (network, tensors, values) in [
        (Network::Classify, 199, 85_998_346),
        (Network::ClassifySeparate, 200, 85_998_346 - (1024 - 256 - 4) * 768),
        (Network::Change, 266, 109_244_946 - 11 * (256 * 9 + 1)),
        (autoencoder(128), 271, 98_640_320),
        (autoencoder(96), 271, 98_640_320 - 112 * (768 + 512)),
    ] {
        let shapes = networks::shapes(network, 12);
        let count: usize = shapes.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        assert_eq!((shapes.len(), count), (tensors, values));
    }
}
