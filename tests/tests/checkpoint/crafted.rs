//! Files made to do harm: each is refused, and soon.

use conformance::torch::{self, Archive, Wrap};
use spectralgpt_core::checkpoint::Checkpoint;

use super::{archive, outcome, small, storages, view};

#[test]
fn crafted_pickles_are_refused_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let read = |pickle: &[u8]| outcome(&folder, &archive(pickle, &[vec![0; 24]]));
    let view = |count: &[u8], place: &[u8]| view("Float", count, place);
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
        repeated(b")", 1, &repeated(b"\x85", 500_000, b".")), // nested half a million deep
        repeated(b"(", 2_000_000, b"."),
        repeated(b")", 2_000_000, b"."),
        [b")", &repeated(b"h\0h\0\x86q\0", 100_000, b".")[..]].concat(),
        [b")", &repeated(b"q\0h\0\x86", 150_000, b".")[..]].concat(), // 2^150000 leaves
        [b"]q\0(", &repeated(b"h\0", 400_000, b"e.")[..]].concat(),   // a list in itself
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
    type Change<'a> = (&'a str, &'a [(usize, &'a [u8])]);
    let changes: [Change; 14] = [
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

#[test]
fn an_archive_packed_anew_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anew.pth");
    let original = archive(&torch::pickle(&small(), Wrap::Flat).unwrap(), &storages(&small()));
    let end = original.len() - 22;
    let without_zip64 = [&original[..end - 76], &original[end..]].concat();
    std::fs::write(&path, without_zip64).unwrap();
    let error = Checkpoint::open(&path).unwrap_err();
    assert!(error.message().contains("load it with torch and save it again"), "{error}");
}
