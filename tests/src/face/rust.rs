//! The Rust API, on memory.

use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::model::Model;
use spectralgpt_core::options::{Options, Part};
use spectralgpt_core::progress::Silent;
use spectralgpt_core::raster::memory::{MemorySink, MemorySource};
use spectralgpt_core::raster::{RasterSink, RasterSource};
use spectralgpt_core::scene::Predictor;

use super::{Case, Face, Plane, Refusal, by_band};

/// The crate itself.
#[derive(Debug, Clone, Copy)]
pub struct Rust;

impl Face for Rust {
    fn name(&self) -> String {
        "Rust".into()
    }

    fn predict(&self, case: &Case<'_>) -> std::result::Result<Vec<Plane>, Refusal> {
        predict(case).map_err(|error: Error| (error.kind() as i32, error.message().to_owned()))
    }
}

fn predict(case: &Case<'_>) -> Result<Vec<Plane>> {
    let mut options = Options::default();
    options.emit = case.emit.split(',').map(str::parse).collect::<Result<_>>()?;
    options.part = case.window.map_or(Part::Whole, Part::Window);
    options.overlap = case.overlap;
    options.batch = case.batch;
    options.threads = case.threads;
    options.nodata = case.nodata;
    options.dn_offset = case.dn_offset;
    let predictor = Predictor::new(Model::open(case.model)?, options)?;
    let names: Vec<String> = case.bands.iter().map(|band| (*band).to_owned()).collect();
    let bands = predictor.find_bands(&names)?;
    let plane = case.size.pixels();
    let source = |date: usize| {
        let all = case.planar(date);
        let chosen = bands.iter().flat_map(|band| &all[band * plane..(band + 1) * plane]);
        MemorySource::new(case.size, bands.len(), chosen.copied().collect(), None)
    };
    let sources = (0..case.dates.len()).map(source).collect::<Result<Vec<_>>>()?;
    let sources: Vec<&dyn RasterSource> = sources.iter().map(|source| source as _).collect();
    let layers = predictor.layers(case.size)?;
    let mut sinks = vec![MemorySink::default(); layers.len()];
    let mut taken: Vec<&mut dyn RasterSink> = sinks.iter_mut().map(|sink| sink as _).collect();
    predictor.predict_sources(&sources, &mut taken, &mut Silent)?;
    let outputs = sinks.iter().zip(&layers);
    Ok(outputs
        .map(|(sink, (size, layer))| by_band(&sink.pixels, *size, layer.bands.len()))
        .collect())
}
