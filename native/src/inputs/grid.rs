//! Says on which grid a raster is read: the model's resolution, or the first date's pixels.

use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::raster::gdal::{Georeference, Place, RasterInfo, Resampling};

/// The share by which pixels may differ from those that a model was trained on and still pass for
/// them.
const TOLERANCE: f64 = 0.25;
/// How many times as long as the model's pixels a raster's may be: beyond, most of what the model
/// looks for is not in them.
const COARSEST: f64 = 3.0;
/// How many times as short they may be: beyond, a chip would be read from thousands of pixels a side.
const FINEST: f64 = 16.0;
/// Metres of a degree of latitude.
const DEGREE: f64 = 111_320.0;

/// Checks that a raster's pixels can be made into those of `model` metres.
///
/// # Errors
/// - Input: they are too coarse or too fine.
pub(super) fn suited(info: &RasterInfo, model: f64) -> Result<()> {
    let Some(own) = metres(info) else { return Ok(()) };
    let (least, most) = (model / FINEST, model * COARSEST);
    if (least..=most * (1.0 + 1e-6)).contains(&own) {
        return Ok(());
    }
    let why = if own > most {
        "what it has learnt to see is lost in such pixels"
    } else {
        "what it has learnt to see is far larger than they are"
    };
    Err(Error::input(format!(
        "the raster has pixels of {own:.3} m, and the model was trained at {model} m: {why}; give a \
         raster of {least} to {most} m, or --resolution source to map its pixels as they are"
    )))
}

/// Returns the place of a raster at the model's resolution, over the same ground; `None` if its pixels
/// pass for the model's, or their size is unknown.
pub(super) fn place_at(info: &RasterInfo, model: f64) -> Option<Place> {
    let factor = metres(info)? / model;
    if (factor - 1.0).abs() <= TOLERANCE {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1")]
    let scaled = |pixels: u32| (f64::from(pixels) * factor).round().max(1.0) as u32;
    let size = Size::new(scaled(info.size.width), scaled(info.size.height));
    let [x, xc, xr, y, yc, yr] = info.georeference.geotransform?;
    let across = f64::from(info.size.width) / f64::from(size.width);
    let down = f64::from(info.size.height) / f64::from(size.height);
    let geotransform = Some([x, xc * across, xr * down, y, yc * across, yr * down]);
    let georeference = Georeference { geotransform, ..info.georeference.clone() };
    Some(Place { georeference, size })
}

/// Returns how a raster's pixels become those of a place: by their mean where several lie in one.
pub(super) fn coarse(info: &RasterInfo, place: &Place) -> Resampling {
    let to = side(&place.georeference, place.size);
    let own = side(&info.georeference, info.size);
    match own.zip(to) {
        Some((own, to)) if to > 1.5 * own => Resampling::Average,
        _ => Resampling::Bilinear,
    }
}

/// Returns the side of a raster's pixels in metres, if that is known.
fn metres(info: &RasterInfo) -> Option<f64> {
    if info.georeference.srs.is_empty() {
        return None;
    }
    side(&info.georeference, info.size)
}

/// Returns the side of a square as large as a pixel: metres where the reference system is known.
fn side(georeference: &Georeference, size: Size) -> Option<f64> {
    let [_, xc, xr, y, yc, yr] = georeference.geotransform?;
    let area = (xc * yr - xr * yc).abs();
    let srs = &georeference.srs;
    let geographic = ["GEOGCRS", "GEODCRS", "GEOGCS"].iter().any(|kind| srs.starts_with(kind));
    if !geographic {
        return Some(area.sqrt() * unit(srs));
    }
    let middle = y + (f64::from(size.width) * yc + f64::from(size.height) * yr) / 2.0;
    let narrowed = middle.to_radians().cos().max(0.01);
    Some((area * narrowed).sqrt() * DEGREE)
}

/// Returns the metres of a projected reference system's unit: the last that its WKT names.
fn unit(wkt: &str) -> f64 {
    let named = wkt.rsplit_once("LENGTHUNIT[").and_then(|(_, rest)| rest.split_once(','));
    let number = named.and_then(|(_, rest)| rest.split([',', ']']).next());
    number.and_then(|number| number.trim().parse().ok()).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raster(pixel: [f64; 2], srs: &str) -> RasterInfo {
        let geotransform = Some([600_000.0, pixel[0], 0.0, 48.0, 0.0, -pixel[1]]);
        RasterInfo {
            size: Size::new(301, 150),
            bands: Vec::new(),
            georeference: Georeference { geotransform, gcps: Vec::new(), srs: srs.to_owned() },
            driver: String::new(),
            metadata: Default::default(),
            subdatasets: Vec::new(),
            files: Vec::new(),
            pixel_interleaved: false,
        }
    }

    #[test]
    fn pixels_are_resampled_to_the_models_unless_they_pass_for_them() {
        let metre = "PROJCRS[...LENGTHUNIT[\"metre\",1]]";
        let foot = "PROJCRS[...LENGTHUNIT[\"US survey foot\",0.304800609601219]]";
        for (pixel, srs) in [([9.994, 9.997], metre), ([32.8, 32.8], foot), ([12.4, 12.4], metre)] {
            assert_eq!(place_at(&raster(pixel, srs), 10.0), None);
        }
        // 11.1 m along a meridian, 7.4 m across it.
        assert_eq!(place_at(&raster([0.0001, 0.0001], "GEOGCRS[]"), 10.0), None);
        assert_eq!(place_at(&raster([500.0, 500.0], ""), 10.0), None);
        let finer = place_at(&raster([20.0, 20.0], metre), 10.0).unwrap();
        assert_eq!(finer.size, Size::new(602, 300));
        let geotransform = finer.georeference.geotransform.unwrap();
        assert_eq!(geotransform, [600_000.0, 10.0, 0.0, 48.0, 0.0, -10.0]);
        let coarser = place_at(&raster([2.0, 2.0], metre), 10.0).unwrap();
        assert_eq!(coarser.size, Size::new(60, 30));
        assert_eq!(coarse(&raster([2.0, 2.0], metre), &coarser), Resampling::Average);
        assert_eq!(coarse(&raster([20.0, 20.0], metre), &finer), Resampling::Bilinear);
    }

    #[test]
    fn pixels_far_off_are_refused() {
        let of =
            |side: f64| suited(&raster([side, side], "PROJCRS[LENGTHUNIT[\"metre\",1]]"), 10.0);
        for side in [0.7, 5.0, 10.0, 30.0] {
            of(side).unwrap();
        }
        assert!(of(0.2).unwrap_err().message().contains("far larger"));
        assert!(
            of(60.0).unwrap_err().message().contains("of 0.625 to 30 m, or --resolution source")
        );
    }
}
