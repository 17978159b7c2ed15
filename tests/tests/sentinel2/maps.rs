//! The same data give the same map however they come.

use std::fs;
use std::path::Path;

use conformance::safe::{self, Product};
use conformance::{program, raster};

use super::{MIN_MAX, map, model, text, z_score};

/// Bands of all three resolutions, not in canonical order.
const SOME: [&str; 5] = ["B8A", "B02", "B01", "B12", "B03"];

/// Prints GDAL's own names of a product's parts.
const PARTS: &str = "
for name, _ in gdal.Open(argv[1]).GetSubDatasets():
    print(name)
";

/// Makes a VRT by hand: its name, then a file for each band, with the band's name.
const BY_HAND: &str = "
out, files = argv[1], argv[2::2]
made = gdal.BuildVRT(out, files, separate=True, resolution='highest')
for at, name in enumerate(argv[3::2]):
    made.GetRasterBand(at + 1).SetDescription(name)
made.FlushCache()
";

/// Copies a product's band files into one folder, as people keep them.
fn loose(product: &Product, root: &Path, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for band in product.bands() {
        let image = product.image(band, Product::metres(band));
        fs::copy(root.join(format!("{image}.jp2")), folder.join(format!("T33UUP_x_{band}.jp2")))
            .unwrap();
    }
}

/// Lists names of a product's data that know its offset, and others that do not.
fn names(product: &Product, root: &Path) -> Option<(Vec<String>, Vec<String>)> {
    let folder = root.parent().unwrap();
    let zip = safe::zip(root);
    let metadata = root.join(format!("MTD_MSI{}.xml", product.level));
    let band = product.image("B05", 20);
    let stack = folder.join("stack.vrt");
    program::done(&["stack", text(&zip), "-o", text(&stack), "--overwrite"]);
    let mut known = vec![
        text(root).to_owned(),
        format!("{}/", text(root)),
        text(&metadata).to_owned(),
        text(&root.join("manifest.safe")).to_owned(),
        text(&root.join(format!("{band}.jp2"))).to_owned(),
        text(&zip).to_owned(),
        format!("/vsizip/{}", text(&zip)),
        format!("/vsizip/{}/{}/{band}.jp2", text(&zip), product.name()),
        text(&stack).to_owned(),
    ];
    for product in [text(&metadata).to_owned(), text(&zip).to_owned()] {
        let parts = raster::osgeo(PARTS, &[&product])?;
        known.extend(parts.lines().map(str::to_owned));
    }
    let files = folder.join("files");
    loose(product, root, &files);
    let by_hand = folder.join("by_hand.vrt");
    let mut arguments = vec![text(&by_hand).to_owned()];
    for band in product.bands() {
        arguments.extend([format!("{}/T33UUP_x_{band}.jp2", text(&files)), band.to_owned()]);
    }
    raster::osgeo(BY_HAND, &arguments)?;
    Some((known, vec![text(&files).to_owned(), text(&by_hand).to_owned()]))
}

#[test]
fn every_way_to_name_a_products_data_gives_the_same_map() {
    for (level, baseline) in [("L2A", "04.00"), ("L1C", "02.09")] {
        let folder = tempfile::tempdir().unwrap();
        let product = Product::new(level, baseline);
        let Some(root) = product.write(folder.path()) else { return };
        let Some((known, unknown)) = names(&product, &root) else { return };
        for normalisation in [MIN_MAX, z_score(SOME.len())] {
            let model = model(folder.path(), &SOME, normalisation.clone());
            let expected = map(&model, &known[0], &[]);
            // Constants show the offset, too; of the other scaling one name of each kind will do.
            let step = if normalisation == MIN_MAX { 4 } else { 1 };
            for name in known[1..].iter().step_by(step) {
                assert!(map(&model, name, &[]) == expected, "{level}: {name}");
            }
            let offset = product.offset.unwrap_or(0).to_string();
            let told = ["--dn-offset", &offset];
            let options = if normalisation == MIN_MAX { &[][..] } else { &told[..] };
            for name in &unknown {
                assert!(map(&model, name, options) == expected, "{level}: {name}");
            }
            assert!(classes(&model) > 1, "a map of one class shows nothing");
        }
    }
}

/// Counts the classes of the map that was just made.
fn classes(model: &Path) -> usize {
    let map = raster::read(&model.with_file_name("map.tif"));
    let mut found: Vec<u32> = map.pixels.iter().map(|class| class.to_bits()).collect();
    found.sort_unstable();
    found.dedup();
    found.len()
}

#[test]
fn an_offset_that_metadata_tell_changes_no_pixel() {
    let folder = tempfile::tempdir().unwrap();
    for level in ["L1C", "L2A"] {
        let (old, new) = (Product::new(level, "02.14"), Product::new(level, "04.00"));
        let Some(old) = old.write(folder.path()) else { return };
        let Some(new) = new.write(folder.path()) else { return };
        for normalisation in [MIN_MAX, z_score(SOME.len())] {
            let model = model(folder.path(), &SOME, normalisation);
            assert!(map(&model, text(&old), &[]) == map(&model, text(&new), &[]), "{level}");
        }
    }
}

#[test]
fn a_stac_item_names_local_assets() {
    let folder = tempfile::tempdir().unwrap();
    let product = Product::new("L2A", "05.09");
    let Some(root) = product.write(folder.path()) else { return };
    let files = folder.path().join("files");
    loose(&product, &root, &files);
    let asset = |band: &str| {
        let about = serde_json::json!({ "scale": 0.0001, "offset": -0.1, "nodata": 0 });
        let href = format!("./files/T33UUP_x_{band}.jp2");
        serde_json::json!({ "href": href, "eo:bands": [{ "name": band }], "raster:bands": [about] })
    };
    let mut assets: serde_json::Map<_, _> =
        SOME.iter().enumerate().map(|(at, band)| (format!("asset{at}"), asset(band))).collect();
    let far = "https://example.org/B02.jp2";
    assets
        .insert("far".into(), serde_json::json!({ "href": far, "eo:bands": [{ "name": "B02" }] }));
    let item = serde_json::json!({
        "type": "Feature", "stac_version": "1.0.0", "id": "S2B_33UUP", "assets": assets,
        "properties": { "datetime": "2022-03-01T10:00:29Z", "processing:level": "L2A" },
    });
    let path = folder.path().join("item.json");
    fs::write(&path, item.to_string()).unwrap();
    let model = model(folder.path(), &SOME, z_score(SOME.len()));
    assert!(map(&model, text(&path), &[]) == map(&model, text(&root), &[]));
    assert!(classes(&model) > 1);
}
