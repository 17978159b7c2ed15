//! Where products lie, what they are called, and what is no Sentinel-2 product.

use std::fs;

use conformance::safe::{self, Product};
use conformance::{program, raster};
use spectralgpt_core::geometry::Size;

use super::{MIN_MAX, map, model, predict, refused, text, z_score};

#[test]
fn a_product_is_found_however_it_was_packed_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let product = Product::new("L2A", "04.00");
    let Some(root) = product.write(folder.path()) else { return };
    let model = model(folder.path(), &["B02", "B05"], z_score(2));
    let expected = map(&model, text(&root), &[]);
    let zip = safe::zip(&root);
    let at = |name: &str| folder.path().join(name);
    // A folder that holds the zip; one whose own name looks like one; a zip with other names.
    fs::create_dir_all(at("downloads")).unwrap();
    fs::create_dir_all(at("my.zip.files")).unwrap();
    let kept = at("downloads").join(zip.file_name().unwrap());
    fs::copy(&zip, &kept).unwrap();
    fs::copy(&zip, at("my.zip.files/Product.ZIP")).unwrap();
    let packed = at("packed");
    fs::create_dir_all(packed.join("data")).unwrap();
    fs::rename(&root, packed.join("data/winter.safe")).unwrap();
    let script = "import shutil\nshutil.make_archive(argv[1], 'zip', argv[2], 'data')";
    raster::osgeo(script, &[text(&at("wrapped")), text(&packed)]).unwrap();
    for name in [
        at("downloads"),
        kept.clone(),
        at("my.zip.files/Product.ZIP"),
        packed.join("data"),
        packed.clone(),
        packed.join("data/winter.safe"),
        at("wrapped.zip"),
    ] {
        assert!(map(&model, text(&name), &[]) == expected, "{}", name.display());
    }
    // What was unpacked beside its zip is one product, two zips are two.
    fs::create_dir_all(at("both")).unwrap();
    let own = at("both").join(product.name());
    fs::rename(packed.join("data/winter.safe"), &own).unwrap();
    fs::copy(&zip, at("both").join(zip.file_name().unwrap())).unwrap();
    assert!(map(&model, text(&at("both")), &[]) == expected);
    fs::copy(&zip, at("downloads/S2A_MSIL2A_other.zip")).unwrap();
    let (code, words) = refused(&model, &[text(&at("downloads"))], &[]);
    assert!(code == Some(3) && words.contains("holds 2 products"), "{words}");
    // Metadata of two levels in one folder are two products as well.
    fs::copy(own.join("MTD_MSIL2A.xml"), own.join("MTD_MSIL1C.xml")).unwrap();
    let (code, words) = refused(&model, &[text(&own)], &[]);
    assert!(code == Some(3) && words.contains("holds two products"), "{words}");
}

#[test]
fn maps_of_several_products_are_named_by_them() {
    let folder = tempfile::tempdir().unwrap();
    let one = Product::new("L2A", "04.00");
    let two = Product { start: "20220405T100029", ..one.clone() };
    let Some(first) = one.write(folder.path()) else { return };
    let second = two.write(folder.path()).unwrap();
    let model = model(folder.path(), &["B02"], MIN_MAX);
    let maps = folder.path().join("maps");
    let metadata = |root: &std::path::Path| root.join("MTD_MSIL2A.xml");
    predict(&model, &[text(&metadata(&first)), text(&metadata(&second))], &maps, &["--series"]);
    for product in [one, two] {
        let name = product.name().replace(".SAFE", ".tif");
        assert!(maps.join(&name).exists(), "{name}");
    }
}

#[test]
fn bands_of_other_missions_are_refused_and_odd_names_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let size = Size::new(31, 17);
    let write = |path: &std::path::Path, value: u16| {
        let pixels: Vec<u16> = (0..527u16).map(|at| value + at).collect();
        raster::write_u16(path, size, &["1"], &pixels, None);
    };
    let model = model(folder.path(), &["B02", "B8A"], MIN_MAX);
    let landsat = folder.path().join("landsat");
    fs::create_dir_all(&landsat).unwrap();
    for band in ["B2", "B5"] {
        write(&landsat.join(format!("LC09_L2SP_044034_20220330_SR_{band}.TIF")), 1000);
    }
    let (code, words) = refused(&model, &[text(&landsat)], &[]);
    assert!(code == Some(3) && words.contains("a band of Landsat's"), "{words}");
    let odd = folder.path().join("odd");
    fs::create_dir_all(&odd).unwrap();
    write(&odd.join("s2b-b2.clip.tif"), 1000);
    write(&odd.join("s2b_b8a.tiff"), 3000);
    write(&odd.join("s2b_scl.tif"), 4);
    map(&model, text(&odd), &["--mask", "scl"]);
    assert!(raster::read(&folder.path().join("map.tif")).pixels.contains(&255.0));
}

#[test]
fn metadata_that_point_elsewhere_or_explode_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let Some(root) = Product::new("L2A", "04.00").write(folder.path()) else { return };
    let model = model(folder.path(), &["B02"], MIN_MAX);
    let file = root.join("MTD_MSIL2A.xml");
    let good = fs::read_to_string(&file).unwrap();
    let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
    let bomb = "<!DOCTYPE a [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><a>&b;</a>";
    for (text_of, expected) in [
        (good.replace("<IMAGE_FILE>GRANULE", "<IMAGE_FILE>../GRANULE"), "an image outside of it"),
        (deep, "name no image"),
        (bomb.to_owned(), "the product's metadata are damaged"),
        (good[..good.len() / 2].to_owned(), "the product's metadata are damaged"),
    ] {
        fs::write(&file, text_of).unwrap();
        let (code, words) = refused(&model, &[text(&root)], &[]);
        assert!(code == Some(3) && words.contains(expected), "{words}");
    }
    fs::remove_file(&file).unwrap();
    let (code, words) = refused(&model, &[text(&root)], &[]);
    assert!(code == Some(3) && words.contains("MTD_MSIL2A.xml"), "{words}");
}

#[test]
fn no_output_replaces_a_products_file() {
    let folder = tempfile::tempdir().unwrap();
    let product = Product::new("L2A", "04.00");
    let Some(root) = product.write(folder.path()) else { return };
    let zip = safe::zip(&root);
    let model = model(folder.path(), &["B02"], MIN_MAX);
    let parts = [
        root.join(format!("{}.jp2", product.image("B02", 10))),
        root.join(format!("{}.jp2", product.image("B02", 20))),
        root.join(format!("{}.jp2", product.image("B09", 60))),
        root.join("MTD_MSIL2A.xml"),
        zip.clone(),
    ];
    for part in &parts {
        let input = if *part == zip { &zip } else { &root };
        let before = fs::read(part).unwrap();
        for command in [&["predict", text(&model), text(input)][..], &["stack", text(input)]] {
            let run = program::run(&[command, &["-o", text(part), "--overwrite"]].concat());
            assert!(run.code == Some(2) && run.err.contains("would be overwritten"), "{}", run.err);
            assert!(fs::read(part).unwrap() == before);
        }
    }
}

#[test]
fn scale_and_offset_of_reflectance_tell_the_digital_numbers_offset() {
    let folder = tempfile::tempdir().unwrap();
    let size = Size::new(150, 90);
    let pixels: Vec<u16> = (0..27_000u32).map(|at| (2000 + at * 7 % 3997) as u16).collect();
    let scene = folder.path().join("scene.tif");
    raster::write_u16(&scene, size, &["B02", "B05"], &pixels, None);
    let model = model(folder.path(), &["B02", "B05"], z_score(2));
    let expected = map(&model, text(&scene), &["--dn-offset", "-1000"]);
    let script = "d = gdal.Open(argv[1], gdal.GA_Update)\nfor at in (1, 2):\n    \
                  b = d.GetRasterBand(at)\n    b.SetScale(float(argv[2]))\n    b.SetOffset(float(argv[3]))";
    let Some(_) = raster::osgeo(script, &[text(&scene), "0.0001", "-0.1"]) else { return };
    assert!(map(&model, text(&scene), &[]) == expected);
    // Scales of other numbers than reflectance's tell nothing.
    raster::osgeo(script, &[text(&scene), "0.0000275", "-0.2"]).unwrap();
    let (code, words) = refused(&model, &[text(&scene)], &[]);
    assert!(code == Some(3) && words.contains("give --dn-offset -1000"), "{words}");
}
