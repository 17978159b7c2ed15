//! Writes the sidecar that GDAL and QGIS read beside a map: names, colours, what was run.

use crate::raster::{Layer, Stored};
use crate::xml::{escaped, line, palette};

/// The metadata item that holds the SHA-256 of the map the sidecar belongs to.
pub(super) const MAP_SHA256: &str = "SPECTRALGPT_MAP_SHA256";

/// Returns the XML of GDAL's persistent auxiliary metadata. A colour table has exactly as many
/// entries as there are categories: QGIS shows every one of them.
///
/// `srs` is a coordinate reference system that the map itself cannot hold; empty if there is none.
pub(super) fn sidecar(
    layer: &Layer,
    metadata: &[(String, String)],
    map_sha256: &str,
    srs: &str,
) -> String {
    let mut xml = String::from("<PAMDataset>\n");
    if !srs.is_empty() {
        line(&mut xml, 2, &format!("<SRS>{}</SRS>", escaped(srs)));
    }
    line(&mut xml, 2, "<Metadata>");
    let checksum = (MAP_SHA256.to_owned(), map_sha256.to_owned());
    let smaller = (layer.stored == Stored::Int8).then(|| {
        ("SPECTRALGPT_QUANTISATION".to_owned(), "value = integer x scale of the band".to_owned())
    });
    for (key, value) in metadata.iter().chain(&smaller).chain([&checksum]) {
        line(&mut xml, 4, &format!("<MDI key=\"{}\">{}</MDI>", escaped(key), escaped(value)));
    }
    line(&mut xml, 2, "</Metadata>");
    for (number, name) in (1..).zip(&layer.bands) {
        line(&mut xml, 2, &format!("<PAMRasterBand band=\"{number}\">"));
        line(&mut xml, 4, &format!("<Description>{}</Description>", escaped(name)));
        if !layer.categories.is_empty() {
            palette(&mut xml, layer);
        }
        line(&mut xml, 2, "</PAMRasterBand>");
    }
    line(&mut xml, 0, "</PAMDataset>");
    xml
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::{Category, SampleType};

    #[test]
    fn has_an_entry_per_category_and_the_checksum() {
        let category = |name: &str, colour| Category { name: name.into(), colour };
        let layer = Layer {
            sample: SampleType::U8,
            bands: vec!["class".into()],
            nodata: Some(255.0),
            categories: vec![category("water", [0, 0, 255]), category("wood", [0, 128, 0])],
            stored: Stored::AsIs,
        };
        let xml = sidecar(&layer, &[("MODEL".into(), "a & b".into())], "abc", "");
        assert_eq!(xml.matches("<Entry ").count(), 2);
        assert_eq!(xml.matches("<Category>").count(), 2);
        assert!(xml.contains("<MDI key=\"MODEL\">a &amp; b</MDI>"));
        assert!(xml.contains("<MDI key=\"SPECTRALGPT_MAP_SHA256\">abc</MDI>"));
    }
}
