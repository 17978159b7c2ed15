//! Writes and reads real files. Every test says so and returns where no libgdal is found.
#![allow(clippy::print_stdout, reason = "says what is skipped")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::error::{Kind, Result};
use crate::geometry::{Size, Window};
use crate::raster::{Category, Layer, RasterSink, RasterSource, SampleType, Samples};

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
    Layer { sample, bands, nodata: None, categories: vec![] }
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
    assert_eq!(sink.finish(&[("MODEL".into(), "a<b".into())]).unwrap(), path);
}

fn open(api: &'static GdalApi, path: &Path) -> Result<GdalSource> {
    GdalSource::open(api, path.to_str().unwrap())
}

fn read(source: &GdalBands, window: Window) -> Result<(Vec<f32>, Vec<u8>)> {
    let plane = window.size.pixels();
    let (mut pixels, mut valid) = (vec![f32::NAN; plane * source.bands()], vec![7; plane]);
    source.read(window, &mut pixels, &mut valid)?;
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

fn gdalinfo(path: &Path) -> Option<serde_json::Value> {
    let out = Command::new("gdalinfo").arg("-json").arg(path).output();
    let Ok(out) = out else {
        println!("skipped: gdalinfo is not installed");
        return None;
    };
    Some(serde_json::from_slice(&out.stdout).unwrap())
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
fn reads_windows_of_chosen_bands_from_four_threads() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let size = Size::new(391, 277);
    for interleave in ["PIXEL", "BAND"] {
        let path = folder.path().join(interleave);
        let creation = vec![format!("INTERLEAVE={interleave}")];
        let options = SinkOptions { creation, overwrite: false };
        write(api, &path, &layer(SampleType::U16, 5), size, &options);
        let source = open(api, &path).unwrap();
        assert_eq!(source.info().pixel_interleaved, interleave == "PIXEL");
        let source = source.select(&[4, 2, 2], None).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let source = &source;
                scope.spawn(move || {
                    for step in 0..20 {
                        let (col, row) = (step * 7 + thread, step * 11);
                        let window = Window::new(col, row, Size::new(200 - thread, 61));
                        let (pixels, _) = read(source, window).unwrap();
                        assert_pattern(&pixels, window, &[4, 2, 2], SampleType::U16);
                    }
                });
            }
        });
    }
}

#[test]
fn names_and_colours_are_seen_by_gdal() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let path = folder.path().join("classes.tif");
    let categories: Vec<Category> = (0..13u8)
        .map(|index| Category {
            name: format!("<{index}> & \"wood\"\u{1} é"),
            colour: [index, 2 * index, 255 - index],
        })
        .collect();
    let layer = Layer { nodata: Some(255.0), categories, ..layer(SampleType::U8, 1) };
    write(api, &path, &layer, Size::new(129, 67), &SinkOptions::default());
    let Some(info) = gdalinfo(&path) else { return };
    let band = &info["bands"][0];
    assert_eq!(band["noDataValue"], 255.0);
    assert_eq!(band["description"], "score 1");
    assert_eq!(band["colorInterpretation"], "Palette");
    let entries = band["colorTable"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 13);
    assert_eq!(entries[12], serde_json::json!([12, 24, 243, 255]));
    assert_eq!(info["metadata"][""]["MODEL"], "a<b");
    let checksum = publish::sha256(&path).unwrap();
    assert_eq!(info["metadata"][""]["SPECTRALGPT_MAP_SHA256"], checksum);
    let text = Command::new("gdalinfo").arg(&path).output().unwrap().stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("12: <12> & \"wood\"\u{fffd} é\n"), "{text}");
    assert!(!text.contains("13: "), "{text}");
}

#[test]
fn keeps_the_place_and_shifts_it_to_a_window() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size) = (folder.path().join("map.tif"), Size::new(40, 30));
    let shifted = place().of_window(Window::new(7, 11, size));
    assert_eq!(shifted.geotransform, Some([500_070.0, 10.0, 0.0, 4_999_890.0, 0.0, -10.0]));
    let gcp = |id: &str, col, row| Gcp { id: id.into(), col, row, place: [col, -row, 5.0] };
    let gcps = vec![gcp("1", 0.5, 0.25), gcp("2", 30.0, 2.0), gcp("3", 9.0, 29.0)];
    let points = Georeference { geotransform: None, gcps, srs: place().srs };
    let bare = Georeference {
        geotransform: Some([0.0, 1.0, 0.0, 0.0, 0.0, 1.0]),
        ..Georeference::default()
    };
    let rotated =
        Georeference { geotransform: Some([5.0, 0.1, 0.02, 50.0, 0.01, -0.1]), ..place() };
    for georeference in
        [shifted, points.of_window(Window::new(1, 2, size)), rotated, Georeference::default()]
    {
        let options = SinkOptions { overwrite: true, ..Default::default() };
        let layer = layer(SampleType::U8, 1);
        let mut sink = GdalSink::create(api, &path, &options, &layer, size, &georeference).unwrap();
        feed(&mut sink, &layer, 40, &pattern(size, 1)).unwrap();
        sink.finish(&[]).unwrap();
        assert_eq!(open(api, &path).unwrap().info().georeference, georeference);
    }
    GdalSink::create(
        api,
        &folder.path().join("b"),
        &SinkOptions::default(),
        &layer(SampleType::U8, 1),
        size,
        &bare,
    )
    .unwrap();
}

#[test]
fn two_runs_give_the_same_bytes() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let [first, second] = ["a.tif", "b.tif"].map(|name| folder.path().join(name));
    for path in [&first, &second] {
        write(api, path, &layer(SampleType::F32, 13), Size::new(129, 67), &SinkOptions::default());
    }
    assert_eq!(std::fs::read(first).unwrap(), std::fs::read(second).unwrap());
}

#[test]
fn a_refused_or_dropped_sink_leaves_everything_as_it_was() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size, layer) =
        (folder.path().join("map.tif"), Size::new(129, 67), layer(SampleType::U8, 1));
    std::fs::write(&path, "old").unwrap();
    let create = |path: &Path, creation: &str, overwrite| {
        let creation = creation.split_whitespace().map(str::to_owned).collect();
        let options = SinkOptions { creation, overwrite };
        GdalSink::create(api, path, &options, &layer, size, &place())
    };
    let refused = |path: &Path, creation, overwrite, kind, words: &str| {
        let error = create(path, creation, overwrite).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(words), "{error}");
    };
    refused(&path, "", false, Kind::Usage, "--overwrite");
    refused(&path, "COMPRESS=NOPE", true, Kind::Usage, "COMPRESS=NOPE value not recognised");
    refused(&path, "WOOD=YES", true, Kind::Usage, "creation option WOOD");
    refused(&path, "TILED", true, Kind::Usage, "'TILED' is not KEY=VALUE");
    refused(&path, "PROFILE=BASELINE", true, Kind::Usage, "PROFILE");
    refused(folder.path(), "", true, Kind::Usage, "no file name");
    refused(&folder.path().join("none/map.tif"), "", false, Kind::Io, "none");

    let mut dropped = create(&path, "", true).unwrap();
    dropped.write(Samples::U8(&[0; 129])).unwrap();
    assert_eq!(names(folder.path()).len(), 2, "a hidden folder beside the old file");
    assert_eq!(dropped.write(Samples::U8(&[0; 128])).unwrap_err().kind(), Kind::Failed);
    assert_eq!(dropped.write(Samples::U16(&[0; 129])).unwrap_err().kind(), Kind::Failed);
    drop(dropped);
    let early = create(&path, "", true).unwrap().finish(&[]).unwrap_err();
    assert!(early.message().contains("0 of 67 rows"), "{early}");
    let mut broken = create(&path, "", true).unwrap();
    feed(&mut broken, &layer, 129, &pattern(size, 1)).unwrap();
    broken.scratch.file.set_len(1000).unwrap();
    assert_eq!(broken.finish(&[]).unwrap_err().kind(), Kind::Io);
    let mut lossy = create(&path, "COMPRESS=JPEG", true).unwrap();
    feed(&mut lossy, &layer, 129, &pattern(size, 1)).unwrap();
    let lossy = lossy.finish(&[]).unwrap_err();
    assert!(lossy.message().contains("lossy"), "{lossy}");

    assert_eq!(names(folder.path()), ["map.tif".into()].into());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
}

#[test]
fn a_name_taken_meanwhile_is_not_overwritten() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size, layer) =
        (folder.path().join("map.tif"), Size::new(20, 10), layer(SampleType::U8, 1));
    let mut sink =
        GdalSink::create(api, &path, &SinkOptions::default(), &layer, size, &place()).unwrap();
    feed(&mut sink, &layer, 20, &pattern(size, 1)).unwrap();
    std::fs::write(&path, "theirs").unwrap();
    assert_eq!(sink.finish(&[]).unwrap_err().kind(), Kind::Usage);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "theirs");
    assert_eq!(names(folder.path()), ["map.tif".into()].into());
}

/// A file system of one megabyte, unmounted when dropped; needs rights that tests may not have.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let disk = Self(folder());
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(disk.0.path());
        mount.output().is_ok_and(|done| done.status.success()).then_some(disk)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_is_an_error_that_says_what_is_needed() {
    let Some(api) = gdal() else { return };
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: a small disk cannot be mounted");
        return;
    };
    let (path, layer) = (disk.0.path().join("map.tif"), layer(SampleType::U8, 1));
    std::fs::write(&path, "old").unwrap();
    // The rows do not fit; the rows fit but the map beside them does not.
    for (size, creation) in
        [(Size::new(1500, 1100), "TILED=NO"), (Size::new(1000, 800), "COMPRESS=NONE")]
    {
        let options = SinkOptions { creation: vec![creation.into()], overwrite: true };
        let mut sink = GdalSink::create(api, &path, &options, &layer, size, &place()).unwrap();
        let fed = feed(&mut sink, &layer, size.width, &pattern(size, 1));
        let error = fed.and_then(|()| sink.finish(&[])).unwrap_err();
        assert_eq!(error.kind(), Kind::Io, "{error}");
        assert!(
            error.message().contains(&format!("{} bytes", scratch_bytes(&layer, size))),
            "{error}"
        );
        assert_eq!(names(disk.0.path()), ["map.tif".into()].into());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    }
}

/// Writes a VRT of one column by six rows per band from text, and the raster behind it.
fn vrt(api: &'static GdalApi, folder: &Path, root: &str, bands: &[&str]) -> PathBuf {
    let rows = [1.0, 2.0, f32::NAN, f32::INFINITY, -3.4e38, 0.0];
    let planes = [rows, [1.0, 1.0, 1.0, 1.0, 1.0, 0.2], [0.0, 255.0, 255.0, 255.0, 255.0, 255.0]];
    let layer = layer(SampleType::F32, 3);
    let pixels: Vec<f32> = (0..6).flat_map(|row| planes.map(|plane| plane[row])).collect();
    let options = SinkOptions { overwrite: true, ..Default::default() };
    let size = Size::new(1, 6);
    let mut sink =
        GdalSink::create(api, &folder.join("data.tif"), &options, &layer, size, &place()).unwrap();
    sink.write(Samples::F32(&pixels)).unwrap();
    sink.finish(&[]).unwrap();
    let source = |band: usize| {
        format!(
            "<SimpleSource><SourceFilename relativeToVRT=\"1\">data.tif</SourceFilename>\
             <SourceBand>{band}</SourceBand></SimpleSource>"
        )
    };
    let bands: String = (1..)
        .zip(bands)
        .map(|(number, inside)| {
            let inside = (1..=3).fold((*inside).to_owned(), |inside, band| {
                inside.replace(&format!("SOURCE{band}"), &source(band))
            });
            format!(
                "<VRTRasterBand dataType=\"Float32\" band=\"{number}\">{inside}</VRTRasterBand>"
            )
        })
        .collect();
    let path = folder.join("test.vrt");
    let text =
        format!("<VRTDataset rasterXSize=\"1\" rasterYSize=\"6\">{root}{bands}</VRTDataset>");
    std::fs::write(&path, text.replace("SOURCE3", &source(3))).unwrap();
    path
}

#[test]
fn a_pixel_is_valid_where_nothing_says_otherwise() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let read = |root: &str, bands: &[&str], chosen: &[usize], nodata| {
        let path = vrt(api, folder.path(), root, bands);
        let source = open(api, &path).unwrap().select(chosen, nodata).unwrap();
        let (pixels, valid) = read(&source, Window::whole(Size::new(1, 6))).unwrap();
        assert!(pixels.iter().all(|value| value.is_finite()));
        valid
    };
    let lowest = "<NoDataValue>-1.7976931348623157e308</NoDataValue>SOURCE1";
    let near = "<NoDataValue>-3.4e38</NoDataValue>SOURCE1";
    assert_eq!(read("", &["SOURCE1"], &[1], None), [1, 1, 0, 0, 1, 1], "NaN and infinite");
    assert_eq!(read("", &[near], &[1], None), [1, 1, 0, 0, 0, 1], "nodata rounded to f32");
    assert_eq!(read("", &[lowest], &[1], None), [1, 1, 0, 0, 1, 1], "nodata beyond f32");
    assert_eq!(read("", &[near], &[1], Some(2.0)), [1, 0, 0, 0, 1, 1], "nodata replaced");
    assert_eq!(read("", &[near], &[1], Some(f64::NAN)), [1, 1, 0, 0, 1, 1], "nodata removed");
    assert_eq!(read("", &["SOURCE2", near], &[1, 2], None), [1, 1, 0, 0, 0, 1], "any band");
    assert_eq!(read("", &["SOURCE2", near], &[1], None), [1; 6], "chosen bands only");
    let mask = "<MaskBand><VRTRasterBand dataType=\"Byte\">SOURCE3</VRTRasterBand></MaskBand>";
    assert_eq!(read(mask, &["SOURCE1", near], &[1], None), [0, 1, 0, 0, 1, 1], "mask of all");
    assert_eq!(read(mask, &[near], &[1], None), [0, 1, 0, 0, 0, 1], "mask of all and nodata");
    let own = format!("{near}{mask}");
    assert_eq!(read("", &["SOURCE2", &own], &[1], None), [1; 6], "mask of another band");
    assert_eq!(read("", &["SOURCE2", &own], &[2], None), [0, 1, 0, 0, 0, 1], "mask of the band");
    let alpha = "<ColorInterp>Alpha</ColorInterp>SOURCE3";
    assert_eq!(read("", &["SOURCE2", alpha], &[1], None), [0, 1, 1, 1, 1, 1], "alpha");
    assert_eq!(read("", &[near, alpha], &[1], None), [0, 1, 0, 0, 0, 1], "alpha and nodata");
    let items = "<Metadata><MDI key=\"NODATA_VALUES\">0.2 0</MDI></Metadata>";
    assert_eq!(read(items, &["SOURCE2", "SOURCE1"], &[1], None)[5], 0, "NODATA_VALUES");
    assert_eq!(read(items, &["SOURCE2", "SOURCE1"], &[1], Some(9.0)), [1; 6], "replaced");
}

#[test]
fn a_damaged_or_changed_file_is_an_error_and_never_zeros() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size) = (folder.path().join("map.tif"), Size::new(391, 277));
    let options = SinkOptions { creation: vec!["INTERLEAVE=BAND".into()], overwrite: false };
    write(api, &path, &layer(SampleType::U8, 2), size, &options);
    let whole = std::fs::read(&path).unwrap();
    let band = |path: &Path| open(api, path).unwrap().select(&[2], None).unwrap();

    let source = band(&path);
    std::fs::write(&path, &whole).unwrap();
    let changed = read(&source, Window::whole(size)).unwrap_err();
    assert!(changed.message().contains("was changed"), "{changed}");
    let source = band(&path);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(read(&source, Window::whole(size)).unwrap_err().kind(), Kind::Input);

    std::fs::write(&path, &whole[..whole.len() - 1000]).unwrap();
    let error = read(&band(&path), Window::whole(size)).unwrap_err();
    assert_eq!(error.kind(), Kind::Input);
    for words in ["band 2", "map.tif", "391 columns by 277 rows at column 0, row 0"] {
        assert!(error.message().contains(words), "{error}");
    }
    let missing = open(api, &folder.path().join("none.tif")).unwrap_err();
    assert!(missing.message().contains("No such file"), "{missing}");
    assert_eq!(open(api, &path).unwrap().select(&[3], None).unwrap_err().kind(), Kind::Usage);
    assert_eq!(open(api, &path).unwrap().select(&[], None).unwrap_err().kind(), Kind::Usage);
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
