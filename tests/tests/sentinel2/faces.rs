//! Products over other faces than the program.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr::{null, null_mut};

use conformance::program;
use conformance::raster::read;
use conformance::safe::{self, Product};
use spectralgpt::error::{sgpt_error_free, sgpt_error_message};
use spectralgpt::gdal::register::sgpt_gdal_register;
use spectralgpt::options::files::sgpt_options_set_overwrite;
use spectralgpt::options::scene::sgpt_options_set_mask;
use spectralgpt::options::{sgpt_options, sgpt_options_free, sgpt_options_new};
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
