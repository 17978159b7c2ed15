//! GDAL itself, reading a virtual raster that runs the model.

use std::path::Path;
use std::ptr::{null, null_mut};

use spectralgpt::gdal::register::sgpt_gdal_register;
use spectralgpt_core::emit::Emit;
use spectralgpt_core::error::Error;
use spectralgpt_core::geometry::{Size, Window};
use spectralgpt_core::live::vrt::{self, Form, Kind};
use spectralgpt_core::model::Model;
use spectralgpt_core::options::Options;
use spectralgpt_core::raster::gdal::{GdalApi, GdalSource};
use spectralgpt_core::scene::Predictor;

use super::{Case, Face, Plane, Refusal};
use crate::raster;

/// A live raster of that kind.
#[derive(Debug, Clone, Copy)]
pub struct Live(Kind);

impl Live {
    /// Lists the kinds that this GDAL reads.
    pub fn all() -> Vec<Self> {
        let number = GdalApi::find().map_or(0, GdalApi::version_number);
        let kinds = [(3_040_000, Kind::PixelFunction), (3_090_000, Kind::Processed)];
        let known = kinds.into_iter().filter(|(first, _)| number >= *first);
        known.map(|(_, kind)| Self(kind)).collect()
    }
}

impl Face for Live {
    fn name(&self) -> String {
        let kind = if self.0 == Kind::Processed { "processed dataset" } else { "pixel function" };
        format!("GDAL, {kind}")
    }

    fn predict(&self, case: &Case<'_>) -> Result<Vec<Plane>, Refusal> {
        // SAFETY: no module is named, no error is asked for.
        let status = unsafe { sgpt_gdal_register(null(), null_mut()) };
        assert_eq!(status, 0, "GDAL takes the plugin");
        let folder = tempfile::tempdir().expect("a folder");
        let scenes = super::c::scenes(case, folder.path());
        let scenes: Vec<&str> = scenes.iter().map(String::as_str).collect();
        let planes = planes(case, self.0, folder.path(), &scenes);
        planes.map_err(|error| (error.kind() as i32, error.message().to_owned()))
    }
}

/// Reads a live raster of each output.
fn planes(
    case: &Case<'_>,
    kind: Kind,
    folder: &Path,
    scenes: &[&str],
) -> Result<Vec<Plane>, Error> {
    let api = GdalApi::find()?;
    let mut options = Options::default();
    options.overlap = case.overlap;
    options.batch = case.batch;
    options.threads = case.threads;
    options.nodata = case.nodata;
    options.dn_offset = case.dn_offset;
    options.emit = case.emit.split(',').map(str::parse).collect::<Result<_, _>>()?;
    // A live raster holds one output, so a list of them is checked by itself.
    let emits = Predictor::new(Model::open(case.model)?, options.clone())?.options().emit.clone();
    let plane = |emit: Emit| {
        let file = folder.join(format!("{}.vrt", emit.name()));
        options.emit = vec![emit];
        let form = Form { kind, ..Form::default() };
        vrt::write(api, case.model, scenes, &file, form, &options)?;
        let window = case.window.map(|window| window.inside(case.size)).transpose()?;
        let whole = GdalSource::open(api, &file.to_string_lossy())?.info().size;
        let window = window.map(|window| scaled(window, case.size.width.div_ceil(whole.width)));
        let read = raster::read_part(&file, window)?;
        Ok(Plane { size: read.size, pixels: read.pixels })
    };
    emits.into_iter().map(plane).collect()
}

/// Counts a window in an output's pixels, each standing for so many of the scene.
fn scaled(window: Window, unit: u32) -> Window {
    let (col, row) = (window.col / unit, window.row / unit);
    let (right, bottom) = (window.end_col().div_ceil(unit), window.end_row().div_ceil(unit));
    Window::new(col, row, Size::new(right - col, bottom - row))
}
