//! Runs tiny networks through whatever ONNX Runtime the search finds.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test skips aloud and fails loudly")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use spectralgpt_core::error::{Error, Kind};
use spectralgpt_core::runtime::library;
use spectralgpt_core::runtime::probe;
use spectralgpt_core::runtime::provider::{Device, Precision, ProviderChoice};
use spectralgpt_core::runtime::search::Places;
use spectralgpt_core::runtime::session::{Session, SessionOptions};

const F32: usize = 1;
const F16: usize = 10;

/// ONNX by hand: the few messages of its protobuf that the networks below need.
mod onnx {
    fn varint(mut value: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while value >= 0x80 {
            out.push(value.to_le_bytes()[0] | 0x80);
            value /= 0x80;
        }
        out.push(value.to_le_bytes()[0]);
        out
    }

    pub(super) fn number(field: usize, value: usize) -> Vec<u8> {
        [varint(field << 3), varint(value)].concat()
    }

    pub(super) fn bytes(field: usize, value: &[u8]) -> Vec<u8> {
        [varint(field << 3 | 2), varint(value.len()), value.to_vec()].concat()
    }

    /// NodeProto, as a field of the graph.
    pub(super) fn node(operator: &str, inputs: &[&str], output: &str, attribute: &[u8]) -> Vec<u8> {
        let mut node: Vec<u8> = inputs.iter().flat_map(|name| bytes(1, name.as_bytes())).collect();
        node.extend(bytes(2, output.as_bytes()));
        node.extend(bytes(4, operator.as_bytes()));
        node.extend(attribute);
        bytes(1, &node)
    }

    /// ValueInfoProto of ("batch", sides...).
    fn value(name: &str, element: usize, sides: &[usize]) -> Vec<u8> {
        let mut shape = bytes(1, &bytes(2, b"batch"));
        shape.extend(sides.iter().flat_map(|&side| bytes(1, &number(1, side))));
        let tensor = [number(1, element), bytes(2, &shape)].concat();
        [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
    }

    /// ModelProto, opset 17; every value has the same sides.
    pub(super) fn model(nodes: &[u8], sides: &[usize], io: &[(usize, &str, usize)]) -> Vec<u8> {
        let mut graph = [nodes, &bytes(2, b"g")].concat();
        for (field, name, element) in io {
            graph.extend(bytes(*field, &value(name, *element, sides)));
        }
        [number(1, 8), bytes(7, &graph), bytes(8, &number(2, 17))].concat()
    }

    pub(super) const INPUT: usize = 11;
    pub(super) const OUTPUT: usize = 12;
}

/// `sum = a + b`, `half = sum` as f16, on (batch, 2, 3, 5).
fn add() -> Vec<u8> {
    let to = [onnx::bytes(1, b"to"), onnx::number(3, F16), onnx::number(20, 2)].concat();
    let nodes = [
        onnx::node("Add", &["a", "b"], "sum", &[]),
        onnx::node("Cast", &["sum"], "half", &onnx::bytes(5, &to)),
    ];
    let io = [
        (onnx::INPUT, "a", F32),
        (onnx::INPUT, "b", F32),
        (onnx::OUTPUT, "sum", F32),
        (onnx::OUTPUT, "half", F16),
    ];
    onnx::model(&nodes.concat(), &[2, 3, 5], &io)
}

/// `y = x^(length + 1)` on (batch, side, side), a MatMul per factor.
fn power(side: usize, length: usize) -> Vec<u8> {
    let name = |i: usize| if i == length { "y".to_string() } else { format!("x{i}") };
    let nodes: Vec<u8> = (0..length)
        .flat_map(|i| {
            let before = if i == 0 { "x".to_string() } else { name(i) };
            onnx::node("MatMul", &[&before, "x"], &name(i + 1), &[])
        })
        .collect();
    onnx::model(&nodes, &[side, side], &[(onnx::INPUT, "x", F32), (onnx::OUTPUT, "y", F32)])
}

struct Fixture(tempfile::TempDir);

impl Fixture {
    /// Makes a place for models; `None`, and a word about it, where there is no ONNX Runtime.
    fn new() -> Option<Self> {
        let candidates = Places::here(None).candidates();
        if candidates.iter().any(|candidate| library::inspect(&candidate.path).is_ok()) {
            return Some(Self(tempfile::tempdir().unwrap()));
        }
        println!("skipped: no ONNX Runtime library found");
        None
    }

    fn file(&self, model: &[u8]) -> PathBuf {
        let path = self.0.path().join("model.onnx");
        std::fs::write(&path, model).unwrap();
        path
    }

    fn open(&self, model: &[u8], options: &SessionOptions) -> Result<Session, Error> {
        Session::open(&self.file(model), options)
    }
}

fn cpu(batch: usize) -> SessionOptions {
    let (device, provider) = (Device::Cpu, ProviderChoice::Ort);
    SessionOptions { device, provider, batch, threads: 2, ..SessionOptions::default() }
}

#[test]
fn a_batch_of_three_goes_through() {
    let Some(fixture) = Fixture::new() else { return };
    let session = fixture.open(&add(), &cpu(3)).unwrap();
    let a: Vec<f32> = (0..90).map(|i| i as f32 / 8.0).collect();
    let b = vec![-1.5; 90];
    let sum: Vec<f32> = a.iter().map(|a| a - 1.5).collect();

    assert_eq!(session.inputs()[1].shape, [3, 2, 3, 5]);
    assert_eq!(session.outputs(), ["sum", "half"]);
    let all = session.run(&[&a, &b], &[]).unwrap();
    assert_eq!(all[0].shape, [3, 2, 3, 5]);
    assert_eq!(all[0].values, sum);
    assert_eq!(all[1].values, sum, "eighths below 16 are exact in half precision");
    let half = session.run(&[&a, &b], &["half"]).unwrap();
    assert_eq!(half, all[1..]);

    let report = session.report();
    assert_eq!(report.provider, "CPUExecutionProvider");
    assert_eq!((report.precision, report.fallback_nodes), (Precision::Fp32, Some(0)));
}

#[test]
fn values_that_are_not_finite_come_out() {
    let Some(fixture) = Fixture::new() else { return };
    let session = fixture.open(&add(), &cpu(1)).unwrap();
    let out = session.run(&[&[f32::INFINITY; 30], &[f32::NEG_INFINITY; 30]], &["sum"]).unwrap();
    assert!(out[0].values.iter().all(|value| value.is_nan()));
}

#[test]
fn data_that_does_not_fit_is_refused_before_the_run() {
    let Some(fixture) = Fixture::new() else { return };
    let session = fixture.open(&add(), &cpu(3)).unwrap();
    let (right, wrong) = (vec![0.0; 90], vec![0.0; 89]);
    let refused = |inputs: &[&[f32]], outputs: &[&str], words: &str| {
        let error = session.run(inputs, outputs).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.message().contains(words), "{error}");
    };
    refused(
        &[&right, &wrong],
        &[],
        "89 values were given for the input 'b', which is 3 x 2 x 3 x 5",
    );
    refused(&[&right], &[], "1 inputs were given, the model has 2");
    refused(&[&right, &right], &["none"], "no output 'none'; it has sum, half");
    let error = fixture.open(&add(), &cpu(0)).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
}

#[test]
fn what_is_no_model_is_refused_in_words() {
    let Some(fixture) = Fixture::new() else { return };
    let error = fixture.open(b"not a model", &cpu(1)).unwrap_err();
    assert_eq!(error.kind(), Kind::Model);
    assert!(
        error.message().contains("model.onnx") && error.message().contains("rotobuf"),
        "{error}"
    );
    for missing in [Path::new("/nowhere/model.onnx"), fixture.0.path()] {
        let error = Session::open(missing, &cpu(1)).unwrap_err();
        assert_eq!(error.kind(), Kind::Model);
        assert!(error.message().contains(&*missing.to_string_lossy()), "{error}");
    }
}

#[test]
fn a_terminated_run_ends_soon_and_leaves_others_alone() {
    let Some(fixture) = Fixture::new() else { return };
    let side = 1024;
    let long = fixture.open(&power(side, 400), &cpu(1)).unwrap();
    let other = Session::open(&fixture.0.path().join("model.onnx"), &cpu(1)).unwrap();
    let zeros = vec![0.0; side * side];
    let terminator = long.terminator();
    let asked = std::thread::scope(|scope| {
        let run = scope.spawn(|| long.run(&[&zeros], &[]));
        std::thread::sleep(Duration::from_millis(200));
        assert!(!run.is_finished(), "the run must be long enough to be stopped");
        let asked = Instant::now();
        terminator.terminate();
        assert_eq!(run.join().unwrap().unwrap_err().kind(), Kind::Cancelled);
        asked.elapsed()
    });
    println!("stopped after {} ms", asked.as_millis());
    assert!(asked < Duration::from_secs(1));

    other.terminator().terminate();
    let quick = fixture.open(&power(side, 2), &cpu(1)).unwrap();
    assert_eq!(quick.run(&[&zeros], &[]).unwrap()[0].values, zeros);
    quick.terminator().terminate();
    assert_eq!(quick.run(&[&zeros], &[]).unwrap_err().kind(), Kind::Cancelled);
    assert!(quick.run(&[&zeros], &[]).is_ok());
}

#[test]
fn a_device_that_is_not_there_is_an_error() {
    let Some(fixture) = Fixture::new() else { return };
    let (_, providers) = probe::providers(None).unwrap();
    assert_eq!(providers[0].trouble, None, "{}", providers[0].name);
    let choices = [
        ("OpenVINOExecutionProvider", Device::Auto, ProviderChoice::OpenVino),
        ("CUDAExecutionProvider", Device::Cuda(0), ProviderChoice::Auto),
        ("TensorrtExecutionProvider", Device::Auto, ProviderChoice::TensorRt),
    ];
    for (status, (name, device, provider)) in providers[1..].iter().zip(choices) {
        assert_eq!(status.name, name);
        let opened = fixture.open(&add(), &SessionOptions { device, provider, ..cpu(1) });
        match (&status.trouble, opened) {
            (None, opened) => drop(opened.unwrap()),
            (Some(_), opened) => {
                let error = opened.unwrap_err();
                assert_eq!(error.kind(), Kind::Model);
                assert!(error.message().contains(name) && error.message().contains("pip install"));
            }
        }
    }
}

#[test]
fn single_precision_is_the_same_on_openvino() {
    let Some(fixture) = Fixture::new() else { return };
    let openvino = SessionOptions { provider: ProviderChoice::OpenVino, ..cpu(2) };
    let (side, factors) = (300, 3);
    let model = power(side, factors);
    let Ok(session) = fixture.open(&model, &openvino) else {
        return println!("skipped: this ONNX Runtime has no OpenVINO");
    };
    // Rows that sum to about 1 keep the powers in range.
    let x: Vec<f32> =
        (0..2 * side * side).map(|i| (i * 79 % 211) as f32 / (side * 105) as f32).collect();
    let reference = fixture.open(&model, &cpu(2)).unwrap().run(&[&x], &[]).unwrap();
    let error = |session: &Session| {
        let got = session.run(&[&x], &[]).unwrap();
        assert!(got[0].values.iter().all(|value| *value > 0.0 && value.is_finite()));
        let pairs = got[0].values.iter().zip(&reference[0].values);
        pairs.map(|(a, b)| (a - b).abs() / b.abs()).fold(0.0, f32::max)
    };
    let fp32 = error(&session);
    println!("fp32 {fp32:e}, {:?} nodes fell back", session.report().fallback_nodes);
    assert!(fp32 < 1e-5, "{fp32}");
    assert_eq!(session.report().provider, "OpenVINOExecutionProvider");
    assert_eq!(session.report().fallback_nodes, Some(0));
    if let Ok(bf16) =
        fixture.open(&model, &SessionOptions { precision: Precision::Bf16, ..openvino })
    {
        let bf16 = error(&bf16);
        println!("bf16 {bf16:e}");
        assert!(bf16 > 1e-4, "bfloat16 was asked for, and the error is {bf16}");
    }
}

#[test]
fn the_process_keeps_its_library() {
    let Some(fixture) = Fixture::new() else { return };
    let (kept, _) = probe::providers(None).unwrap();
    let named = |path: &Path| SessionOptions { library: Some(path.to_path_buf()), ..cpu(1) };
    fixture.open(&add(), &named(&kept.path)).unwrap();
    let error = fixture.open(&add(), &named(Path::new("/nowhere/another.so"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Model);
    let names_both = |path: &Path| error.message().contains(&*path.to_string_lossy());
    assert!(names_both(&kept.path) && names_both(Path::new("/nowhere/another.so")), "{error}");
}
