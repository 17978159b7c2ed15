//! A raster that is not at the model's resolution is brought to it.

use std::path::Path;

use conformance::raster::{self, read};
use spectralgpt_core::geometry::Size;

use super::{MIN_MAX, map, model, predict, refused, text};

/// Two bands, one of them with a declared hole.
fn scene(path: &Path, size: Size, metres: f64) -> Option<()> {
    let pixels = (0..size.pixels() * 2).map(|at| (at * at % 4093 + 1200) as u16);
    let hole = |at: usize| at % 97 == 3;
    let pixels: Vec<u16> = pixels.enumerate().map(|(at, n)| if hole(at) { 0 } else { n }).collect();
    raster::write_u16(path, size, &["B02", "B03"], &pixels, Some(0.0));
    let script = "d = gdal.Open(argv[1], gdal.GA_Update)\ng = list(d.GetGeoTransform())\n\
                  g[1], g[5] = float(argv[2]), -float(argv[2])\nd.SetGeoTransform(g)";
    raster::osgeo(script, &[text(path), &metres.to_string()]).map(|_| ())
}

/// Warps as a person would: to 10 m, by a rule; a pixel whose nearest is a hole is one.
const WARP: &str = "
options = dict(xRes=10, yRes=10, srcNodata='0 0', dstNodata='0 0', errorThreshold=0,
               warpOptions=['XSCALE=1', 'YSCALE=1'])
made = gdal.Warp(argv[2], argv[1], resampleAlg=argv[3], **options)
nearest = gdal.Warp('', argv[1], format='MEM', resampleAlg='near', **options).ReadAsArray()
for at in (1, 2):
    band = made.GetRasterBand(at)
    band.WriteArray(np.where(nearest[at - 1] == 0, 0, band.ReadAsArray()))
    band.SetDescription(f'B0{at + 1}')
";

#[test]
fn other_resolutions_are_resampled_as_gdalwarp_does() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), &["B03", "B02"], MIN_MAX);
    for (metres, size, rule, at_10_m) in [
        (20.0, Size::new(77, 51), "bilinear", Size::new(154, 102)),
        (15.0, Size::new(90, 70), "bilinear", Size::new(135, 105)),
        (5.0, Size::new(258, 142), "average", Size::new(129, 71)),
    ] {
        let path = folder.path().join(format!("{metres}.tif"));
        let warped = folder.path().join(format!("{metres}.warped.tif"));
        let Some(()) = scene(&path, size, metres) else { return };
        raster::osgeo(WARP, &[text(&path), text(&warped), rule]).unwrap();
        let expected = map(&model, text(&warped), &[]);
        let file = folder.path().join("map.tif");
        let said = predict(&model, &[text(&path)], &file, &[]);
        assert!(said.contains("is resampled from") && said.contains(rule), "{said}");
        let made = read(&file);
        assert_eq!(made.size, at_10_m);
        assert_eq!(made.geotransform.unwrap()[1], 10.0);
        let holes = made.pixels.iter().filter(|class| **class == 255.0).count();
        let others = made.pixels.iter().filter(|class| **class == made.pixels[0]).count();
        assert!(holes > 0 && holes + others < made.pixels.len(), "{metres} m: {holes}, {others}");
        assert!(std::fs::read(&file).unwrap() == expected, "{metres} m");
        let about = std::fs::read_to_string(file.with_extension("tif.aux.xml")).unwrap();
        let words = format!("{size} to {} x {} pixels, {rule}", at_10_m.width, at_10_m.height);
        assert!(about.contains(&words), "{about}");
        let window = ["--window", "31,17,67,41"];
        predict(&model, &[text(&path)], &file, &window);
        let part = read(&file);
        let row = |row: usize| &made.pixels[(17 + row) * at_10_m.width as usize + 31..][..67];
        let cut: Vec<f32> = (0..41).flat_map(row).copied().collect();
        assert!(part.pixels == cut, "{metres} m");
        predict(&model, &[text(&path)], &file, &["--resolution", "source"]);
        assert_eq!(read(&file).size, size);
    }
}

#[test]
fn resolutions_far_off_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), &["B03", "B02"], MIN_MAX);
    let path = folder.path().join("coarse.tif");
    let Some(()) = scene(&path, Size::new(40, 30), 250.0) else { return };
    let (code, words) = refused(&model, &[text(&path)], &[]);
    assert!(code == Some(3) && words.contains("pixels of 250.000 m"), "{words}");
    assert!(words.contains("trained at 10 m") && words.contains("--resolution source"), "{words}");
    let file = folder.path().join("map.tif");
    predict(&model, &[text(&path)], &file, &["--resolution", "source"]);
    assert_eq!(read(&file).size, Size::new(40, 30));
}
