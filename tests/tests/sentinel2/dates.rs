//! Two dates that do not line up are brought to the first one's grid.

use std::path::{Path, PathBuf};

use conformance::safe::Product;
use conformance::{models, raster};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::model::manifest::{Channel, Manifest, Normalisation, Task};

use super::{predict, refused, text};

/// Writes a model of two dates: class 1 where B02 has grown by more than 500.
pub(crate) fn growth(folder: &Path) -> PathBuf {
    let manifest = Manifest {
        task: Task::Change,
        channels: vec![Channel::Band("B02".into())],
        processing_level: Some("L2A".into()),
        profile: Some("test".into()),
        normalisation: Normalisation::ZScore { mean: vec![0.0], std: vec![1.0] },
        ..models::plain_manifest(2, 0)
    };
    let path = folder.join("model.onnx");
    models::save_dates(&path, &manifest, |graph, chips| {
        let both = graph.concat(chips, 1);
        let weight = graph.floats("weight", &[2, 2, 1, 1], vec![0.0, 0.0, -1.0, 1.0]);
        let bias = graph.floats("bias", &[2], vec![0.0, -500.0]);
        graph.conv(both, weight, bias, 1)
    });
    path
}

/// A product's first band, B02 at 10 m, on another one's grid, as a person would bring it there: the
/// offset is in its metadata.
const WARP: &str = "
like = gdal.Open(argv[2])
x, width, _, y, _, height = like.GetGeoTransform()
made = gdal.Warp(argv[3], argv[1], dstSRS=like.GetProjection(), width=like.RasterXSize,
    height=like.RasterYSize, resampleAlg='bilinear', errorThreshold=0, warpOptions=['XSCALE=1', 'YSCALE=1'], srcNodata=0, dstNodata=0,
    outputBounds=(x, y + height * like.RasterYSize, x + width * like.RasterXSize, y))
made.GetRasterBand(1).SetDescription('B02')
made.SetMetadataItem('BOA_ADD_OFFSET', argv[4])
";

/// Maps the growth between two products and compares with that of files brought together by hand.
fn compare(folder: &Path, before: &Product, after: &Product) -> Option<Vec<f32>> {
    let model = growth(folder);
    let roots = [before.write(folder)?, after.write(folder)?];
    let image =
        |at: usize, product: &Product| roots[at].join(format!("{}.jp2", product.image("B02", 10)));
    let by_hand = folder.join("after.tif");
    let offset = after.offset.unwrap_or(0).to_string();
    let (from, like) = (image(1, after), image(0, before));
    raster::osgeo(WARP, &[text(&from), text(&like), text(&by_hand), &offset])?;
    let (map, other) = (folder.join("map.tif"), folder.join("other.tif"));
    predict(&model, &[text(&roots[0]), text(&roots[1])], &map, &[]);
    predict(&model, &[text(&roots[0]), text(&by_hand)], &other, &[]);
    assert!(std::fs::read(&map).unwrap() == std::fs::read(&other).unwrap());
    let map = raster::read(&map);
    let [x, y] = before.corner;
    assert_eq!((map.size, map.geotransform), (before.size, Some([x, 10.0, 0.0, y, 0.0, -10.0])));
    Some(map.pixels)
}

fn share(pixels: &[f32], class: f32) -> f64 {
    pixels.iter().filter(|pixel| **pixel == class).count() as f64 / pixels.len() as f64
}

#[test]
fn each_date_has_its_own_offset() {
    let folder = tempfile::tempdir().unwrap();
    let before = Product::new("L2A", "02.14");
    let after = Product { start: "20220405T100029", ..Product::new("L2A", "04.00") };
    // All numbers are larger by 1000 on the second date, and so nothing has changed.
    let Some(same) = compare(folder.path(), &before, &after) else { return };
    assert_eq!(share(&same, 0.0), 1.0);
    let other = Product { seed: "other", start: "20220505T100029", ..after };
    let grown = compare(folder.path(), &before, &other).unwrap();
    assert!((0.1..0.9).contains(&share(&grown, 1.0)));
    let about = std::fs::read_to_string(folder.path().join("map.tif.aux.xml")).unwrap();
    for words in ["\"SPECTRALGPT_DN_OFFSET\">0 -1000<", "2022-03-01T10:00:29.024Z 2022-05-05T"] {
        assert!(about.contains(words), "{about}");
    }
}

#[test]
fn dates_that_do_not_line_up_are_brought_to_the_first_ones_grid() {
    let folder = tempfile::tempdir().unwrap();
    let before = Product::new("L2A", "04.00");
    let after = Product { seed: "other", start: "20220405T100029", ..before.clone() };
    // Half a pixel off.
    let half = Product { corner: [600_005.0, 5_400_005.0], ..after.clone() };
    let Some(map) = compare(folder.path(), &before, &half) else { return };
    assert!(share(&map, 255.0) < 0.02 && share(&map, 1.0) > 0.1);
    // The same ground in the next zone, of which a part lies on the first: corner by PROJ.
    let next = Product {
        epsg: 32634,
        corner: [160_200.0, 5_409_600.0],
        start: "20220505T100029",
        size: Size::new(246, 240),
        ..after.clone()
    };
    let map = compare(folder.path(), &before, &next).unwrap();
    assert!((0.1..0.9).contains(&share(&map, 255.0)), "{}", share(&map, 255.0));
    assert!(share(&map, 1.0) > 0.05);
    // Elsewhere.
    let away = Product { corner: [700_000.0, 5_400_000.0], start: "20220605T100029", ..after };
    let away = away.write(folder.path()).unwrap();
    let before = folder.path().join(before.name());
    let (code, words) = refused(&growth(folder.path()), &[text(&before), text(&away)], &[]);
    assert!(code == Some(3) && words.contains("do not overlap"), "{words}");
    let turned = predict(
        &growth(folder.path()),
        &[text(&folder.path().join(next.name())), text(&before)],
        &folder.path().join("map.tif"),
        &[],
    );
    assert!(turned.contains("the dates are not in order"), "{turned}");
}
