//! Decides: makes the pixels of each output from blended scores.

mod deciding;
mod rows;

use rayon::ThreadPool;

use crate::blend::{Agreement, Blended};
use crate::error::{Error, Result};
use crate::model::manifest::{Channel, Manifest, Output, OutputKind, Task};
use crate::raster::{Category, Cells, Layer, RasterSink, SampleType, Samples, Stored};
pub use deciding::Deciding;
use rows::{by_row, decide, entropy};

/// "Nothing here" in float outputs.
pub const NODATA_FLOAT: f32 = -9999.0;
/// "Nothing here" in class outputs of up to 254 classes.
pub const NODATA_U8: u8 = u8::MAX;
/// "Nothing here" in class outputs of more classes.
pub const NODATA_U16: u16 = u16::MAX;
/// The most classes an 8-bit output can hold.
const CLASSES_U8: usize = 254;

/// An output that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Emit {
    /// The index of the best class; of several labels, 1 or 0 each, one band each.
    Classes,
    /// Every class's score, one band each.
    Scores,
    /// The best class's score.
    Confidence,
    /// How evenly the scores are spread: 0 for one certain class, 1 for all alike.
    Entropy,
    /// 1 where overlapping chips decided differently, 0 where they agreed.
    Disagreement,
    /// The features of each patch, one band each.
    Features,
    /// The features of each chip, one band each.
    ChipFeatures,
    /// The features of each patch as 8-bit integers, with a scale per band.
    FeaturesInt8,
    /// The features of each chip as 8-bit integers, with a scale per band.
    ChipFeaturesInt8,
    /// The digital numbers as predicted where they were hidden, one band each.
    Reconstruction,
    /// The error of the reconstruction: root of the mean over the bands of its square.
    Anomaly,
    /// 1 where the map holds a value, 0 elsewhere.
    Valid,
    /// A polygon per chip with its class or labels, a vector file.
    Grid,
}

impl Emit {
    /// All of them, in the order help texts list them.
    pub const ALL: [Emit; 13] = [
        Emit::Classes,
        Emit::Scores,
        Emit::Confidence,
        Emit::Entropy,
        Emit::Disagreement,
        Emit::Features,
        Emit::ChipFeatures,
        Emit::FeaturesInt8,
        Emit::ChipFeaturesInt8,
        Emit::Reconstruction,
        Emit::Anomaly,
        Emit::Valid,
        Emit::Grid,
    ];

    /// Returns the word of the command line and of file names.
    pub fn name(self) -> &'static str {
        match self {
            Emit::Classes => "classes",
            Emit::Scores => "scores",
            Emit::Confidence => "confidence",
            Emit::Entropy => "entropy",
            Emit::Disagreement => "disagreement",
            Emit::Features => "features",
            Emit::ChipFeatures => "chip-features",
            Emit::FeaturesInt8 => "features-int8",
            Emit::ChipFeaturesInt8 => "chip-features-int8",
            Emit::Reconstruction => "reconstruction",
            Emit::Anomaly => "anomaly",
            Emit::Valid => "valid",
            Emit::Grid => "grid",
        }
    }

    /// Returns how the names of its files end.
    pub fn extension(self) -> &'static str {
        if self == Emit::Grid { "gpkg" } else { "tif" }
    }

    /// Checks that it can be pixels in memory; some outputs are complete only as files.
    ///
    /// # Errors
    /// - Usage: it cannot.
    pub fn in_memory(self) -> Result<()> {
        match self {
            Emit::Grid | Emit::FeaturesInt8 | Emit::ChipFeaturesInt8 => Err(Error::usage(format!(
                "'{}' is written to files only; predict files, or ask for another output",
                self.name()
            ))),
            _ => Ok(()),
        }
    }

    /// Lists what a task can give; the first is what it gives unless told otherwise.
    pub fn of(task: Task) -> &'static [Emit] {
        use Emit::{
            Anomaly, ChipFeatures, ChipFeaturesInt8, Classes, Confidence, Disagreement, Entropy,
            Features, FeaturesInt8, Grid, Reconstruction, Scores, Valid,
        };
        match task {
            Task::Classify => &[Classes, Scores, Confidence, Entropy, Disagreement, Valid, Grid],
            Task::Segment | Task::Change => {
                &[Classes, Scores, Confidence, Entropy, Disagreement, Features, FeaturesInt8, Valid]
            }
            Task::Multilabel => &[Classes, Scores, Valid, Grid],
            Task::Embed => &[Features, ChipFeatures, FeaturesInt8, ChipFeaturesInt8, Valid],
            Task::Reconstruct => &[Reconstruction, Anomaly, Valid],
        }
    }

    /// Returns the network's output that it is made from.
    ///
    /// # Errors
    /// - Usage: the model's task does not give it.
    pub fn output(self, manifest: &Manifest) -> Result<&Output> {
        let task = manifest.task;
        let wanted = match self {
            Emit::Features | Emit::FeaturesInt8 => OutputKind::PatchFeatures,
            Emit::ChipFeatures | Emit::ChipFeaturesInt8 => OutputKind::ChipFeatures,
            _ => manifest.outputs.first().map_or(OutputKind::ClassScores, |output| output.kind),
        };
        let output = manifest.outputs.iter().find(|output| output.kind == wanted);
        output.filter(|_| Emit::of(task).contains(&self)).ok_or_else(|| {
            let list: Vec<&str> = Emit::of(task).iter().map(|emit| emit.name()).collect();
            Error::usage(format!(
                "'{}' is not an output of a {} model; ask for one or more of {}",
                self.name(),
                task.name(),
                list.join(", ")
            ))
        })
    }

    /// Describes the output for a model.
    pub fn layer(self, manifest: &Manifest, channels: u32) -> Layer {
        let names = || manifest.classes.iter().map(|class| class.name.clone());
        let numbered = |name: &str| (1..=channels).map(|n| format!("{name} {n}")).collect();
        let one = || vec![self.name().to_owned()];
        let float = (SampleType::F32, Some(f64::from(NODATA_FLOAT)));
        let byte = (SampleType::U8, Some(f64::from(NODATA_U8)));
        let (bands, (sample, nodata)) = match self {
            Emit::Classes if manifest.task == Task::Multilabel => (names().collect(), byte),
            Emit::Classes if manifest.classes.len() > CLASSES_U8 => {
                (one(), (SampleType::U16, Some(f64::from(NODATA_U16))))
            }
            Emit::Classes | Emit::Disagreement => (one(), byte),
            Emit::Scores | Emit::Grid => (names().collect(), float),
            Emit::Confidence | Emit::Entropy | Emit::Anomaly => (one(), float),
            Emit::Features | Emit::ChipFeatures | Emit::FeaturesInt8 | Emit::ChipFeaturesInt8 => {
                (numbered("feature"), float)
            }
            Emit::Reconstruction => (manifest.channels.iter().map(channel_name).collect(), float),
            Emit::Valid => (one(), (SampleType::U8, None)),
        };
        let categories = match self {
            Emit::Classes if manifest.task != Task::Multilabel => {
                manifest.classes.iter().map(Category::from).collect()
            }
            _ => Vec::new(),
        };
        let stored = match self {
            Emit::FeaturesInt8 | Emit::ChipFeaturesInt8 => Stored::Int8,
            Emit::Grid => Stored::Polygons(Cells::default()),
            _ => Stored::AsIs,
        };
        Layer { sample, bands, nodata, categories, stored }
    }

    /// Writes the output's pixels of finished rows; the pool makes them.
    ///
    /// # Errors
    /// - Io: the sink cannot store them.
    pub fn write(
        self,
        deciding: &Deciding,
        rows: Blended<'_>,
        pool: &ThreadPool,
        sink: &mut dyn RasterSink,
    ) -> Result<()> {
        let channels = rows.channels();
        let floats = |bands, fill: &(dyn Fn(usize, &mut [f32]) + Sync)| {
            by_row(pool, rows, bands, NODATA_FLOAT, fill)
        };
        let bytes = |bands, nodata, fill: &(dyn Fn(usize, &mut [u8]) + Sync)| {
            by_row(pool, rows, bands, nodata, fill)
        };
        let copied = |row: usize, line: &mut [f32]| {
            for (channel, line) in line.chunks_exact_mut(rows.width()).enumerate() {
                line.copy_from_slice(rows.scores(channel, row));
            }
        };
        match self {
            Emit::Classes if deciding.labels() => {
                sink.write(Samples::U8(&bytes(channels, NODATA_U8, &|row, line| {
                    for (label, line) in line.chunks_exact_mut(rows.width()).enumerate() {
                        for (pixel, score) in line.iter_mut().zip(rows.scores(label, row)) {
                            *pixel = u8::from(deciding.has(label, *score));
                        }
                    }
                })))
            }
            Emit::Classes if channels > CLASSES_U8 => {
                let pixels = by_row(pool, rows, 1, NODATA_U16, &|row, line| {
                    for (pixel, class) in line.iter_mut().zip(decide(rows, row).0) {
                        *pixel = u16::try_from(class).unwrap_or(NODATA_U16);
                    }
                });
                sink.write(Samples::U16(&pixels))
            }
            Emit::Classes => sink.write(Samples::U8(&bytes(1, NODATA_U8, &|row, line| {
                for (pixel, class) in line.iter_mut().zip(decide(rows, row).0) {
                    *pixel = u8::try_from(class).unwrap_or(NODATA_U8);
                }
            }))),
            Emit::Scores
            | Emit::Grid
            | Emit::Features
            | Emit::ChipFeatures
            | Emit::FeaturesInt8
            | Emit::ChipFeaturesInt8 => sink.write(Samples::F32(&floats(channels, &copied))),
            Emit::Reconstruction => sink.write(Samples::F32(&floats(channels - 1, &copied))),
            Emit::Anomaly => sink.write(Samples::F32(&floats(1, &|row, line| {
                line.copy_from_slice(rows.scores(channels - 1, row));
            }))),
            Emit::Confidence => sink.write(Samples::F32(&floats(1, &|row, line| {
                line.copy_from_slice(&decide(rows, row).1);
            }))),
            Emit::Entropy => {
                sink.write(Samples::F32(&floats(1, &|row, line| entropy(rows, row, line))))
            }
            Emit::Disagreement => sink.write(Samples::U8(&bytes(1, NODATA_U8, &|row, line| {
                for (pixel, agreement) in line.iter_mut().zip(rows.agreement(row)) {
                    *pixel = match agreement {
                        Agreement::Unknown => NODATA_U8,
                        Agreement::Same => 0,
                        Agreement::Different => 1,
                    };
                }
            }))),
            Emit::Valid => sink.write(Samples::U8(&bytes(1, 0, &|_, line| line.fill(1)))),
        }
    }
}

fn channel_name(channel: &Channel) -> String {
    match channel {
        Channel::Band(name) => name.clone(),
        Channel::Mean(_) => "mean".to_owned(),
    }
}

impl std::str::FromStr for Emit {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Emit::ALL.into_iter().find(|emit| emit.name() == word).ok_or_else(|| {
            let known = Emit::ALL.map(Emit::name).join(", ");
            Error::usage(format!("'{word}' is not an output; give one or more of {known}"))
        })
    }
}
