//! Real Sentinel-2 data.

use conformance::raster::{self, TWELVE, read};
use conformance::shared;
use spectralgpt_core::geometry::Size;

use super::{MIN_MAX, map, model, refused, text, z_score};

/// Stacks files by hand: the VRT, then the files.
const BY_HAND: &str = "
made = gdal.BuildVRT(argv[1], argv[2:], separate=True, resolution='highest', srcNodata=0, VRTNodata=0)
for at, name in enumerate(argv[2:]):
    made.GetRasterBand(at + 1).SetDescription(name[-7:-4])
made.FlushCache()
";

#[test]
fn a_bigearthnet_patch_is_a_folder_of_band_files() {
    let patches = "data/04_bigearthnet_patches/BigEarthNet-S2-Example";
    let Some(patches) = shared(patches) else { return };
    let folder = tempfile::tempdir().unwrap();
    let scaled = model(folder.path(), &TWELVE, MIN_MAX);
    let mut found = 0;
    for patch in std::fs::read_dir(patches).unwrap() {
        let patch = patch.unwrap().path();
        let name = patch.file_name().unwrap().to_str().unwrap().to_owned();
        let file = |band| format!("{}/{name}_{band}.tif", text(&patch));
        let by_hand = folder.path().join("by_hand.vrt");
        let arguments: Vec<String> =
            std::iter::once(text(&by_hand).to_owned()).chain(TWELVE.map(file)).collect();
        if raster::osgeo(BY_HAND, &arguments).is_none() {
            return;
        }
        let made = map(&scaled, text(&patch), &[]);
        assert!(made == map(&scaled, text(&by_hand), &[]), "{name}");
        assert_eq!(read(&folder.path().join("map.tif")).size, Size::new(120, 120));
        found += 1;
    }
    assert_eq!(found, 6);
}

#[test]
fn an_offset_that_no_file_tells_is_asked_for_never_guessed() {
    let patch = "data/02_terramesh_labelled_patches/S2L2A/433D_629L_3_1.tif";
    let Some(patch) = shared(patch) else { return };
    let folder = tempfile::tempdir().unwrap();
    let bands = TWELVE.join(",");
    let options = ["--bands", &bands];
    let scaled = model(folder.path(), &TWELVE, MIN_MAX);
    let whatever = map(&scaled, text(&patch), &options);
    let told = |offset| [&options[..], &["--dn-offset", offset]].concat();
    assert!(map(&scaled, text(&patch), &told("-1000")) == whatever);
    let constants = model(folder.path(), &TWELVE, z_score(12));
    let (code, words) = refused(&constants, &[text(&patch)], &options);
    assert!(code == Some(3) && words.contains("give --dn-offset -1000"), "{words}");
    let (with, without) =
        (map(&constants, text(&patch), &told("-1000")), map(&constants, text(&patch), &told("0")));
    assert!(with != without);
}
