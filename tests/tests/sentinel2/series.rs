//! Several dates of one place.

use std::path::Path;

use conformance::raster::{self, read};
use conformance::{program, shared};
use spectralgpt_core::geometry::Size;

use super::dates::growth;
use super::{MIN_MAX, model, predict, text};

/// Writes a raster of band B02 with a hole, its upper left corner so many pixels off.
fn scene(path: &Path, hole: usize, off: u32) {
    let pixels = (0..150 * 90u32)
        .map(|at| if at as usize == hole { 0 } else { (1000 + at * 7 % 997) as u16 });
    let pixels: Vec<u16> = pixels.collect();
    raster::write_u16(path, Size::new(150, 90), &["B02"], &pixels, Some(0.0));
    let script = "d = gdal.Open(argv[1], gdal.GA_Update)\ng = list(d.GetGeoTransform())\n\
                  g[0] += 10 * int(argv[2])\nd.SetGeoTransform(g)";
    if off > 0 {
        raster::osgeo(script, &[text(path), &off.to_string()]).unwrap();
    }
}

#[test]
fn maps_of_a_series_are_on_one_grid_and_share_their_holes() {
    if raster::osgeo("", &[""]).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [a, b, c] = ["a.tif", "b.tif", "c.tif"].map(path);
    scene(&a, 31 * 150 + 70, 0);
    scene(&b, 60 * 150 + 20, 0);
    scene(&c, 5 * 150 + 1, 40);
    let inputs = [text(&a), text(&b), text(&c)];
    let hidden = |at: usize| {
        let (row, col) = (at / 150, at % 150);
        at == 31 * 150 + 70 || at == 60 * 150 + 20 || (row, col) == (5, 41) || col < 40
    };
    let maps = path("maps");
    let scaled = model(folder.path(), &["B02"], MIN_MAX);
    predict(&scaled, &inputs, &maps, &["--series"]);
    let stack = read(&maps.join("series.vrt"));
    assert_eq!((stack.size, stack.pixels.len()), (Size::new(150, 90), 3 * 150 * 90));
    for (at, class) in stack.pixels.iter().enumerate() {
        assert_eq!(*class == 255.0, hidden(at % 13_500), "{at}");
    }
    for (at, name) in ["a.tif", "b.tif", "c.tif"].into_iter().enumerate() {
        assert!(read(&maps.join(name)).pixels == stack.pixels[at * 13_500..][..13_500]);
    }
    // The change between the first and the last, with the holes of all.
    let map = path("change.tif");
    predict(&growth(folder.path()), &inputs, &map, &["--series", "--dn-offset", "0"]);
    let change = read(&map).pixels;
    assert!(change.iter().enumerate().all(|(at, class)| (*class == 255.0) == hidden(at)));
    let two = path("two.tif");
    predict(&growth(folder.path()), &[inputs[0], inputs[2]], &two, &["--dn-offset", "0"]);
    let two = read(&two).pixels;
    assert!(change.iter().zip(&two).all(|(all, two)| *all == 255.0 || all == two));
}

#[test]
fn five_real_dates_are_a_series() {
    let Some(data) = shared("data/03_eolearn_slovenia_multitemporal") else { return };
    let dates = ["2015-07-11", "2015-07-31", "2015-08-20", "2015-08-30", "2015-09-09"];
    let paths = dates.map(|date| data.join(format!("eolearn_svn_{date}_L1C_13band.tif")));
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), &["B8A", "B02", "B01", "B12", "B03"], MIN_MAX);
    let maps = folder.path().join("maps");
    let arguments: Vec<&str> = paths.iter().map(|path| text(path)).collect();
    let said = predict(&model, &arguments, &maps, &["--series"]);
    assert!(!said.contains("resampled"), "{said}");
    let stack = read(&maps.join("series.vrt"));
    assert_eq!((stack.size, stack.pixels.len()), (Size::new(100, 101), 5 * 10_100));
    let parts: Vec<&[f32]> = stack.pixels.chunks_exact(10_100).collect();
    assert!(parts.windows(2).all(|pair| pair[0] != pair[1]), "dates differ");
    let (map, file) = (text(&maps), text(&model));
    let again = [&["predict", file], &arguments[..], &["-o", map, "--series"]].concat();
    assert_eq!(program::run(&again).code, Some(1), "the maps are there already");
}
