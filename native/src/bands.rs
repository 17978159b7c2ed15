//! Finds Sentinel-2 bands by name; never by position alone.

use crate::error::{Error, Result};

/// Sentinel-2's bands and their central wavelengths in nanometres (Sentinel-2A, ESA).
pub const SENTINEL2: [(&str, f64); 13] = [
    ("B01", 443.0),
    ("B02", 492.0),
    ("B03", 560.0),
    ("B04", 665.0),
    ("B05", 704.0),
    ("B06", 740.0),
    ("B07", 783.0),
    ("B08", 833.0),
    ("B8A", 865.0),
    ("B09", 945.0),
    ("B10", 1374.0),
    ("B11", 1614.0),
    ("B12", 2202.0),
];

/// What a raster says of one of its bands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Label {
    /// Description, `BANDNAME` and the like, most telling first.
    pub texts: Vec<String>,
    /// Central wavelength in nanometres, if stated.
    pub wavelength: Option<f64>,
}

impl Label {
    /// Returns the band's canonical name, or `None` if nothing tells.
    fn name(&self) -> Option<&'static str> {
        let by_text = self.texts.iter().find_map(|text| canonical(text));
        by_text.or_else(|| self.wavelength.and_then(by_wavelength))
    }
}

/// Returns the canonical name (`B02`, `B8A`) that a text gives, as in `B2`, `b02`, `S2A_B02_10m`,
/// `B02, central wavelength 490 nm`. `Band 2` is no name: many programs number bands so.
pub fn canonical(text: &str) -> Option<&'static str> {
    let upper = text.to_uppercase();
    let words = upper.split(|c: char| !c.is_ascii_alphanumeric());
    let mut names = words.filter_map(|word| {
        let digits = word.strip_prefix('B')?.trim_start_matches('0');
        SENTINEL2
            .iter()
            .map(|(name, _)| *name)
            .find(|name| name[1..].trim_start_matches('0') == digits)
    });
    let first = names.next()?;
    names.all(|name| name == first).then_some(first)
}

/// Returns the band whose centre is nearest, within what Sentinel-2A, 2B, 2C and rounding differ by.
pub(crate) fn by_wavelength(nanometres: f64) -> Option<&'static str> {
    let away = |(_, centre): &&(&str, f64)| (centre - nanometres).abs();
    let nearest = SENTINEL2.iter().min_by(|a, b| away(a).total_cmp(&away(b)))?;
    (away(&nearest) <= 20.0).then_some(nearest.0)
}

/// Matches what a model needs against what a raster has.
///
/// `given` names the raster's bands in file order and overrides its labels; a name that is not
/// Sentinel-2's is allowed there and matches itself. Returns, for each needed band, the raster's
/// band number counted from 1.
///
/// # Errors
/// - Usage: `given` does not name every band of the raster.
/// - Input: a needed band is missing or there twice; the message lists what was found and needed.
pub fn find(needed: &[&str], labels: &[Label], given: Option<&[String]>) -> Result<Vec<usize>> {
    let names = match given {
        Some(given) if given.len() != labels.len() => {
            return Err(Error::usage(format!(
                "--bands names {} bands, the raster has {}; name each band of the file in order, \
                 '-' for one that is not needed",
                given.len(),
                labels.len()
            )));
        }
        Some(given) => given.iter().map(|name| Some(spelled(name))).collect(),
        None => labels.iter().map(|label| label.name().map(str::to_owned)).collect::<Vec<_>>(),
    };
    needed.iter().map(|band| position(band, &names, needed)).collect()
}

fn spelled(name: &str) -> String {
    canonical(name).map_or_else(|| name.trim().to_owned(), str::to_owned)
}

fn position(band: &str, names: &[Option<String>], needed: &[&str]) -> Result<usize> {
    let wanted = spelled(band);
    let mut places = names.iter().enumerate().filter(|(_, name)| name.as_ref() == Some(&wanted));
    match (places.next(), places.next()) {
        (Some((place, _)), None) => Ok(place + 1),
        (found, _) => {
            let state = if found.is_some() { "is there more than once" } else { "is missing" };
            let list: Vec<&str> = names.iter().map(|n| n.as_deref().unwrap_or("unnamed")).collect();
            let advice = if wanted == "B10" && found.is_none() {
                "Level-2A products have no B10: give the Level-1C product, or name the bands with"
            } else {
                "name them with"
            };
            Err(Error::input(format!(
                "band {band} {state}: the model needs {}; the raster has {} bands: {}; {advice} \
                 --bands, in file order",
                needed.join(","),
                list.len(),
                list.join(",")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_every_usual_spelling() {
        for (text, name) in [
            ("B2", Some("B02")),
            ("b02", Some("B02")),
            ("B8A", Some("B8A")),
            ("B08", Some("B08")),
            ("Band 11", None),
            ("Band_9", None),
            ("B12, central wavelength 2190 nm", Some("B12")),
            ("S2A_MSIL2A_20170617_B09", Some("B09")),
            ("T33UUP_20200101T100031_B8A_20m", Some("B8A")),
            ("B02 B03", None),
            ("B13", None),
            ("red", None),
            ("", None),
        ] {
            assert_eq!(canonical(text), name, "{text}");
        }
        for (nanometres, name) in
            [(490.0, "B02"), (864.7, "B8A"), (842.0, "B08"), (2190.0, "B12"), (1500.0, "")]
        {
            assert_eq!(by_wavelength(nanometres).unwrap_or_default(), name, "{nanometres}");
        }
    }

    fn labels(texts: &[&str]) -> Vec<Label> {
        let label = |text: &&str| Label { texts: vec![(*text).to_owned()], wavelength: None };
        texts.iter().map(label).collect()
    }

    #[test]
    fn bands_are_found_by_name_wherever_they_stand() {
        let file = labels(&["B12", "B3", "x", "b_02", "B2"]);
        assert_eq!(find(&["B02", "B12"], &file, None).unwrap(), [5, 1]);
        let given: Vec<String> = ["B02", "-", "foo", "B12", "-"].map(str::to_owned).into();
        assert_eq!(find(&["B02", "B12", "foo"], &file, Some(&given)).unwrap(), [1, 4, 3]);
    }

    #[test]
    fn a_mismatch_lists_what_was_found_and_needed() {
        let error = find(&["B02", "B04"], &labels(&["B02", "", "B03"]), None).unwrap_err();
        assert_eq!(
            error.message(),
            "band B04 is missing: the model needs B02,B04; the raster has 3 bands: \
             B02,unnamed,B03; name them with --bands, in file order"
        );
        let twice = find(&["B02"], &labels(&["B02", "B2"]), None).unwrap_err();
        assert!(twice.message().contains("more than once"));
        let short = find(&["B02"], &labels(&["B02", "B3"]), Some(&["B02".into()])).unwrap_err();
        assert_eq!(short.kind(), crate::error::Kind::Usage);
    }
}
