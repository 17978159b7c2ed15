//! Clouds and whatever else a person masks are nodata in the map.

use conformance::raster::{self, read};
use conformance::safe::Product;
use spectralgpt_core::geometry::Size;

use super::{MIN_MAX, map, model, predict, refused, text};

/// Returns which pixels of the map are nodata.
fn hidden(model: &std::path::Path) -> Vec<bool> {
    read(&model.with_file_name("map.tif")).pixels.iter().map(|class| *class == 255.0).collect()
}

#[test]
fn clouds_by_the_scene_classification_are_nodata() {
    let folder = tempfile::tempdir().unwrap();
    let product = Product::new("L2A", "04.00");
    let Some(root) = product.write(folder.path()) else { return };
    let model = model(folder.path(), &["B02", "B11"], MIN_MAX);
    let masked = map(&model, text(&root), &["--mask", "scl"]);
    let classes = product.classes();
    let width = product.size.width as usize;
    let expected: Vec<bool> = (0..product.size.pixels())
        .map(|at| {
            let class = classes[at / width / 2 * (width / 2) + at % width / 2];
            [0, 3, 8, 9, 10, 11].contains(&class)
        })
        .collect();
    assert_eq!(hidden(&model), expected);
    // A stack that was masked is a masked raster.
    let stack = folder.path().join("stack.vrt");
    let arguments = ["stack", text(&root), "-o", text(&stack), "--mask", "scl"];
    conformance::program::done(&arguments);
    assert!(map(&model, text(&stack), &[]) == masked);
    assert!(map(&model, text(&stack), &["--mask", "scl"]) == masked);
    // By default nothing is masked.
    map(&model, text(&root), &[]);
    assert!(!hidden(&model).contains(&true));
    map(&model, text(&root), &["--mask", "none"]);
    assert!(!hidden(&model).contains(&true));
}

#[test]
fn clouds_of_a_date_that_is_brought_to_another_grid_are_nodata() {
    let folder = tempfile::tempdir().unwrap();
    let before = Product::new("L2A", "04.00");
    let after = Product {
        seed: "other",
        start: "20220405T100029",
        corner: [600_040.0, 5_400_000.0],
        ..before.clone()
    };
    let Some(first) = before.write(folder.path()) else { return };
    let second = after.write(folder.path()).unwrap();
    let model = super::dates::growth(folder.path());
    let file = folder.path().join("map.tif");
    predict(&model, &[text(&first), text(&second)], &file, &["--mask", "scl"]);
    let width = before.size.width as usize;
    let cloudy = |product: &Product, col: usize, row: usize| {
        let class = product.classes()[row / 2 * (width / 2) + col / 2];
        [0, 3, 8, 9, 10, 11].contains(&class)
    };
    // The second date lies four pixels to the right.
    let expected: Vec<bool> = (0..before.size.pixels())
        .map(|at| (at % width, at / width))
        .map(|(col, row)| col < 4 || cloudy(&before, col, row) || cloudy(&after, col - 4, row))
        .collect();
    let made = hidden(&model);
    let differ = made.iter().zip(&expected).filter(|(a, b)| a != b).count();
    assert_eq!(differ, 0, "of {}", made.len());
}

#[test]
fn without_a_classification_there_is_nothing_to_mask_by() {
    let folder = tempfile::tempdir().unwrap();
    let product = Product::new("L1C", "04.00");
    let Some(root) = product.write(folder.path()) else { return };
    let model = model(folder.path(), &["B02"], MIN_MAX);
    let (code, words) = refused(&model, &[text(&root)], &["--mask", "scl"]);
    assert!(code == Some(3) && words.contains("Level-1C products have none"), "{words}");
    let scene = folder.path().join("scene.tif");
    raster::write_u16(&scene, Size::new(9, 7), &["B02"], &[3; 63], None);
    let (code, words) = refused(&model, &[text(&scene)], &["--mask", "scl"]);
    assert!(code == Some(3) && words.contains("no scene classification"), "{words}");
    let product = Product { start: "20220401T100029", ..Product::new("L2A", "04.00") };
    let Some(root) = product.write(folder.path()) else { return };
    std::fs::remove_file(root.join(format!("{}.jp2", product.image("SCL", 20)))).unwrap();
    let (code, words) = refused(&model, &[text(&root)], &["--mask", "scl"]);
    assert!(code == Some(3) && words.contains("the file of band SCL is missing"), "{words}");
    map(&model, text(&root), &[]);
}

#[test]
fn a_mask_raster_may_lie_on_its_own_grid() {
    let folder = tempfile::tempdir().unwrap();
    let (size, half) = (Size::new(150, 90), Size::new(75, 45));
    let scene = folder.path().join("scene.tif");
    let pixels: Vec<u16> = (0..13_500u32).map(|at| (1 + at * 7 % 997) as u16).collect();
    raster::write_u16(&scene, size, &["B02"], &pixels, None);
    let shown = |at: usize, width: usize| !(at % width * 5 + at / width * 3).is_multiple_of(7);
    let model = model(folder.path(), &["B02"], MIN_MAX);
    let coarse: Vec<u16> = (0..half.pixels()).map(|at| shown(at, 75).into()).collect();
    let fine: Vec<u16> =
        (0..size.pixels()).map(|at| coarse[at / 150 / 2 * 75 + at % 150 / 2] * 9).collect();
    let expected: Vec<bool> = fine.iter().map(|shown| *shown == 0).collect();
    let same = folder.path().join("same.tif");
    raster::write_u16(&same, size, &["mask"], &fine, None);
    let other = folder.path().join("other.tif");
    raster::write_u16(&other, half, &["mask"], &coarse, None);
    if raster::osgeo(
        "d = gdal.Open(argv[1], gdal.GA_Update)\ng = list(d.GetGeoTransform())\ng[1], g[5] = 20, -20\n\
         d.SetGeoTransform(g)",
        &[&other],
    )
    .is_none()
    {
        return;
    }
    for mask in [&same, &other] {
        predict(&model, &[text(&scene)], &folder.path().join("map.tif"), &["--mask", text(mask)]);
        assert_eq!(hidden(&model), expected, "{}", mask.display());
    }
}
