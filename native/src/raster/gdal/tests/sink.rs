//! What a finished, refused, failed or dropped sink leaves behind.

use super::*;
use crate::error::Kind;
use crate::raster::Category;

fn gdalinfo(path: &Path) -> Option<serde_json::Value> {
    let out = Command::new("gdalinfo").arg("-json").arg(path).output();
    let Ok(out) = out else {
        println!("skipped: gdalinfo is not installed");
        return None;
    };
    Some(serde_json::from_slice(&out.stdout).unwrap())
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
fn a_refused_or_dropped_sink_leaves_everything_as_it_was() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size, layer) =
        (folder.path().join("map.tif"), Size::new(129, 67), layer(SampleType::U8, 1));
    let overviews = folder.path().join("map.tif.ovr");
    std::fs::write(&path, "old").unwrap();
    std::fs::write(&overviews, "of the old").unwrap();
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
    assert_eq!(names(folder.path()).len(), 3, "a hidden folder beside the old file");
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

    assert_eq!(names(folder.path()), ["map.tif", "map.tif.ovr"].map(Into::into).into());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");

    let mut good = create(&path, "", true).unwrap();
    feed(&mut good, &layer, 129, &pattern(size, 1)).unwrap();
    good.finish(&[]).unwrap();
    assert!(!overviews.exists(), "overviews of other pixels");
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
