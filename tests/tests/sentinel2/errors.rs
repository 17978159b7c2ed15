//! Damaged, incomplete and unfit products, each in the right words.

use std::fs;

use conformance::safe::{self, Product};

use super::{MIN_MAX, model, predict, refused, text, z_score};

#[test]
fn a_damaged_product_is_refused_in_words_that_tell_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let product = Product::new("L2A", "02.14");
    let Some(root) = product.write(folder.path()) else { return };
    let zip = safe::zip(&root);
    let model = model(folder.path(), &["B02", "B05"], MIN_MAX);
    let bytes = fs::read(&zip).unwrap();
    let cut = folder.path().join("cut.zip");
    fs::write(&cut, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let (code, words) = refused(&model, &[text(&cut)], &[]);
    assert!(code == Some(3) && words.contains("was not downloaded to its end"), "{words}");
    let (code, words) = refused(&model, &["nowhere.zip"], &[]);
    assert!(code == Some(3) && words.contains("No such file"), "{words}");

    let image = root.join(format!("{}.jp2", product.image("B05", 20)));
    let whole = fs::read(&image).unwrap();
    for (end, expected) in
        [(whole.len() / 2, "cannot read band"), (40, "the file of band B05 is damaged")]
    {
        fs::write(&image, &whole[..end]).unwrap();
        let (code, words) = refused(&model, &[text(&root)], &[]);
        assert!(code == Some(3) && words.contains(expected), "{words}");
    }
    fs::remove_file(&image).unwrap();
    let (code, words) = refused(&model, &[text(&root)], &[]);
    assert!(code == Some(3) && words.contains("the file of band B05 is missing"), "{words}");
    assert!(words.contains("download it again"), "{words}");
    // A model that does not need it can do without.
    let other = super::model(folder.path(), &["B02", "B11"], MIN_MAX);
    predict(&other, &[text(&root)], &folder.path().join("map.tif"), &[]);

    fs::write(root.join("MTD_MSIL2A.xml"), "<n1:Level-2A_User_Product").unwrap();
    let (code, words) = refused(&other, &[text(&root)], &[]);
    assert!(code == Some(3) && words.contains("the product's metadata are damaged"), "{words}");
}

#[test]
fn what_is_ambiguous_or_no_product_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), &["B02"], MIN_MAX);
    let (code, words) = refused(&model, &[text(folder.path())], &[]);
    assert!(code == Some(3) && words.contains("neither a product nor band files"), "{words}");
    for baseline in ["02.14", "04.00"] {
        let Some(_) = Product::new("L1C", baseline).write(folder.path()) else { return };
    }
    let (code, words) = refused(&model, &[text(folder.path())], &[]);
    assert!(code == Some(3) && words.contains("holds 2 products"), "{words}");
}

#[test]
fn levels_that_differ_are_told_once_and_a_band_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (Product::new("L1C", "04.00"), Product::new("L2A", "04.00"));
    let Some(one) = one.write(folder.path()) else { return };
    let Some(two) = two.write(folder.path()) else { return };
    let scene = model(folder.path(), &["B02"], MIN_MAX);
    let file = folder.path().join("map.tif");
    let said = predict(&scene, &[text(&one)], &file, &[]);
    assert_eq!(said.matches("was trained on L2A").count(), 1, "{said}");
    assert!(said.contains("is L1C"), "{said}");
    assert!(!predict(&scene, &[text(&two)], &file, &[]).contains("was trained on"), "{said}");
    let cirrus = model(folder.path(), &["B02", "B10"], z_score(2));
    let (code, words) = refused(&cirrus, &[text(&two)], &[]);
    assert!(code == Some(3) && words.contains("Level-2A products have no B10"), "{words}");
    assert!(words.contains("Level-1C"), "{words}");
}
