//! Settles creation options.

use super::sink::Format;
use crate::error::{Error, Result};
use crate::raster::{Layer, SampleType, Stored};

/// From this many bands on, features for example, GDAL's own blocks of 256 x 256 pixels would be
/// hundreds of megabytes each.
const MANY_BANDS: usize = 64;

/// Returns the options of the GTiff that is encoded from the rows: the caller's over ours, by key.
///
/// # Errors
/// - Usage: one has no `=`.
pub(super) fn gtiff(layer: &Layer, format: Format, given: &[String]) -> Result<Vec<String>> {
    // Without the last two GDAL takes three bands of bytes for a picture, and a fourth for opacity.
    let mut ours = vec!["TILED=YES", "BIGTIFF=IF_SAFER", "PHOTOMETRIC=MINISBLACK", "ALPHA=NO"];
    if layer.bands.len() > MANY_BANDS {
        ours.extend(["BLOCKXSIZE=32", "BLOCKYSIZE=32"]);
    }
    let floats = layer.sample == SampleType::F32 && layer.stored == Stored::AsIs;
    let predictor = if floats { "PREDICTOR=3" } else { "PREDICTOR=2" };
    match format {
        Format::GTiff => merged(&ours, predictor, given),
        Format::Cog => merged(&ours, predictor, &[]),
    }
}

/// Returns the options of a COG: the caller's over ours, by key. Class indices must not be averaged.
///
/// # Errors
/// - Usage: one has no `=`.
pub(super) fn cog(layer: &Layer, given: &[String]) -> Result<Vec<String>> {
    // Nor integers that each band has another scale for, by a GDAL that takes them to have no sign.
    let resampling = match layer.sample {
        SampleType::F32 if layer.stored == Stored::AsIs => "OVERVIEW_RESAMPLING=AVERAGE",
        _ => "OVERVIEW_RESAMPLING=NEAREST",
    };
    let mut ours = vec!["BIGTIFF=IF_SAFER", resampling];
    if layer.bands.len() > MANY_BANDS {
        // The smallest that GDAL takes; its own are of 512 x 512 pixels.
        ours.push("BLOCKSIZE=128");
    }
    merged(&ours, "PREDICTOR=YES", given)
}

fn merged(ours: &[&str], predictor: &str, given: &[String]) -> Result<Vec<String>> {
    if let Some(option) = given.iter().find(|option| !option.contains('=')) {
        return Err(Error::usage(format!("the creation option '{option}' is not KEY=VALUE")));
    }
    let compresses = given.iter().any(|option| key(option) == "COMPRESS");
    let compression = if compresses { vec![] } else { vec!["COMPRESS=DEFLATE", predictor] };
    let ours = ours.iter().chain(&compression);
    let kept = ours.filter(|ours| !given.iter().any(|option| key(option) == key(ours)));
    Ok(kept.map(|ours| (*ours).to_owned()).chain(given.iter().cloned()).collect())
}

/// Returns an option's name; GDAL does not heed its case.
pub(super) fn key(option: &str) -> String {
    option.split('=').next().unwrap_or("").to_ascii_uppercase()
}
