//! Reads checkpoints: ours, torch's, made by the reference's writer, and thousands that are damaged.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use conformance::segment::{Tensor, segment_tensors};
use conformance::torch::{self, Archive, Wrap};
use conformance::{detgen, shared};
use serde_json::Value;
use spectralgpt_core::checkpoint::{Checkpoint, Weights};
use spectralgpt_core::error::Kind;
use tempfile::TempDir;

/// Three small tensors, none square, one without axes.
fn small() -> Vec<Tensor> {
    [("patch_embed.proj.weight", vec![5, 3, 2]), ("norm.bias", vec![7]), ("scale", vec![])]
        .map(|(name, shape)| (name.to_owned(), shape.clone(), detgen::tensor(name, &shape, "")))
        .to_vec()
}

/// Reads every tensor; the order is the file's.
fn read_all(path: &Path) -> spectralgpt_core::error::Result<Vec<Tensor>> {
    let checkpoint = Checkpoint::open(path)?;
    let read = |name: &&str| {
        let shape = checkpoint.shape(name).unwrap().to_vec();
        Ok((name.to_string(), shape, checkpoint.read(name)?))
    };
    checkpoint.names().iter().map(read).collect()
}

fn bits(tensors: &[Tensor]) -> Vec<(&str, &[usize], Vec<u32>)> {
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    tensors.iter().map(|(name, shape, values)| (name.as_str(), &shape[..], bits(values))).collect()
}

/// Writes bytes to a file and reads it; an error must be a model's.
fn outcome(folder: &TempDir, bytes: &[u8]) -> Option<Vec<Tensor>> {
    let path = folder.path().join("changed.pth");
    std::fs::write(&path, bytes).unwrap();
    let begun = Instant::now();
    let tensors = read_all(&path).map_err(|error| assert_eq!(error.kind(), Kind::Model, "{error}"));
    assert!(begun.elapsed() < Duration::from_secs(2));
    tensors.ok()
}

fn below(draw: &mut u64, limit: usize) -> usize {
    *draw += 1;
    usize::try_from(detgen::splitmix64(17, *draw) % limit as u64).unwrap()
}

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
    assert!(missing.message().ends_with("tensor 'norm': is not there"), "{missing}");
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
fn a_flipped_byte_is_noticed_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    torch::write(&path, &small(), Wrap::Published).unwrap();
    let original = std::fs::read(&path).unwrap();
    let (mut draw, mut refused) = (0, 0);
    for _ in 0..2000 {
        let mut bytes = original.clone();
        let at = below(&mut draw, bytes.len());
        bytes[at] ^= u8::try_from(1 + below(&mut draw, 255)).unwrap();
        match outcome(&folder, &bytes) {
            Some(tensors) => assert_eq!(bits(&tensors), bits(&small()), "byte {at}"),
            None => refused += 1,
        }
    }
    assert!(refused > 1000, "{refused} of 2000 refused");
}

#[test]
fn a_file_cut_short_anywhere_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    torch::write(&path, &small(), Wrap::Flat).unwrap();
    let legacy = shared("reference/edge_checkpoints/edge_dtypes_strides_legacy.pth");
    for path in [Some(path), legacy].into_iter().flatten() {
        let original = std::fs::read(path).unwrap();
        assert!(outcome(&folder, &original).is_some());
        for length in 0..original.len() {
            assert!(outcome(&folder, &original[..length]).is_none(), "{length} bytes");
        }
    }
}

/// Wraps a pickle in an archive whose checksums are right.
fn archive(pickle: &[u8], storages: &[Vec<u8>]) -> Vec<u8> {
    let mut archive = Archive::new(Vec::new(), "archive");
    archive.record("data.pkl", pickle).unwrap();
    for (key, bytes) in storages.iter().enumerate() {
        archive.record(&format!("data/{key}"), bytes).unwrap();
    }
    archive.finish().unwrap()
}

fn storages(tensors: &[Tensor]) -> Vec<Vec<u8>> {
    let bytes = |values: &Vec<f32>| values.iter().flat_map(|v| v.to_le_bytes()).collect();
    tensors.iter().map(|(_, _, values)| bytes(values)).collect()
}

#[test]
fn a_mutated_pickle_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let storages = storages(&small());
    let mut draw = 1 << 32;
    for wrap in [Wrap::Published, Wrap::Module] {
        let original = torch::pickle(&small(), wrap).unwrap();
        for _ in 0..2500 {
            let mut pickle = original.clone();
            for _ in 0..=below(&mut draw, 3) {
                mutate(&mut pickle, &mut draw);
            }
            outcome(&folder, &archive(&pickle, &storages));
        }
    }
}

/// Changes, removes, repeats or inserts a few bytes.
fn mutate(pickle: &mut Vec<u8>, draw: &mut u64) {
    let at = below(draw, pickle.len() - 8);
    let length = 1 + below(draw, 7);
    match below(draw, 4) {
        0 => pickle[at] = u8::try_from(below(draw, 256)).unwrap(),
        1 => drop(pickle.drain(at..at + length)),
        2 => drop(pickle.splice(at..at, pickle[at..at + length].to_vec())),
        _ => pickle.insert(at, b"()]}tR\x81bQueasqhN.K\x8a\x8b\x85\x90\x94"[below(draw, 21)]),
    }
}

/// Pickles a flat dictionary with one tensor: count announced, then offset, shape, strides.
fn view(count: &[u8], place: &[u8]) -> Vec<u8> {
    [
        b"}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storage",
        &b"ctorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu"[..],
        count,
        b"tQ",
        place,
        b"\x89ccollections\nOrderedDict\n)RtRs.",
    ]
    .concat()
}

#[test]
fn crafted_pickles_are_refused_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<u8> = (0_u8..6).flat_map(|n| f32::from(n).to_le_bytes()).collect();
    let read = |pickle: &[u8]| outcome(&folder, &archive(pickle, &[values.clone()]));
    let transposed = read(&view(b"K\x06", b"K\0K\x03K\x02\x86K\x01K\x03\x86")).unwrap();
    assert_eq!(transposed[0].2, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);

    let huge = b"\x8a\x08\0\0\0\0\0\0\0\x40".to_vec();
    let repeated = |part: &[u8], times: usize, rest: &[u8]| [&part.repeat(times), rest].concat();
    let shape_bomb = [b"K\0", &huge[..], &huge, b"\x86K\0K\0\x86"].concat();
    let mut crafted = vec![
        view(b"K\x05", b"K\0K\x06\x85K\x01\x85"), // not what the file holds
        view(&huge, b"K\0K\x06\x85K\x01\x85"),
        view(b"K\x06", b"K\x01K\x06\x85K\x01\x85"), // past the end
        view(b"K\x06", b"K\0K\x06\x85K\x02\x85"),
        view(b"K\x06", b"K\0K\x02K\x03\x86K\x01\x85"), // fewer strides than axes
        view(b"K\x06", b"J\xff\xff\xff\xffK\x06\x85K\x01\x85"), // before the start
        view(b"K\x06", &[b"K\0K\x02\x85", &huge[..], b"\x85"].concat()), // overflow
        view(b"K\x06", &shape_bomb),
        view(b"K\x06", &[b"K\0", &huge[..], b"\x85K\0\x85"].concat()), // 2^62 equal values
        view(b"K\x06", b"K\0(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t(t"),
        repeated(b")", 1, &repeated(b"\x85", 1_000_000, b".")), // nested a million deep
        repeated(b"(", 2_000_000, b"."),
        repeated(b")", 2_000_000, b"."),
        [b")", &repeated(b"h\0h\0\x86q\0", 100_000, b".")[..]].concat(),
        [b")q\0", &repeated(b"h\0h\0\x86q\0", 100_000, b".")[..]].concat(), // 2^100000 leaves
        [b"]q\0(", &repeated(b"h\0", 400_000, b"e.")[..]].concat(),         // a list in itself
        b"\x8b\xff\xff\xff\x7f.".to_vec(),
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.".to_vec(),
        b"X\xff\xff\xff\xff.".to_vec(),
        repeated(b"\x8a\xff", 1, &[7; 300]),
        b"".to_vec(),
    ];
    let tensor = view(b"K\x06", b"K\0K\x06\x85K\x01\x85");
    crafted.push([&tensor[7..tensor.len() - 2], b"X\x01\0\0\0aNs."].concat()); // item of a tensor
    crafted.push([&tensor[..tensor.len() - 1], &tensor[1..]].concat()); // the same name twice
    crafted.extend((0..=255).map(|opcode| vec![opcode]));
    crafted.extend((0..=255).map(|opcode| vec![b'}', opcode, b'.']).filter(|p| p[1] != b'.'));
    for (number, pickle) in crafted.iter().enumerate() {
        assert!(read(pickle).is_none(), "crafted pickle {number}");
    }
}

#[test]
fn code_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    for (module, name) in [
        ("builtins", "eval"),
        ("__builtin__", "getattr"),
        ("os", "system"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_qtensor"),
        ("torch.storage", "_load_from_bytes"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("collections", "OrderedDict.__init__"),
    ] {
        let call = format!("}}X\u{1}\0\0\0ac{module}\n{name}\n)Rs.");
        std::fs::write(&path, archive(call.as_bytes(), &[])).unwrap();
        let error = Checkpoint::open(&path).unwrap_err();
        assert!(error.message().contains(&format!("'{module}.{name}'")), "{error}");
    }
}

#[test]
fn crafted_archives_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let original = archive(&torch::pickle(&small(), Wrap::Flat).unwrap(), &storages(&small()));
    let positions = |mark: &[u8]| -> Vec<usize> {
        (0..original.len()).filter(|&at| original[at..].starts_with(mark)).collect()
    };
    let central = positions(b"PK\x01\x02")[1];
    let local = positions(b"PK\x03\x04")[1];
    let descriptor = positions(b"PK\x07\x08")[1];
    let end = positions(b"PK\x06\x06")[0];
    let changes: [(&str, &[(usize, &[u8])]); 14] = [
        ("encrypted", &[(central + 8, b"\x09"), (local + 6, b"\x09")]),
        ("method 99", &[(central + 10, b"\x63"), (local + 8, b"\x63")]),
        ("deflated", &[(central + 10, b"\x08"), (local + 8, b"\x08")]),
        ("a bomb", &[(central + 24, b"\xff\xff\xff\x7f")]),
        ("sizes agree on a lie", &[(central + 20, b"\xff\xff\xff\x7f\xff\xff\xff\x7f")]),
        ("a link", &[(central + 38, b"\0\0\xff\xa1")]),
        ("parent", &[(central + 46, b"../"), (local + 30, b"../")]),
        ("absolute", &[(central + 46, b"/"), (local + 30, b"/")]),
        ("names differ", &[(local + 31, b"X")]),
        ("another's data", &[(central + 42, b"\0\0\0\0")]),
        ("descriptor differs", &[(descriptor + 4, b"\0\0\0\0")]),
        ("zip64 counts lie", &[(end + 24, &[0xff; 16])]),
        ("zip64 start lies", &[(end + 48, &[0xff; 8])]),
        ("zip64 numbers missing", &[(central + 20, &[0xff; 8])]),
    ];
    for (what, change) in changes {
        let mut bytes = original.clone();
        for (at, part) in change {
            bytes[*at..at + part.len()].copy_from_slice(part);
        }
        assert!(outcome(&folder, &bytes).is_none(), "{what}");
    }
    let mut twice = Archive::new(Vec::new(), "archive");
    let mut big = Archive::new(Vec::new(), "archive");
    let pickle = torch::pickle(&small(), Wrap::Flat).unwrap();
    big.record("byteorder", b"big").unwrap();
    for archive in [&mut twice, &mut big] {
        archive.record("data.pkl", &pickle).unwrap();
        for (key, bytes) in storages(&small()).iter().enumerate() {
            archive.record(&format!("data/{key}"), bytes).unwrap();
        }
    }
    twice.record("data/0", &storages(&small())[0]).unwrap();
    for archive in [twice, big] {
        assert!(outcome(&folder, &archive.finish().unwrap()).is_none());
    }
}
