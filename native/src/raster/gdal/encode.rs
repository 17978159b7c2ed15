//! Encodes rows as a GTiff and proves that it holds them.

use std::ffi::{CString, c_int};
use std::path::Path;

use super::GdalApi;
use super::dataset::Dataset;
use super::georeference::{Georeference, same_place};
use super::scratch::{RowLayout, Scratch};
use super::strings::c_text;
use crate::error::{Error, Kind, Result};
use crate::geometry::Size;
use crate::raster::{Layer, SampleType};

/// What is to be encoded, besides the rows. The file holds pixels, georeference, nodata and band
/// names, so that two runs give the same bytes.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) api: &'static GdalApi,
    pub(super) size: Size,
    layout: RowLayout,
    names: Vec<CString>,
    nodata: Option<f64>,
    georeference: Georeference,
    creation: Vec<String>,
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
        creation: &[String],
    ) -> Result<Self> {
        Ok(Self {
            api,
            size,
            layout: RowLayout::new(layer, size),
            names: layer.bands.iter().map(|name| c_text(name)).collect::<Result<_>>()?,
            nodata: layer.nodata,
            georeference,
            creation: creation_options(layer.sample, creation)?,
        })
    }

    /// Finds out before the run whether GDAL takes the creation options; leaves no file.
    ///
    /// # Errors
    /// - Usage: it does not; says what GDAL says.
    /// - Io: the georeference or the file cannot be written.
    pub(super) fn rehearse(&self, path: &Path) -> Result<()> {
        let layout = RowLayout { width: 16, ..self.layout };
        let size = Size::square(16);
        let dataset = Dataset::create(self.api, path, size, layout, &self.creation)?;
        self.describe(&dataset)?;
        dataset.close(|| format!("cannot write '{}'", path.display()))?;
        self.check_description(path)?;
        std::fs::remove_file(path).map_err(|error| Error::file("remove", path, &error))
    }

    /// Encodes all rows, reads the file again and compares it with them.
    ///
    /// # Errors
    /// - Io: the file cannot be written, or does not hold what was written.
    /// - Failed: rows are missing.
    pub(super) fn encode(&self, scratch: &mut Scratch, path: &Path) -> Result<()> {
        let need = scratch.need();
        let doing = || format!("cannot encode the map, which needs {need}");
        let dataset = Dataset::create(self.api, path, self.size, self.layout, &self.creation)?;
        self.describe(&dataset)?;
        scratch.strips(dataset.block(dataset.band(1)), |first, rows| {
            let write = || dataset.write_rows(first, self.layout, rows);
            self.api.attempt(Kind::Io, doing, write)
        })?;
        dataset.close(doing)?;
        self.verify(scratch, path)
    }

    fn describe(&self, dataset: &Dataset) -> Result<()> {
        self.georeference.write(dataset)?;
        let doing = || "cannot write band names and nodata".to_owned();
        self.api.attempt(Kind::Io, doing, || {
            let mut bands = (1..).zip(&self.names);
            bands.try_for_each(|(number, name)| dataset.describe(number, name, self.nodata))
        })
    }

    fn verify(&self, scratch: &mut Scratch, path: &Path) -> Result<()> {
        let dataset = self.check_description(path)?;
        let mut encoded = Vec::new();
        scratch.strips(dataset.block(dataset.band(1)), |first, rows| {
            encoded.resize(rows.len(), 0);
            let doing = || "cannot read the encoded map back".to_owned();
            let read = || dataset.read_rows(first, self.layout, &mut encoded);
            self.api.attempt(Kind::Io, doing, read)?;
            if encoded == rows {
                return Ok(());
            }
            Err(Error::io(format!(
                "the encoded map differs from its pixels at row {first} or after; leave lossy \
                 creation options out, or check the disk"
            )))
        })
    }

    /// Opens the file and checks all but its pixels. What a GTiff cannot hold GDAL puts in a
    /// sidecar, where it would be lost.
    fn check_description(&self, path: &Path) -> Result<Dataset> {
        let path = path.to_string_lossy();
        let sidecar = format!("{path}.aux.xml");
        if std::fs::exists(&sidecar).unwrap_or(true) {
            return Err(Error::usage(format!(
                "a GTiff with the options {} cannot hold the georeference, nodata value and band \
                 names; leave out options like PROFILE",
                self.creation.join(" ")
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

/// Puts the caller's creation options over ours, by key.
///
/// # Errors
/// - Usage: one has no `=`.
fn creation_options(sample: SampleType, given: &[String]) -> Result<Vec<String>> {
    if let Some(option) = given.iter().find(|option| !option.contains('=')) {
        return Err(Error::usage(format!("the creation option '{option}' is not KEY=VALUE")));
    }
    let key = |option: &str| option.split('=').next().unwrap_or("").to_ascii_uppercase();
    let predictor = if sample == SampleType::F32 { "PREDICTOR=3" } else { "PREDICTOR=2" };
    // Without the last two GDAL takes three bands of bytes for a picture, and a fourth for opacity.
    let ours =
        ["TILED=YES", "COMPRESS=DEFLATE", "BIGTIFF=IF_SAFER", "PHOTOMETRIC=MINISBLACK", "ALPHA=NO"];
    let compresses = given.iter().any(|option| key(option) == "COMPRESS");
    let ours = ours.into_iter().chain((!compresses).then_some(predictor));
    let kept = ours.filter(|ours| !given.iter().any(|option| key(option) == key(ours)));
    Ok(kept.map(str::to_owned).chain(given.iter().cloned()).collect())
}
