//! Finds Sentinel-2 data as they come: products (SAFE) in folders and archives, folders of band files,
//! STAC items. Their bands become one virtual raster, which is all that the rest of the library sees.

mod files;
mod metadata;
mod place;
mod stac;
mod stack;

use std::path::Path;

pub(crate) use metadata::level;
pub use place::title;
pub use stack::{CLOUDY, Stack};
pub(crate) use stack::{MASKED, unclassified};

use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::inputs::same_file;
use crate::raster::gdal::GdalApi;
use files::{BandFile, by_name, finest, is_landsat};
use metadata::Facts;
use place::Lead;

/// The name of the scene classification among band names.
const CLASSIFICATION: &str = "SCL";

/// The files of one place and time, a band each, and what is known of them.
#[derive(Debug, Clone)]
pub struct Acquisition {
    /// What a person called it.
    name: String,
    facts: Facts,
    /// One per band, in no order; `SCL` may be among them.
    files: Vec<BandFile>,
    /// All files that belong to it, whether they are read or not; an archive counts as one.
    parts: Vec<String>,
}

/// What is found in one place: what is known of the whole, a file per band, all files.
type Found = (Facts, Vec<BandFile>, Vec<String>);

/// Finds what a name leads to: a product's folder, archive, metadata, any of its files or GDAL's names
/// of its parts; a folder of band files; a STAC item. `None` if it is none of these, such as a raster.
///
/// # Errors
/// - Input: it is one of these, but damaged or ambiguous.
pub fn find(api: &'static GdalApi, name: &str) -> Result<Option<Acquisition>> {
    let found = match place::follow(api, name)? {
        Lead::Product { root, metadata } => product(api, &root, &metadata).map(Some),
        Lead::Folder(folder) => loose(api, &folder),
        Lead::Item(path) => stac::read(api, &path),
        Lead::Elsewhere => return Ok(None),
    };
    let named = |(facts, files, parts): Found| {
        let archive = files.first().and_then(|file| place::archive(&file.path));
        let parts = archive.map_or(parts, |archive| vec![archive]);
        Acquisition { name: name.to_owned(), facts, files, parts }
    };
    found.map(|found| found.map(named)).map_err(|error| error.at(&format!("'{name}'")))
}

/// Writes a virtual raster of all bands of what a name leads to; with `masked`, clouds and their
/// shadows are invalid.
///
/// # Errors
/// - Usage: the name leads to no such data, the file exists, or is a part of them.
/// - Input: the data are damaged, or have no scene classification to mask by.
/// - Io: the file cannot be written.
pub fn write(
    api: &'static GdalApi,
    name: &str,
    file: &Path,
    masked: bool,
    overwrite: bool,
) -> Result<()> {
    if file.exists() && !overwrite {
        return Err(Error::usage(format!(
            "'{}' exists; give --overwrite to replace it, or another name",
            file.display()
        )));
    }
    let found = find(api, name)?.ok_or_else(|| {
        Error::usage(format!(
            "'{name}' is no Sentinel-2 product; give a SAFE folder or its zip, a file in it, a folder \
             of band files (names with B02, B8A; .jp2 or .tif) or a STAC item"
        ))
    })?;
    let stack = found.stack(api, None, masked)?;
    for read in stack.files.iter().map(String::as_str).chain([name]) {
        if same_file(file, Path::new(read)) {
            return Err(Error::usage(format!(
                "'{}' is part of '{name}' and would be overwritten; give another output",
                file.display()
            )));
        }
    }
    Hidden::write(file, |out| {
        let written = out.write_all(stack.xml.as_bytes());
        written.map_err(|error| Error::file("write", file, &error))
    })?
    .publish()
}

/// Reads a product's metadata and finds its files.
fn product(api: &GdalApi, root: &str, metadata: &str) -> Result<Found> {
    let path = format!("{root}/{metadata}");
    let read = metadata::parse(&api.read_text(&path)?).map_err(|error| error.at(metadata))?;
    let mut parts: Vec<String> =
        read.images.iter().map(|image| format!("{root}/{image}.jp2")).collect();
    let mut files = finest(by_name(parts.iter().cloned()))?;
    for file in &mut files {
        file.offset = read.offsets.get(file.band).copied();
    }
    parts.push(path);
    Ok((read.facts, files, parts))
}

/// Finds the band files of a folder; `None` if there is none.
fn loose(api: &GdalApi, folder: &str) -> Result<Option<Found>> {
    let names = api.list(folder).unwrap_or_default();
    let images = names.iter().filter(|name| files::is_image(name));
    let all = by_name(images.map(|name| format!("{folder}/{name}")));
    let parts = all.iter().map(|file| file.path.clone()).collect();
    let files = finest(all)?;
    if let Some(file) = files.iter().find(|file| is_landsat(&file.path)) {
        return Err(Error::input(format!(
            "'{}' is a band of Landsat's, which is another one than Sentinel-2's of that name; give \
             Sentinel-2 data, or one raster of all bands and their names with --bands",
            file.path
        )));
    }
    let first = files.iter().find(|file| file.band != CLASSIFICATION);
    let facts = first.map(|file| Facts::of_name(&file.path));
    Ok(facts.map(|facts| (facts, files, parts)))
}
