//! Writes the XML of GDAL's sidecars and virtual rasters.

use std::fmt::Write;

use crate::raster::Layer;
use crate::raster::gdal::Georeference;

/// Writes the names and colours of a class raster's band. A colour table has exactly as many entries
/// as there are categories: QGIS shows every one of them.
pub(crate) fn palette(xml: &mut String, layer: &Layer) {
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

/// Writes where a virtual raster lies.
pub(crate) fn place(xml: &mut String, place: &Georeference) {
    if place.geotransform.is_some() && !place.srs.is_empty() {
        line(xml, 2, &format!("<SRS>{}</SRS>", escaped(&place.srs)));
    }
    if let Some(geotransform) = place.geotransform {
        let numbers = geotransform.map(|number| number.to_string()).join(", ");
        line(xml, 2, &format!("<GeoTransform>{numbers}</GeoTransform>"));
    } else if !place.gcps.is_empty() {
        line(xml, 2, &format!("<GCPList Projection=\"{}\">", escaped(&place.srs)));
        for gcp in &place.gcps {
            let [x, y, z] = gcp.place;
            let (id, col, row) = (escaped(&gcp.id), gcp.col, gcp.row);
            let _ = writeln!(
                xml,
                "    <GCP Id=\"{id}\" Pixel=\"{col}\" Line=\"{row}\" X=\"{x}\" Y=\"{y}\" Z=\"{z}\"/>"
            );
        }
        line(xml, 2, "</GCPList>");
    }
}

/// Writes a line.
pub(crate) fn line(xml: &mut String, indent: usize, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(xml, "{:indent$}{text}", "");
}

/// Escapes text for XML 1.0, which has no way to write most control characters.
pub(crate) fn escaped(text: &str) -> String {
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

    #[test]
    fn escapes_what_xml_cannot_hold() {
        assert_eq!(escaped("a<b>&\"c\"\n\u{1}é"), "a&lt;b&gt;&amp;&quot;c&quot;&#10;\u{fffd}é");
    }
}
