//! Maps a raster file, or a scene made here that stays in memory.
//!
//!     map OUTPUT [INPUT [MODEL]]
//!
//! INPUT is anything GDAL opens, OUTPUT then a GeoTIFF; without INPUT it is a PGM image of class
//! numbers. MODEL is a file; default: the built-in land cover model.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::path::Path;
use std::process::ExitCode;

use spectralgpt_core::error::{Error, Kind, Result};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::model::Model;
use spectralgpt_core::options::Options;
use spectralgpt_core::progress::Silent;
use spectralgpt_core::raster::strided::{Room, StridedSink, StridedSource, Strides};
use spectralgpt_core::raster::{SampleType, Samples};
use spectralgpt_core::scene::Predictor;

const SIZE: Size = Size { width: 301, height: 203 };
const NAMES: [&str; 12] =
    ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"];

/// Digital numbers of water, forest and soil.
const SPECTRA: [[u16; 12]; 3] = [
    [1450, 1400, 1350, 1250, 1200, 1180, 1170, 1150, 1140, 1130, 1080, 1060],
    [1250, 1300, 1450, 1300, 1700, 2900, 3400, 3600, 3700, 3600, 2500, 1700],
    [1700, 1900, 2200, 2600, 2900, 3100, 3200, 3300, 3450, 3400, 4000, 3600],
];

/// Makes the scene, (band, row, column).
fn make_scene() -> Vec<u16> {
    let mut samples = Vec::new();
    for band in 0..12u16 {
        for row in 0..203u16 {
            for col in 0..301u16 {
                let cover = usize::from((row / 48 + col / 64) % 3);
                let noise = (7 * row + 13 * col + 29 * band) % 97;
                samples.push(SPECTRA[cover][usize::from(band)] + noise);
            }
        }
    }
    samples
}

/// Maps the scene; returns the class numbers, (row, column).
fn map_memory(predictor: &Predictor) -> Result<Vec<u8>> {
    let (scene, planar) = (make_scene(), Strides::planar(SIZE));
    let mut classes = vec![0; SIZE.pixels()];
    let bands = predictor.find_bands(&NAMES.map(String::from))?;
    let source = StridedSource::new(SIZE, NAMES.len(), Samples::U16(&scene), planar, None)?;
    let room = Room::U8(&mut classes);
    let mut sink = StridedSink::new(SIZE, 1, SampleType::U8, room, planar)?;
    predictor.predict_sources(&[&source.select(&bands)?], &mut [&mut sink], &mut Silent)?;
    Ok(classes)
}

fn write_image(path: &Path, classes: &[u8]) -> Result<()> {
    let mut image = format!("P5\n{} {}\n255\n", SIZE.width, SIZE.height).into_bytes();
    image.extend(classes);
    std::fs::write(path, image).map_err(|error| Error::file("write", path, &error))?;
    let mut counts = [0; 256];
    classes.iter().for_each(|class| counts[usize::from(*class)] += 1);
    for (class, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        println!("class {class}: {count} pixels");
    }
    Ok(())
}

fn map(arguments: &[String]) -> Result<()> {
    let [output, rest @ ..] = arguments else {
        return Err(Error::new(Kind::Usage, "usage: map OUTPUT [INPUT [MODEL]]"));
    };
    let (output, model) = (Path::new(output), rest.get(1).map_or("builtin:landcover", |m| m));
    let mut options = Options::default();
    options.dn_offset = Some(-1000.0); // Sentinel-2 products since baseline 04.00
    let predictor = Predictor::new(Model::open(Path::new(model))?, options)?;
    match rest.first() {
        Some(input) => predictor.predict(&[input], output, &mut Silent).map(|_| ()),
        None => write_image(output, &map_memory(&predictor)?),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match map(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("map: {error}");
            ExitCode::from(error.kind() as u8)
        }
    }
}
