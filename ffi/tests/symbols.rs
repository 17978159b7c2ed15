//! What the shared library offers and asks for; read with binutils.

use std::path::PathBuf;
use std::process::Command;

/// The library that this test run built: it lies beside the test program.
fn library() -> PathBuf {
    std::env::current_exe().expect("a test program").with_file_name("libspectralgpt.so")
}

fn lines(program: &str, options: &[&str]) -> Vec<String> {
    let output = Command::new(program).args(options).arg(library()).output().expect("binutils");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn exported_symbols_are_the_list() {
    let mut names: Vec<String> = lines("nm", &["-D", "--defined-only"])
        .iter()
        .filter_map(|line| line.split_whitespace().nth(2).map(str::to_owned))
        .collect();
    names.sort();
    let golden = include_str!("symbols.txt");
    assert_eq!(names.join("\n"), golden.trim_end(), "tests/symbols.txt is the list");
}

#[test]
fn only_glibc_and_libgcc_are_needed() {
    let needed: Vec<String> = lines("readelf", &["-d"])
        .iter()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']').to_owned()))
        .collect();
    let allowed = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "libdl.so.2", "libpthread.so.0"];
    let other: Vec<&String> = needed
        .iter()
        .filter(|name| !allowed.contains(&name.as_str()) && !name.starts_with("ld-linux"))
        .collect();
    assert!(!needed.is_empty() && other.is_empty(), "{other:?}");
}
