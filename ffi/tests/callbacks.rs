//! A C program maps a scene through callbacks alone: no GDAL, the command line's bytes.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "classes read as f32")]

use std::path::Path;
use std::process::Command;

use conformance::cc::{Language, compile};
use conformance::raster::{self, SEGMUNICH};
use conformance::{full, models, program, tell};
use spectralgpt_core::geometry::Size;

/// Returns what tests/c/map.c serves, (row, band, column).
fn scene(size: Size, bands: u32) -> Vec<u16> {
    let number = |band: u32, row: u32, col: u32| {
        let mixed = col * 7 + row * 13 + band * 101 + ((col * row) >> 3);
        200 + (mixed % 3800) as u16
    };
    let rows = (0..size.height).flat_map(|row| (0..bands).map(move |band| (row, band)));
    rows.flat_map(|(row, band)| (0..size.width).map(move |col| number(band, row, col))).collect()
}

#[test]
fn a_scene_behind_callbacks_is_mapped_as_the_command_line_maps_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::segment(folder.path(), 1, 0.25);
    let size = if full() { Size::new(4000, 3000) } else { Size::new(407, 301) };
    let (input, map) = (folder.path().join("scene.tif"), folder.path().join("map.tif"));
    raster::write_u16(&input, size, &SEGMUNICH, &scene(size, 10), None);
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    program::done(&[
        "predict",
        &path(&model),
        &path(&input),
        "-o",
        &path(&map),
        "--dn-offset",
        "0",
    ]);
    let expected: Vec<u8> = raster::read(&map).pixels.iter().map(|class| *class as u8).collect();
    assert!(expected.iter().any(|class| *class != expected[0]), "a map of more than one class");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/c/map.c");
    for language in [Language::C99, Language::Cpp17] {
        let raw = folder.path().join("map.raw");
        let run = Command::new(compile(&source, language, folder.path()))
            .args([path(&model), size.width.to_string(), size.height.to_string()])
            .args([SEGMUNICH.join(","), path(&raw)])
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert!(std::fs::read(raw).unwrap() == expected, "{language:?}");
        let out = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(out.starts_with(concat!(env!("CARGO_PKG_VERSION"), " {")), "{out}");
        tell(&format!("callbacks, {language:?}, {size}: {}", out.trim_end()));
    }
}
