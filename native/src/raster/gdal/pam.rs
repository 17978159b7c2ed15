//! Writes the sidecar that GDAL and QGIS read beside a map: names, colours, what was run.

use std::fmt::Write;

use crate::raster::Layer;

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
    for (key, value) in metadata.iter().chain([&checksum]) {
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

fn palette(xml: &mut String, layer: &Layer) {
    line(xml, 4, "<ColorInterp>Palette</ColorInterp>");
    line(xml, 4, "<CategoryNames>");
    for category in &layer.categories {
        line(xml, 6, &format!("<Category>{}</Category>", escaped(&category.name)));
    }
    line(xml, 4, "</CategoryNames>");
    line(xml, 4, "<ColorTable>");
    for category in &layer.categories {
        let [red, green, blue] = category.colour;
        let entry = format!("<Entry c1=\"{red}\" c2=\"{green}\" c3=\"{blue}\" c4=\"255\"/>");
        line(xml, 6, &entry);
    }
    line(xml, 4, "</ColorTable>");
}

fn line(xml: &mut String, indent: usize, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(xml, "{:indent$}{text}", "");
}

/// Escapes text for XML 1.0, which has no way to write most control characters.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(xml, "&#{};", u32::from(character));
            }
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            _ => xml.push(character),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::{Category, SampleType};

    #[test]
    fn escapes_what_xml_cannot_hold() {
        assert_eq!(escaped("a<b>&\"c\"\n\u{1}é"), "a&lt;b&gt;&amp;&quot;c&quot;&#10;\u{fffd}é");
    }

    #[test]
    fn has_an_entry_per_category_and_the_checksum() {
        let category = |name: &str, colour| Category { name: name.into(), colour };
        let layer = Layer {
            sample: SampleType::U8,
            bands: vec!["class".into()],
            nodata: Some(255.0),
            categories: vec![category("water", [0, 0, 255]), category("wood", [0, 128, 0])],
        };
        let xml = sidecar(&layer, &[("MODEL".into(), "a & b".into())], "abc", "");
        assert_eq!(xml.matches("<Entry ").count(), 2);
        assert_eq!(xml.matches("<Category>").count(), 2);
        assert!(xml.contains("<MDI key=\"MODEL\">a &amp; b</MDI>"));
        assert!(xml.contains("<MDI key=\"SPECTRALGPT_MAP_SHA256\">abc</MDI>"));
    }
}
