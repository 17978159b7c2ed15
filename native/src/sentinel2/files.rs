//! Tells the band of a file by its name, and chooses among copies of a band.

use std::collections::BTreeMap;

use super::CLASSIFICATION;
use crate::bands::canonical;
use crate::error::{Error, Result};

/// The file of a band.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BandFile {
    /// Canonical name, or `SCL`.
    pub(super) band: &'static str,
    /// What GDAL opens.
    pub(super) path: String,
    /// Added to its digital numbers; `None` if unknown.
    pub(super) offset: Option<f64>,
    /// Whether it is named but not on this machine.
    pub(super) far: bool,
}

/// Returns a path's last part without its end.
pub(super) fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Tells whether a file may hold pixels, by its end.
pub(super) fn is_image(name: &str) -> bool {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    end.is_some_and(|end| matches!(end.as_str(), "jp2" | "tif" | "tiff"))
}

/// Finds those files whose names tell a band; quality masks, which tell one too, are not among them.
pub(super) fn by_name(paths: impl Iterator<Item = String>) -> Vec<BandFile> {
    let file = |path: String| {
        let name = stem(&path);
        let band = canonical(name).or_else(|| {
            let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
            words.any(|word| word.eq_ignore_ascii_case(CLASSIFICATION)).then_some(CLASSIFICATION)
        })?;
        let mask = name.starts_with("MSK_");
        (!mask).then_some(BandFile { band, path, offset: None, far: false })
    };
    paths.filter_map(file).collect()
}

/// Tells whether a file is Landsat's, by its name: its bands have the same names, but are others.
pub(super) fn is_landsat(path: &str) -> bool {
    let name = stem(path).to_ascii_uppercase();
    let mission = |word: &str| {
        let mut letters = word.chars();
        let sensor = matches!(
            (letters.next(), letters.next()),
            (Some('L'), Some('C' | 'E' | 'M' | 'O' | 'T'))
        );
        sensor && word.len() == 4 && word[2..].parse::<u8>().is_ok()
    };
    name.split('_').next().is_some_and(mission) || name.starts_with("HLS.L30")
}

/// Keeps one file of each band: level 2A has most bands at several resolutions, which its files' names
/// tell (`_10m`). That at the band's own resolution comes first: newer products have B01 at 20 m too,
/// interpolated. Then the finest.
///
/// # Errors
/// - Input: two files of a band are equally good.
pub(super) fn finest(files: Vec<BandFile>) -> Result<Vec<BandFile>> {
    let mut chosen: BTreeMap<&str, BandFile> = BTreeMap::new();
    for file in files {
        match chosen.get(file.band).map(|other| (rank(other), other)) {
            Some((best, other)) if best == rank(&file) => {
                return Err(Error::input(format!(
                    "band {} is there twice, as '{}' and '{}'; keep the files of one place and date \
                     in a folder of their own",
                    file.band, other.path, file.path
                )));
            }
            Some((best, _)) if best < rank(&file) => {}
            _ => {
                chosen.insert(file.band, file);
            }
        }
    }
    Ok(chosen.into_values().collect())
}

/// Orders the files of a band, the best first.
fn rank(file: &BandFile) -> u32 {
    let own = match file.band {
        "B02" | "B03" | "B04" | "B08" => 10,
        "B01" | "B09" | "B10" => 60,
        _ => 20,
    };
    Some(metres(&file.path)).filter(|metres| *metres != own).unwrap_or(0)
}

/// Returns the resolution that a file's name tells, in metres; 0 where none is told.
fn metres(path: &str) -> u32 {
    let word = stem(path).rsplit('_').next().and_then(|word| word.strip_suffix('m'));
    word.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(paths: &[&str]) -> Result<Vec<(&'static str, String)>> {
        let files = finest(by_name(paths.iter().map(|path| (*path).to_owned())))?;
        Ok(files.into_iter().map(|file| (file.band, file.path)).collect())
    }

    #[test]
    fn each_bands_finest_file_is_chosen_by_name() {
        let found = chosen(&[
            "r/B08x/T33UUP_20200101T100031_B02_20m.jp2",
            "r/T33UUP_20200101T100031_B02_10m.jp2",
            "r/T33UUP_20200101T100031_B02_60m.jp2",
            "r/T33UUP_20200101T100031_B01_20m.jp2",
            "r/T33UUP_20200101T100031_B01_60m.jp2",
            "r/T33UUP_20200101T100031_SCL_20m.jp2",
            "r/T33UUP_20200101T100031_TCI_10m.jp2",
            "r/MSK_DETFOO_B05.jp2",
            "r/S2A_MSIL2A_20170613T101031_87_48_B8A.tif",
        ]);
        let expected = [
            ("B01", "r/T33UUP_20200101T100031_B01_60m.jp2"),
            ("B02", "r/T33UUP_20200101T100031_B02_10m.jp2"),
            ("B8A", "r/S2A_MSIL2A_20170613T101031_87_48_B8A.tif"),
            ("SCL", "r/T33UUP_20200101T100031_SCL_20m.jp2"),
        ];
        assert_eq!(found.unwrap(), expected.map(|(band, path)| (band, path.to_owned())));
        let twice = chosen(&["a_B02.tif", "b_B02.tif"]).unwrap_err();
        assert!(twice.message().contains("band B02 is there twice"), "{twice}");
    }
}
