//! Tells spectral groups and a chip's side from the tables of where tokens are.

use super::shapes::axes;
use crate::checkpoint::Weights;
use crate::error::{Error, Result};

/// The bands of most networks: Sentinel-2's without the cirrus band.
const USUAL_BANDS: usize = 12;

/// The most bands that a network is taken for without being told: Sentinel-2's.
const MOST_BANDS: usize = 13;

/// The most patches along a chip's side that one is taken for: twice the published.
const MOST_SIDE: usize = 32;

/// How a checkpoint keeps where tokens are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// A table of places and one of spectral groups, which are added.
    Separate,
    /// One table of all tokens.
    Joint,
}

/// What a checkpoint was trained for.
#[derive(Debug)]
pub(super) struct Trained {
    pub(super) tables: Tables,
    pub(super) groups: usize,
    pub(super) side: usize,
}

impl Trained {
    /// Reads how many spectral groups and patches along a chip's side a checkpoint is for.
    ///
    /// A joint table tells only their product: 12 bands are assumed, or else the only number of
    /// bands that fits; where that is open, the side that was chosen for the chip settles it.
    ///
    /// # Errors
    /// - Model: a table is missing or misshapen, or no number of bands fits it.
    /// - Usage: several numbers of bands fit, and no side was chosen.
    pub(super) fn read(
        weights: &dyn Weights,
        group_bands: usize,
        chosen_side: Option<usize>,
    ) -> Result<Self> {
        if weights.shape("pos_embed").is_none() {
            let [_, places, _] = axes(weights, "pos_embed_spatial")?;
            let [_, groups, _] = axes(weights, "pos_embed_temporal")?;
            return Ok(Self { tables: Tables::Separate, groups, side: places.isqrt() });
        }
        let [_, tokens, _] = axes(weights, "pos_embed")?;
        let groups = groups(tokens, group_bands, chosen_side)?;
        Ok(Self { tables: Tables::Joint, groups, side: (tokens / groups).isqrt() })
    }
}

fn groups(tokens: usize, group_bands: usize, chosen_side: Option<usize>) -> Result<usize> {
    let side = |groups: usize| {
        let places = (groups > 0 && tokens.is_multiple_of(groups)).then(|| tokens / groups)?;
        Some(places.isqrt()).filter(|side| side * side == places)
    };
    let usual = USUAL_BANDS.is_multiple_of(group_bands).then_some(USUAL_BANDS / group_bands);
    if let Some(groups) = usual.filter(|&groups| side(groups).is_some()) {
        return Ok(groups);
    }
    let likely = |&groups: &usize| side(groups).is_some_and(|side| side <= MOST_SIDE);
    let few: Vec<_> = (1..=MOST_BANDS / group_bands).filter(likely).collect();
    let chosen = chosen_side.map(|side| side * side).filter(|&n| tokens.is_multiple_of(n));
    let chosen = chosen.map(|places| tokens / places);
    match (&few[..], chosen) {
        ([groups], _) => Ok(*groups),
        (_, Some(groups)) if few.is_empty() || few.contains(&groups) => Ok(groups),
        _ => Err(open(tokens, group_bands, &few)),
    }
}

/// Says that a joint table could be for chips of these numbers of spectral groups.
fn open(tokens: usize, group_bands: usize, few: &[usize]) -> Error {
    let given = format!(
        "the checkpoint's 'pos_embed' is for {tokens} tokens of {group_bands} bands each, which"
    );
    let advice = "give the side of the trained chips in pixels with --image-size";
    if few.is_empty() {
        return Error::model(format!(
            "{given} are no square chips of {MOST_BANDS} bands or fewer; {advice}"
        ));
    }
    let bands: Vec<_> = few.iter().map(|n| (n * group_bands).to_string()).collect();
    Error::usage(format!("{given} can be chips of {} bands; {advice}", bands.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::groups;

    #[test]
    fn a_joint_table_is_for_twelve_bands_or_the_only_number_that_fits() {
        let told = [(1024, 3), (576, 3), (256, 12), (1280, 2)].map(|(n, t)| groups(n, t, None));
        assert_eq!(told.map(Result::unwrap), [4, 4, 1, 5]);
        assert_eq!(groups(1024, 3, Some(8)).unwrap(), 4, "resized, not 48 bands");
        assert_eq!(groups(1280, 2, Some(8)).unwrap(), 5, "resized, not 40 bands");
    }

    #[test]
    fn the_image_size_settles_what_is_open() {
        let tie = groups(2048, 1, None).unwrap_err();
        assert!(tie.message().contains("2 or 8 bands"), "{tie}");
        assert_eq!(groups(2048, 1, Some(16)).unwrap(), 8);
        assert!(groups(2048, 1, Some(8)).is_err());
        assert_eq!(groups(25 * 256, 4, Some(16)).unwrap(), 25);
        assert!(groups(25 * 256, 4, None).unwrap_err().message().contains("13 bands"));
        assert!(groups(1000, 3, None).unwrap_err().message().contains("--image-size"));
    }
}
