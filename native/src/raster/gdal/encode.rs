//! Encodes rows as a file and proves that it holds them.

use std::ffi::{CString, c_int};
use std::path::{Path, PathBuf};

use super::GdalApi;
use super::create::Strict;
use super::creation;
use super::dataset::Dataset;
use super::georeference::{Georeference, same_place};
use super::int8::{self, Scales};
use super::pieces::pieces;
use super::publish::Destination;
use super::scratch::{RowLayout, Scratch};
use super::sink::{Format, SinkOptions};
use super::strings::c_text;
use super::watch::Watch;
use crate::error::{Error, Kind, Result};
use crate::geometry::{Size, Window};
use crate::raster::Layer;

/// What is to be encoded, besides the rows. The file holds pixels, georeference, nodata and band
/// names, so that two runs give the same bytes.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) api: &'static GdalApi,
    pub(super) size: Size,
    /// That of the file, of other samples than the rows' where these are made smaller.
    pub(super) layout: RowLayout,
    pub(super) georeference: Georeference,
    names: Vec<CString>,
    nodata: Option<f64>,
    /// Creation options of the GTiff that is made of the rows.
    pub(super) gtiff: Vec<String>,
    /// Creation options of the COG that is made of that, if one is wanted.
    pub(super) cog: Option<Vec<String>>,
    pub(super) memory: u64,
}

impl Encoder {
    /// Settles the creation options: `KEY=VALUE` of the caller over ours.
    ///
    /// # Errors
    /// - Usage: an option has no `=`; a band name holds a NUL.
    pub(super) fn new(
        api: &'static GdalApi,
        layer: &Layer,
        size: Size,
        georeference: Georeference,
        options: &SinkOptions,
    ) -> Result<Self> {
        let cog = match options.format {
            Format::GTiff => None,
            Format::Cog => Some(creation::cog(layer, &options.creation)?),
        };
        let layout = RowLayout::new(layer, size).stored(&layer.stored);
        let mut gtiff = creation::gtiff(layer, options.format, &options.creation)?;
        if layout.signed_by_option(api) {
            gtiff.push("PIXELTYPE=SIGNEDBYTE".to_owned());
        }
        Ok(Self {
            api,
            size,
            layout,
            names: layer.bands.iter().map(|name| c_text(name)).collect::<Result<_>>()?,
            nodata: if layout.signed { Some(int8::NODATA.into()) } else { layer.nodata },
            georeference,
            gtiff,
            cog,
            memory: options.memory,
        })
    }

    /// Counts how often [`encode`](Self::encode) goes over the rows.
    pub(super) fn passes(&self) -> u32 {
        2 + u32::from(self.cog.is_some())
    }

    /// Encodes all rows, reads the file again and compares it with them. Returns the file.
    ///
    /// # Errors
    /// - Io: the file cannot be written, or does not hold what was written.
    /// - Failed: rows are missing.
    /// - Cancelled: the caller said so.
    pub(super) fn encode(
        &self,
        scratch: &Scratch,
        destination: &Destination,
        watch: &mut Watch<'_>,
    ) -> Result<PathBuf> {
        scratch.complete()?;
        let path = destination.hidden("map.tif");
        let doing = || format!("cannot encode the map, which needs {}", scratch.need());
        let dataset = Dataset::create(self.api, &path, self.size, self.layout, &self.gtiff)?;
        let scales = self.scales(scratch)?;
        self.describe(&dataset, scales.as_ref())?;
        let mut pixels = Vec::new();
        for window in self.pieces(&dataset) {
            read(scratch, scales.as_ref(), window, &mut pixels)?;
            let write = || dataset.write_window(window, self.layout, &pixels);
            self.api.attempt(Kind::Io, doing, write)?;
            watch.advance(window)?;
        }
        dataset.close(doing)?;
        let path = self.copy(path, destination, Strict::No, watch)?;
        self.verify(scratch, scales.as_ref(), &path, watch)?;
        Ok(path)
    }

    /// Finds the scales of samples that are made smaller.
    fn scales(&self, scratch: &Scratch) -> Result<Option<Scales>> {
        let find = || Scales::find(scratch, self.size, self.memory / 4);
        self.layout.signed.then(find).transpose()
    }

    /// Makes the COG that is wanted of the GTiff, which goes.
    pub(super) fn copy(
        &self,
        gtiff: PathBuf,
        destination: &Destination,
        strict: Strict,
        watch: &mut Watch<'_>,
    ) -> Result<PathBuf> {
        let Some(options) = &self.cog else { return Ok(gtiff) };
        let path = destination.hidden("map.cog.tif");
        let source = Dataset::open(self.api, &gtiff.to_string_lossy(), &["GTiff"])
            .map_err(|error| Error::io(error.message()))?;
        let cog = source.copy_to_cog(&path, options, strict, watch)?;
        cog.close(|| format!("cannot write '{}'", path.display()))?;
        drop(source);
        std::fs::remove_file(&gtiff).map_err(|error| Error::file("remove", &gtiff, &error))?;
        Ok(path)
    }

    /// Cuts the file into windows of which two fit into memory, beside GDAL's copy of some blocks.
    fn pieces(&self, dataset: &Dataset) -> impl Iterator<Item = Window> {
        // Those that are made smaller are there twice.
        let sample = if self.layout.signed { size_of::<f32>() } else { self.layout.sample_bytes() };
        let pixel = sample * self.layout.bands as usize;
        pieces(self.size, dataset.block(dataset.band(1)), pixel, self.memory / 4)
    }

    /// Writes what the file says besides its pixels.
    ///
    /// # Errors
    /// - Io: GDAL refuses it.
    pub(super) fn describe(&self, dataset: &Dataset, scales: Option<&Scales>) -> Result<()> {
        self.georeference.write(dataset)?;
        let doing = || "cannot write band names, nodata and scales".to_owned();
        self.api.attempt(Kind::Io, doing, || {
            let mut bands = (1..).zip(&self.names);
            bands.try_for_each(|(number, name)| dataset.describe(number, name, self.nodata))?;
            let mut scales = (1..).zip(scales.map_or(&[][..], Scales::each));
            scales.try_for_each(|(number, scale)| dataset.set_scale(number, *scale))
        })
    }

    fn verify(
        &self,
        scratch: &Scratch,
        scales: Option<&Scales>,
        path: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let dataset = self.check_description(path)?;
        let (mut pixels, mut encoded) = (Vec::new(), Vec::new());
        for window in self.pieces(&dataset) {
            read(scratch, scales, window, &mut pixels)?;
            encoded.resize(pixels.len(), 0);
            let doing = || "cannot read the encoded map back".to_owned();
            let read = || dataset.read_window(window, self.layout, &mut encoded);
            self.api.attempt_pixels(Kind::Io, doing, read)?;
            if encoded != pixels {
                let Window { col, row, size } = window;
                return Err(Error::io(format!(
                    "the encoded map differs from its pixels in {size} at column {col}, row {row}; \
                     check the disk"
                )));
            }
            watch.advance(window)?;
        }
        Ok(())
    }

    /// Opens the file and checks all but its pixels. What it cannot hold GDAL puts in a sidecar,
    /// where it would be lost.
    ///
    /// # Errors
    /// - Usage: something is in a sidecar.
    /// - Io: the file is unusable or does not hold what it was given.
    pub(super) fn check_description(&self, path: &Path) -> Result<Dataset> {
        let path = path.to_string_lossy();
        let sidecar = format!("{path}.aux.xml");
        if std::fs::exists(&sidecar).unwrap_or(true) {
            let options = self.cog.as_ref().unwrap_or(&self.gtiff).join(" ");
            return Err(Error::usage(format!(
                "a file with the options {options} cannot hold the georeference, nodata value and \
                 band names; leave out options like PROFILE"
            )));
        }
        let dataset = Dataset::open(self.api, &path, &["GTiff"])
            .map_err(|error| Error::io(format!("the encoded map is unusable: {error}")))?;
        if dataset.bands() != c_int::try_from(self.layout.bands).unwrap_or(-1) {
            return Err(Error::io("the encoded map lost bands; check the disk"));
        }
        self.api.listen(|| same_place(&Georeference::read(&dataset), &self.georeference)).0?;
        Ok(dataset)
    }
}

/// Reads a window of all bands as the file holds it, (row, band, column).
fn read(
    scratch: &Scratch,
    scales: Option<&Scales>,
    window: Window,
    pixels: &mut Vec<u8>,
) -> Result<()> {
    scratch.read(window, pixels)?;
    if let Some(scales) = scales {
        *pixels = scales.integers(pixels, window.size.width);
    }
    Ok(())
}
