//! The committed header is the generated one: the contract of ABI.md, then what ffi/src says.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::path::{Path, PathBuf};

use conformance::cc::{Language, clang, judge};
use conformance::{skipped, tell};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Turns the contract into a comment.
fn contract() -> String {
    let text = std::fs::read_to_string(root().join("ffi/ABI.md")).unwrap();
    let mut comment = "\n\n/*".to_owned();
    for line in text.trim_end().replace("**", "").lines() {
        comment += &wrapped(line);
    }
    comment + "\n */"
}

/// Breaks a paragraph into the lines of a comment.
fn wrapped(paragraph: &str) -> String {
    let mut lines = String::new();
    let mut line = "\n *".to_owned();
    for word in paragraph.split_whitespace() {
        if line.len() + word.len() >= 99 {
            lines += &std::mem::replace(&mut line, "\n *".to_owned());
        }
        line = line + " " + word;
    }
    lines + &line
}

#[test]
fn the_committed_header_is_the_generated_one() {
    let mut config = cbindgen::Config::from_file(root().join("ffi/cbindgen.toml")).unwrap();
    config.header = config.header.map(|header| header + &contract());
    let bindings = cbindgen::Builder::new()
        .with_crate(root().join("ffi"))
        .with_config(config)
        .generate()
        .unwrap();
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let path = root().join("include/spectralgpt.h");
    if std::env::var_os("SGPT_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "include/spectralgpt.h is not what ffi/src gives; run \
         SGPT_BLESS=1 cargo test -p spectralgpt-ffi and commit the header"
    );
}

#[test]
fn another_compiler_takes_headers_and_examples() {
    let Some(compiler) = clang() else { return skipped("clang not found") };
    let c = ["include/spectralgpt.h", "examples/c/map.c", "tests/c/map.c"];
    let cpp = ["include/spectralgpt.h", "tests/c/map.c", "include/spectralgpt.hpp"];
    let cpp = cpp.into_iter().chain(["examples/cpp/map.cpp", "tests/c/owners.cpp"]);
    let versions = |file| [(file, Language::Cpp17), (file, Language::Cpp20)];
    let cases: Vec<_> =
        c.map(|file| (file, Language::C99)).into_iter().chain(cpp.flat_map(versions)).collect();
    cases.iter().for_each(|(file, language)| judge(&compiler, &root().join(file), *language));
    tell(&format!("{}: {} compilations without a warning", compiler.display(), cases.len()));
}
