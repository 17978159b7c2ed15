//! A COG holds the same pixels, and overviews that fit their kind.

use super::*;
use crate::error::Kind;

fn write_as(
    api: &'static GdalApi,
    path: &Path,
    layer: &Layer,
    rows: (Size, &[u8]),
    creation: &[&str],
) -> Vec<u8> {
    let creation = creation.iter().map(|option| (*option).to_owned()).collect();
    let options =
        SinkOptions { format: Format::Cog, overwrite: true, creation, ..Default::default() };
    let (size, rows) = rows;
    let mut sink = GdalSink::create(api, path, &options, layer, size, &place()).unwrap();
    feed(&mut sink, layer, size.width, rows).unwrap();
    sink.finish(&[], &mut |_, _| true).unwrap();
    std::fs::read(path).unwrap()
}

fn info(path: &Path) -> Option<serde_json::Value> {
    let out = Command::new("gdalinfo").args(["-json"]).arg(path).output().ok()?;
    serde_json::from_slice(&out.stdout).ok()
}

#[test]
fn has_the_pixels_the_place_and_overviews() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size) = (folder.path().join("map.tif"), Size::new(1301, 1100));
    for (sample, bands) in [(SampleType::U8, 1), (SampleType::U16, 3), (SampleType::F32, 2)] {
        let layer = Layer { nodata: Some(255.0), ..layer(sample, bands) };
        let rows = pattern(size, bands);
        let bytes = write_as(api, &path, &layer, (size, &rows), &[]);
        assert!(bytes == write_as(api, &path, &layer, (size, &rows), &[]), "two runs");
        let source = open(api, &path).unwrap();
        assert_eq!(source.info().georeference, place());
        assert_eq!(source.info().bands[0].nodata, Some(255.0));
        let (all, window) = ((1..=bands).collect::<Vec<_>>(), Window::whole(size));
        let (pixels, _) = read(&source.select(&all, Some(f64::NAN)).unwrap(), window).unwrap();
        assert_pattern(&pixels, window, &all, sample);
        let Some(info) = info(&path) else { return println!("skipped: no gdalinfo") };
        assert_eq!(info["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"], "COG");
        assert!(!info["bands"][0]["overviews"].as_array().unwrap().is_empty());
        assert_eq!(names(folder.path()), ["map.tif", "map.tif.aux.xml"].map(Into::into).into());
    }
}

#[test]
fn overviews_of_classes_hold_classes_only() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size) = (folder.path().join("map.tif"), Size::new(1301, 1100));
    let rows: Vec<u8> = pattern(size, 1).iter().map(|value| 10 * (value % 2)).collect();
    write_as(api, &path, &layer(SampleType::U8, 1), (size, &rows), &[]);
    let small = folder.path().join("small.tif");
    let mut make = Command::new("gdal_translate");
    make.args(["-q", "-oo", "OVERVIEW_LEVEL=0"]).args([&path, &small]);
    if !make.output().is_ok_and(|out| out.status.success()) {
        return println!("skipped: gdal_translate is not installed");
    }
    let source = open(api, &small).unwrap();
    let size = source.info().size;
    assert_eq!(size.width, 650);
    let (pixels, _) = read(&source.select(&[1], None).unwrap(), Window::whole(size)).unwrap();
    assert!(pixels.iter().all(|pixel| [0.0, 10.0].contains(pixel)));
}

#[test]
fn takes_its_own_options_and_refuses_what_would_fail_later() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size, layer) =
        (folder.path().join("map.tif"), Size::new(700, 600), layer(SampleType::U8, 1));
    let rows = pattern(size, 1);
    write_as(api, &path, &layer, (size, &rows), &["compress=zstd", "OVERVIEWS=NONE"]);
    assert_eq!(open(api, &path).unwrap().info().bands[0].block, Size::square(512));
    for option in ["COMPRESS=JPEG", "COMPRESS=NOPE", "TILED=YES", "BLOCKSIZE"] {
        let options = SinkOptions {
            format: Format::Cog,
            overwrite: true,
            creation: vec![option.into()],
            ..Default::default()
        };
        let error = GdalSink::create(api, &path, &options, &layer, size, &place()).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{option}: {error}");
    }
}
