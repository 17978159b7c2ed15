//! Opens the raster of one date and chooses what is read of it.

use std::path::Path;

use log::info;

use super::grid::{coarse, place_at, suited};
use crate::bands::{self, Label};
use crate::error::{Error, Result};
use crate::model::manifest::Manifest;
use crate::normalise::needed;
use crate::options::{Masked, Options, Resolution};
use crate::raster::gdal::{BandInfo, GdalApi, GdalBands, GdalSource, Place, RasterInfo};
use crate::sentinel2::{self, level};

/// The opened raster of a date.
#[derive(Debug)]
pub(crate) struct Date {
    /// What was opened.
    pub(crate) name: String,
    /// Numbers of the bands that are read, from 1.
    pub(crate) bands: Vec<usize>,
    /// Added to the digital numbers of each band that is read.
    pub(crate) offsets: Vec<f32>,
    /// Reads them, all with the first band's offset still to be added.
    pub(crate) source: GdalBands,
    /// `L1C` or `L2A`, if known.
    pub(super) level: Option<&'static str>,
    /// When it was sensed, if known.
    pub(super) start: Option<String>,
    /// How its pixels were made of others, if they were.
    pub(super) resampled: Option<String>,
}

/// A raster whose bands are found.
struct Found {
    name: String,
    source: GdalSource,
    bands: Vec<usize>,
    resampled: Option<String>,
}

impl Date {
    /// Opens a raster or a product, on the place of the first date if there is one.
    ///
    /// # Errors
    /// - Usage: options that do not fit.
    /// - Input: it cannot be opened, misses a band or an offset, or cannot be brought to the place.
    pub(super) fn open(
        api: &'static GdalApi,
        manifest: &Manifest,
        name: &str,
        options: &Options,
        first: Option<&Place>,
    ) -> Result<Self> {
        let source = open(api, manifest, name, options)?;
        let at = |error: Error| error.at(&format!("'{name}'"));
        let bands = find_bands(manifest, source.info(), options).map_err(at)?;
        let found = Found { name: name.to_owned(), source, bands, resampled: None };
        let found = found.on_grid(api, manifest, options, first)?;
        let info = found.source.info().clone();
        let offset =
            |band: &usize| dn_offset(manifest, stated_offset(&info, *band), options).map_err(at);
        let offsets = found.bands.iter().map(offset).collect::<Result<Vec<_>>>()?;
        let told = |key: &str| info.metadata.get(key).filter(|text| !text.is_empty()).cloned();
        Ok(Self {
            name: found.name,
            source: found.source.select(&found.bands, options.nodata)?,
            bands: found.bands,
            offsets,
            level: told("PROCESSING_LEVEL").as_deref().and_then(level),
            start: told("PRODUCT_START_TIME"),
            resampled: found.resampled,
        })
    }

    /// Returns where its pixels lie.
    pub(super) fn place(&self) -> Place {
        let info = self.source.info();
        Place { georeference: info.georeference.clone(), size: info.size }
    }

    /// Returns the first band's offset.
    pub(crate) fn dn_offset(&self) -> f32 {
        self.offsets.first().copied().unwrap_or(0.0)
    }

    /// Has every band read with one offset still to be added.
    pub(super) fn with_offset(self, offset: f32) -> Self {
        let rest = self.offsets.iter().map(|own| own - offset).collect();
        Self { source: self.source.adding(rest), ..self }
    }
}

impl Found {
    /// Brings the raster to the first date's place, or to the model's resolution if it is the first.
    fn on_grid(
        self,
        api: &'static GdalApi,
        manifest: &Manifest,
        options: &Options,
        first: Option<&Place>,
    ) -> Result<Self> {
        let at = |error: Error| error.at(&format!("'{}'", self.name));
        let info = self.source.info();
        let stays = match first {
            None => options.resolution == Resolution::Source,
            Some(place) => place.is_of(api, info),
        };
        if stays {
            return Ok(self);
        }
        let model = manifest.ground_resolution_m;
        if options.resolution == Resolution::Model {
            suited(info, model).map_err(at)?;
        }
        let place = first.cloned().or_else(|| place_at(info, model));
        let Some(place) = place else { return Ok(self) };
        let how = coarse(info, &place);
        let (cols, rows) = (place.size.width, place.size.height);
        let words = format!("{} to {cols} x {rows} pixels, {}", info.size, how.name());
        let source = self.source.onto(&place, how, options.nodata)?;
        info!("'{}' is resampled from {words}", self.name);
        Ok(Self { source, resampled: Some(words), ..self })
    }
}

/// Opens what a name leads to: of a product a virtual raster of the bands that are needed.
fn open(
    api: &'static GdalApi,
    manifest: &Manifest,
    name: &str,
    options: &Options,
) -> Result<GdalSource> {
    let masked = options.mask == Masked::Classes;
    let Some(found) = sentinel2::find(api, name)? else {
        let source = GdalSource::open(api, name).map_err(|error| no_folder(name, error))?;
        if masked && !source.info().metadata.contains_key(sentinel2::MASKED) {
            return Err(sentinel2::unclassified(None).at(&format!("'{name}'")));
        }
        return Ok(source);
    };
    let needed = needed(&manifest.channels);
    // Names that a person gives are those of all bands.
    let chosen = options.bands.is_none().then_some(needed.as_slice());
    let stack = found.stack(api, chosen, masked)?;
    Ok(GdalSource::open_as(api, &stack.xml, name)?.made_of(stack.files))
}

/// Says of a folder or a zip what was looked for in it.
fn no_folder(name: &str, error: Error) -> Error {
    let zip = name.to_ascii_lowercase().ends_with(".zip") && Path::new(name).exists();
    if !zip && !Path::new(name).is_dir() {
        return error;
    }
    Error::input(format!(
        "'{name}' holds neither a product nor band files: MTD_MSIL1C.xml, MTD_MSIL2A.xml, or .jp2 or \
         .tif files with names as B02, B8A; name a folder that does, or a raster"
    ))
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

/// Returns the offset that a file states for a band, numbered from 1; NaN if it states what is no
/// number.
fn stated_offset(info: &RasterInfo, band: usize) -> Option<f64> {
    let own = info.bands.get(band - 1);
    let keys = ["BOA_ADD_OFFSET", "RADIO_ADD_OFFSET"];
    own.map(|band| &band.metadata)
        .into_iter()
        .chain([&info.metadata])
        .find_map(|items| keys.iter().find_map(|key| items.get(*key)))
        .map(|text| text.trim().parse().unwrap_or(f64::NAN))
        .or_else(|| own.and_then(|band| band.dn_offset))
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
