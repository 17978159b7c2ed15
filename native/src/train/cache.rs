//! Keeps the features of chips for the next training, one file per chip.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::encoder::Encoder;
use super::options::TrainOptions;
use super::seen::Map;
use crate::error::{Error, Result};
use crate::hidden::{Hidden, hex};
use crate::inputs::Inputs;
use crate::resume;
use crate::runtime::session::ProviderReport;
use crate::tile::{Grid, Tile};

/// Bytes before the features: their number and the side of the map.
const HEAD: usize = 8;

/// A folder for the features that one encoder gives of one raster; none if nothing is kept.
#[derive(Debug)]
pub(super) struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    /// Opens the folder within the one that the options name, after all that features depend on.
    ///
    /// # Errors
    /// - Io: it cannot be made.
    pub(super) fn open(
        encoder: &Encoder,
        inputs: &Inputs,
        grid: Grid,
        provider: &ProviderReport,
        options: &TrainOptions,
    ) -> Result<Self> {
        let Some(folder) = &options.cache else { return Ok(Self { folder: None }) };
        let computed = (&provider.provider, &provider.library, provider.precision.to_string());
        let key = format!(
            "{}\n{} {}\n{}\n{grid:?}\n{computed:?}",
            env!("CARGO_PKG_VERSION"),
            encoder.sha256(),
            encoder.layer(),
            resume::identity(inputs, &options.line),
        );
        let name = hex(&Sha256::digest(key.as_bytes())[..16]);
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)
            .map_err(|error| Error::file("make the folder", &folder, &error))?;
        Ok(Self { folder: Some(folder) })
    }

    /// Returns what is kept of a chip, if that is whole.
    pub(super) fn get(&self, tile: Tile) -> Option<Map> {
        let bytes = std::fs::read(self.path(tile)?).ok()?;
        let (content, sum) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(content) != u32::from_le_bytes(*sum) {
            return None;
        }
        let (head, numbers) = content.split_at_checked(HEAD)?;
        let [features, side] = [0, 4].map(|at| {
            let bytes = head[at..at + 4].try_into().unwrap_or_default();
            u32::from_le_bytes(bytes) as usize
        });
        let values: Vec<f32> =
            numbers.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        (values.len() == features * side * side).then_some(Map { features, side, values })
    }

    /// Keeps a chip's features.
    ///
    /// # Errors
    /// - Io: the folder does not take them.
    pub(super) fn put(&self, tile: Tile, map: &Map) -> Result<()> {
        let Some(path) = self.path(tile) else { return Ok(()) };
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = [number(map.features), number(map.side)].concat();
        bytes.extend(map.values.iter().flat_map(|value| value.to_le_bytes()));
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        let failed = |error: std::io::Error| Error::file("write", &path, &error);
        Hidden::write(&path, |out| out.write_all(&bytes).map_err(failed))?.publish()
    }

    fn path(&self, tile: Tile) -> Option<PathBuf> {
        let Tile { row, col } = tile;
        self.folder.as_ref().map(|folder| folder.join(format!("{row}_{col}.features")))
    }
}
