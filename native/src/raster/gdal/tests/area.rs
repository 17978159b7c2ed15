//! Rectangles and polygons on Earth become the pixels that GDAL's own tools find.

use super::*;
use crate::error::Kind;
use crate::raster::Area;

const SIZE: Size = Size::new(391, 277);

fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let out = Command::new(program).args(arguments).output().ok()?;
    out.status.success().then(|| String::from_utf8(out.stdout).unwrap())
}

/// A ring of x and y in the raster's reference system, as GeoJSON of that system or of degrees.
fn geojson(folder: &Path, name: &str, crs: &str, rings: &[&str]) -> String {
    let path = folder.join(name).to_str().unwrap().to_owned();
    let features: Vec<String> = rings
        .iter()
        .map(|ring| format!(r#"{{"type":"Feature","properties":{{}},"geometry":{ring}}}"#))
        .collect();
    let crs = format!(r#""crs":{{"type":"name","properties":{{"name":"{crs}"}}}}"#);
    let text =
        format!(r#"{{"type":"FeatureCollection",{crs},"features":[{}]}}"#, features.join(","));
    std::fs::write(&path, text).unwrap();
    path
}

const TRIANGLE: &str = r#"{"type":"Polygon","coordinates":[[[500103.1,4999707.7],[501911.9,4999402.3],[500907.7,4998009.1],[500103.1,4999707.7]]]}"#;
const RING: &str = r#"{"type":"MultiPolygon","coordinates":[[[[502500,4999500],[505000,4999500],[505000,4998500],[502500,4998500],[502500,4999500]],[[503000,4999000],[503507,4999000],[503507,4998797],[503000,4998797],[503000,4999000]]]]}"#;
const POINT: &str = r#"{"type":"Point","coordinates":[500103,4999707]}"#;

fn whole(aoi: &Aoi) -> Vec<u8> {
    let mut wanted = vec![9; SIZE.pixels()];
    aoi.read(Window::whole(SIZE), &mut wanted).unwrap();
    wanted
}

#[test]
fn polygons_are_the_pixels_whose_centres_they_hold() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let path = geojson(folder.path(), "a.json", "EPSG:32633", &[TRIANGLE, RING, POINT]);
    let aoi = Aoi::open(api, &path, &place(), SIZE).unwrap();
    // x 500103.1 to 503910 (the raster's edge), y 4999707.7 down to 4998009.1.
    assert_eq!(aoi.window(), Window::new(10, 29, Size::new(381, 171)));
    let wanted = whole(&aoi);
    let mask = folder.path().join("mask.tif");
    let extent = ["500000", "4997230", "503910", "5000000"];
    let arguments = ["-q", "-burn", "1", "-ot", "Byte", "-ts", "391", "277", "-te"];
    let areas = geojson(folder.path(), "b.json", "EPSG:32633", &[TRIANGLE, RING]);
    let files = [&*areas, mask.to_str().unwrap()];
    if run("gdal_rasterize", &[&arguments[..], &extent, &files].concat()).is_none() {
        return println!("skipped: gdal_rasterize is not installed");
    }
    let source = open(api, &mask).unwrap().select(&[1], None).unwrap();
    let (expected, _) = read(&source, Window::whole(SIZE)).unwrap();
    assert!(expected.iter().zip(&wanted).all(|(expected, wanted)| *expected == f32::from(*wanted)));
    for window in [Window::new(8, 25, Size::new(97, 53)), Window::new(300, 100, Size::new(91, 177))]
    {
        let mut part = vec![9; window.size.pixels()];
        aoi.read(window, &mut part).unwrap();
        for (row, line) in part.chunks_exact(window.size.width as usize).enumerate() {
            let at = (window.row as usize + row) * 391 + window.col as usize;
            assert_eq!(line, &wanted[at..at + line.len()], "{window:?}, row {row}");
        }
    }
    assert_eq!(aoi.read(Window::whole(SIZE), &mut [0; 3]).unwrap_err().kind(), Kind::Failed);
    let degrees = folder.path().join("degrees.gpkg");
    let degrees = degrees.to_str().unwrap();
    if run("ogr2ogr", &["-t_srs", "EPSG:4326", degrees, &areas]).is_none() {
        return println!("skipped: ogr2ogr is not installed");
    }
    let there = whole(&Aoi::open(api, degrees, &place(), SIZE).unwrap());
    let different = there.iter().zip(&wanted).filter(|(there, here)| there != here).count();
    assert!(different <= 8, "{different} pixels differ by way of degrees");
}

#[test]
fn polygons_that_cannot_be_used_are_named() {
    let Some(api) = gdal() else { return };
    let folder = folder();
    let refused = |path: &str, georeference: &Georeference, words: &str| {
        let error = Aoi::open(api, path, georeference, SIZE).unwrap_err();
        assert_eq!(error.kind(), Kind::Input, "{error}");
        assert!(error.message().contains(words), "{error}");
    };
    let points = geojson(folder.path(), "points.json", "EPSG:32633", &[POINT]);
    let areas = geojson(folder.path(), "areas.json", "EPSG:32633", &[TRIANGLE]);
    let elsewhere = geojson(folder.path(), "elsewhere.json", "EPSG:32634", &[TRIANGLE]);
    refused(&points, &place(), "holds no polygon");
    refused(&elsewhere, &place(), "do not meet the raster");
    refused(&areas, &Georeference::default(), "georeference");
    let text = folder.path().join("text.txt");
    std::fs::write(&text, "no vector file").unwrap();
    refused(text.to_str().unwrap(), &place(), "as a vector file");
}

#[test]
fn rectangles_are_rounded_outwards_and_clipped() {
    let Some(api) = gdal() else { return };
    let find = |corners, srs| bbox_window(api, &place(), SIZE, corners, srs);
    let exact = Window::new(7, 11, Size::new(40, 30));
    assert_eq!(find([500_070.0, 4_999_590.0, 500_470.0, 4_999_890.0], None).unwrap(), exact);
    let within = find([500_074.0, 4_999_595.0, 500_466.0, 4_999_881.0], Some("EPSG:32633"));
    assert_eq!(within.unwrap(), exact);
    let around = find([0.0, 0.0, 1e6, 1e7], None).unwrap();
    assert_eq!(around, Window::whole(SIZE));
    let degenerate = find([500_070.0, 4_999_590.0, 500_070.0, 4_999_890.0], None);
    assert_eq!(degenerate.unwrap_err().kind(), Kind::Usage);
    assert_eq!(find([0.0, 0.0, 1.0, 1.0], Some("wood")).unwrap_err().kind(), Kind::Usage);
    let outside = find([14.0, 45.0, 14.5, 45.1], Some("EPSG:4326")).unwrap_err();
    assert_eq!(outside.kind(), Kind::Input);
    for words in ["UTM zone 33N", "500000,4997230 to 503910,5000000"] {
        assert!(outside.message().contains(words), "{outside}");
    }
    let nowhere = bbox_window(api, &Georeference::default(), SIZE, [0.0, 0.0, 1.0, 1.0], None);
    assert_eq!(nowhere.unwrap_err().kind(), Kind::Input);
    // A rectangle of degrees inside whose image the pixels lie that gdaltransform names.
    let (west, south, east, north) = (15.005, 45.135, 15.03, 45.15);
    let window = find([west, south, east, north], Some("EPSG:4326")).unwrap();
    let place = format!("{west} {south}\n{west} {north}\n{east} {south}\n{east} {north}\n");
    let ask = "gdaltransform -s_srs EPSG:4326 -t_srs EPSG:32633 -output_xy";
    let Some(found) = run("sh", &["-c", &format!("printf '{place}' | {ask}")]) else {
        return println!("skipped: gdaltransform is not installed");
    };
    let numbers: Vec<f64> = found.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let cols = numbers.chunks(2).map(|point| (point[0] - 500_000.0) / 10.0);
    let rows = numbers.chunks(2).map(|point| (5_000_000.0 - point[1]) / 10.0);
    let close = |value: f64, edge: u32| (value - f64::from(edge)).abs() <= 1.001;
    assert!(close(cols.clone().fold(f64::MAX, f64::min), window.col), "{window:?} {numbers:?}");
    assert!(close(cols.fold(f64::MIN, f64::max), window.end_col()), "{window:?} {numbers:?}");
    assert!(close(rows.clone().fold(f64::MAX, f64::min), window.row), "{window:?} {numbers:?}");
    assert!(close(rows.fold(f64::MIN, f64::max), window.end_row()), "{window:?} {numbers:?}");
}
