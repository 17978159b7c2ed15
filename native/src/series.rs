//! Stacks the maps of several dates.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::raster::gdal::{BandInfo, GdalApi, GdalSource, RasterInfo};
use crate::xml::{escaped, line, place};

/// Writes a virtual raster of the bands of all maps, one after the other, named by the maps' files and
/// read from beside it.
///
/// # Errors
/// - Usage: the file exists.
/// - Input: a map cannot be opened, or they lie on different grids.
/// - Io: the file cannot be written.
pub fn write(api: &'static GdalApi, maps: &[PathBuf], file: &Path, overwrite: bool) -> Result<()> {
    if file.exists() && !overwrite {
        return Err(Error::usage(format!(
            "'{}' exists; give --overwrite to replace it, or another folder",
            file.display()
        )));
    }
    let open = |map: &PathBuf| Ok(GdalSource::open(api, &map.to_string_lossy())?.info().clone());
    let opened = maps.iter().map(open).collect::<Result<Vec<RasterInfo>>>()?;
    let maps: Vec<(&Path, RasterInfo)> = maps.iter().map(PathBuf::as_path).zip(opened).collect();
    let Some((_, first)) = maps.first() else {
        return Err(Error::usage("a series of no map was to be stacked; give at least one raster"));
    };
    if let Some((path, _)) = maps.iter().find(|(_, map)| map.size != first.size) {
        return Err(Error::input(format!(
            "'{}' is not on the grid of the first map; predict the whole series anew",
            path.display()
        )));
    }
    let xml = stacked(&maps, first);
    Hidden::write(file, |out| {
        let written = out.write_all(xml.as_bytes());
        written.map_err(|error| Error::file("write", file, &error))
    })?
    .publish()
}

fn stacked(maps: &[(&Path, RasterInfo)], first: &RasterInfo) -> String {
    let (width, height) = (first.size.width, first.size.height);
    let mut xml = format!("<VRTDataset rasterXSize=\"{width}\" rasterYSize=\"{height}\">\n");
    place(&mut xml, &first.georeference);
    let bands =
        maps.iter().flat_map(|(path, map)| (1..).zip(&map.bands).map(move |band| (path, band)));
    for (number, (path, (own, band))) in (1..).zip(bands) {
        put(&mut xml, number, path, own, band);
    }
    line(&mut xml, 0, "</VRTDataset>");
    xml
}

/// Writes a band that shows band `own` of a map.
fn put(xml: &mut String, number: usize, path: &Path, own: usize, band: &BandInfo) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let begin = format!("<VRTRasterBand dataType=\"{}\" band=\"{number}\">", band.data_type);
    line(xml, 2, &begin);
    let description = format!("{stem} {}", band.description);
    line(xml, 4, &format!("<Description>{}</Description>", escaped(description.trim())));
    if let Some(nodata) = band.nodata {
        line(xml, 4, &format!("<NoDataValue>{nodata}</NoDataValue>"));
    }
    line(xml, 4, "<SimpleSource>");
    let name = escaped(&name);
    line(xml, 6, &format!("<SourceFilename relativeToVRT=\"1\">{name}</SourceFilename>"));
    line(xml, 6, &format!("<SourceBand>{own}</SourceBand>"));
    line(xml, 4, "</SimpleSource>");
    line(xml, 2, "</VRTRasterBand>");
}
