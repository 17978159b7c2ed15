//! Opens the rasters of a run and finds in them what the model needs.

mod date;
mod grid;

use std::path::{Path, PathBuf};

use log::{info, warn};

use crate::error::{Error, Result};
use crate::geometry::Window;
use crate::model::manifest::Manifest;
use crate::options::{Masked, Options, Part};
use crate::raster::dates::{Dates, Shown};
use crate::raster::gdal::{
    Aoi, GdalApi, GdalBands, GdalSource, Georeference, Place, Resampling, bbox_window,
};
use crate::raster::{Area, RasterSource};
use crate::tile::TilePlan;
pub(crate) use date::{Date, dn_offset};

/// The opened rasters of a run, one per date, on one grid.
#[derive(Debug)]
pub struct Inputs {
    dates: Vec<Date>,
    /// Other dates of the series.
    series: Vec<Date>,
    mask: Option<Shown<GdalBands>>,
    masked: Masked,
    /// Files that are read besides the rasters.
    also_read: Vec<PathBuf>,
    window: Window,
    area: Option<Aoi>,
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
        let open =
            |name: &str, place: Option<&Place>| Date::open(api, manifest, name, options, place);
        let mut place = match options.series.first() {
            Some(first) => Some(open(first, None)?.place()),
            None => None,
        };
        let mut dates: Vec<Date> = Vec::new();
        for name in names {
            let date = open(name, place.as_ref())?;
            place.get_or_insert_with(|| date.place());
            let offset = dates.first().unwrap_or(&date).dn_offset();
            dates.push(date.with_offset(offset));
        }
        let place = place.unwrap_or_default();
        let others = options.series.iter().filter(|name| !names.contains(&name.as_str()));
        let series = others.map(|name| open(name, Some(&place))).collect::<Result<Vec<_>>>()?;
        let mask = open_mask(api, &options.mask, &place)?;
        let (window, masked) = (Window::whole(place.size), options.mask.clone());
        let also_read = also_read(options);
        let mut inputs = Self { dates, series, mask, masked, also_read, window, area: None };
        inputs.narrow(api, &options.part).map_err(|error| error.at(&inputs.place_name()))?;
        inputs.tell(manifest);
        Ok(inputs)
    }

    /// Logs what is known of the dates, and warns where they do not fit the model or each other.
    fn tell(&self, manifest: &Manifest) {
        for date in &self.dates {
            if let (Some(level), Some(start)) = (date.level, &date.start) {
                let offset = date.dn_offset();
                info!("'{}' is {level} of {start}, offset {offset}", date.name);
            }
        }
        let trained = manifest.processing_level.as_deref();
        let other =
            |date: &&Date| trained.is_some() && date.level.is_some_and(|own| trained != Some(own));
        if let (Some(trained), Some(date)) = (trained, self.dates.iter().find(other)) {
            warn!(
                "the model was trained on {trained}, and '{}' is {}: the map will be worse than on \
                 {trained}",
                date.name,
                date.level.unwrap_or_default()
            );
        }
        let mut levels = self.dates.iter().filter_map(|date| date.level);
        let first = levels.next();
        if trained.is_none() && levels.any(|level| Some(level) != first) {
            warn!(
                "one date is L1C and the other L2A: much of their difference is the atmosphere's"
            );
        }
        let starts: Vec<_> = self.dates.iter().filter_map(|date| date.start.as_deref()).collect();
        if !starts.is_sorted() {
            warn!("the dates are not in order: {}", starts.join(", "));
        }
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
            .valid_in(self.beside().collect())
    }

    /// Lists what else must be valid: other dates of a series, a mask.
    fn beside(&self) -> impl Iterator<Item = &dyn RasterSource> {
        let others = self.series.iter().map(|date| &date.source as &dyn RasterSource);
        others.chain(self.mask.iter().map(|mask| mask as &dyn RasterSource))
    }

    /// Lists the rasters that only tell which pixels are valid.
    pub(crate) fn only_valid(&self) -> impl Iterator<Item = &GdalBands> {
        let others = self.series.iter().map(|date| &date.source);
        others.chain(self.mask.iter().map(|mask| &mask.0))
    }

    /// Lists what an output tells of its rasters, names and values.
    pub(crate) fn about(&self) -> Vec<(&'static str, String)> {
        let of = |value: fn(&Date) -> Option<String>| {
            let values: Vec<String> = self.dates.iter().filter_map(value).collect();
            values.join(" ")
        };
        let mask = (self.masked != Masked::Nothing).then(|| self.masked.to_string());
        vec![
            ("DN_OFFSET", of(|date| Some(date.dn_offset().to_string()))),
            ("LEVEL", of(|date| date.level.map(str::to_owned))),
            ("DATES", of(|date| date.start.clone())),
            ("RESAMPLED", of(|date| date.resampled.clone())),
            ("MASK", mask.unwrap_or_default()),
        ]
    }

    /// Lists the rasters.
    pub(crate) fn dates(&self) -> &[Date] {
        &self.dates
    }

    /// Returns where the rasters lie.
    pub fn place(&self) -> &Georeference {
        &self.dates[0].source.info().georeference
    }

    /// Returns what is added to every digital number that is read.
    pub fn dn_offset(&self) -> f32 {
        self.dates.first().map_or(0.0, Date::dn_offset)
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
        let of = |date: &Date| {
            let files = date.source.info().files.iter().map(PathBuf::from);
            files.chain([PathBuf::from(&date.name)]).collect::<Vec<_>>()
        };
        let dates = self.dates.iter().chain(&self.series).flat_map(of);
        for read in dates.chain(self.also_read.iter().cloned()).chain([model.to_owned()]) {
            if let Some(output) = outputs.iter().find(|output| same_file(output, &read)) {
                return Err(Error::usage(format!(
                    "'{}' is read by this run and would be overwritten; give another output",
                    output.display()
                )));
            }
        }
        Ok(())
    }
}

/// Lists the files besides rasters that options name.
fn also_read(options: &Options) -> Vec<PathBuf> {
    let polygons = match &options.part {
        Part::Polygons(path) => Some(path.as_path()),
        _ => None,
    };
    options.mask.file().into_iter().chain(polygons).map(Path::to_owned).collect()
}

/// Opens a mask raster on the place of the dates.
fn open_mask(
    api: &'static GdalApi,
    mask: &Masked,
    place: &Place,
) -> Result<Option<Shown<GdalBands>>> {
    let Masked::Raster(name) = mask else { return Ok(None) };
    let source = GdalSource::open(api, name)?;
    let source = if place.is_of(api, source.info()) {
        source
    } else {
        source.onto(place, Resampling::Nearest, None)?
    };
    source.select(&[1], None).map(|mask| Some(Shown(mask)))
}

/// Tells whether two names mean one file.
pub(crate) fn same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path: &Path| path.metadata().ok().map(|about| (about.dev(), about.ino()));
    id(a).is_some_and(|a| Some(a) == id(b))
}
