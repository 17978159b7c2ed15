//! Every model, layout and wrap of the reference's writer, value by value.

use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::{detgen, shared, skipped, tell};
use spectralgpt_core::checkpoint::{Checkpoint, Weights};
use spectralgpt_core::convert::{ConvertOptions, convert};
use spectralgpt_core::model::Model;
use spectralgpt_core::model::manifest::Task;

const MODELS: [&str; 6] = ["classify", "classify_seppos", "segment", "change", "mae128", "mae96"];
const LAYOUTS: [&str; 3] = ["zip", "legacy", "torch2"];
const WRAPS: [&str; 4] = ["published", "flat", "module", "state_dict"];

/// Finds a Python with numpy: the one that `SPECTRALGPT_PYTHON` names, else the system's.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("SPECTRALGPT_PYTHON").unwrap_or("/usr/bin/python3".into());
    let imports = Command::new(&python).args(["-c", "import numpy"]).output();
    if imports.is_ok_and(|run| run.status.success()) {
        return Some(python.into());
    }
    skipped("no Python with numpy; name one in SPECTRALGPT_PYTHON");
    None
}

/// Writes all files of a model, and lists its tensors.
const SCRIPT: &str = "
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import make_checkpoint as m
folder, model, layouts, wraps = sys.argv[2:]
options = dict(width_scale=0.25, decoder_depth=1)
for layout in layouts.split():
    for wrap in wraps.split():
        path = f'{folder}/{model}-{layout}-{wrap}.pth'
        m.write(path, model, 1, layout=layout, wrap=wrap, location='cuda:0', **options)
for name, shape in m.shapes(model, 1, **options).items():
    print(name, *shape)
";

/// Compares one file with names, shapes and generated values.
fn check(path: &Path, expected: &[(String, Vec<usize>, Vec<f32>)]) {
    let checkpoint = Checkpoint::open(path).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<&str> = expected.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(checkpoint.names(), names, "{}", path.display());
    for (name, shape, values) in expected {
        assert_eq!(checkpoint.shape(name), Some(&shape[..]), "{}: {name}", path.display());
        assert!(checkpoint.read(name).unwrap() == *values, "{}: {name}", path.display());
    }
}

/// Converts one file without being told anything; it must open as what it is.
fn converts(path: &Path, model: &str) {
    let onnx = path.with_extension("onnx");
    convert(path, &onnx, &ConvertOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    let opened = Model::open(&onnx).unwrap_or_else(|error| panic!("{error}"));
    let (task, chip_px) = match model {
        "segment" => (Task::Segment, 128),
        "change" => (Task::Change, 128),
        "mae96" => (Task::Embed, 96),
        "mae128" => (Task::Embed, 128),
        _ => (Task::Classify, 128),
    };
    let manifest = opened.manifest();
    assert_eq!((manifest.task, manifest.chip_px), (task, chip_px), "{}", path.display());
    std::fs::remove_file(onnx).unwrap();
}

#[test]
fn every_model_layout_and_wrap_of_the_reference_is_read_and_converted() {
    let (Some(reference), Some(python)) = (shared("reference"), python()) else { return };
    let (mut files, mut tensors) = (0, 0);
    for model in MODELS {
        let folder = tempfile::tempdir().unwrap();
        let run = Command::new(&python)
            .args(["-c", SCRIPT])
            .args([&reference, folder.path()])
            .args([model, &LAYOUTS.join(" "), &WRAPS.join(" ")])
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let listed = String::from_utf8(run.stdout).unwrap();
        let expected: Vec<_> = listed.lines().map(generated).collect();
        for layout in LAYOUTS {
            for wrap in WRAPS {
                let path = folder.path().join(format!("{model}-{layout}-{wrap}.pth"));
                check(&path, &expected);
                converts(&path, model);
                (files, tensors) = (files + 1, tensors + expected.len());
            }
        }
    }
    tell(&format!(
        "checkpoints of the reference: {files} files, {tensors} tensors equal, all converted"
    ));
}

/// Generates the tensor that a line names, as in `norm.weight 192`.
fn generated(line: &str) -> (String, Vec<usize>, Vec<f32>) {
    let mut parts = line.split(' ');
    let name = parts.next().unwrap();
    let shape: Vec<usize> = parts.map(|axis| axis.parse().unwrap()).collect();
    (name.to_owned(), shape.clone(), detgen::tensor(name, &shape, ""))
}
