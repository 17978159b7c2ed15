//! Runs a model on rasters in memory and on files.

use std::path::Path;

use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::model::Model;
use spectralgpt_core::progress::Silent;
use spectralgpt_core::raster::strided::{Room, StridedSink, StridedSource, Strides};
use spectralgpt_core::raster::{RasterSink, RasterSource, Samples};
use spectralgpt_core::scene::Predictor;

use crate::bridge::{Plane, Raster};
use crate::options::Options;

/// A model with its network loaded.
#[derive(Debug)]
pub(crate) struct Session(Predictor);

/// Opens a model and loads its network.
pub(crate) fn open(model: &str, options: &Options) -> Result<Box<Session>> {
    let predictor = Predictor::new(Model::open(Path::new(model))?, options.0.clone())?;
    predictor.load()?;
    Ok(Box::new(Session(predictor)))
}

impl Session {
    pub(crate) fn describe(&self) -> String {
        self.0.model().manifest().to_json()
    }

    pub(crate) fn predict(&self, rasters: &[Raster<'_>]) -> Result<Vec<Plane>> {
        let first = rasters.first().ok_or_else(|| Error::usage("no raster was given"))?;
        let layers = self.0.layers(Size::new(first.width, first.height))?;
        let sources: Vec<StridedSource<'_>> =
            rasters.iter().map(|raster| self.source(raster)).collect::<Result<_>>()?;
        let mut planes: Vec<Plane> = layers
            .iter()
            .map(|(size, layer)| Plane {
                samples: vec![0.0; size.pixels() * layer.bands.len()],
                width: size.width,
                height: size.height,
                bands: layer.bands.len(),
            })
            .collect();
        let sinks = planes.iter_mut().zip(&layers).map(|(plane, (size, layer))| {
            let room = Room::F32(&mut plane.samples);
            StridedSink::new(*size, plane.bands, layer.sample, room, Strides::planar(*size))
        });
        let mut sinks = sinks.collect::<Result<Vec<_>>>()?;
        let sources: Vec<&dyn RasterSource> = sources.iter().map(|source| source as _).collect();
        let mut rooms: Vec<&mut dyn RasterSink> = sinks.iter_mut().map(|sink| sink as _).collect();
        self.0.predict_sources(&sources, &mut rooms, &mut Silent)?;
        Ok(planes)
    }

    pub(crate) fn predict_files(&self, inputs: &[String], output: &str) -> Result<String> {
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let report = self.0.predict(&inputs, Path::new(output), &mut Silent)?;
        Ok(report.to_json().to_string())
    }

    /// Serves the bands that the model needs.
    fn source<'a>(&self, raster: &Raster<'a>) -> Result<StridedSource<'a>> {
        let size = Size::new(raster.width, raster.height);
        let names: Vec<String> = raster.bands.split(',').map(|name| name.trim().into()).collect();
        let samples = Samples::U16(raster.samples);
        let all = StridedSource::new(size, names.len(), samples, Strides::planar(size), None)?;
        all.select(&self.0.find_bands(&names)?)
    }
}
