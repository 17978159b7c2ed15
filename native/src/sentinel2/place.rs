//! Follows a name to the product that it belongs to.

use std::path::Path;

use crate::error::{Error, Result};
use crate::raster::gdal::GdalApi;

/// The metadata files of products.
const METADATA: [&str; 2] = ["MTD_MSIL1C.xml", "MTD_MSIL2A.xml"];

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
    let path = absolute(part_of(name).unwrap_or(name).trim_end_matches('/'));
    let around = path.find("/GRANULE/").map(|end| &path[..end]);
    let parent = path
        .rsplit_once('/')
        .filter(|(_, file)| METADATA.contains(file) || file.eq_ignore_ascii_case("manifest.safe"));
    let inside = around.or(parent.map(|(folder, _)| folder));
    if let Some(lead) = inside.and_then(|root| product_in(api, root)) {
        return Ok(lead);
    }
    if path.to_ascii_lowercase().ends_with(".json") {
        return Ok(Lead::Item(path));
    }
    match archive(&path) {
        Some(file) if path.len() <= "/vsizip/".len() + file.len() => {
            let inside = format!("/vsizip/{file}");
            let names = api.list(&inside).ok_or_else(|| {
                Error::input(format!(
                    "'{file}' cannot be read as a zip; it is damaged or was not downloaded to its \
                     end: download it again"
                ))
            })?;
            within(api, &inside, &names)
        }
        _ if Path::new(&path).is_dir() || path.ends_with(".SAFE") => {
            api.list(&path).map_or(Ok(Lead::Elsewhere), |names| within(api, &path, &names))
        }
        _ => Ok(Lead::Elsewhere),
    }
}

/// Returns the file of a zip that a path is or lies in.
pub(super) fn archive(path: &str) -> Option<String> {
    let path = part_of(path).unwrap_or(path);
    let inside = path.strip_prefix("/vsizip/");
    let file = absolute(inside.unwrap_or(path));
    let end = file.to_ascii_lowercase().find(".zip").map(|at| at + ".zip".len())?;
    let whole = file.len() == end || (inside.is_some() && file[end..].starts_with('/'));
    (whole && Path::new(&file[..end]).is_file()).then(|| file[..end].to_owned())
}

/// Looks for a product in a folder with these names: itself, or one product's folder in it.
fn within(api: &GdalApi, folder: &str, names: &[String]) -> Result<Lead> {
    if let Some(metadata) = names.iter().find(|name| METADATA.contains(&name.as_str())) {
        return Ok(Lead::Product { root: folder.to_owned(), metadata: metadata.clone() });
    }
    let products: Vec<&str> = names
        .iter()
        .map(|name| name.trim_end_matches('/'))
        .filter(|name| name.ends_with(".SAFE"))
        .collect();
    match products.as_slice() {
        [] => Ok(Lead::Folder(folder.to_owned())),
        [one] => {
            let root = format!("{folder}/{one}");
            let Some(names) = api.list(&root) else { return Ok(Lead::Elsewhere) };
            within(api, &root, &names)
        }
        several => Err(Error::input(format!(
            "'{folder}' holds {} products: {}; name one of them",
            several.len(),
            several.join(", ")
        ))),
    }
}

fn product_in(api: &GdalApi, root: &str) -> Option<Lead> {
    let names = api.list(root)?;
    let metadata = names.into_iter().find(|name| METADATA.contains(&name.as_str()))?;
    Some(Lead::Product { root: root.to_owned(), metadata })
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
