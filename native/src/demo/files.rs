//! Writes the scene and its truth, reads what was made of it.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::geometry::{Size, Window};
use crate::landscape::{self, Landscape};
use crate::model::manifest::Class;
use crate::picture::parse_colour;
use crate::raster::gdal::{GdalApi, GdalSink, GdalSource, Georeference, SinkOptions};
use crate::raster::{Category, Layer, RasterSink, RasterSource, SampleType, Samples, Stored};

/// UTM zone 33 north, where the scene lies.
const SRS: &str = r#"PROJCS["WGS 84 / UTM zone 33N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",15],PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1,AUTHORITY["EPSG","9001"]],AXIS["Easting",EAST],AXIS["Northing",NORTH],AUTHORITY["EPSG","32633"]]"#;

/// Its upper left corner, and pixels of 10 m.
const PLACE: [f64; 6] = [600_000.0, 10.0, 0.0, 5_400_000.0, 0.0, -10.0];

/// The files of a demonstration.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) scene: PathBuf,
    pub(super) truth: PathBuf,
    pub(super) map: PathBuf,
    pub(super) picture: PathBuf,
    overwrite: bool,
}

impl Files {
    /// Names the files and makes their folder.
    ///
    /// # Errors
    /// - Usage: one exists and must not be overwritten.
    /// - Io: the folder cannot be made.
    pub(super) fn new(folder: &Path, overwrite: bool) -> Result<Self> {
        std::fs::create_dir_all(folder)
            .map_err(|error| Error::file("make the folder", folder, &error))?;
        let names = ["scene.tif", "truth.tif", "map.tif", "map.confidence.tif", "demo.png"];
        let files = names.map(|name| folder.join(name));
        if let Some(file) = files.iter().find(|file| file.exists() && !overwrite) {
            return Err(Error::usage(format!(
                "'{}' exists; give another folder, or --overwrite to replace it",
                file.display()
            )));
        }
        let [scene, truth, map, _, picture] = files;
        Ok(Self { scene, truth, map, picture, overwrite })
    }

    /// Writes the scene, as a product would be stacked, and its truth.
    ///
    /// # Errors
    /// - Usage: a file exists and must not be overwritten.
    /// - Io: one cannot be written.
    pub(super) fn write(
        &self,
        api: &'static GdalApi,
        landscape: &Landscape,
        classes: &[Class],
    ) -> Result<()> {
        write_scene(api, &self.scene, landscape, self.overwrite)?;
        let category = |class: &Class| Category {
            name: class.name.clone(),
            colour: parse_colour(&class.colour),
        };
        let truth = Layer {
            sample: SampleType::U8,
            bands: vec!["class".to_owned()],
            nodata: Some(landscape::NO_TRUTH.into()),
            categories: classes.iter().map(category).collect(),
            stored: Stored::AsIs,
        };
        let samples = Samples::U8(landscape.truth());
        store(api, &self.truth, landscape.size(), &truth, samples, &[], self.overwrite)
    }
}

/// Writes a scene, as a product would be stacked.
///
/// # Errors
/// - Usage: the file exists and must not be overwritten.
/// - Io: it cannot be written.
pub(super) fn write_scene(
    api: &'static GdalApi,
    file: &Path,
    landscape: &Landscape,
    overwrite: bool,
) -> Result<()> {
    let (width, pixels) = (landscape.size().width as usize, landscape.size().pixels());
    let rows = (0..pixels).step_by(width);
    let scene: Vec<u16> = rows
        .flat_map(|row| landscape.pixels().chunks(pixels).map(move |it| &it[row..row + width]))
        .flatten()
        .copied()
        .collect();
    let bands = Layer {
        sample: SampleType::U16,
        bands: landscape::BANDS.map(str::to_owned).to_vec(),
        nodata: Some(landscape::NODATA.into()),
        categories: Vec::new(),
        stored: Stored::AsIs,
    };
    let offset = ("BOA_ADD_OFFSET".to_owned(), landscape.dn_offset().to_string());
    store(api, file, landscape.size(), &bands, Samples::U16(&scene), &[offset], overwrite)
}

fn store(
    api: &'static GdalApi,
    path: &Path,
    size: Size,
    layer: &Layer,
    rows: Samples<'_>,
    metadata: &[(String, String)],
    overwrite: bool,
) -> Result<()> {
    let place = Georeference { geotransform: Some(PLACE), gcps: Vec::new(), srs: SRS.to_owned() };
    let options = SinkOptions { overwrite, ..SinkOptions::default() };
    let mut sink = GdalSink::create(api, path, &options, layer, size, &place)?;
    sink.write(rows)?;
    sink.finish(metadata, &mut |_, _| true).map(drop)
}

/// Reads a raster's first band, (row, column).
///
/// # Errors
/// - Input: it cannot be read.
pub(super) fn read(path: &Path, size: Size) -> Result<Vec<f32>> {
    let api = GdalApi::find()?;
    let bands = GdalSource::open(api, &path.to_string_lossy())?.select(&[1], None)?;
    let (mut pixels, mut valid) = (vec![0.0; size.pixels()], vec![0; size.pixels()]);
    bands.read(Window::new(0, 0, size), &mut pixels, &mut valid)?;
    Ok(pixels
        .into_iter()
        .zip(valid)
        .map(|(it, valid)| if valid == 1 { it } else { NONE })
        .collect())
}

/// What [`read`] gives where a raster has nothing: the nodata value of a class raster.
pub(super) const NONE: f32 = 255.0;
