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
    let go_on = &mut |_, _| true;
    let mut watch = watch::Watch::new(go_on, Size::square(1), 1);
    let checksum = publish::sha256(&path, &mut watch).unwrap();
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
        sink.finish(&[], &mut |_, _| true).unwrap();
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
        let options = SinkOptions { creation, overwrite, ..Default::default() };
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
    refused(&path, "COMPRESS=JPEG", true, Kind::Usage, "lossy");
    refused(&path, "DISCARD_LSB=2", true, Kind::Usage, "lossy");
    refused(&path, "BLOCKXSIZE=8192 BLOCKYSIZE=8192", true, Kind::Usage, "BLOCKYSIZE");
    refused(folder.path(), "", true, Kind::Usage, "a folder");
    refused(&folder.path().join("new.tif/"), "", true, Kind::Usage, "no file name");
    refused(&folder.path().join("new.tif/."), "", true, Kind::Usage, "no file name");
    refused(&folder.path().join("none/map.tif"), "", false, Kind::Io, "none");

    let mut dropped = create(&path, "", true).unwrap();
    dropped.write(Samples::U8(&[0; 129])).unwrap();
    assert_eq!(names(folder.path()).len(), 3, "a hidden folder beside the old file");
    assert_eq!(dropped.write(Samples::U8(&[0; 128])).unwrap_err().kind(), Kind::Failed);
    assert_eq!(dropped.write(Samples::U16(&[0; 129])).unwrap_err().kind(), Kind::Failed);
    drop(dropped);
    let early = create(&path, "", true).unwrap().finish(&[], &mut |_, _| true).unwrap_err();
    assert!(early.message().contains("0 of 67 rows"), "{early}");
    let mut broken = create(&path, "", true).unwrap();
    feed(&mut broken, &layer, 129, &pattern(size, 1)).unwrap();
    broken.scratch.file.set_len(1000).unwrap();
    assert_eq!(broken.finish(&[], &mut |_, _| true).unwrap_err().kind(), Kind::Io);
    assert_eq!(names(folder.path()), ["map.tif", "map.tif.ovr"].map(Into::into).into());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");

    let mut good = create(&path, "", true).unwrap();
    feed(&mut good, &layer, 129, &pattern(size, 1)).unwrap();
    good.finish(&[], &mut |_, _| true).unwrap();
    assert!(!overviews.exists(), "overviews of other pixels");
}

#[test]
fn what_lies_beside_a_new_map_is_neither_taken_for_its_own_nor_half_removed() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, layer) = (folder.path().join("map.tif"), layer(SampleType::U8, 1));
    let create = |overwrite| {
        let options = SinkOptions { overwrite, ..Default::default() };
        GdalSink::create(api, &path, &options, &layer, Size::new(20, 10), &place())
    };
    for end in [".ovr", ".msk", ".aux.xml"] {
        let beside = folder.path().join(format!("map.tif{end}"));
        std::fs::write(&beside, "of an older map").unwrap();
        let error = create(false).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.message().contains(&format!("map.tif{end}")), "{error}");
        drop(create(true).unwrap());
        assert!(beside.is_file());
        std::fs::remove_file(&beside).unwrap();
        std::fs::create_dir(&beside).unwrap();
        assert_eq!(create(true).unwrap_err().kind(), Kind::Usage);
        std::fs::remove_dir(&beside).unwrap();
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn finishing_tells_how_far_it_is_and_stops_when_asked() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size, layer) =
        (folder.path().join("map.tif"), Size::new(1301, 600), layer(SampleType::F32, 2));
    std::fs::write(&path, "old").unwrap();
    let finish = |stop_at: u32, format| {
        // As many calls as there are blocks, and more.
        let options =
            SinkOptions { overwrite: true, memory: 2 << 20, format, ..Default::default() };
        let mut sink = GdalSink::create(api, &path, &options, &layer, size, &place()).unwrap();
        feed(&mut sink, &layer, size.width, &pattern(size, 2)).unwrap();
        let (mut told, mut calls) = (Vec::new(), 0);
        let finished = sink.finish(&[], &mut |done, total| {
            told.push((done, total));
            calls += 1;
            calls != stop_at
        });
        (finished, told)
    };
    for (format, passes) in [(Format::GTiff, 2), (Format::Cog, 3)] {
        for stop_at in [1, 7, 20, 30] {
            let (stopped, told) = finish(stop_at, format);
            assert_eq!(stopped.unwrap_err().kind(), Kind::Cancelled);
            assert_eq!(told.len(), stop_at as usize);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
            assert_eq!(names(folder.path()).len(), 1);
        }
        let (finished, told) = finish(0, format);
        finished.unwrap();
        assert!(told.is_sorted() && told.len() > 30);
        assert_eq!(told.last(), Some(&(600 * passes, 600 * passes)));
        std::fs::remove_file(folder.path().join("map.tif.aux.xml")).unwrap();
        std::fs::write(&path, "old").unwrap();
    }
}

#[test]
fn the_bytes_are_the_same_whatever_the_memory() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size, layer) =
        (folder.path().join("map.tif"), Size::new(1301, 277), layer(SampleType::F32, 13));
    for creation in ["INTERLEAVE=PIXEL", "INTERLEAVE=BAND", "TILED=NO"] {
        let bytes = |memory| {
            let creation = vec![creation.to_owned()];
            let options = SinkOptions { overwrite: true, creation, memory, ..Default::default() };
            write(api, &path, &layer, size, &options);
            std::fs::read(&path).unwrap()
        };
        let given = bytes(1 << 30);
        assert!(given == bytes(14 << 20) && given == bytes(60 << 20), "{creation}");
    }
}

#[test]
fn a_reference_system_that_a_gtiff_cannot_hold_goes_into_the_sidecar() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let path = folder.path().join("map.tif");
    let out = Command::new("gdalsrsinfo")
        .args(["-o", "wkt2_2019", "--single-line"])
        .arg("+proj=ob_tran +o_proj=longlat +o_lon_p=-162 +o_lat_p=39.25 +lon_0=180 +type=crs")
        .output();
    let Ok(out) = out else { return println!("skipped: gdalsrsinfo is not installed") };
    let srs = String::from_utf8(out.stdout).unwrap().trim().to_owned();
    let georeference = Georeference {
        srs,
        geotransform: Some([-5.0, 0.1, 0.0, 4.0, 0.0, -0.1]),
        ..Default::default()
    };
    let (layer, size) = (layer(SampleType::U8, 1), Size::new(20, 10));
    for format in [Format::GTiff, Format::Cog] {
        let options = SinkOptions { overwrite: true, format, ..Default::default() };
        let mut sink = GdalSink::create(api, &path, &options, &layer, size, &georeference).unwrap();
        feed(&mut sink, &layer, 20, &pattern(size, 1)).unwrap();
        sink.finish(&[], &mut |_, _| true).unwrap();
        assert_eq!(open(api, &path).unwrap().info().georeference, georeference);
    }
    let gcp = |col, row| Gcp { id: "1".into(), col, row, place: [col, -row, 0.0] };
    let gcps = vec![gcp(0.0, 0.0), gcp(19.0, 0.0), gcp(0.0, 9.0)];
    let points = Georeference { geotransform: None, gcps, ..georeference };
    let options = SinkOptions { overwrite: true, ..Default::default() };
    let error = GdalSink::create(api, &path, &options, &layer, size, &points).unwrap_err();
    assert_eq!(error.kind(), Kind::Input, "{error}");
}

#[test]
fn one_run_at_a_time_writes_a_file_and_sweeps_what_a_killed_one_left() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size, layer) =
        (folder.path().join("map.tif"), Size::new(20, 10), layer(SampleType::U8, 1));
    let create = || GdalSink::create(api, &path, &SinkOptions::default(), &layer, size, &place());
    let living = create().unwrap();
    let error = create().unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.message().contains("another run"), "{error}");
    let other = folder.path().join("map.tiff");
    let options = SinkOptions::default();
    drop(GdalSink::create(api, &other, &options, &layer, size, &place()).unwrap());
    drop(living);
    assert!(names(folder.path()).is_empty());
    let hidden = folder.path().join(".map.tif.spectralgpt");
    std::fs::create_dir(&hidden).unwrap();
    for file in ["lock", "rows", "journal", "map.tif", "map.tif.ovr.tmp"] {
        std::fs::write(hidden.join(file), "left by a killed run").unwrap();
    }
    drop(create().unwrap());
    assert!(names(folder.path()).is_empty());
    std::fs::write(&hidden, "no folder").unwrap();
    assert_eq!(create().unwrap_err().kind(), Kind::Usage);
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
    assert_eq!(sink.finish(&[], &mut |_, _| true).unwrap_err().kind(), Kind::Usage);
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
        let options =
            SinkOptions { creation: vec![creation.into()], overwrite: true, ..Default::default() };
        let mut sink = GdalSink::create(api, &path, &options, &layer, size, &place()).unwrap();
        let fed = feed(&mut sink, &layer, size.width, &pattern(size, 1));
        let error = fed.and_then(|()| sink.finish(&[], &mut |_, _| true)).unwrap_err();
        assert_eq!(error.kind(), Kind::Io, "{error}");
        assert!(
            error.message().contains(&format!("{} bytes", scratch_bytes(&layer, size))),
            "{error}"
        );
        assert_eq!(names(disk.0.path()), ["map.tif".into()].into());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    }
}
