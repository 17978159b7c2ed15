//! Packagers' `cargo cinstall` gives what tools/install gives: headers, library, pkg-config.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::{full, skipped, tell};

const SONAME: &str = "libspectralgpt.so.0";

fn output(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).output().unwrap();
    assert!(run.status.success(), "{program}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

/// Runs cargo-c beside this test's own build, the library of which it would replace.
fn installed(folder: &Path) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let mut install = Command::new(env!("CARGO"));
    install.args(["cinstall", "--library-type", "cdylib", "--prefix", "/usr", "--libdir", "lib"]);
    install.args(["--profile", if profile.ends_with("release") { "release" } else { "dev" }]);
    install.arg("--target-dir").arg(profile.with_file_name("packed"));
    install.arg("--destdir").arg(folder);
    let ffi = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ffi");
    let run = install.current_dir(ffi).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    folder.join("usr")
}

/// Reads every file of a folder by its name below it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().into(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn packagers_install_the_same_files() {
    if !full() {
        return skipped("cargo-c is tried by make test-full");
    }
    let has = Command::new(env!("CARGO")).args(["cinstall", "--version"]).output();
    if !has.is_ok_and(|run| run.status.success()) {
        return skipped("cargo-c not found; cargo install cargo-c");
    }
    let folder = tempfile::tempdir().unwrap();
    let prefix = installed(folder.path());
    let headers = files(&prefix.join("include"));
    assert!(headers == files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../include")));
    let (lib, version) = (prefix.join("lib"), env!("CARGO_PKG_VERSION"));
    for name in ["libspectralgpt.so", SONAME] {
        let file = fs::canonicalize(lib.join(name)).unwrap();
        assert!(file.ends_with(format!("libspectralgpt.so.{version}")), "{}", file.display());
    }
    let library = lib.join(SONAME).display().to_string();
    assert!(output("readelf", &["-d", &library]).contains(&format!("soname: [{SONAME}]")));
    let asked = ["--cflags", "--libs", "--modversion"].map(|what| {
        let define = format!("--define-variable=prefix={}", prefix.display());
        let file = lib.join("pkgconfig/spectralgpt.pc");
        output("pkg-config", &[&define, what, file.to_str().unwrap()]).trim_end().to_owned()
    });
    let wanted = ["-I@/include", "-L@/lib -lspectralgpt", version];
    assert_eq!(asked, wanted.map(|text| text.replace('@', &prefix.display().to_string())));
    tell(&format!("cargo-c: {} headers and {SONAME} as installed by make", headers.len()));
}
