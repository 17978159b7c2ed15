//! Files of safetensors, by a writer of our own: whole, cut short, and lying.

use conformance::safetensors::{self, file};
use conformance::segment::segment_tensors;
use serde_json::{Value, json};
use spectralgpt_core::checkpoint::{Checkpoint, Weights};

use super::{bits, outcome, read_all, small};

/// Describes a tensor of the type by its place.
fn described(dtype: &str, shape: &[usize], start: usize, end: usize) -> Value {
    json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]})
}

#[test]
fn what_is_written_is_read_whatever_wraps_the_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no suffix tells");
    let tensors = segment_tensors(1, 0.0625, 13, "held out");
    for prefix in ["", "module.", "model.", "module.model.", "model.module.model."] {
        std::fs::write(&path, safetensors::bytes(&tensors, prefix)).unwrap();
        assert_eq!(bits(&read_all(&path).unwrap()), bits(&tensors), "{prefix}");
    }
}

#[test]
fn all_types_are_read_and_integers_are_no_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("types.safetensors");
    let data = [
        &[0x00, 0x3e, 0x00, 0xc1][..], // f16: 1.5, -2.5
        &[0xc0, 0x3f, 0x20, 0xc0],     // bf16
        &1.5f32.to_le_bytes(),
        &(-2.5f32).to_le_bytes(),
        &1.5f64.to_le_bytes(),
        &(-2.5f64).to_le_bytes(),
        &7i64.to_le_bytes(),
    ]
    .concat();
    let header = json!({
        "steps": described("I64", &[], 32, 40),
        "double": described("F64", &[1, 2], 16, 32),
        "none": described("F32", &[3, 0], 16, 16),
        "brain": described("BF16", &[2], 4, 8),
        "half": described("F16", &[2, 1], 0, 4),
        "single": described("F32", &[2], 8, 16),
    });
    std::fs::write(&path, file(&header.to_string(), &data)).unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.names(), ["half", "brain", "single", "none", "double"]);
    for name in ["half", "brain", "single", "double"] {
        assert_eq!(checkpoint.read(name).unwrap(), [1.5, -2.5], "{name}");
    }
    assert_eq!(checkpoint.shape("half"), Some(&[2, 1][..]));
    assert!(checkpoint.read("none").unwrap().is_empty());
    assert!(checkpoint.read("steps").unwrap_err().message().contains("int64"));
}

#[test]
fn lies_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let one = |shape: &[usize], start, end| json!({"a": described("F32", shape, start, end)});
    let two = |first: [usize; 2], second: [usize; 2]| {
        let count = |at: [usize; 2]| at[1].abs_diff(at[0]) / 4;
        json!({
            "a": described("F32", &[count(first)], first[0], first[1]),
            "b": described("F32", &[count(second)], second[0], second[1]),
        })
    };
    let huge = usize::MAX;
    let mut headers: Vec<String> = [
        one(&[1], 0, 8),
        one(&[3], 0, 8),
        one(&[2], 8, 0),
        one(&[2], 4, 12),
        one(&[huge, huge], 0, 8),
        one(&[1 << 62], 0, 8),
        one(&[2, huge, 0, huge, huge], 0, 8),
        one(&[2], huge - 7, huge),
        two([0, 4], [0, 4]),
        two([0, 8], [4, 8]),
        two([0, 4], [8, 12]),
        two([0, 4], [4, 4]),
        json!({"a": described("F4", &[16], 0, 8)}),
        json!({"a": {"shape": [2], "data_offsets": [0, 8]}}),
        json!({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}),
        json!({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8, 8]}}),
        json!({}),
    ]
    .map(|header| header.to_string())
    .to_vec();
    let whole = described("F32", &[2], 0, 8);
    headers.push(format!(r#"{{"a":{whole},"a":{whole}}}"#));
    headers.push(format!(r#"{{"a":{whole}}} x"#));
    headers.push(format!(r#"{{"a":{}"#, "[".repeat(100_000)));
    headers.push(format!(r#"{{"__metadata__":{}"#, r#"{"a":"#.repeat(100_000)));
    let empty = (0..70_000).map(|n| format!(r#""{n}":{}"#, described("F32", &[0], 0, 0)));
    headers.push(format!("{{{}}}", empty.collect::<Vec<_>>().join(",")));
    assert!(outcome(&folder, &file(&format!(r#"{{"a":{whole}}}"#), &[0; 8])).is_some());
    for header in headers {
        let shown: String = header.chars().take(200).collect();
        assert!(outcome(&folder, &file(&header, &[0; 8])).is_none(), "{shown}");
    }
    for length in [0, 1, 9, 1 << 24, (1 << 24) + 1, 1 << 63, u64::MAX] {
        let bytes = [&length.to_le_bytes()[..], b"{\"a\"", &[b' '; 100]].concat();
        assert!(outcome(&folder, &bytes).is_none(), "a header of {length} bytes");
    }
}

#[test]
fn a_file_cut_short_anywhere_or_flipped_is_an_error_or_other_values() {
    let folder = tempfile::tempdir().unwrap();
    let whole = safetensors::bytes(&small(), "");
    let data: usize = small().iter().map(|(_, _, values)| 4 * values.len()).sum();
    assert!(outcome(&folder, &whole).is_some());
    for length in 0..whole.len() {
        assert!(outcome(&folder, &whole[..length]).is_none(), "{length} bytes");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let tensors = outcome(&folder, &bytes);
        // Among the values nothing can tell; there, the file is still read as a whole.
        assert!(at < whole.len() - data || tensors.is_some(), "byte {at}");
    }
}
