//! Opens the rasters of a run and finds in them what the model needs.

use std::path::{Path, PathBuf};

use crate::bands::{self, Label};
use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::model::manifest::Manifest;
use crate::normalise::needed;
use crate::options::{Options, Part};
use crate::raster::dates::Dates;
use crate::raster::gdal::{
    Aoi, BandInfo, GdalApi, GdalBands, GdalSource, Georeference, RasterInfo, bbox_window, near,
};
use crate::raster::{Area, RasterSource};
use crate::tile::TilePlan;

/// The opened rasters of a run, one per date, on one grid.
#[derive(Debug)]
pub struct Inputs {
    dates: Vec<Date>,
    dn_offset: f32,
    window: Window,
    area: Option<Aoi>,
}

/// The opened raster of a date.
#[derive(Debug)]
pub(crate) struct Date {
    /// What was opened.
    pub(crate) name: String,
    /// Numbers of the bands that are read, from 1.
    pub(crate) bands: Vec<usize>,
    /// Reads them.
    pub(crate) source: GdalBands,
}

impl Inputs {
    /// Opens the rasters and chooses their bands.
    ///
    /// # Errors
    /// - Usage: another number of rasters than the model has dates; options that do not fit.
    /// - Input: a raster cannot be opened, misses a band or an offset, or is on another grid.
    pub fn open(
        api: &'static GdalApi,
        manifest: &Manifest,
        names: &[&str],
        options: &Options,
    ) -> Result<Self> {
        let dates = manifest.task.inputs();
        if names.len() != dates.len() {
            return Err(Error::usage(format!(
                "a {} model takes {} raster(s), {}; {} given",
                manifest.task.name(),
                dates.len(),
                dates.join(" and "),
                names.len()
            )));
        }
        let mut offsets = Vec::new();
        let mut open = |name: &&str| {
            let at = |error: Error| error.at(&format!("'{name}'"));
            let source = GdalSource::open(api, name)?;
            let info = source.info().clone();
            offsets.push(dn_offset(manifest, stated_offset(&info), options).map_err(at)?);
            let bands = find_bands(manifest, &info, options).map_err(at)?;
            let source = source.select(&bands, options.nodata)?;
            Ok(Date { name: (*name).to_owned(), bands, source })
        };
        let dates = names.iter().map(&mut open).collect::<Result<Vec<_>>>()?;
        let window =
            Window::whole(dates.first().map_or(Size::new(0, 0), |date| date.source.size()));
        let mut inputs = Self { dates, dn_offset: offsets[0], window, area: None };
        inputs.check_grid()?;
        inputs.narrow(api, &options.part).map_err(|error| error.at(&inputs.place_name()))?;
        if offsets.iter().any(|offset| *offset != offsets[0]) {
            return Err(Error::input(
                "the dates have different offsets of their digital numbers; bring them to one \
                 first, or give --dn-offset for both",
            ));
        }
        Ok(inputs)
    }

    /// Plans the chips of the window.
    ///
    /// # Errors
    /// - Usage: the overlap or the window do not fit.
    pub fn plan(&self, manifest: &Manifest, options: &Options) -> Result<TilePlan> {
        let at = |error: Error| error.at(&self.place_name());
        let grid = options.grid(manifest).map_err(at)?;
        TilePlan::new(self.source().size(), self.window, grid).map_err(at)
    }

    /// Finds the part that is asked for.
    fn narrow(&mut self, api: &'static GdalApi, part: &Part) -> Result<()> {
        let (size, place) = (self.window.size, self.place());
        match part {
            Part::Whole => {}
            Part::Window(window) => self.window = *window,
            Part::Rectangle { corners, srs } => {
                self.window = bbox_window(api, place, size, *corners, srs.as_deref())?;
            }
            Part::Polygons(path) => {
                let name = path.to_str().ok_or_else(|| {
                    let name = path.display();
                    Error::usage(format!("the file name '{name}' is not UTF-8; rename it"))
                })?;
                let aoi = Aoi::open(api, name, place, size)?;
                self.window = aoi.window();
                self.area = Some(aoi);
            }
        }
        Ok(())
    }

    /// Returns which pixels are asked for; all of the window, if there is none.
    pub fn area(&self) -> Option<&dyn Area> {
        self.area.as_ref().map(|area| area as &dyn Area)
    }

    /// Serves the bands of all dates.
    pub fn source(&self) -> Dates<'_> {
        Dates::new(self.dates.iter().map(|date| &date.source as &dyn RasterSource).collect())
    }

    /// Lists the rasters.
    pub(crate) fn dates(&self) -> &[Date] {
        &self.dates
    }

    /// Returns where the rasters lie.
    pub fn place(&self) -> &Georeference {
        &self.dates[0].source.info().georeference
    }

    /// Returns what is added to every digital number.
    pub fn dn_offset(&self) -> f32 {
        self.dn_offset
    }

    /// Names the first raster, as the place of an error.
    pub fn place_name(&self) -> String {
        format!("'{}'", self.dates[0].name)
    }

    /// Names the rasters' files.
    pub fn file_names(&self) -> String {
        let name = |date: &Date| {
            Path::new(&date.name).file_name().unwrap_or_default().to_string_lossy().into_owned()
        };
        self.dates.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    /// Checks that no output is a raster that is read, or the model.
    ///
    /// # Errors
    /// - Usage: one is.
    pub fn must_differ(&self, outputs: &[PathBuf], model: &Path) -> Result<()> {
        let read = self.dates.iter().map(|date| Path::new(&date.name)).chain([model]);
        for read in read {
            if let Some(output) = outputs.iter().find(|output| same_file(output, read)) {
                return Err(Error::usage(format!(
                    "'{}' is read by this run and would be overwritten; give another output",
                    output.display()
                )));
            }
        }
        Ok(())
    }

    /// Checks that all dates have the first one's extent and place.
    fn check_grid(&self) -> Result<()> {
        let first = self.dates[0].source.info();
        for Date { name, source, .. } in self.dates.iter().skip(1) {
            let info = source.info();
            if info.size != first.size || !near(&info.georeference, &first.georeference) {
                return Err(Error::input(format!(
                    "'{name}' ({}) is not on the grid of {} ({}); bring both to one grid first, \
                     as with gdalwarp -te -tr",
                    info.size,
                    self.place_name(),
                    first.size
                )));
            }
        }
        Ok(())
    }
}

/// Tells whether two names mean one file.
pub(crate) fn same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path: &Path| path.metadata().ok().map(|about| (about.dev(), about.ino()));
    id(a).is_some_and(|a| Some(a) == id(b))
}

/// Finds the bands that the model needs.
fn find_bands(manifest: &Manifest, info: &RasterInfo, options: &Options) -> Result<Vec<usize>> {
    if let (true, Some(first)) = (info.bands.is_empty(), info.subdatasets.first()) {
        return Err(Error::input(format!(
            "the file holds several rasters and none of its own; name one of them, as in '{}'",
            first.name
        )));
    }
    let labels: Vec<Label> = info.bands.iter().map(label).collect();
    bands::find(&needed(&manifest.channels), &labels, options.bands.as_deref())
}

/// Collects what a band says of itself; wavelengths come in nanometres or micrometres.
fn label(band: &BandInfo) -> Label {
    let item = |key: &str| {
        let found = band.metadata.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.clone())
    };
    let texts = std::iter::once(band.description.clone())
        .chain(["BANDNAME", "BAND_NAME", "name"].into_iter().filter_map(item))
        .collect();
    let number = |text: String| text.split_whitespace().next()?.parse::<f64>().ok();
    let keys = ["CENTRAL_WAVELENGTH_UM", "WAVELENGTH", "CENTRAL_WAVELENGTH_NM"];
    let stated = keys.into_iter().find_map(item).and_then(number);
    let micrometres = |value: f64| if value < 20.0 { value * 1000.0 } else { value };
    Label { texts, wavelength: stated.map(micrometres) }
}

/// Returns the offset that a file states; NaN if it states what is no number.
fn stated_offset(info: &RasterInfo) -> Option<f64> {
    ["BOA_ADD_OFFSET", "RADIO_ADD_OFFSET"]
        .into_iter()
        .find_map(|key| info.metadata.get(key).map(|text| text.trim().parse().unwrap_or(f64::NAN)))
}

/// Returns what is added to digital numbers: the caller's word, the raster's own (`stated`), or 0
/// where it does not matter.
pub(crate) fn dn_offset(
    manifest: &Manifest,
    stated: Option<f64>,
    options: &Options,
) -> Result<f32> {
    let offset = options.dn_offset.or(stated);
    // What a foreign model was trained on is its user's to know.
    let ours = manifest.profile.is_some();
    if offset.is_none() && ours && manifest.normalisation.needs_dn_offset() {
        return Err(Error::input(
            "this model needs to know the offset of the digital numbers, and the raster does not \
             tell; give --dn-offset -1000 for Sentinel-2 products of baseline 04.00 or newer \
             (January 2022), --dn-offset 0 for older ones and for files already corrected",
        ));
    }
    #[allow(clippy::cast_possible_truncation, reason = "digital numbers are f32 from here on")]
    let offset = offset.unwrap_or(0.0) as f32;
    if offset.abs() < 1e6 {
        return Ok(offset);
    }
    Err(Error::input(format!(
        "an offset of {offset} is not one of digital numbers; give --dn-offset"
    )))
}
