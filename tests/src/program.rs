//! Runs the command line program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Returns the program of this build; cargo builds it for its own crate's tests only. Where there is
/// no cargo, `SPECTRALGPT_PROGRAM` names it.
///
/// # Panics
/// It cannot be built.
pub fn path() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(program) = std::env::var_os("SPECTRALGPT_PROGRAM") {
            return program.into();
        }
        let test = std::env::current_exe().expect("a test program");
        let folder = test.parent().and_then(Path::parent).expect("target/PROFILE/deps").to_owned();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "spectralgpt-core", "--bin", "spectralgpt"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo runs");
        assert!(status.success(), "the program builds");
        folder.join("spectralgpt")
    })
}

/// What a run printed and returned.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs the program and waits. What it keeps for later runs lies beside it, not in the tester's home.
///
/// # Panics
/// It does not start.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Outcome {
    let mut command = Command::new(path());
    command.args(arguments).env("XDG_CACHE_HOME", path().with_file_name("cache"));
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    Outcome {
        code: status.code(),
        out: String::from_utf8_lossy(&stdout).into_owned(),
        err: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// Runs the program and expects success.
///
/// # Panics
/// It fails.
pub fn done<S: AsRef<std::ffi::OsStr> + std::fmt::Debug>(arguments: &[S]) -> Outcome {
    let outcome = run(arguments);
    assert_eq!(outcome.code, Some(0), "{arguments:?}: {}", outcome.err);
    outcome
}
