//! STAC items as catalogues write them, with assets that were downloaded.

use std::fs;
use std::path::Path;

use conformance::safe::Product;
use serde_json::{Value, json};

use super::{map, model, refused, text, z_score};

/// An item of a product whose band files are in the folder `files`; `asset` describes each.
fn item(product: &Product, root: &Path, asset: impl Fn(&str, &str) -> (String, Value)) -> Value {
    let files = root.parent().unwrap().join("files");
    fs::create_dir_all(&files).unwrap();
    let mut assets = serde_json::Map::new();
    for band in product.bands() {
        let name = format!("{band}_{}m.jp2", Product::metres(band));
        let image = product.image(band, Product::metres(band));
        fs::copy(root.join(format!("{image}.jp2")), files.join(&name)).unwrap();
        let (key, about) = asset(band, &format!("./files/{name}"));
        assets.insert(key, about);
    }
    let properties = json!({
        "datetime": Value::Null, "start_datetime": "2022-03-01T10:00:29Z",
        "s2:processing_baseline": product.baseline, "s2:product_type": "S2MSI2A",
    });
    json!({ "type": "Feature", "stac_version": "1.0.0", "id": "item", "assets": assets,
            "properties": properties })
}

fn write(folder: &Path, item: &Value) -> std::path::PathBuf {
    let path = folder.join("item.json");
    fs::write(&path, item.to_string()).unwrap();
    path
}

#[test]
fn an_item_with_a_picture_and_a_baseline_before_offsets_needs_no_word() {
    let folder = tempfile::tempdir().unwrap();
    let product = Product::new("L2A", "02.14");
    let Some(root) = product.write(folder.path()) else { return };
    let asset = |band: &str, href: &str| {
        (band.to_owned(), json!({ "href": href, "eo:bands": [{ "name": band }] }))
    };
    let mut made = item(&product, &root, asset);
    // As Planetary Computer has it: the picture names the bands that it shows.
    let picture = json!({ "href": "./files/B04_10m.jp2",
        "eo:bands": [{ "name": "B04" }, { "name": "B03" }, { "name": "B02" }] });
    made["assets"]["visual"] = picture;
    let path = write(folder.path(), &made);
    let model = model(folder.path(), &["B04", "B05"], z_score(2));
    assert!(map(&model, text(&path), &[]) == map(&model, text(&root), &[]));
    // From 04.00 on there may be an offset, and an item that does not tell is asked about.
    made["properties"]["s2:processing_baseline"] = "04.00".into();
    let (code, words) = refused(&model, &[text(&write(folder.path(), &made))], &[]);
    assert!(code == Some(3) && words.contains("give --dn-offset"), "{words}");
}

#[test]
fn bands_are_told_by_wavelength_where_names_are_colours() {
    let folder = tempfile::tempdir().unwrap();
    let product = Product::new("L2A", "02.14");
    let Some(root) = product.write(folder.path()) else { return };
    let asset = |band: &str, href: &str| {
        let (colour, micrometres) = match band {
            "B02" => ("blue", 0.49),
            "B05" => ("rededge1", 0.704),
            "B8A" => ("nir08", 0.865),
            _ => return (band.to_lowercase(), json!({ "href": href })),
        };
        let files = root.parent().unwrap().join("files");
        fs::rename(root.parent().unwrap().join(href), files.join(format!("{colour}.jp2"))).unwrap();
        let band =
            json!({ "name": colour, "common_name": colour, "center_wavelength": micrometres });
        let about = json!({ "href": format!("./files/{colour}.jp2"), "eo:bands": [band] });
        (colour.to_owned(), about)
    };
    let path = write(folder.path(), &item(&product, &root, asset));
    let model = model(folder.path(), &["B8A", "B02", "B05"], z_score(3));
    assert!(map(&model, text(&path), &[]) == map(&model, text(&root), &[]));
}

#[test]
fn an_asset_elsewhere_is_named_where_it_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let product = Product::new("L2A", "02.14");
    let Some(root) = product.write(folder.path()) else { return };
    for far in ["https://example.org/B05.jp2", "/vsicurl/https://example.org/B05.jp2"] {
        let asset = |band: &str, href: &str| {
            let href = if band == "B05" { far } else { href };
            (band.to_owned(), json!({ "href": href }))
        };
        let path = write(folder.path(), &item(&product, &root, asset));
        let near = model(folder.path(), &["B02", "B11"], z_score(2));
        map(&near, text(&path), &[]);
        let far_off = model(folder.path(), &["B02", "B05"], z_score(2));
        let (code, words) = refused(&far_off, &[text(&path)], &[]);
        assert!(code == Some(3) && words.contains("band B05 is not on this machine"), "{words}");
    }
}
