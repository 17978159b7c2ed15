//! Files that were damaged at random: an error or the same values, never a panic.

use conformance::torch::{self, Wrap};
use conformance::{detgen, full, tell};

use super::{archive, bits, outcome, small, storages};

fn below(draw: &mut u64, limit: usize) -> usize {
    *draw += 1;
    usize::try_from(detgen::splitmix64(17, *draw) % limit as u64).unwrap()
}

#[test]
fn a_flipped_byte_is_noticed_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    torch::write(&path, &small(), Wrap::Published).unwrap();
    let original = std::fs::read(&path).unwrap();
    let (mut draw, mut refused) = (0, 0);
    let flips = if full() { 10_000 } else { 2000 };
    for _ in 0..flips {
        let mut bytes = original.clone();
        let at = below(&mut draw, bytes.len());
        bytes[at] ^= u8::try_from(1 + below(&mut draw, 255)).unwrap();
        match outcome(&folder, &bytes) {
            Some(tensors) => assert_eq!(bits(&tensors), bits(&small()), "byte {at}"),
            None => refused += 1,
        }
    }
    assert!(refused > flips / 2, "{refused} of {flips} refused");
    tell(&format!("flipped bytes: {refused} of {flips} refused, the others harmless"));
}

#[test]
fn a_file_cut_short_anywhere_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    torch::write(&path, &small(), Wrap::Flat).unwrap();
    let zip = std::fs::read(&path).unwrap();
    for original in [zip, torch::legacy(&small(), Wrap::Published).unwrap()] {
        assert!(outcome(&folder, &original).is_some());
        for length in 0..original.len() {
            assert!(outcome(&folder, &original[..length]).is_none(), "{length} bytes");
        }
    }
}

/// Has no checksums: a flip among the values is another value. Elsewhere it is an error, or of no
/// consequence, or another name or shape; never a panic.
#[test]
fn the_old_layout_cannot_notice_a_flip_among_its_values() {
    let folder = tempfile::tempdir().unwrap();
    let original = torch::legacy(&small(), Wrap::Flat).unwrap();
    assert_eq!(bits(&outcome(&folder, &original).unwrap()), bits(&small()));
    let (mut refused, mut harmless, mut unseen) = (0, 0, 0);
    for at in 0..original.len() {
        let mut bytes = original.clone();
        bytes[at] ^= 0x10;
        match outcome(&folder, &bytes) {
            None => refused += 1,
            Some(tensors) if bits(&tensors) == bits(&small()) => harmless += 1,
            Some(_) => unseen += 1,
        }
    }
    let values: usize = small().iter().map(|(_, _, values)| 4 * values.len()).sum();
    assert!(unseen >= values && refused > harmless);
    tell(&format!(
        "flipped bytes, old layout: {refused} refused, {harmless} harmless, {unseen} unseen"
    ));
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
