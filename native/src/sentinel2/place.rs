//! Follows a name to the product that it belongs to.

use std::path::Path;

use super::files::{is_image, stem};
use crate::error::{Error, Result};
use crate::raster::gdal::GdalApi;

/// The metadata files of products.
const METADATA: [&str; 2] = ["MTD_MSIL1C.xml", "MTD_MSIL2A.xml"];
/// How products' folders end.
const SAFE: &str = ".SAFE";
/// How archives end.
const ZIP: &str = ".zip";
/// How many folders, one in the other, may be packed around what is looked for.
const DEPTH: usize = 2;

/// Where a name leads.
#[derive(Debug, PartialEq)]
pub(super) enum Lead {
    /// To a product: its folder, and the name of its metadata there.
    Product { root: String, metadata: String },
    /// To a folder that may hold band files.
    Folder(String),
    /// To what may be a STAC item.
    Item(String),
    /// To something else.
    Elsewhere,
}

/// Follows a name.
///
/// # Errors
/// - Input: an archive cannot be read, or there are several products.
pub(super) fn follow(api: &GdalApi, name: &str) -> Result<Lead> {
    let path = path_of(name);
    let around = path.find("/GRANULE/").map(|end| &path[..end]);
    let inside = around.or(described(&path));
    if let Some(lead) = inside.map(|root| product_in(api, root)).transpose()?.flatten() {
        return Ok(lead);
    }
    if ends_with(&path, ".json") {
        return Ok(Lead::Item(path));
    }
    let archive = archive(&path);
    if let Some(file) = archive.as_ref().filter(|file| path.ends_with(file.as_str())) {
        return in_archive(api, file);
    }
    if archive.is_some() || Path::new(&path).is_dir() || ends_with(&path, SAFE) {
        return api
            .list(&path)
            .map_or(Ok(Lead::Elsewhere), |names| within(api, &path, &names, DEPTH));
    }
    Ok(Lead::Elsewhere)
}

/// Returns the name of the product that a name is of, or of the file, without its end.
pub fn title(name: &str) -> String {
    let path = path_of(name);
    let named = described(&path).unwrap_or(&path);
    let stem = stem(named);
    stem.strip_suffix(SAFE).unwrap_or(stem).to_owned()
}

/// Returns the whole path that a name means.
fn path_of(name: &str) -> String {
    absolute(part_of(name).unwrap_or(name).trim_end_matches('/'))
}

/// Returns the folder of a product of whose files one is named that describes it all.
fn described(path: &str) -> Option<&str> {
    let (folder, file) = path.rsplit_once('/')?;
    (is_metadata(file) || file.eq_ignore_ascii_case("manifest.safe")).then_some(folder)
}

fn is_metadata(name: &str) -> bool {
    METADATA.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn ends_with(name: &str, end: &str) -> bool {
    name.to_ascii_lowercase().ends_with(&end.to_ascii_lowercase())
}

/// Returns the file of a zip that a path is or lies in.
pub(super) fn archive(path: &str) -> Option<String> {
    let path = part_of(path).unwrap_or(path);
    let inside = path.strip_prefix("/vsizip/");
    let file = absolute(inside.unwrap_or(path));
    let lower = file.to_ascii_lowercase();
    let mut ends = lower.match_indices(ZIP).map(|(at, _)| at + ZIP.len());
    let end = ends.find(|end| {
        let whole = *end == file.len() || (inside.is_some() && file[*end..].starts_with('/'));
        whole && Path::new(&file[..*end]).is_file()
    })?;
    Some(file[..end].to_owned())
}

fn in_archive(api: &GdalApi, file: &str) -> Result<Lead> {
    let inside = format!("/vsizip/{file}");
    let names = api.list(&inside).ok_or_else(|| {
        Error::input(format!(
            "'{file}' cannot be read as a zip; it is damaged or was not downloaded to its end: \
             download it again"
        ))
    })?;
    within(api, &inside, &names, DEPTH)
}

/// Looks for a product in a folder with these names: itself, one product's folder or zip in it; what
/// is packed into further folders, one in the other, up to a `depth`.
fn within(api: &GdalApi, folder: &str, names: &[String], depth: usize) -> Result<Lead> {
    let names: Vec<&str> = names.iter().map(|name| name.trim_end_matches('/')).collect();
    if let Some(lead) = described_by(folder, &names)? {
        return Ok(lead);
    }
    let mut products = names.clone();
    // A zip is often kept beside what was unpacked from it.
    let unpacked =
        |zip: &str| names.iter().any(|name| ends_with(name, SAFE) && title(name) == title(zip));
    products.retain(|name| ends_with(name, SAFE) || (is_zip_of_product(name) && !unpacked(name)));
    match products.as_slice() {
        [] => {}
        [one] if ends_with(one, SAFE) => {
            let root = format!("{folder}/{one}");
            let Some(names) = api.list(&root) else { return Ok(Lead::Elsewhere) };
            return within(api, &root, &names, 0);
        }
        [one] => return in_archive(api, &format!("{folder}/{one}")),
        several => {
            return Err(Error::input(format!(
                "'{folder}' holds {} products: {}; name one of them",
                several.len(),
                several.join(", ")
            )));
        }
    }
    if depth > 0 && !names.iter().any(|name| is_image(name)) {
        let listed = |name: &&str| {
            let inner = format!("{folder}/{name}");
            api.list(&inner).filter(|_| !name.starts_with(['.', '_'])).map(|names| (inner, names))
        };
        let mut folders = names.iter().filter_map(listed);
        if let (Some((inner, names)), None) = (folders.next(), folders.next()) {
            return within(api, &inner, &names, depth - 1);
        }
    }
    Ok(Lead::Folder(folder.to_owned()))
}

/// Tells whether a file is a product's zip, by its name.
fn is_zip_of_product(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    ends_with(name, ZIP) && upper.starts_with("S2") && upper.contains("_MSIL")
}

/// Finds the metadata among the names in a product's folder.
fn described_by(folder: &str, names: &[&str]) -> Result<Option<Lead>> {
    let mut found = names.iter().filter(|name| is_metadata(name));
    match (found.next(), found.next()) {
        (Some(one), Some(two)) => Err(Error::input(format!(
            "'{folder}' holds two products, described by {one} and {two}; keep each in a folder of \
             its own"
        ))),
        (found, _) => Ok(found
            .map(|name| Lead::Product { root: folder.to_owned(), metadata: (*name).to_owned() })),
    }
}

fn product_in(api: &GdalApi, root: &str) -> Result<Option<Lead>> {
    let names = api.list(root).unwrap_or_default();
    described_by(root, &names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Returns the file in GDAL's name of a product's part: `SENTINEL2_L2A:FILE.xml:10m:EPSG_32633`.
fn part_of(name: &str) -> Option<&str> {
    let (_, rest) = name.strip_prefix("SENTINEL2_L")?.split_once(':')?;
    let end = rest.to_ascii_lowercase().find(".xml")? + ".xml".len();
    Some(rest[..end].trim_start_matches('"'))
}

/// Returns the whole path of a local file or folder; what is in an archive gets that of the archive.
fn absolute(path: &str) -> String {
    let (before, local) = match path.strip_prefix("/vsizip/") {
        Some(local) if !local.starts_with(['/', '{']) => ("/vsizip/", local),
        Some(_) => return path.to_owned(),
        None if path.starts_with("/vsi") => return path.to_owned(),
        None => ("", path),
    };
    let whole = std::path::absolute(local).ok();
    let whole = whole.as_deref().and_then(Path::to_str).unwrap_or(local);
    format!("{before}{whole}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_tell_their_file() {
        let name = "SENTINEL2_L2A:/vsizip//a/b.zip/c.SAFE/MTD_MSIL2A.xml:10m:EPSG_32633";
        assert_eq!(part_of(name), Some("/vsizip//a/b.zip/c.SAFE/MTD_MSIL2A.xml"));
        assert_eq!(part_of("SENTINEL2_L1C_TILE:a/MTD_TL.xml:20m"), Some("a/MTD_TL.xml"));
        assert_eq!(part_of("NETCDF:a.nc:x"), None);
    }
}
