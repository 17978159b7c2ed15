//! Products over other faces than the program.

use std::ptr::{null, null_mut};

use conformance::raster::read;
use conformance::safe::{self, Product};
use spectralgpt::gdal::register::sgpt_gdal_register;
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
