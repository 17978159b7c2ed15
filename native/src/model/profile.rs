//! Built-in profiles: how the published models were fed, and what their classes mean.
//!
//! Weights tell none of this. Sources: the original's loaders and predict scripts at commit 56d2c4d
//! of danfenghong/IEEE_TPAMI_SpectralGPT, and its authors' answers in issues #2, #13, #25 and #31.

use super::manifest::{Channel, Class, Normalisation};
use crate::error::{Error, Result};

/// A way of feeding a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// The word of the command line.
    pub name: &'static str,
    /// Names of the band channels, in order.
    pub bands: &'static [&'static str],
    /// How many channels of the mean over all of `bands` follow them.
    pub means: usize,
    /// Processing level of the training data.
    pub processing_level: &'static str,
    /// Names and colours of the classes, in score order; empty where the data set has none.
    pub classes: &'static [(&'static str, &'static str)],
}

/// Every built-in profile.
pub const PROFILES: [Profile; 2] = [
    Profile {
        name: "pretrain",
        bands: &[
            "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12",
        ],
        means: 0,
        processing_level: "L1C",
        classes: &[],
    },
    Profile {
        name: "segmunich",
        bands: &["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"],
        means: 2,
        processing_level: "L2A",
        // Network order; the number in a name is the data set's code. Colours are ours, after
        // CORINE's legend: the original's palette was not published.
        classes: &[
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
        ],
    },
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

    /// Returns the normalisation: minimum to maximum of the chip. The original's epsilons (none to
    /// 1e-9) do not show in f32 digital numbers; what it turns into NaN, a constant channel, is 0.
    pub fn normalisation(&self) -> Normalisation {
        Normalisation::ChipMinMax { epsilon: 0.0 }
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
                Class { value, name, colour }
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
