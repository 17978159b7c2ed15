//! What `spectralgpt stack` writes, as GDAL's own Python reads it.

use conformance::safe::Product;
use conformance::{program, raster};
use serde_json::Value;

use super::text;

/// Prints what a VRT holds, and compares its pixels with those of raw files, repeated: arguments are the
/// VRT, then a band's raw file and its factor.
const SCRIPT: &str = "
import json
data = gdal.Open(argv[1])
same = []
for at, (raw, factor) in enumerate(zip(*[iter(argv[2:])] * 2)):
    factor = int(factor)
    native = np.fromfile(raw, '<u2').reshape(data.RasterYSize // factor, -1)
    whole = np.kron(native, np.ones((factor, factor), 'u2'))
    band = data.GetRasterBand(at + 1)
    parts = [(0, 0, data.RasterXSize, data.RasterYSize), (7, 11, 101, 53), (127, 5, 3, 170)]
    same += [bool((band.ReadAsArray(x, y, w, h) == whole[y:y + h, x:x + w]).all()) for x, y, w, h in parts]
bands = [data.GetRasterBand(at + 1) for at in range(data.RasterCount)]
print(json.dumps(dict(
    same=all(same), place=data.GetGeoTransform(), epsg=data.GetSpatialRef().GetAuthorityCode(None),
    size=[data.RasterXSize, data.RasterYSize], metadata=data.GetMetadata(),
    names=[band.GetDescription() for band in bands], nodata=[band.GetNoDataValue() for band in bands],
    offsets=[band.GetMetadata() for band in bands],
    waves=[band.GetMetadataItem('CENTRAL_WAVELENGTH_UM', 'IMAGERY') for band in bands],
)))
";

#[test]
fn a_stack_holds_each_band_as_delivered_with_all_that_is_known() {
    for (level, baseline, key) in [
        ("L1C", "02.09", "RADIO_ADD_OFFSET"),
        ("L1C", "05.10", "RADIO_ADD_OFFSET"),
        ("L2A", "02.14", "BOA_ADD_OFFSET"),
        ("L2A", "04.00", "BOA_ADD_OFFSET"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let product = Product::new(level, baseline);
        let Some(root) = product.write(folder.path()) else { return };
        let stack = folder.path().join("stack.vrt");
        program::done(&["stack", text(&root), "-o", text(&stack)]);
        let mut arguments = vec![text(&stack).to_owned()];
        for band in product.bands() {
            let raw = folder.path().join(format!("{band}.raw"));
            let pixels = product.pixels(band);
            std::fs::write(&raw, pixels.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>())
                .unwrap();
            arguments.extend([text(&raw).to_owned(), (Product::metres(band) / 10).to_string()]);
        }
        let said = raster::osgeo(SCRIPT, &arguments).unwrap();
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["same"], true, "{level} {baseline}");
        assert_eq!(said["names"], serde_json::json!(product.bands()));
        assert_eq!(said["size"], serde_json::json!([246, 180]));
        assert_eq!(
            said["place"],
            serde_json::json!([600_000.0, 10.0, 0.0, 5_400_000.0, 0.0, -10.0])
        );
        assert_eq!(said["epsg"], "32633");
        assert_eq!((&said["waves"][0], &said["waves"][7]), (&"0.443".into(), &"0.833".into()));
        let offset = product.offset.unwrap_or(0).to_string();
        let count = product.bands().len();
        for at in 0..count {
            assert_eq!(said["nodata"][at], 0.0);
            assert_eq!(said["offsets"][at][key], offset);
        }
        let metadata = &said["metadata"];
        assert_eq!(metadata["PROCESSING_LEVEL"], format!("Level-{}", &level[1..]));
        assert_eq!(metadata["PROCESSING_BASELINE"], baseline);
        assert_eq!(metadata["PRODUCT_URI"], product.name());
        assert_eq!(metadata["PRODUCT_START_TIME"], "2022-03-01T10:00:29.024Z");
        let again = program::run(&["stack", text(&root), "-o", text(&stack)]);
        assert_eq!(again.code, Some(2), "{}", again.err);
    }
}
