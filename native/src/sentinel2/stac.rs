//! Reads a STAC item whose assets lie on this machine.

use serde_json::Value;

use super::files::{BandFile, by_name, finest, is_image};
use super::metadata::{Facts, level};
use super::{CLASSIFICATION, Found};
use crate::bands::{by_wavelength, canonical};
use crate::error::{Error, Result};
use crate::raster::gdal::GdalApi;

/// Reads an item; `None` if the file is no STAC item.
///
/// # Errors
/// - Input: it has no band of Sentinel-2's on this machine, or a band twice.
pub(super) fn read(api: &GdalApi, path: &str) -> Result<Option<Found>> {
    let Ok(item) = serde_json::from_str::<Value>(&api.read_text(path)?) else { return Ok(None) };
    let Some(assets) = item["assets"].as_object().filter(|_| item["stac_version"].is_string())
    else {
        return Ok(None);
    };
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let facts = facts(&item);
    let applied = item["properties"]["earthsearch:boa_offset_applied"] == Value::Bool(true);
    let known = Some(0.0).filter(|_| applied || facts.before_offsets());
    let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
    for (key, asset) in assets {
        let href = asset["href"].as_str().unwrap_or_default();
        let Some(band) = band(key, asset, href).filter(|_| is_image(href)) else { continue };
        let offset = known.or_else(|| offset(asset));
        match local(href, folder) {
            Some(path) => here.push(BandFile { band, path, offset, far: false }),
            None => elsewhere.push(BandFile { band, path: href.to_owned(), offset, far: true }),
        }
    }
    if here.is_empty() {
        return Err(Error::input(
            "the STAC item has no Sentinel-2 band on this machine; download its assets and let the \
             item name them by relative paths",
        ));
    }
    let parts = here.iter().map(|file| file.path.clone()).chain([path.to_owned()]).collect();
    let mut files = finest(here)?;
    for file in elsewhere {
        if !files.iter().any(|other| other.band == file.band) {
            files.push(file);
        }
    }
    Ok(Some((facts, files, parts)))
}

/// Collects what an item says of itself, in the words of its extensions.
fn facts(item: &Value) -> Facts {
    let properties = &item["properties"];
    let text =
        |keys: &[&str]| keys.iter().find_map(|key| properties[*key].as_str()).map(str::to_owned);
    let level = text(&["processing:level", "s2:processing_level", "s2:product_type"]);
    Facts {
        product: text(&["s2:product_uri"]).or_else(|| item["id"].as_str().map(str::to_owned)),
        level: level.as_deref().and_then(level_of),
        baseline: text(&["s2:processing_baseline", "processing:version"]),
        start: text(&["datetime", "start_datetime"]),
    }
}

fn level_of(text: &str) -> Option<&'static str> {
    level(text.strip_prefix("S2MSI").unwrap_or(text))
}

/// Tells the band of an asset: by its key, its description, its file, its wavelength. One of several
/// bands, such as a picture, has none.
fn band(key: &str, asset: &Value, href: &str) -> Option<&'static str> {
    let lists = ["eo:bands", "bands"].map(|list| &asset[list]);
    if lists.iter().any(|list| list.as_array().is_some_and(|list| list.len() > 1)) {
        return None;
    }
    let named = lists.iter().filter_map(|list| list[0]["name"].as_str());
    let told = std::iter::once(key).chain(named).find_map(canonical);
    let classified = key.eq_ignore_ascii_case(CLASSIFICATION).then_some(CLASSIFICATION);
    let by_file = || by_name(std::iter::once(href.to_owned())).first().map(|file| file.band);
    let keys = ["center_wavelength", "eo:center_wavelength"];
    let wave = || lists.iter().find_map(|list| keys.iter().find_map(|key| list[0][*key].as_f64()));
    let by_wave = || wave().and_then(|micrometres| by_wavelength(micrometres * 1000.0));
    told.or(classified).or_else(by_file).or_else(by_wave)
}

/// Returns the offset in digital numbers that an asset states: STAC's is one of reflectance.
fn offset(asset: &Value) -> Option<f64> {
    let described = [&asset["raster:bands"][0], &asset["bands"][0], asset];
    described.into_iter().find_map(|band| {
        let number = |key: &str| band[key].as_f64().or(band[format!("raster:{key}")].as_f64());
        let (offset, scale) = (number("offset")?, number("scale")?);
        (scale != 0.0).then(|| (offset / scale).round())
    })
}

/// Returns the path of an asset on this machine.
fn local(href: &str, folder: &str) -> Option<String> {
    let href = href.strip_prefix("file://").unwrap_or(href);
    match href {
        _ if href.contains("://") || href.starts_with("/vsi") => None,
        _ if href.starts_with('/') => Some(href.to_owned()),
        _ => Some(format!("{folder}/{}", href.strip_prefix("./").unwrap_or(href))),
    }
}
