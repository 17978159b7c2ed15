//! Products over other faces than the program.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr::{null, null_mut};

use conformance::program;
use conformance::raster::read;
use conformance::safe::{self, Product};
use spectralgpt::error::{sgpt_error_free, sgpt_error_message};
use spectralgpt::gdal::register::sgpt_gdal_register;
use spectralgpt::model::{sgpt_model_free, sgpt_model_open};
use spectralgpt::options::files::sgpt_options_set_overwrite;
use spectralgpt::options::scene::{sgpt_options_add_series, sgpt_options_set_mask};
use spectralgpt::options::{sgpt_options, sgpt_options_free, sgpt_options_new};
use spectralgpt::predict::sgpt_predict_files;
use spectralgpt::session::{sgpt_session_free, sgpt_session_new};
use spectralgpt::stack::sgpt_stack_vrt;
use spectralgpt_core::live::vrt::{self, Form, Kind};
use spectralgpt_core::options::{Masked, Options};
use spectralgpt_core::raster::gdal::GdalApi;

use super::{MIN_MAX, model, predict, text};

#[test]
fn a_live_map_of_a_masked_product_is_the_predicted_one() {
    let folder = tempfile::tempdir().unwrap();
    let Some(root) = Product::new("L2A", "04.00").write(folder.path()) else { return };
    let zip = safe::zip(&root);
    let model = model(folder.path(), &["B02", "B05"], MIN_MAX);
    let file = folder.path().join("map.tif");
    predict(&model, &[text(&root)], &file, &["--mask", "scl"]);
    let expected = read(&file);
    let api = GdalApi::find().unwrap();
    // SAFETY: no module is named, no error is asked for.
    assert_eq!(unsafe { sgpt_gdal_register(null(), null_mut()) }, 0);
    let mut options = Options::default();
    options.mask = Masked::Classes;
    options.overwrite = true;
    let live = folder.path().join("live.vrt");
    let processed = (api.version_number() >= 3_090_000).then_some(Kind::Processed);
    for kind in [Kind::PixelFunction].into_iter().chain(processed) {
        vrt::write(api, &model, &[text(&zip)], &live, Form { kind, ..Form::default() }, &options)
            .unwrap();
        assert!(read(&live) == expected);
    }
}

fn c_text(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// Predicts one raster through the C ABI, clouds masked, as a date of a series if there is one.
fn through_c(model: &Path, input: &Path, series: &[&Path], output: &Path) {
    let (mut opened, mut options, mut session) = (null_mut(), null_mut(), null_mut());
    let (model, mask) = (c_text(text(model)), c_text("scl"));
    let (input, output) = (c_text(text(input)), c_text(text(output)));
    let series: Vec<CString> = series.iter().map(|date| c_text(text(date))).collect();
    let no_error = null_mut();
    // SAFETY: every pointer is to what lives here; no error is asked for.
    unsafe {
        assert_eq!(sgpt_model_open(model.as_ptr(), null(), &raw mut opened, no_error), 0);
        assert_eq!(sgpt_options_new(&raw mut options, no_error), 0);
        assert_eq!(sgpt_options_set_mask(options, mask.as_ptr(), no_error), 0);
        for date in &series {
            assert_eq!(sgpt_options_add_series(options, date.as_ptr(), no_error), 0);
        }
        assert_eq!(sgpt_session_new(opened, options, &raw mut session, no_error), 0);
        let inputs = [input.as_ptr()];
        let (inputs, output) = (inputs.as_ptr(), output.as_ptr());
        assert_eq!(sgpt_predict_files(session, inputs, 1, output, null(), null_mut(), no_error), 0);
        sgpt_session_free(session);
        sgpt_options_free(options);
        sgpt_model_free(opened);
    }
}

/// Stacks over the C ABI and returns the status and the words.
fn stacked(product: &Path, output: &Path, options: *const sgpt_options) -> (i32, String) {
    let [product, output] = [product, output].map(|path| CString::new(text(path)).unwrap());
    let mut error = null_mut();
    // SAFETY: the texts and the options live until the call returns; the error is freed once.
    unsafe {
        let status = sgpt_stack_vrt(product.as_ptr(), output.as_ptr(), options, &raw mut error);
        if status == 0 {
            return (status, String::new());
        }
        let words = CStr::from_ptr(sgpt_error_message(error)).to_str().unwrap().to_owned();
        sgpt_error_free(error);
        (status, words)
    }
}

#[test]
fn a_stack_over_the_c_abi_is_the_programs() {
    let folder = tempfile::tempdir().unwrap();
    let Some(root) = Product::new("L2A", "04.00").write(folder.path()) else { return };
    let zip = safe::zip(&root);
    let [ours, theirs] = ["ours.vrt", "theirs.vrt"].map(|name| folder.path().join(name));
    let mut options = null_mut();
    for masked in [false, true] {
        let mask: &[&str] = if masked { &["--mask", "scl", "--overwrite"] } else { &[] };
        program::done(&[&["stack", text(&zip), "-o", text(&theirs)], mask].concat());
        assert_eq!(stacked(&zip, &ours, options), (0, String::new()));
        assert_eq!(std::fs::read(&ours).unwrap(), std::fs::read(&theirs).unwrap());
        // SAFETY: what is made is used until it is freed, below.
        unsafe {
            if !masked {
                assert!(stacked(&zip, &ours, null()).1.contains("exists"));
                assert_eq!(sgpt_options_new(&raw mut options, null_mut()), 0);
                assert_eq!(sgpt_options_set_mask(options, c"scl".as_ptr(), null_mut()), 0);
                assert_eq!(sgpt_options_set_overwrite(options, 1, null_mut()), 0);
            }
        }
    }
    let before = std::fs::read(&zip).unwrap();
    let (status, words) = stacked(&zip, &zip, options);
    assert!(status == 2 && words.contains("would be overwritten"), "{status} {words}");
    assert!(std::fs::read(&zip).unwrap() == before);
    // SAFETY: the options are changed, then freed, by their one owner.
    unsafe {
        assert_eq!(sgpt_options_set_mask(options, c"clouds.tif".as_ptr(), null_mut()), 0);
        assert!(stacked(&root, &ours, options).1.contains("'clouds.tif'"));
        sgpt_options_free(options);
    }
}

#[test]
fn products_predicted_through_c_give_the_programs_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let one = Product::new("L2A", "04.00");
    let two = Product { seed: "other", start: "20220405T100029", ..one.clone() };
    let Some(first) = one.write(folder.path()) else { return };
    let (first, second) = (safe::zip(&first), two.write(folder.path()).unwrap());
    let model = model(folder.path(), &["B02", "B05"], super::z_score(2));
    let (file, made) = (folder.path().join("map.tif"), folder.path().join("c.tif"));
    predict(&model, &[text(&first)], &file, &["--mask", "scl"]);
    through_c(&model, &first, &[], &made);
    assert!(std::fs::read(&file).unwrap() == std::fs::read(&made).unwrap());
    let maps = folder.path().join("maps");
    predict(&model, &[text(&first), text(&second)], &maps, &["--mask", "scl", "--series"]);
    let made = folder.path().join("date.tif");
    through_c(&model, &second, &[&first, &second], &made);
    let name = two.name().replace(".SAFE", ".tif");
    assert!(std::fs::read(maps.join(name)).unwrap() == std::fs::read(&made).unwrap());
}
