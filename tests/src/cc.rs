//! Compiles C and C++ programs against the header and the shared library of this build.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A language that the header is for.
#[derive(Debug, Clone, Copy)]
pub enum Language {
    /// ISO C, 1999.
    C99,
    /// ISO C++, 2017.
    Cpp17,
    /// ISO C++, 2020.
    Cpp20,
}

/// Returns the shared library that this test run built: it lies beside the test program.
///
/// # Panics
/// There is no test program.
pub fn library() -> PathBuf {
    std::env::current_exe().expect("a test program").with_file_name("libspectralgpt.so")
}

/// Compiles a program, every warning an error, into `folder`; tools/sanitize adds options.
///
/// # Panics
/// It does not compile.
pub fn compile(source: &Path, language: Language, folder: &Path) -> PathBuf {
    let (compiler, options): (_, &[&str]) = match language {
        Language::C99 => ("cc", &["-std=c99", "-Wstrict-prototypes"]),
        Language::Cpp17 => ("c++", &["-std=c++17", "-xc++"]),
        Language::Cpp20 => ("c++", &["-std=c++20", "-xc++"]),
    };
    let linked = folder.join("libspectralgpt.so.0");
    if !linked.exists() {
        std::os::unix::fs::symlink(library(), &linked).expect("a link to the library");
    }
    let program = folder.join(format!("{}-{language:?}", name(source)));
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include");
    let sanitize = std::env::var("SPECTRALGPT_SANITIZE").unwrap_or_default();
    let run = Command::new(compiler)
        .args(options)
        .args(sanitize.split_whitespace())
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-O1", "-g", "-pthread"])
        .arg("-I")
        .args([&include, source])
        .args(["-xnone".as_ref(), linked.as_os_str()])
        .arg(format!("-Wl,-rpath,{}", folder.display()))
        .arg("-o")
        .arg(&program)
        .output()
        .expect("a compiler");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    program
}

/// Finds another compiler than the system's: `clang`, or Debian's `clang-14` and the like.
pub fn clang() -> Option<PathBuf> {
    let numbered = |file: &Path| {
        let name = name(file);
        let number = name.strip_prefix("clang").map(|rest| rest.trim_start_matches('-'));
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let files = std::env::split_paths(&folders).filter_map(|folder| folder.read_dir().ok());
    files.flatten().flatten().map(|file| file.path()).find(|file| numbered(file))
}

/// Has a compiler judge a source or a header, every warning an error.
///
/// # Panics
/// It does not compile.
pub fn judge(compiler: &Path, source: &Path, language: Language) {
    let options = match language {
        Language::C99 => ["-xc", "-std=c99"],
        Language::Cpp17 => ["-xc++", "-std=c++17"],
        Language::Cpp20 => ["-xc++", "-std=c++20"],
    };
    let run = Command::new(compiler)
        .args(options)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-fsyntax-only", "-I"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../include"))
        .arg(source)
        .output()
        .expect("the compiler runs");
    assert!(run.status.success(), "{language:?}: {}", String::from_utf8_lossy(&run.stderr));
}

fn name(source: &Path) -> String {
    source.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
