//! Files that are whole: every value is compared.

use std::process::Command;

use conformance::segment::segment_tensors;
use conformance::torch::{self, Wrap};
use conformance::{detgen, shared};
use serde_json::Value;
use spectralgpt_core::checkpoint::{Checkpoint, Weights};
use spectralgpt_core::error::Kind;

use super::{archive, bits, outcome, read_all, view};

#[test]
fn what_we_write_is_what_we_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    for wrap in [Wrap::Published, Wrap::Flat, Wrap::Module] {
        let tensors = segment_tensors(1, 0.0625, 13, "held out");
        torch::write(&path, &tensors, wrap).unwrap();
        assert_eq!(bits(&read_all(&path).unwrap()), bits(&tensors));
    }
    let checkpoint = Checkpoint::open(&path).unwrap();
    let missing = checkpoint.read("norm").unwrap_err();
    assert!(
        missing.message().ends_with("tensor 'norm': there is no such tensor in the checkpoint"),
        "{missing}"
    );
    assert_eq!(checkpoint.shape("norm"), None);
}

#[test]
fn views_and_types_are_those_of_torch() {
    let Some(folder) = shared("reference/edge_checkpoints") else { return };
    let expected = std::fs::read(folder.join("expected_dtypes_strides.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    for file in ["edge_dtypes_strides.pth", "edge_dtypes_strides_legacy.pth"] {
        let checkpoint = Checkpoint::open(&folder.join(file)).unwrap();
        let mut floating = 0;
        for (name, expected) in expected.as_object().unwrap() {
            let dtype = expected["dtype"].as_str().unwrap();
            if dtype == "python" {
                assert_eq!(checkpoint.shape(name), None);
            } else if dtype.contains("float") {
                let values: Vec<f32> = serde_json::from_value(expected["values"].clone()).unwrap();
                let shape: Vec<usize> = serde_json::from_value(expected["shape"].clone()).unwrap();
                assert_eq!(checkpoint.shape(name), Some(&shape[..]), "{name}");
                assert_eq!(checkpoint.read(name).unwrap(), values, "{name}");
                floating += 1;
            } else {
                let error = checkpoint.read(name).unwrap_err();
                assert!(error.message().contains(dtype), "{error}");
            }
        }
        assert_eq!(checkpoint.names().len(), floating);
    }
}

#[test]
fn odd_files_are_read_or_refused_with_words() {
    let Some(folder) = shared("reference/edge_checkpoints") else { return };
    let misc = Checkpoint::open(&folder.join("edge_misc_small.pth")).unwrap();
    assert_eq!(misc.names(), ["patch_embed.proj.bias", "blocks.0.norm1.weight"]);
    for name in misc.names() {
        assert_eq!(misc.read(name).unwrap(), detgen::tensor(name, &[768], ""));
    }
    assert_eq!(
        misc.sha256().unwrap(),
        "7e2982143f9b1c487f1bf2d299301a2a1d23bb6287595ce4a566797e378ccdce"
    );
    for (file, words) in [
        ("edge_refuse_global.pth", "it names 'posix.system'"),
        ("edge_refuse_global_legacy.pth", "it names 'posix.system'"),
        ("edge_whole_module.pth", "a whole module was saved instead of its state_dict"),
        ("README.md", "is not a PyTorch checkpoint"),
        ("", "is not a file"),
    ] {
        let error = Checkpoint::open(&folder.join(file)).unwrap_err();
        assert_eq!(error.kind(), Kind::Model);
        assert!(error.message().contains(words), "{error}");
    }
    let error = Checkpoint::open(&folder.join("no such file")).unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
}

#[test]
#[allow(clippy::print_stdout, reason = "a skipped test must say that it was skipped")]
fn files_of_the_reference_writer_hold_the_generators_values() {
    let Some(script) = shared("reference/make_checkpoint.py") else { return };
    let python = std::env::var_os("SPECTRALGPT_PYTHON").unwrap_or("python3".into());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    for (layout, wrap) in
        [("zip", "published"), ("torch2", "state_dict"), ("legacy", "module"), ("zip", "flat")]
    {
        let mut command = Command::new(&python);
        command.arg(&script).arg(&path).args(["--model", "segment", "--depth", "2"]);
        command.args(["--width-scale", "0.0625", "--seed-prefix", "p", "--location", "cuda:0"]);
        command.args(["--layout", layout, "--wrap", wrap]);
        command.args((wrap == "published").then_some("--with-optimizer"));
        if !command.output().is_ok_and(|output| output.status.success()) {
            println!("skipped: no Python with numpy to run the reference's writer");
            return;
        }
        let tensors = segment_tensors(2, 0.0625, 13, "p");
        assert_eq!(bits(&read_all(&path).unwrap()), bits(&tensors), "{layout} {wrap}");
    }
}

#[test]
fn the_operations_of_newer_pickles_are_known() {
    let pickle = b"\x80\x04\x95\0\0\0\0\0\0\0\0}\x94\x8c\x01w\x94\x8c\x0ctorch._utils\x94\
        \x8c\x12_rebuild_tensor_v2\x94\x93\x94((\x8c\x07storage\x94\x8c\x05torch\x94\
        \x8c\x0bHalfStorage\x94\x93\x94\x8d\x01\0\0\0\0\0\0\x000\x94\x8c\x03cpu\x94K\x02t\x94Q\
        K\0\x8a\x01\x02\x85\x94\x8b\x01\0\0\0\x01\x85\x94\x89Nt\x94R\x94s.";
    let folder = tempfile::tempdir().unwrap();
    let tensors = outcome(&folder, &archive(pickle, &[vec![0, 0x3c, 0, 0xc0]])).unwrap();
    assert_eq!(tensors, [("w".to_owned(), vec![2], vec![1.0, -2.0])]);
}

#[test]
fn a_view_takes_its_place_in_any_floating_type() {
    let folder = tempfile::tempdir().unwrap();
    let storages: [(&str, Vec<u8>); 4] = [
        ("Float", (0_u8..6).flat_map(|n| f32::from(n).to_le_bytes()).collect()),
        ("Double", (0_u8..6).flat_map(|n| f64::from(n).to_le_bytes()).collect()),
        ("Half", b"\0\0\0\x3c\0\x40\0\x42\0\x44\0\x45".to_vec()),
        ("BFloat16", b"\0\0\x80\x3f\0\x40\x40\x40\x80\x40\xa0\x40".to_vec()),
    ];
    let views: [(&[u8], &[f32]); 6] = [
        (b"K\0K\x02K\x03\x86K\x03K\x01\x86", &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        (b"K\0K\x03K\x02\x86K\x01K\x03\x86", &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
        (b"K\x02K\x01K\x03\x86K\x09K\x01\x86", &[2.0, 3.0, 4.0]),
        (b"K\x01K\x03\x85K\x02\x85", &[1.0, 3.0, 5.0]),
        (b"K\x05K\x02K\x02\x86K\0K\0\x86", &[5.0; 4]),
        (b"K\x06K\0K\x02\x86K\x02K\x01\x86", &[]),
    ];
    for (dtype, bytes) in &storages {
        for (place, expected) in views {
            let pickle = view(dtype, b"\x8a\x01\x06", place);
            let tensors = outcome(&folder, &archive(&pickle, std::slice::from_ref(bytes))).unwrap();
            assert_eq!(tensors[0].2, expected, "{dtype}");
        }
    }
}
