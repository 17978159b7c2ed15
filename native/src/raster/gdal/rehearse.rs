//! Finds out before a run what would fail after it.

use super::create::Strict;
use super::creation::key;
use super::dataset::Dataset;
use super::encode::Encoder;
use super::publish::Destination;
use super::scratch::RowLayout;
use super::srs::crs_name;
use super::watch::Watch;
use crate::error::{Error, Kind, Result};
use crate::geometry::{Size, Window};
use crate::memory::words;
use crate::raster::SampleType;

/// Extent of the raster that is tried.
const SMALL: Size = Size::square(16);

impl Encoder {
    /// Tries the creation options on a small raster. A coordinate reference system that a GTiff
    /// cannot hold is taken out and returned, for the sidecar.
    ///
    /// # Errors
    /// - Usage: GDAL does not take the options, they lose something, or a block is too large.
    /// - Input: the coordinate reference system goes into no file.
    /// - Io: a file cannot be written.
    pub(super) fn rehearse(&mut self, destination: &Destination) -> Result<Option<String>> {
        self.check_blocks(destination)?;
        let Err(error) = self.try_small(destination) else { return Ok(None) };
        // What fails once only is the disk, not the reference system.
        if self.try_small(destination).is_ok() {
            return Err(error);
        }
        let srs = std::mem::take(&mut self.georeference.srs);
        if srs.is_empty() || self.try_small(destination).is_err() {
            return Err(error);
        }
        if self.georeference.by_points() {
            return Err(Error::input(format!(
                "a GTiff cannot hold ground control points in the coordinate reference system \
                 '{}'; reproject the raster first, as with gdalwarp",
                crs_name(&srs)
            )));
        }
        Ok(Some(srs))
    }

    /// Encodes noise: no codec that loses something gives it back.
    fn try_small(&self, destination: &Destination) -> Result<()> {
        destination.clear()?;
        let layout = RowLayout { width: SMALL.width, ..self.layout };
        let (mut path, window) = (destination.hidden("map.tif"), Window::whole(SMALL));
        let (pixels, go_on) = (noise(layout), &mut |_, _| true);
        let dataset = Dataset::create(self.api, &path, SMALL, layout, &self.gtiff)?;
        self.describe(&dataset, None)?;
        let doing = || "cannot encode a small raster".to_owned();
        self.api.attempt(Kind::Io, doing, || dataset.write_window(window, layout, &pixels))?;
        dataset.close(doing)?;
        path = self.copy(path, destination, Strict::Yes, &mut Watch::new(go_on, SMALL, 1))?;
        let dataset = self.check_description(&path)?;
        let mut encoded = vec![0; pixels.len()];
        let doing = || "cannot read a small raster back".to_owned();
        self.api.attempt(Kind::Io, doing, || dataset.read_window(window, layout, &mut encoded))?;
        drop(dataset);
        destination.clear()?;
        if encoded == pixels {
            return Ok(());
        }
        let options = self.cog.as_ref().unwrap_or(&self.gtiff).join(" ");
        Err(Error::usage(format!(
            "a file with the options {options} does not give back the pixels it is given; leave \
             lossy options out"
        )))
    }

    /// Checks that the file can have its size, and that its blocks fit into memory.
    fn check_blocks(&self, destination: &Destination) -> Result<()> {
        let path = destination.hidden("map.tif");
        let given = self.gtiff.iter().filter(|option| key(option) != "SPARSE_OK");
        let options: Vec<String> = given.cloned().chain(["SPARSE_OK=TRUE".into()]).collect();
        let dataset = Dataset::create(self.api, &path, self.size, self.layout, &options)?;
        let block = dataset.block(dataset.band(1));
        dataset.close(|| format!("cannot write '{}'", path.display()))?;
        let pixel = self.layout.sample_bytes() * self.layout.bands as usize;
        let needed = 4 * (block.pixels() * pixel) as u64;
        if needed <= self.memory {
            return Ok(());
        }
        Err(Error::usage(format!(
            "blocks of {block} need {} while they are written, and {} are allowed; make them \
             smaller, as with TILED=YES or a smaller BLOCKYSIZE",
            words(needed),
            words(self.memory)
        )))
    }
}

/// Makes the small raster's pixels, finite and of every size. Whatever is not told to be lossy must
/// keep them, so floats have few digits.
fn noise(layout: RowLayout) -> Vec<u8> {
    let samples = SMALL.pixels() * layout.bands as usize;
    let mut state = 1u32;
    let values = (0..samples).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [.., high, higher] = state.to_le_bytes();
        u16::from_le_bytes([high, higher])
    });
    match layout.sample {
        SampleType::U8 => values.map(|value| value.to_le_bytes()[1]).collect(),
        SampleType::U16 => values.flat_map(u16::to_ne_bytes).collect(),
        SampleType::F32 => {
            values.flat_map(|value| (f32::from(value) / 3.0 - 9999.0).to_ne_bytes()).collect()
        }
    }
}
