//! Products over other faces than the program.

use std::ffi::CString;
use std::path::Path;
use std::ptr::{null, null_mut};

use conformance::raster::read;
use conformance::safe::{self, Product};
use spectralgpt::gdal::register::sgpt_gdal_register;
use spectralgpt::model::{sgpt_model_free, sgpt_model_open};
use spectralgpt::options::scene::{sgpt_options_add_series, sgpt_options_set_mask};
use spectralgpt::options::{sgpt_options_free, sgpt_options_new};
use spectralgpt::predict::sgpt_predict_files;
use spectralgpt::session::{sgpt_session_free, sgpt_session_new};
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
