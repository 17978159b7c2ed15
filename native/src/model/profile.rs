//! Built-in profiles: how the published models were fed, and what their classes mean.
//!
//! Weights tell none of this. Sources: the original's loaders and predict scripts at commit 56d2c4d
//! of danfenghong/IEEE_TPAMI_SpectralGPT, and its authors' answers in issues #2, #13, #25 and #31.

use super::manifest::{Channel, Class, Normalisation};
use crate::error::{Error, Result};

/// A way of feeding a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    /// The word of the command line.
    pub name: &'static str,
    /// Names of the band channels, in order.
    pub bands: &'static [&'static str],
    /// How many channels of the mean over all of `bands` follow them.
    pub means: usize,
    /// Processing level of the training data.
    pub processing_level: &'static str,
    /// Side of the raster's square that becomes a chip, or `None` if it is a chip's own.
    pub footprint_px: Option<u32>,
    /// Names and colours of the classes, in score order; empty where the data set has none.
    pub classes: &'static [(&'static str, &'static str)],
    scaling: Scaling,
}

/// Where a profile's normalisation has its constants from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scaling {
    ChipMinMax,
    ZScore(&'static [f64], &'static [f64]),
    ClippedBytes(&'static [f64], &'static [f64]),
}

/// The bands of pre-training: all but the cirrus band B10.
const TWELVE: &[&str] =
    &["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"];

/// Every built-in profile.
pub const PROFILES: [Profile; 7] = [
    Profile {
        name: "pretrain",
        bands: TWELVE,
        means: 0,
        processing_level: "L1C",
        footprint_px: None,
        classes: &[],
        scaling: Scaling::ChipMinMax,
    },
    // Stock EuroSAT files hold B8A last, the original believes it is ninth: a model trained on them
    // saw the cirrus band B10, never B11, and the last four bands scaled by others' statistics.
    Profile {
        name: "eurosat-stock",
        bands: &[
            "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B12", "B8A",
        ],
        means: 0,
        processing_level: "L1C",
        footprint_px: Some(64),
        classes: EUROSAT_CLASSES,
        scaling: Scaling::ZScore(&EUROSAT_MEAN, &EUROSAT_STD),
    },
    Profile {
        name: "eurosat-canonical",
        bands: TWELVE,
        means: 0,
        processing_level: "L1C",
        footprint_px: Some(64),
        classes: EUROSAT_CLASSES,
        scaling: Scaling::ZScore(&EUROSAT_MEAN, &EUROSAT_STD),
    },
    Profile {
        name: "bigearthnet",
        bands: TWELVE,
        means: 0,
        processing_level: "L2A",
        footprint_px: Some(120),
        classes: BIGEARTHNET_CLASSES,
        scaling: Scaling::ClippedBytes(&BIGEARTHNET_MEAN, &BIGEARTHNET_STD),
    },
    Profile {
        name: "segmunich",
        bands: &["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"],
        means: 2,
        processing_level: "L2A",
        footprint_px: None,
        classes: SEGMUNICH_CLASSES,
        scaling: Scaling::ChipMinMax,
    },
    Profile {
        name: "oscd",
        bands: TWELVE,
        means: 0,
        processing_level: "L1C",
        footprint_px: None,
        classes: &[("unchanged", "#000000"), ("changed", "#ffffff")],
        scaling: Scaling::ChipMinMax,
    },
    Profile {
        name: "landcover",
        bands: TWELVE,
        means: 0,
        processing_level: "L2A",
        footprint_px: None,
        classes: LANDCOVER_CLASSES,
        scaling: Scaling::ZScore(&LANDCOVER_MEAN, &LANDCOVER_STD),
    },
];

/// Of the landscapes that the built-in model was trained on; as in `models/train/chips.py`.
const LANDCOVER_MEAN: [f64; 12] = [
    1000.0, 1000.0, 1100.0, 1100.0, 1350.0, 1800.0, 2000.0, 2100.0, 2150.0, 1750.0, 1900.0, 1450.0,
];
const LANDCOVER_STD: [f64; 12] =
    [700.0, 650.0, 650.0, 750.0, 750.0, 900.0, 1000.0, 1050.0, 1100.0, 1100.0, 1200.0, 1050.0];

/// In the order of `landscape::Class`.
const LANDCOVER_CLASSES: &[(&str, &str)] = &[
    ("water", "#0064c8"),
    ("trees", "#006400"),
    ("grass or shrub", "#b4dc5a"),
    ("crops", "#ffdc78"),
    ("built", "#dc003c"),
    ("bare", "#a0826e"),
    ("snow or cloud", "#f0f0f5"),
];

/// EuroSAT's statistics as the original has them, the eleventh (its B10) left out.
const EUROSAT_MEAN: [f64; 12] = [
    752.40087073,
    884.29673756,
    1144.16202635,
    1297.47289228,
    1624.90992062,
    2194.6423161,
    2422.21248945,
    2517.76053101,
    2581.64687018,
    2645.51888987,
    2368.51236873,
    1805.06846033,
];
const EUROSAT_STD: [f64; 12] = [
    1108.02887453,
    1155.15170768,
    1183.6292542,
    1368.11351514,
    1370.265037,
    1355.55390699,
    1416.51487101,
    1474.78900051,
    1439.3086061,
    1582.28010962,
    1455.52084939,
    1343.48379601,
];

/// In the alphabetical order of the data set's folders.
const EUROSAT_CLASSES: &[(&str, &str)] = &[
    ("AnnualCrop", "#ffffa8"),
    ("Forest", "#00a600"),
    ("HerbaceousVegetation", "#ccf24d"),
    ("Highway", "#808080"),
    ("Industrial", "#cc4df2"),
    ("Pasture", "#e6e64d"),
    ("PermanentCrop", "#e68000"),
    ("Residential", "#ff0000"),
    ("River", "#00ccf2"),
    ("SeaLake", "#0000cc"),
];

/// The statistics of fMoW-Sentinel, its B10 left out, which the original uses for BigEarthNet.
const BIGEARTHNET_MEAN: [f64; 12] = [
    1370.19151926,
    1184.3824625,
    1120.77120066,
    1136.26026392,
    1263.73947144,
    1645.40315151,
    1846.87040806,
    1762.59530783,
    1972.62420416,
    582.72633433,
    1732.16362238,
    1247.91870117,
];
const BIGEARTHNET_STD: [f64; 12] = [
    633.15169573,
    650.2842772,
    712.12507725,
    965.23119807,
    948.9819932,
    1108.06650639,
    1258.36394548,
    1233.1492281,
    1364.38688993,
    472.37967789,
    1310.36996126,
    1087.6020813,
];

/// Colours are CORINE's, or between those of the classes that a name joins.
const BIGEARTHNET_CLASSES: &[(&str, &str)] = &[
    ("Urban fabric", "#e6004d"),
    ("Industrial or commercial units", "#cc4df2"),
    ("Arable land", "#ffffa8"),
    ("Permanent crops", "#e68000"),
    ("Pastures", "#e6e64d"),
    ("Complex cultivation patterns", "#ffe64d"),
    (
        "Land principally occupied by agriculture, with significant areas of natural vegetation",
        "#e6cc4d",
    ),
    ("Agro-forestry areas", "#f2cca6"),
    ("Broad-leaved forest", "#80ff00"),
    ("Coniferous forest", "#00a600"),
    ("Mixed forest", "#4dff00"),
    ("Natural grassland and sparsely vegetated areas", "#ccf24d"),
    ("Moors, heathland and sclerophyllous vegetation", "#a6ff80"),
    ("Transitional woodland/shrub", "#a6f200"),
    ("Beaches, dunes, sands", "#e6e6e6"),
    ("Inland wetlands", "#a6a6ff"),
    ("Coastal wetlands", "#ccccff"),
    ("Inland waters", "#80f2e6"),
    ("Marine waters", "#e6f2ff"),
];

/// In network order; the number in a name is the data set's code. Colours are ours, after CORINE's:
/// the original's palette was not published.
const SEGMUNICH_CLASSES: &[(&str, &str)] = &[
    ("0 Background", "#000000"),
    ("21 Arable land", "#ffffa8"),
    ("22 Permanent crops", "#e68000"),
    ("23 Pastures", "#e6e64d"),
    ("31 Forests", "#00a600"),
    ("5 Surface water", "#00ccf2"),
    ("32 Shrub", "#a6f200"),
    ("33 Open spaces", "#cccccc"),
    ("41 Wetlands", "#a6a6ff"),
    ("13 Mine, dump or construction", "#a600cc"),
    ("14 Artificial vegetation", "#ffa6ff"),
    ("11 Urban fabric", "#ff0000"),
    ("12 Buildings", "#cc4df2"),
];

impl Profile {
    /// Finds a profile by name.
    ///
    /// # Errors
    /// - Usage: there is none of that name.
    pub fn named(name: &str) -> Result<Self> {
        PROFILES.into_iter().find(|profile| profile.name == name).ok_or_else(|| {
            let known = PROFILES.map(|profile| profile.name).join(", ");
            Error::usage(format!("there is no profile '{name}'; give one of {known}"))
        })
    }

    /// Lists the channels.
    pub fn channels(&self) -> Vec<Channel> {
        let bands = || self.bands.iter().map(|band| (*band).to_owned());
        let means = std::iter::repeat_n(Channel::Mean(bands().collect()), self.means);
        bands().map(Channel::Band).chain(means).collect()
    }

    /// Returns the normalisation. The original's epsilons in minimum to maximum (none to 1e-9) do
    /// not show in f32 digital numbers; what it turns into NaN, a constant channel, is 0.
    pub fn normalisation(&self) -> Normalisation {
        match self.scaling {
            Scaling::ChipMinMax => Normalisation::ChipMinMax { epsilon: 0.0 },
            Scaling::ZScore(mean, std) => {
                Normalisation::ZScore { mean: mean.into(), std: std.into() }
            }
            Scaling::ClippedBytes(mean, std) => {
                Normalisation::ClippedBytes { mean: mean.into(), std: std.into() }
            }
        }
    }

    /// Returns the side to which the footprint is resized before its middle, the chip, is cut out:
    /// the original's evaluation keeps 224 of 256 parts. `None` where nothing is resized.
    pub fn resize_px(&self, chip_px: u32) -> Option<u32> {
        self.footprint_px.map(|_| chip_px * 256 / 224)
    }

    /// Names `count` classes: the data set's if it has as many, else by number, in distinct colours.
    pub fn classes(&self, count: u32) -> Vec<Class> {
        let known = Some(self.classes).filter(|classes| classes.len() == count as usize);
        let numbered = |value| (format!("class {value}"), colour(value));
        (0..count)
            .map(|value| {
                let named = known.map(|classes| classes[value as usize]);
                let (name, colour) =
                    named.map_or_else(|| numbered(value), |(name, hex)| (name.into(), hex.into()));
                Class { value, name, colour, threshold: None }
            })
            .collect()
    }
}

/// Returns one of a series of colours that stay apart: hues a golden angle from each other.
fn colour(value: u32) -> String {
    let hue = f64::from(value) * 137.508 % 360.0;
    let channel = |shift: f64| {
        let k = (shift + hue / 30.0) % 12.0;
        let level = 0.5 - 0.4 * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
        let byte = (level * 255.0).round() as u8;
        byte
    };
    format!("#{:02x}{:02x}{:02x}", channel(0.0), channel(8.0), channel(4.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_profile_feeds_twelve_channels() {
        for profile in PROFILES {
            assert_eq!(profile.channels().len(), 12, "{}", profile.name);
            assert_eq!(Profile::named(profile.name), Ok(profile));
        }
        assert!(Profile::named("x").unwrap_err().message().contains("segmunich"));
    }

    #[test]
    fn classes_keep_their_codes_or_are_numbered_apart() {
        let munich = Profile::named("segmunich").unwrap();
        let names: Vec<String> = munich.classes(13).into_iter().map(|class| class.name).collect();
        assert_eq!((names[1].as_str(), names[5].as_str()), ("21 Arable land", "5 Surface water"));
        let other = munich.classes(40);
        assert_eq!(other[39].name, "class 39");
        let colours: HashSet<_> = other.into_iter().map(|class| class.colour).collect();
        assert_eq!(colours.len(), 40);
    }
}
