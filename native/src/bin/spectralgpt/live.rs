//! `spectralgpt live`.

use std::path::PathBuf;

use clap::Args;
use log::info;
use spectralgpt_core::emit::Emit;
use spectralgpt_core::error::Result;
use spectralgpt_core::live::vrt::{self, Form, Kind};
use spectralgpt_core::options::{Masked, Options, Resolution};
use spectralgpt_core::raster::gdal::GdalApi;
use spectralgpt_core::runtime::provider::{Device, Precision, ProviderChoice};

/// Arguments of `live`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A model file that `spectralgpt convert` wrote, or builtin:landcover
    model: PathBuf,
    /// The raster, anything GDAL opens, or a Sentinel-2 product as in predict; for a change model BEFORE AFTER
    #[arg(required = true, value_name = "INPUT", num_args = 1..=2)]
    inputs: Vec<String>,
    /// The virtual raster to write
    #[arg(short, long, value_name = "LIVE.vrt")]
    output: PathBuf,
    /// How GDAL calls the model: auto, processed (GDAL 3.9 and newer), pixel-function (3.4 and newer)
    #[arg(long, value_name = "KIND", default_value = "auto")]
    kind: Kind,
    /// The output, as in predict [default: what the model's task gives first]
    #[arg(long, value_name = "NAME")]
    emit: Option<Emit>,
    /// Pixels that neighbouring chips share, a multiple of the model's patch [default: the model's, 32]
    #[arg(long, value_name = "PX")]
    overlap: Option<u32>,
    /// What computes: auto, cpu, cuda, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: Device,
    /// Who computes there: auto, ort, openvino, tensorrt
    #[arg(long, value_name = "NAME", default_value = "auto")]
    provider: ProviderChoice,
    /// The network's arithmetic: fp32, bf16, fp16, fastest
    #[arg(long, value_name = "NAME", default_value = "fp32")]
    precision: Precision,
    /// Names of the raster's bands in file order, '-' for one that is not needed [default: as the file says]
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    bands: Option<Vec<String>>,
    /// The value that means "nothing here" [default: as the file says]
    #[arg(long, value_name = "V", allow_hyphen_values = true)]
    nodata: Option<f64>,
    /// Added to every digital number, -1000 for Sentinel-2 since baseline 04.00 [default: as the file says]
    #[arg(long, value_name = "DN", allow_hyphen_values = true)]
    dn_offset: Option<f64>,
    /// Names files as seen from LIVE.vrt's folder, so that all can be moved together (processed only)
    #[arg(long)]
    relative: bool,
    /// Pixels that become nodata besides: scl (clouds, shadows, snow by a level-2A product's scene
    /// classification: 3, 8, 9, 10, 11), none, or a raster that is 0 there
    #[arg(long, value_name = "scl|none|FILE", default_value = "none")]
    mask: Masked,
    /// Pixels that the network sees: the model's size, resampled where the raster's are others, or the source's
    #[arg(long, value_name = "model|source", default_value = "model")]
    resolution: Resolution,
    /// The score from which on a multilabel model's label is there: one for all, or one each separated
    /// by commas [default: the model's, 0.5]
    #[arg(long, value_name = "T", value_delimiter = ',', allow_hyphen_values = true)]
    threshold: Vec<f64>,
    /// Replaces an existing file
    #[arg(long)]
    overwrite: bool,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<()> {
        let mut options = Options::default();
        options.emit = self.emit.into_iter().collect();
        options.overlap = self.overlap;
        options.device = self.device;
        options.provider = self.provider;
        options.precision = self.precision;
        options.bands = self.bands;
        options.nodata = self.nodata;
        options.dn_offset = self.dn_offset;
        options.mask = self.mask;
        options.resolution = self.resolution;
        options.thresholds = self.threshold;
        options.overwrite = self.overwrite;
        let inputs: Vec<&str> = self.inputs.iter().map(String::as_str).collect();
        let form = Form { kind: self.kind, relative: self.relative };
        vrt::write(GdalApi::find()?, &self.model, &inputs, &self.output, form, &options)?;
        info!("wrote '{}'", self.output.display());
        Ok(())
    }
}
