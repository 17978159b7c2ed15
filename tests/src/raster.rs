//! Writes and reads raster files through the library's own GDAL boundary.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use spectralgpt_core::error::Result;
use spectralgpt_core::geometry::{Size, Window};
use spectralgpt_core::normalise::{Footprint, Normaliser, Pixels};
use spectralgpt_core::raster::gdal::{GdalApi, GdalSink, GdalSource, Georeference, SinkOptions};
use spectralgpt_core::raster::{Layer, RasterSink, RasterSource, SampleType, Samples, Stored};

/// SegMunich's bands, in its files' order.
pub const SEGMUNICH: [&str; 10] =
    ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"];

/// The pre-training's bands, in its files' order.
pub const TWELVE: [&str; 12] =
    ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"];

/// Returns a place in UTM zone 33 north with pixels of 10 m.
pub fn place() -> Georeference {
    let srs = r#"PROJCRS["WGS 84 / UTM zone 33N",BASEGEOGCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]]],CONVERSION["UTM zone 33N",METHOD["Transverse Mercator"],PARAMETER["Latitude of natural origin",0],PARAMETER["Longitude of natural origin",15],PARAMETER["Scale factor at natural origin",0.9996],PARAMETER["False easting",500000],PARAMETER["False northing",0]],CS[Cartesian,2],AXIS["easting",east],AXIS["northing",north],LENGTHUNIT["metre",1],ID["EPSG",32633]]"#;
    Georeference {
        geotransform: Some([600_000.0, 10.0, 0.0, 5_400_000.0, 0.0, -10.0]),
        gcps: Vec::new(),
        srs: srs.to_owned(),
    }
}

/// Turns a generated tile, (row, column, band), to (row, band, column).
pub fn by_row(tile: &[u16], width: usize, bands: usize) -> Vec<u16> {
    let row = |row: &[u16]| -> Vec<u16> {
        (0..bands).flat_map(|band| row.iter().skip(band).step_by(bands).copied()).collect()
    };
    tile.chunks_exact(width * bands).flat_map(row).collect()
}

/// Writes 16-bit bands, `pixels` (row, band, column), with names.
///
/// # Panics
/// The file cannot be written.
pub fn write_u16(path: &Path, size: Size, bands: &[&str], pixels: &[u16], nodata: Option<f64>) {
    write(path, size, bands, (SampleType::U16, Samples::U16(pixels)), nodata, &[]);
}

/// Writes 16-bit bands as [`write_u16`] does, with creation options of GDAL's.
///
/// # Panics
/// The file cannot be written.
pub fn write_u16_as(path: &Path, size: Size, bands: &[&str], pixels: &[u16], creation: &[&str]) {
    write(path, size, bands, (SampleType::U16, Samples::U16(pixels)), None, creation);
}

/// Normalises a footprint of the bands of `pixels`, (band, row, column), all in one row.
pub fn normalise(normaliser: &Normaliser, pixels: &[f32], valid: &[u8], input: &mut [f32]) {
    let bands = Bands { pixels, width: valid.len() };
    normaliser.chip(Footprint { pixels: &bands, width: valid.len(), valid }, input);
}

/// Bands of one row.
struct Bands<'a> {
    pixels: &'a [f32],
    width: usize,
}

impl Pixels for Bands<'_> {
    type Sample = f32;

    fn row<'a>(&'a self, band: usize, _: usize, _: &'a mut Vec<f32>) -> &'a [f32] {
        &self.pixels[band * self.width..][..self.width]
    }
}

/// Writes single-precision bands, `pixels` (row, band, column), with names.
///
/// # Panics
/// The file cannot be written.
pub fn write_f32(path: &Path, size: Size, bands: &[&str], pixels: &[f32], nodata: Option<f64>) {
    write(path, size, bands, (SampleType::F32, Samples::F32(pixels)), nodata, &[]);
}

fn write(
    path: &Path,
    size: Size,
    bands: &[&str],
    (sample, pixels): (SampleType, Samples<'_>),
    nodata: Option<f64>,
    creation: &[&str],
) {
    let bands = bands.iter().map(|band| (*band).to_owned()).collect();
    let stored = Stored::AsIs;
    let layer = Layer { sample, bands, nodata, categories: Vec::new(), stored };
    let creation = creation.iter().map(|option| (*option).to_owned()).collect();
    let options = SinkOptions { creation, overwrite: true, ..SinkOptions::default() };
    let api = GdalApi::find().expect("libgdal");
    let mut sink =
        GdalSink::create(api, path, &options, &layer, size, &place()).expect("a new raster");
    sink.write(pixels).expect("rows");
    sink.finish(&[], &mut |_, _| true).expect("a raster");
}

/// Runs a script in Debian's own Python, which has GDAL, and returns what it prints; `None`, said
/// aloud, where there is no such Python. The script finds `gdal` and `np`, and `argv` from 1.
///
/// # Panics
/// The script fails.
pub fn osgeo<S: AsRef<OsStr>>(script: &str, arguments: &[S]) -> Option<String> {
    const PYTHON: &str = "/usr/bin/python3";
    let head = "from sys import argv\nimport numpy as np\nfrom osgeo import gdal\n";
    if !Command::new(PYTHON).args(["-c", head]).output().is_ok_and(|run| run.status.success()) {
        crate::skipped("no /usr/bin/python3 with osgeo and numpy");
        return None;
    }
    let script = format!("{head}gdal.UseExceptions()\n{script}");
    let run = Command::new(PYTHON).args(["-c", &script]).args(arguments).output();
    let run = run.expect("Python starts");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Some(String::from_utf8_lossy(&run.stdout).into_owned())
}

/// A raster that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// Its extent.
    pub size: Size,
    /// Its pixels, (band, row, column); nodata is what the file holds.
    pub pixels: Vec<f32>,
    /// Its geotransform.
    pub geotransform: Option<[f64; 6]>,
}

/// Reads all bands of a raster file.
///
/// # Panics
/// It cannot be read, or holds what is no number.
pub fn read(path: &Path) -> Read {
    read_part(path, None).expect("a raster")
}

/// Reads all bands of a raster file, or of a window of it.
///
/// # Errors
/// - Input: it cannot be read.
///
/// # Panics
/// It holds what is no number.
pub fn read_part(path: &Path, window: Option<Window>) -> Result<Read> {
    let source = GdalSource::open(GdalApi::find()?, &path.to_string_lossy())?;
    let info = source.info().clone();
    let bands: Vec<usize> = (1..=info.bands.len()).collect();
    let source = source.select(&bands, Some(f64::NAN))?;
    let window = window.unwrap_or(Window::whole(info.size)).inside(info.size)?;
    let mut pixels = vec![0.0; window.size.pixels() * bands.len()];
    let mut valid = vec![0; window.size.pixels()];
    source.read(window, &mut pixels, &mut valid)?;
    assert!(valid.iter().all(|valid| *valid == 1), "{} holds NaN", path.display());
    Ok(Read { size: window.size, pixels, geotransform: info.georeference.geotransform })
}
