//! Loads a wrong library, then a right one: in a process of its own, for the first that works stays.
#![allow(clippy::print_stdout, reason = "a test skips aloud")]

use std::path::Path;

use spectralgpt_core::error::Kind;
use spectralgpt_core::runtime::probe;

#[test]
fn a_library_that_failed_can_be_replaced() {
    for (wrong, words) in [("/nowhere/a.so", "No such file"), ("libm.so.6", "not ONNX Runtime")] {
        let error = probe::providers(Some(Path::new(wrong))).unwrap_err();
        assert_eq!(error.kind(), Kind::Model);
        assert!(error.message().contains(wrong) && error.message().contains(words), "{error}");
        assert!(error.message().contains("pip install onnxruntime"), "{error}");
    }
    match probe::providers(None) {
        Ok((library, _)) => println!("{} '{}'", library.version, library.path.display()),
        Err(error) if error.message().contains("no ONNX Runtime was found") => {
            println!("skipped: no ONNX Runtime library found");
        }
        Err(error) => panic!("{error}"),
    }
}
