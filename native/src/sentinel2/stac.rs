//! Reads a STAC item whose assets lie on this machine.

use serde_json::Value;

use super::CLASSIFICATION;
use super::files::{BandFile, by_name, finest, is_image};
use super::metadata::{Facts, level};
use crate::bands::canonical;
use crate::error::{Error, Result};
use crate::raster::gdal::GdalApi;

/// Reads an item; `None` if the file is no STAC item.
///
/// # Errors
/// - Input: it has no band of Sentinel-2's on this machine, or a band twice.
pub(super) fn read(api: &GdalApi, path: &str) -> Result<Option<(Facts, Vec<BandFile>)>> {
    let Ok(item) = serde_json::from_str::<Value>(&api.read_text(path)?) else { return Ok(None) };
    let Some(assets) = item["assets"].as_object().filter(|_| item["stac_version"].is_string())
    else {
        return Ok(None);
    };
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let properties = &item["properties"];
    let applied = properties["earthsearch:boa_offset_applied"] == Value::Bool(true);
    let mut files = Vec::new();
    for (key, asset) in assets {
        let href = asset["href"].as_str().unwrap_or_default();
        let Some(href) = local(href, folder).filter(|href| is_image(href)) else { continue };
        if let Some(band) = band(key, asset, &href) {
            let offset = if applied { Some(0.0) } else { offset(asset) };
            files.push(BandFile { band, path: href, offset });
        }
    }
    if files.is_empty() {
        return Err(Error::input(
            "the STAC item has no Sentinel-2 band on this machine; download its assets and let the \
             item name them by relative paths",
        ));
    }
    Ok(Some((facts(&item), finest(files)?)))
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
        start: text(&["datetime"]),
    }
}

fn level_of(text: &str) -> Option<&'static str> {
    level(text.strip_prefix("S2MSI").unwrap_or(text))
}

/// Returns the band of an asset: by its key, its description, its file.
fn band(key: &str, asset: &Value, href: &str) -> Option<&'static str> {
    let named =
        ["eo:bands", "bands"].into_iter().filter_map(|list| asset[list][0]["name"].as_str());
    let told = std::iter::once(key).chain(named).find_map(canonical);
    let classified = key.eq_ignore_ascii_case(CLASSIFICATION).then_some(CLASSIFICATION);
    let by_file = || by_name(std::iter::once(href.to_owned())).first().map(|file| file.band);
    told.or(classified).or_else(by_file)
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
        _ if href.contains("://") => None,
        _ if href.starts_with('/') => Some(href.to_owned()),
        _ => Some(format!("{folder}/{}", href.strip_prefix("./").unwrap_or(href))),
    }
}
