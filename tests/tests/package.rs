//! The tarball works where there is no Rust: examples in every language give the program's bytes.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::raster::{self, TWELVE};
use conformance::{skipped, tell};
use spectralgpt_core::geometry::Size;

/// The scene that the examples make.
const SIZE: Size = Size::new(301, 203);
const SPECTRA: [[u16; 12]; 3] = [
    [1450, 1400, 1350, 1250, 1200, 1180, 1170, 1150, 1140, 1130, 1080, 1060],
    [1250, 1300, 1450, 1300, 1700, 2900, 3400, 3600, 3700, 3600, 2500, 1700],
    [1700, 1900, 2200, 2600, 2900, 3100, 3200, 3300, 3450, 3400, 4000, 3600],
];

/// Returns the examples' scene, (row, band, column).
fn scene() -> Vec<u16> {
    let number = |row: u16, band: u16, col: u16| {
        let cover = usize::from((row / 48 + col / 64) % 3);
        SPECTRA[cover][usize::from(band)] + (7 * row + 13 * col + 29 * band) % 97
    };
    let rows = (0..203).flat_map(|row| (0..12).map(move |band| (row, band)));
    rows.flat_map(|(row, band)| (0..301).map(move |col| number(row, band, col))).collect()
}

/// Runs a line of shell with nothing in its environment but the system's programs and `prefix`.
fn shell(folder: &Path, prefix: &Path, line: &str) -> String {
    let run = Command::new("/bin/sh")
        .args(["-euc", line])
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("PREFIX", prefix)
        .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{line}\n{said}{}", String::from_utf8_lossy(&run.stderr));
    said
}

/// Builds what is packed and returns cargo's folder: one of its own, since the library of the tests
/// can be made to panic and would be replaced.
fn build() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let folder = profile.parent().unwrap().join("packed");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "spectralgpt-core", "--bin", "spectralgpt"]);
    build.args(["--package", "spectralgpt-ffi", "--package", "spectralgpt-cxx", "--lib"]);
    build.args(["--package", "example-rust", "--package", "example-cxx", "--bins"]);
    build.arg("--target-dir").arg(&folder);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
    assert!(status.success(), "what is packed builds");
    folder.join(profile.file_name().unwrap())
}

/// Makes the tarball and unpacks it somewhere else; `None`, said aloud, without ONNX Runtime's wheel.
fn unpacked(folder: &Path, build: &Path) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pythons = fs::read_dir(root.join(".venv/lib")).into_iter().flatten().flatten();
    let wheels = pythons.map(|python| python.path().join("site-packages/onnxruntime"));
    let Some(wheel) = wheels.into_iter().find(|wheel| wheel.exists()) else {
        skipped("ONNX Runtime's wheel not found in .venv");
        return None;
    };
    let made = folder.join("made");
    let run = Command::new(root.join("tools/dist")).args([build, &made, &wheel]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let tarball = String::from_utf8(run.stdout).unwrap();
    shell(folder, folder, &format!("tar -xzf '{}'; rm -r made", tarball.trim()));
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find(|path| path.is_dir())
}

#[test]
fn examples_outside_the_tree_give_the_programs_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, build) = (folder.path(), build());
    let Some(prefix) = unpacked(folder, &build) else { return };
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let run = |line: &str| shell(folder, &prefix, line);
    run(&format!("cp -r '{}' .; if command -v cargo; then exit 1; fi", sources.display()));
    raster::write_u16(&folder.join("scene.tif"), SIZE, &TWELVE, &scene(), None);
    run("$PREFIX/bin/spectralgpt predict --quiet --dn-offset -1000 builtin:landcover \
         scene.tif -o map.tif");
    run("cc -std=c99 -Wall -Wextra -Wpedantic -Werror examples/c/map.c -o map-c \
         $(pkg-config --cflags --libs spectralgpt) \
         -Wl,-rpath,$(pkg-config --variable=libdir spectralgpt)");
    for language in ["cpp", "cxx"] {
        run(&format!(
            "cmake -S examples/{language} -B {language} -DCMAKE_PREFIX_PATH=$PREFIX \
             -DCMAKE_CXX_FLAGS='-Wall -Wextra'; cmake --build {language}"
        ));
    }
    // Programs that are their own library look beside themselves.
    for place in ["onnxruntime", "cxx/onnxruntime"] {
        symlink(prefix.join("lib/onnxruntime"), folder.join(place)).unwrap();
    }
    for program in ["map-cxx", "map-rust"] {
        fs::copy(build.join(program), folder.join(program)).unwrap();
    }
    let map = raster::read(&folder.join("map.tif")).pixels;
    let programs = ["./map-c", "cpp/map", "cxx/map", "./map-cxx", "./map-rust"];
    for program in programs {
        let said = run(&format!("{program} map.pgm; rm -f out.tif*; {program} out.tif scene.tif"));
        let image = fs::read(folder.join("map.pgm")).unwrap();
        let classes = image.strip_prefix(b"P5\n301 203\n255\n").unwrap();
        assert!(classes.iter().map(|class| f32::from(*class)).eq(map.iter().copied()), "{program}");
        assert!(said.lines().count() > 2, "a map of several classes: {said}");
        let file = fs::read(folder.join("out.tif")).unwrap();
        assert!(file == fs::read(folder.join("map.tif")).unwrap(), "{program}");
        let refused = format!("if {program} no.tif scene.tif nowhere.onnx 2>said; then exit 1; fi");
        run(&format!("{refused}; grep nowhere.onnx said"));
    }
    run("$PREFIX/bin/spectralgpt live --dn-offset -1000 builtin:landcover scene.tif -o live.vrt; \
         GDAL_DRIVER_PATH=$PREFIX/lib/gdalplugins gdal_translate -q live.vrt live.tif");
    assert!(raster::read(&folder.join("live.tif")).pixels == map, "GDAL's plugin");
    tell(&format!(
        "{} programs and GDAL's plugin, {SIZE}: the program's {} pixels and file",
        programs.len(),
        map.len()
    ));
}
