//! Which pixels are read, which of them are valid, and what cannot be read.

use std::path::PathBuf;

use super::*;
use crate::error::Kind;

#[test]
fn reads_windows_of_chosen_bands_from_four_threads() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let size = Size::new(391, 277);
    for interleave in ["PIXEL", "BAND"] {
        let path = folder.path().join(interleave);
        let creation = vec![format!("INTERLEAVE={interleave}")];
        let options = SinkOptions { creation, overwrite: false, ..Default::default() };
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
    sink.finish(&[], &mut |_, _| true).unwrap();
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
fn whole_numbers_are_read_as_such_and_with_the_same_validity() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let path = folder.path().join("numbers.tif");
    let (size, numbers) = (Size::new(6, 1), [3, 65535, 0, 7, 300, 255]);
    let bytes = numbers.map(|number: u16| number.to_le_bytes()[0]);
    let open = |rows: Samples<'_>, sample, nodata, given| {
        let layer = Layer { nodata, ..layer(sample, 1) };
        let options = SinkOptions { overwrite: true, ..Default::default() };
        let mut sink = GdalSink::create(api, &path, &options, &layer, size, &place()).unwrap();
        sink.write(rows).unwrap();
        sink.finish(&[], &mut |_, _| true).unwrap();
        open(api, &path).unwrap().select(&[1], given).unwrap()
    };
    for (nodata, given, valid) in [
        (None, None, [1; 6]),
        (Some(0.0), None, [1, 1, 0, 1, 1, 1]),
        (Some(65535.0), None, [1, 0, 1, 1, 1, 1]),
        (Some(0.0), Some(7.0), [1, 1, 1, 0, 1, 1]),
        (Some(0.0), Some(7.5), [1; 6]),
        (Some(0.0), Some(-1.0), [1; 6]),
        (Some(0.0), Some(1e9), [1; 6]),
        (Some(0.0), Some(f64::NAN), [1; 6]),
    ] {
        let source = open(Samples::U16(&numbers), SampleType::U16, nodata, given);
        assert!(source.fits_u16());
        assert_eq!(read(&source, Window::whole(size)).unwrap().1, valid, "{nodata:?} {given:?}");
        assert!(!source.adding(vec![-1000.0]).fits_u16());
    }
    let source = open(Samples::U8(&bytes), SampleType::U8, Some(255.0), None);
    assert!(source.fits_u16());
    assert_eq!(read(&source, Window::whole(size)).unwrap().1, [1, 0, 1, 1, 1, 0]);
    let floats = numbers.map(f32::from);
    assert!(!open(Samples::F32(&floats), SampleType::F32, None, None).fits_u16());
}

#[test]
fn gaps_of_a_virtual_raster_are_invalid_whatever_their_nodata() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let size = Size::new(6, 1);
    write(
        api,
        &folder.path().join("part.tif"),
        &layer(SampleType::U16, 1),
        size,
        &Default::default(),
    );
    for nodata in ["-9999", "nan", "0.5", "70000", "0"] {
        let text = format!(
            "<VRTDataset rasterXSize=\"6\" rasterYSize=\"1\"><VRTRasterBand dataType=\"UInt16\" \
             band=\"1\"><NoDataValue>{nodata}</NoDataValue><SimpleSource><SourceFilename \
             relativeToVRT=\"1\">part.tif</SourceFilename><SrcRect xOff=\"3\" yOff=\"0\" \
             xSize=\"3\" ySize=\"1\"/><DstRect xOff=\"3\" yOff=\"0\" xSize=\"3\" ySize=\"1\"/>\
             </SimpleSource></VRTRasterBand></VRTDataset>"
        );
        let path = folder.path().join("gaps.vrt");
        std::fs::write(&path, text).unwrap();
        let source = open(api, &path).unwrap().select(&[1], None).unwrap();
        let valid = read(&source, Window::whole(size)).unwrap().1;
        assert_eq!(valid, [0, 0, 0, 1, 1, 1], "{nodata}");
    }
}

#[test]
fn a_damaged_or_changed_file_is_an_error_and_never_zeros() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size) = (folder.path().join("map.tif"), Size::new(391, 277));
    let options = SinkOptions {
        creation: vec!["INTERLEAVE=BAND".into()],
        overwrite: false,
        ..Default::default()
    };
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

    // What is not compressed takes another way through GDAL.
    for compress in ["COMPRESS=DEFLATE", "COMPRESS=NONE"] {
        let creation = vec!["INTERLEAVE=BAND".into(), compress.into()];
        let options = SinkOptions { creation, overwrite: true, ..Default::default() };
        write(api, &path, &layer(SampleType::U8, 2), size, &options);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 1000]).unwrap();
        let error = read(&band(&path), Window::whole(size)).map(drop).unwrap_err();
        assert_eq!(error.kind(), Kind::Input);
        for words in ["band 2", "map.tif", "391 columns by 277 rows at column 0, row 0"] {
            assert!(error.message().contains(words), "{error}");
        }
    }
    let missing = open(api, &folder.path().join("none.tif")).unwrap_err();
    assert!(missing.message().contains("No such file"), "{missing}");
    assert_eq!(open(api, &path).unwrap().select(&[3], None).unwrap_err().kind(), Kind::Usage);
    assert_eq!(open(api, &path).unwrap().select(&[], None).unwrap_err().kind(), Kind::Usage);
}

#[test]
fn pixels_that_a_codec_warns_of_are_an_error_with_its_words() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let (path, size) = (folder.path().join("map.tif"), Size::new(391, 277));
    write(api, &path, &layer(SampleType::U8, 1), size, &SinkOptions::default());
    let jpeg = folder.path().join("map.jpg");
    let mut make = Command::new("gdal_translate");
    if !make
        .args(["-q", "-of", "JPEG"])
        .args([&path, &jpeg])
        .output()
        .is_ok_and(|out| out.status.success())
    {
        return println!("skipped: gdal_translate is not installed");
    }
    let whole = std::fs::read(&jpeg).unwrap();
    let mut warned = 0;
    for at in (whole.len() / 4..whole.len() - 100).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        bytes[at..at + 8].fill(0);
        std::fs::write(&jpeg, bytes).unwrap();
        let source = open(api, &jpeg).unwrap().select(&[1], None).unwrap();
        let Err(error) = read(&source, Window::whole(size)) else { continue };
        assert_eq!(error.kind(), Kind::Input);
        assert!(error.message().contains("cannot read band 1 of"), "{error}");
        warned += usize::from(error.message().contains("Corrupt JPEG data"));
    }
    assert!(warned > 0, "no damage that libjpeg would go over");
}

#[test]
fn what_a_read_holds_besides_is_told() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let path = folder.path().join("scene.tif");
    let size = Size::new(61, 40);
    write(api, &path, &layer(SampleType::U16, 3), size, &SinkOptions::default());
    let plain = open(api, &path).unwrap();
    let mut georeference = plain.info().georeference.clone();
    assert_eq!(plain.select(&[1, 3], None).unwrap().scratch(), 0);
    georeference.geotransform =
        georeference.geotransform.map(|[x, w, a, y, b, h]| [x + w / 2.0, w, a, y + h / 2.0, b, h]);
    let place = Place { georeference, size };
    let warped = open(api, &path).unwrap().onto(&place, Resampling::Bilinear, None).unwrap();
    // An alpha band; then all bands again, nearest, with their alpha band and validity.
    assert_eq!(warped.select(&[1, 3], None).unwrap().scratch(), 4 + 2 * 4 + 1 + 4);
}
