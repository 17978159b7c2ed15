//! The C++ header does what it says, as C++17 and as C++20.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::path::Path;
use std::process::Command;

use conformance::cc::{Language, compile};
use conformance::tell;

#[test]
fn owners_callbacks_and_refusals_in_cpp() {
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("c/owners.cpp");
    for language in [Language::Cpp17, Language::Cpp20] {
        let run = Command::new(compile(&source, language, folder.path())).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let held = String::from_utf8_lossy(&run.stdout).into_owned();
        tell(&format!("spectralgpt.hpp, {language:?}: {} checks held", held.trim()));
    }
}
