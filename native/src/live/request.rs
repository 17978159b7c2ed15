//! Says which model over which scene: what a VRT's arguments are, and the maps that are open.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::Live;
use crate::emit::Emit;
use crate::error::{Error, Result};
use crate::options::{Masked, Options};
use crate::raster::gdal::GdalApi;

/// Live maps that stay open, the latest used.
const OPEN: usize = 8;

/// What the arguments of a live VRT say.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The model: a file, or a built-in one's name.
    pub model: String,
    /// The rasters, one per date.
    pub sources: Vec<String>,
    /// The output; none: what the task gives first.
    pub emit: Option<Emit>,
    /// The output's band, from 0.
    pub band: usize,
    /// The largest pixel that is served, in metres; none: ten of the scene's.
    pub max_pixel_size: Option<f64>,
    /// How it is run.
    pub options: Options,
    /// All that a pixel depends on, as it was given.
    pub(super) key: String,
}

/// The arguments' names.
pub const ARGUMENTS: [&str; 22] = [
    "model",
    "source",
    "source_before",
    "source_after",
    "emit",
    "band",
    "class_value",
    "max_pixel_size",
    "device",
    "provider",
    "precision",
    "overlap",
    "batch",
    "threads",
    "memory",
    "bands",
    "nodata",
    "dn_offset",
    "mask",
    "resolution",
    "threshold",
    "onnxruntime",
];

impl Request {
    /// Understands arguments, names and values.
    ///
    /// # Errors
    /// - Usage: an argument is unknown or missing, or its value is not understood.
    pub fn parse<'a>(items: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut request = Self::default();
        for (name, value) in items {
            let at = |error: Error| error.at(&format!("the argument '{name}'"));
            request.set(name, value).map_err(at)?;
            if !matches!(name, "emit" | "band" | "class_value" | "max_pixel_size") {
                request.key += &format!("{name}={value}\n");
            }
        }
        let missing = |name: &str, what: &str| {
            Err(Error::usage(format!("the argument '{name}' is missing; name {what} with it")))
        };
        if request.model.is_empty() {
            return missing("model", "a model file or builtin:landcover");
        }
        if request.sources.is_empty() {
            return missing("source", "the scene");
        }
        Ok(request)
    }

    /// Lists the names of files.
    pub(super) fn names(&mut self) -> impl Iterator<Item = &mut String> {
        let mask = match &mut self.options.mask {
            Masked::Raster(raster) => Some(raster),
            _ => None,
        };
        self.sources.iter_mut().chain([&mut self.model]).chain(mask)
    }

    /// Takes names of files that are there as those in a folder; others stay as they are.
    #[must_use]
    pub fn beside(mut self, folder: &Path) -> Self {
        for name in self.names() {
            let path = folder.join(&*name);
            if path.exists() {
                *name = path.to_string_lossy().into_owned();
            }
        }
        self.key += &format!("{}\n", folder.display());
        self
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let options = &mut self.options;
        match name {
            "model" => self.model = value.to_owned(),
            "source" | "source_after" => self.sources.push(value.to_owned()),
            "source_before" => self.sources.insert(0, value.to_owned()),
            "emit" => self.emit = Some(value.parse()?),
            "band" => {
                self.band = number::<usize>(value)?.checked_sub(1).ok_or_else(wrong(value))?
            }
            "class_value" => self.band = number(value)?,
            "max_pixel_size" => self.max_pixel_size = Some(number(value)?),
            "device" => options.device = value.parse()?,
            "provider" => options.provider = value.parse()?,
            "precision" => options.precision = value.parse()?,
            "overlap" => options.overlap = Some(number(value)?),
            "batch" => options.batch = number(value)?,
            "threads" => options.threads = number(value)?,
            "memory" => options.memory = crate::memory::parse(value)?,
            "bands" => {
                let names = value.split(',').map(|name| name.trim().to_owned());
                options.bands = Some(names.collect());
            }
            "nodata" => options.nodata = Some(number(value)?),
            "dn_offset" => options.dn_offset = Some(number(value)?),
            "mask" => options.mask = value.parse()?,
            "resolution" => options.resolution = value.parse()?,
            "threshold" => options.thresholds = crate::options::thresholds(value)?,
            "onnxruntime" => options.library = Some(value.into()),
            _ => {
                let known = ARGUMENTS.join(", ");
                return Err(Error::usage(format!("it is not known; known are {known}")));
            }
        }
        Ok(())
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.trim().parse().map_err(|_| wrong(text)())
}

fn wrong(text: &str) -> impl Fn() -> Error + '_ {
    move || Error::usage(format!("'{text}' is not such a number"))
}

/// A live map that is open or being opened.
type Slot = Arc<Mutex<Option<Arc<Live>>>>;

/// Returns a live map: one that is open, if neither its model nor its rasters have changed.
///
/// # Errors
/// As [`Live::open`].
pub fn live(api: &'static GdalApi, request: &Request) -> Result<Arc<Live>> {
    static MAPS: Mutex<Vec<(String, Slot)>> = Mutex::new(Vec::new());
    let key = format!("{}\n{}", api.path().display(), request.key);
    let slot = {
        let mut maps = MAPS.lock().unwrap_or_else(PoisonError::into_inner);
        let found = maps.iter().position(|(other, _)| *other == key);
        let map = found.map_or_else(|| (key, Slot::default()), |at| maps.remove(at));
        let slot = Arc::clone(&map.1);
        maps.push(map);
        let most = maps.len().saturating_sub(OPEN);
        let gone: Vec<_> = maps.drain(..most).collect();
        drop(maps);
        drop(gone);
        slot
    };
    let mut open = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(live) = open.as_ref().filter(|live| live.is_current()) {
        return Ok(Arc::clone(live));
    }
    *open = None;
    let live = Arc::new(Live::open(api, request)?);
    *open = Some(Arc::clone(&live));
    Ok(live)
}
