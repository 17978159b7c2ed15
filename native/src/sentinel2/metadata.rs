//! Reads what a product's metadata say: `MTD_MSIL1C.xml`, `MTD_MSIL2A.xml`.

use std::collections::BTreeMap;

use roxmltree::{Document, Node};

use super::files::stem;
use crate::bands::SENTINEL2;
use crate::error::{Error, Result};

/// The first baseline whose digital numbers have an offset.
const FIRST_WITH_OFFSET: f64 = 4.0;

/// What is known of an acquisition as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Facts {
    /// The product's own name.
    pub(super) product: Option<String>,
    /// `L1C` or `L2A`.
    pub(super) level: Option<&'static str>,
    /// As in `04.00`.
    pub(super) baseline: Option<String>,
    /// When sensing began, ISO 8601.
    pub(super) start: Option<String>,
}

/// What a metadata file says.
#[derive(Debug, PartialEq)]
pub(super) struct Metadata {
    pub(super) facts: Facts,
    /// Files of pixels, from the product's folder, without their end.
    pub(super) images: Vec<String>,
    /// Added to the digital numbers of each band; none where it is unknown.
    pub(super) offsets: BTreeMap<&'static str, f64>,
}

impl Facts {
    /// Takes the level from a file's name that is made as products' names are.
    pub(super) fn of_name(path: &str) -> Self {
        let level = stem(path).split('_').find_map(|word| match word {
            "MSIL1C" => Some("L1C"),
            "MSIL2A" => Some("L2A"),
            _ => None,
        });
        Self { level, ..Self::default() }
    }

    /// Tells whether its digital numbers have no offset, since no product of its baseline has.
    pub(super) fn before_offsets(&self) -> bool {
        let number = self.baseline.as_deref().and_then(|text| text.trim().parse::<f64>().ok());
        number.is_some_and(|number| number < FIRST_WITH_OFFSET)
    }
}

/// Returns the short name of a processing level, as in `Level-2A`.
pub(crate) fn level(text: &str) -> Option<&'static str> {
    let ends = |level: &str| text.trim().to_ascii_uppercase().ends_with(level);
    ["L1C", "L2A"].into_iter().find(|level| ends(&level[1..]))
}

/// Reads a product's metadata.
///
/// # Errors
/// - Input: they are damaged.
pub(super) fn parse(text: &str) -> Result<Metadata> {
    let document = Document::parse(text).map_err(|error| {
        Error::input(format!("the product's metadata are damaged ({error}); download it again"))
    })?;
    let named = |name: &'static str| {
        document.descendants().filter(move |node| node.tag_name().name().starts_with(name))
    };
    let item = |name| named(name).next().map(words).filter(|text| !text.is_empty());
    let facts = Facts {
        product: item("PRODUCT_URI"),
        level: item("PROCESSING_LEVEL").as_deref().and_then(level),
        baseline: item("PROCESSING_BASELINE"),
        start: item("PRODUCT_START_TIME"),
    };
    // Early level 2A has IMAGE_FILE_2A.
    let images: Vec<String> = named("IMAGE_FILE").map(words).collect();
    if images.is_empty() {
        return Err(Error::input(
            "the product's metadata name no image; products in the layout before December 2016 are \
             not read: give a folder of its band files",
        ));
    }
    if let Some(image) = images.iter().find(|image| image.split('/').any(|part| part == "..")) {
        return Err(Error::input(format!(
            "the product's metadata name an image outside of it, '{image}'; download it again"
        )));
    }
    let mut offsets = BTreeMap::new();
    for node in named("RADIO_ADD_OFFSET").chain(named("BOA_ADD_OFFSET")) {
        let band = node.attribute("band_id").and_then(|id| id.parse::<usize>().ok());
        let band = band.and_then(|id| SENTINEL2.get(id));
        if let (Some((band, _)), Ok(offset)) = (band, words(node).parse()) {
            offsets.insert(*band, offset);
        }
    }
    if offsets.is_empty() && facts.before_offsets() {
        offsets = SENTINEL2.iter().map(|(band, _)| (*band, 0.0)).collect();
    }
    Ok(Metadata { facts, images, offsets })
}

fn words(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(baseline: &str, offsets: &str) -> Metadata {
        let text = format!(
            "<n1:Level-2A_User_Product xmlns:n1=\"x\"><n1:General_Info><Product_Info>\
             <PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL>\
             <PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>\
             <IMAGE_FILE> GRANULE/a/IMG_DATA/R10m/T_B02_10m </IMAGE_FILE></Product_Info>\
             <BOA_ADD_OFFSET_VALUES_LIST>{offsets}</BOA_ADD_OFFSET_VALUES_LIST>\
             </n1:General_Info></n1:Level-2A_User_Product>"
        );
        parse(&text).unwrap()
    }

    #[test]
    fn offsets_are_read_known_to_be_none_or_unknown() {
        let offsets = "<BOA_ADD_OFFSET band_id=\"1\">-1000</BOA_ADD_OFFSET>\
                       <BOA_ADD_OFFSET band_id=\"8\">-900</BOA_ADD_OFFSET>\
                       <BOA_ADD_OFFSET band_id=\"77\">-1</BOA_ADD_OFFSET>";
        let new = read("04.00", offsets);
        assert_eq!(new.offsets, [("B02", -1000.0), ("B8A", -900.0)].into());
        assert_eq!(new.images, ["GRANULE/a/IMG_DATA/R10m/T_B02_10m"]);
        assert_eq!((new.facts.level, new.facts.start), (Some("L2A"), None));
        assert_eq!(read("02.14", "").offsets.get("B10"), Some(&0.0));
        assert!(read("04.00", "").offsets.is_empty());
        assert!(read("new", "").offsets.is_empty());
        assert!(parse("<a>").unwrap_err().message().contains("download it again"));
        assert!(parse("<a/>").unwrap_err().message().contains("no image"));
    }

    #[test]
    fn a_file_name_tells_the_level() {
        assert_eq!(Facts::of_name("x/S2A_MSIL2A_20170613_B01.tif").level, Some("L2A"));
        assert_eq!(Facts::of_name("x_MSIL2A/T33UUP_B01.jp2").level, None);
        assert_eq!(
            (level("Level-1C"), level("Level-2A"), level("1B")),
            (Some("L1C"), Some("L2A"), None)
        );
    }
}
