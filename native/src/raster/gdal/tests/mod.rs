//! Writes and reads real files. Every test says so and returns where no libgdal is found.
#![allow(clippy::print_stdout, reason = "says what is skipped")]

mod area;
mod cog;
mod resume;
mod sink;
mod source;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::error::Result;
use crate::geometry::{Size, Window};
use crate::raster::{Layer, RasterSink, RasterSource, SampleType, Samples, Stored};

const TYPES: [SampleType; 3] = [SampleType::U8, SampleType::U16, SampleType::F32];

/// Returns GDAL, or `None` after saying that the test is skipped.
fn gdal() -> Option<&'static GdalApi> {
    let found = GdalApi::find();
    if let Err(error) = &found {
        println!("skipped: {error}");
    }
    found.ok()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn layer(sample: SampleType, bands: usize) -> Layer {
    let bands = (1..=bands).map(|number| format!("score {number}")).collect();
    Layer { sample, bands, nodata: None, categories: vec![], stored: Stored::AsIs }
}

fn place() -> Georeference {
    let srs = "EPSG:32633";
    let out = Command::new("gdalsrsinfo").args(["-o", "wkt2_2019", "--single-line", srs]).output();
    let srs = out.map_or(String::new(), |out| String::from_utf8(out.stdout).unwrap());
    let geotransform = Some([500_000.0, 10.0, 0.0, 5_000_000.0, 0.0, -10.0]);
    Georeference { geotransform, gcps: vec![], srs: srs.trim().into() }
}

/// A value that tells row, band and column apart and fits every type.
fn value(row: usize, band: usize, col: usize) -> u8 {
    u8::try_from((row * 31 + band * 7 + col * 3) % 251).unwrap()
}

/// All rows of a raster, (row, band, column).
fn pattern(size: Size, bands: usize) -> Vec<u8> {
    let (width, height) = (size.width as usize, size.height as usize);
    let row = |row| (0..bands).flat_map(move |band| (0..width).map(move |c| value(row, band, c)));
    (0..height).flat_map(row).collect()
}

/// Hands rows over in pieces of different heights.
fn feed(sink: &mut GdalSink, layer: &Layer, width: u32, rows: &[u8]) -> Result<()> {
    let row = layer.bands.len() * width as usize;
    let (head, tail) = rows.split_at(row * (rows.len() / row / 3));
    for rows in [head, tail] {
        match layer.sample {
            SampleType::U8 => sink.write(Samples::U8(rows))?,
            SampleType::U16 => {
                let rows: Vec<u16> = rows.iter().map(|&value| u16::from(value) * 200).collect();
                sink.write(Samples::U16(&rows))?;
            }
            SampleType::F32 => {
                let rows: Vec<f32> = rows.iter().map(|&value| f32::from(value) / 3.0).collect();
                sink.write(Samples::F32(&rows))?;
            }
        }
    }
    Ok(())
}

fn scaled(sample: SampleType, value: u8) -> f32 {
    match sample {
        SampleType::U8 => value.into(),
        SampleType::U16 => f32::from(value) * 200.0,
        SampleType::F32 => f32::from(value) / 3.0,
    }
}

fn write(api: &'static GdalApi, path: &Path, layer: &Layer, size: Size, options: &SinkOptions) {
    let mut sink = GdalSink::create(api, path, options, layer, size, &place()).unwrap();
    feed(&mut sink, layer, size.width, &pattern(size, layer.bands.len())).unwrap();
    assert_eq!(sink.finish(&[("MODEL".into(), "a<b".into())], &mut |_, _| true).unwrap(), path);
}

fn open(api: &'static GdalApi, path: &Path) -> Result<GdalSource> {
    GdalSource::open(api, path.to_str().unwrap())
}

/// Reads a window; as 16-bit integers too, where they fit, which must be the same.
fn read(source: &GdalBands, window: Window) -> Result<(Vec<f32>, Vec<u8>)> {
    let plane = window.size.pixels();
    let (mut pixels, mut valid) = (vec![f32::NAN; plane * source.bands()], vec![7; plane]);
    source.read(window, &mut pixels, &mut valid)?;
    let (mut whole, mut also) = (vec![9; pixels.len()], vec![7; plane]);
    if source.fits_u16() {
        source.read_u16(window, &mut whole, &mut also)?;
        assert!(pixels.iter().zip(&whole).all(|(float, whole)| *float == f32::from(*whole)));
        assert_eq!(valid, also);
    }
    Ok((pixels, valid))
}

/// Checks a window's pixels, (band, row, column), against the pattern.
fn assert_pattern(pixels: &[f32], window: Window, bands: &[usize], sample: SampleType) {
    let (width, height) = (window.size.width as usize, window.size.height as usize);
    for (plane, band) in pixels.chunks_exact(width * height).zip(bands) {
        for (index, pixel) in plane.iter().enumerate() {
            let row = window.row as usize + index / width;
            let expected = value(row, band - 1, window.col as usize + index % width);
            assert_eq!(*pixel, scaled(sample, expected), "band {band}, pixel {index}");
        }
    }
}

#[test]
fn reads_back_what_it_wrote() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let sizes = [Size::new(300, 1), Size::new(129, 67), Size::new(391, 277), Size::new(1301, 277)];
    for (size, bands) in sizes.iter().flat_map(|size| [(*size, 1), (*size, 13)]) {
        for sample in TYPES {
            let path = folder.path().join("map.tif");
            let layer = layer(sample, bands);
            write(api, &path, &layer, size, &SinkOptions { overwrite: true, ..Default::default() });
            let source = open(api, &path).unwrap();
            assert_eq!((source.info().size, &source.info().driver), (size, &"GTiff".to_owned()));
            let all: Vec<usize> = (1..=bands).collect();
            let window = Window::whole(size);
            let (pixels, valid) = read(&source.select(&all, None).unwrap(), window).unwrap();
            assert_pattern(&pixels, window, &all, sample);
            assert!(valid.iter().all(|&valid| valid == 1));
            assert_eq!(names(folder.path()), ["map.tif", "map.tif.aux.xml"].map(Into::into).into());
        }
    }
}

#[test]
fn finds_one_gdal_however_often_it_is_asked() {
    let Some(api) = gdal() else { return };
    assert!(std::ptr::eq(api, GdalApi::find().unwrap()));
    assert!(api.version().starts_with('3'), "{}", api.version());
    assert!(api.path().to_string_lossy().contains("gdal"), "{}", api.path().display());
    // SAFETY: no function is found, so none is called.
    let none = unsafe { GdalApi::resolve(&|_| std::ptr::null()) };
    assert!(none.unwrap_err().message().contains("no function CPLErrorReset"));
}
