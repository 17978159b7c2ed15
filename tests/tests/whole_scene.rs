//! A whole Sentinel-2 tile, 10980 x 10980 pixels, stays within the memory budget.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use conformance::raster::{self, SEGMUNICH};
use conformance::{detgen, full, models, program, shared, skipped};
use spectralgpt_core::geometry::Size;

const SIDE: usize = 10_980;
const PATCH: usize = 224;

/// Returns a patch of 224 x 224 pixels and the numbers of SegMunich's bands in it: a real one
/// where the shared data are, else one by formula.
fn patch(folder: &Path) -> (PathBuf, [usize; 10]) {
    let real = "data/02_terramesh_labelled_patches/S2L2A/282D_485L_3_3.tif";
    if let Some(real) = shared(real).and_then(|path| path.canonicalize().ok()) {
        return (real, [2, 3, 4, 5, 6, 7, 8, 9, 11, 12]);
    }
    let path = folder.join("patch.tif");
    let pixels = detgen::raw_u16("patch", 10, PATCH, PATCH, 200, 3800);
    let rows = raster::by_row(&pixels, PATCH, 10);
    raster::write_u16(&path, Size::square(224), &SEGMUNICH, &rows, None);
    (path, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
}

/// Writes a VRT that repeats the patch over a whole tile.
fn repeated(folder: &Path) -> PathBuf {
    let (patch, numbers) = patch(folder);
    let mut vrt = format!(r#"<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}">"#);
    vrt += "<SRS>EPSG:32633</SRS><GeoTransform>600000,10,0,5400000,0,-10</GeoTransform>";
    for (band, (name, number)) in SEGMUNICH.iter().zip(numbers).enumerate() {
        let band = band + 1;
        let head = format!(
            r#"<VRTRasterBand dataType="UInt16" band="{band}"><Description>{name}</Description>"#
        );
        vrt += &head;
        for (row, col) in (0..SIDE.div_ceil(PATCH))
            .flat_map(|row| (0..SIDE.div_ceil(PATCH)).map(move |col| (row * PATCH, col * PATCH)))
        {
            let (width, height) = ((SIDE - col).min(PATCH), (SIDE - row).min(PATCH));
            let rect = |name: &str, x: usize, y: usize| {
                format!(r#"<{name} xOff="{x}" yOff="{y}" xSize="{width}" ySize="{height}"/>"#)
            };
            write!(
                vrt,
                "<SimpleSource><SourceFilename>{}</SourceFilename><SourceBand>{number}\
                 </SourceBand>{}{}</SimpleSource>",
                patch.display(),
                rect("SrcRect", 0, 0),
                rect("DstRect", col, row),
            )
            .unwrap();
        }
        vrt += "</VRTRasterBand>";
    }
    vrt += "</VRTDataset>";
    let path = folder.join("tile.vrt");
    std::fs::write(&path, vrt).unwrap();
    path
}

#[test]
fn a_whole_tile_stays_within_the_budget() {
    if !full() {
        return skipped("a whole tile is mapped by make test-full");
    }
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = models::checkpoint(folder.path(), 1, 0.125);
    let (model, map) = (folder.path().join("small.onnx"), folder.path().join("map.tif"));
    program::done(&[
        "convert".as_ref(),
        checkpoint.as_os_str(),
        model.as_os_str(),
        "--heads".as_ref(),
        "2".as_ref(),
    ]);
    let tile = repeated(folder.path());
    let outcome = program::done(&[
        "predict".as_ref(),
        model.as_os_str(),
        tile.as_os_str(),
        "-o".as_ref(),
        map.as_os_str(),
        "--memory".as_ref(),
        "1G".as_ref(),
        "--json".as_ref(),
    ]);
    let report: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(report["chips"], 115 * 115);
    assert!(report["peak_rss_bytes"].as_u64().unwrap() <= 1 << 30, "{report}");
    let classes = raster::read(&map).pixels;
    assert!(classes.len() == SIDE * SIDE && classes.iter().all(|class| *class < 13.0));
    conformance::tell(&format!("whole tile: {report}"));
}
