//! Writes virtual rasters that run a model when they are read. Opening one computes nothing.

use std::path::Path;
use std::str::FromStr;

use super::{Live, LiveOutput, Request, WIDEST, names};
use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::options::{Masked, Options, Resolution};
use crate::raster::gdal::GdalApi;
use crate::raster::{Layer, SampleType};
use crate::xml::{escaped, line, palette, place};

/// The file that a pixel function learns columns from; the plugin shows it to GDAL.
pub const COLUMNS: &str = "/vsimem/spectralgpt/columns.tif";
/// The file that a pixel function learns rows from.
pub const ROWS: &str = "/vsimem/spectralgpt/rows.tif";
/// The length of both, and so the longest side of a live raster.
pub const RAMP: u32 = 1 << 17;
/// The first GDAL with processed datasets.
const PROCESSES: u32 = 3_090_000;
/// Side of a band's block, in pixels.
const BLOCK: u32 = 256;

/// How a VRT calls the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// A processed dataset if the GDAL here is 3.9 or newer, else a pixel function.
    #[default]
    Auto,
    /// All bands in one pass; GDAL 3.9 and newer.
    Processed,
    /// Band by band; GDAL 3.4 and newer.
    PixelFunction,
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "auto" => Ok(Kind::Auto),
            "processed" => Ok(Kind::Processed),
            "pixel-function" => Ok(Kind::PixelFunction),
            _ => Err(Error::usage(format!(
                "'{word}' is not a kind of live raster; give auto, processed or pixel-function"
            ))),
        }
    }
}

/// What a VRT is like.
#[derive(Debug, Clone, Copy, Default)]
pub struct Form {
    /// How it calls the model.
    pub kind: Kind,
    /// Whether it names files as they are seen from its folder, so that all can be moved together.
    pub relative: bool,
}

impl Form {
    /// Tells which of the two kinds it is.
    ///
    /// # Errors
    /// - Usage: that kind cannot have relative names.
    fn is_processed(self, api: &GdalApi) -> Result<bool> {
        let processed = match self.kind {
            Kind::Auto => api.version_number() >= PROCESSES,
            Kind::Processed => true,
            Kind::PixelFunction => false,
        };
        if self.relative && !processed {
            return Err(Error::usage(
                "--relative was given for a pixel function, which GDAL does not tell where its VRT \
                 is; leave it out, or give --kind processed, which GDAL 3.9 and newer read",
            ));
        }
        Ok(processed)
    }
}

/// Writes `file`, a VRT of a model over `inputs`, one per date. Of the options those count that
/// pixels depend on, and whether the file is replaced.
///
/// # Errors
/// - Usage: options that do not fit, several outputs, the file exists, names that cannot be relative.
/// - Input: a raster cannot be used.
/// - Model: the model cannot be used.
/// - Io: the file cannot be written.
pub fn write(
    api: &'static GdalApi,
    model: &Path,
    inputs: &[&str],
    file: &Path,
    form: Form,
    options: &Options,
) -> Result<()> {
    if options.emit.len() > 1 {
        return Err(Error::usage("a live raster holds one output; ask for one, make others apart"));
    }
    if file.exists() && !options.overwrite {
        return Err(Error::usage(format!(
            "'{}' exists; give --overwrite to replace it, or another name",
            file.display()
        )));
    }
    let processed = form.is_processed(api)?;
    let mut request = Request {
        model: names::model(model)?,
        sources: inputs.iter().map(|input| names::source(input)).collect(),
        emit: options.emit.first().copied(),
        options: options.clone(),
        ..Request::default()
    };
    if let Masked::Raster(raster) = &mut request.options.mask {
        *raster = names::source(raster);
    }
    let live = Live::open(api, &request)?;
    live.inputs.must_differ(&[file.to_owned()], model)?;
    let what = live.output(request.emit)?;
    if !processed && what.size.width.max(what.size.height) > RAMP {
        return Err(Error::usage(format!(
            "the map would have {}; a pixel function reaches {RAMP}: give --kind processed",
            what.size
        )));
    }
    if form.relative {
        for name in request.names() {
            *name = names::relative(name, file)?;
        }
    }
    let items = arguments(&request, &what);
    let xml = if processed { processed_xml(&what, &items) } else { function_xml(&what, &items) };
    Hidden::write(file, |out| {
        out.write_all(xml.as_bytes()).map_err(|error| Error::file("write", file, &error))
    })?
    .publish()
}

/// Lists the arguments of a request, those of a band left out.
fn arguments(request: &Request, what: &LiveOutput) -> Vec<(&'static str, String)> {
    let options = &request.options;
    let mut items = vec![("model", request.model.clone())];
    match request.sources.as_slice() {
        [before, after] => {
            items.extend([("source_before", before.clone()), ("source_after", after.clone())]);
        }
        sources => items.extend(sources.iter().map(|source| ("source", source.clone()))),
    }
    items.push(("emit", what.emit.name().to_owned()));
    items.push(("device", options.device.to_string()));
    items.push(("provider", options.provider.to_string()));
    items.push(("precision", options.precision.to_string()));
    let thresholds: Vec<String> = options.thresholds.iter().map(f64::to_string).collect();
    let thresholds = thresholds.join(",");
    let given = [
        ("overlap", options.overlap.map(|overlap| overlap.to_string())),
        ("bands", options.bands.as_ref().map(|bands| bands.join(","))),
        ("nodata", options.nodata.map(|nodata| nodata.to_string())),
        ("dn_offset", options.dn_offset.map(|offset| offset.to_string())),
        ("mask", (options.mask != Masked::Nothing).then(|| options.mask.to_string())),
        (
            "resolution",
            (options.resolution != Resolution::Model).then(|| options.resolution.to_string()),
        ),
        ("threshold", Some(thresholds).filter(|thresholds| !thresholds.is_empty())),
        ("batch", (options.batch > 1).then(|| options.batch.to_string())),
        ("max_pixel_size", what.pixel_metres().map(|metres| (metres * WIDEST).to_string())),
    ];
    items.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
    items
}

/// Returns a VRT of derived bands over columns and rows.
fn function_xml(what: &LiveOutput, items: &[(&str, String)]) -> String {
    let mut xml = head(what, "");
    place(&mut xml, &what.place);
    let attributes: Vec<String> =
        items.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    let attributes = attributes.join(" ");
    for number in 1..=what.layer.bands.len() {
        band(&mut xml, &what.layer, number, "VRTDerivedRasterBand");
        line(&mut xml, 4, "<PixelFunctionType>spectralgpt</PixelFunctionType>");
        line(&mut xml, 4, &format!("<PixelFunctionArguments {attributes} band=\"{number}\"/>"));
        line(&mut xml, 4, "<SourceTransferType>Float32</SourceTransferType>");
        ramp(&mut xml, what, COLUMNS, [RAMP, 1], [what.size.width, 1]);
        ramp(&mut xml, what, ROWS, [1, RAMP], [1, what.size.height]);
        line(&mut xml, 2, "</VRTRasterBand>");
    }
    line(&mut xml, 0, "</VRTDataset>");
    xml
}

/// Writes a source: a ramp's first pixels, stretched over the band.
fn ramp(xml: &mut String, what: &LiveOutput, name: &str, ramp: [u32; 2], part: [u32; 2]) {
    let rectangle = |name: &str, [width, height]: [u32; 2]| {
        format!("<{name} xOff=\"0\" yOff=\"0\" xSize=\"{width}\" ySize=\"{height}\"/>")
    };
    let [width, height] = ramp;
    line(xml, 4, "<SimpleSource>");
    line(xml, 6, &format!("<SourceFilename relativeToVRT=\"0\">{name}</SourceFilename>"));
    line(xml, 6, "<SourceBand>1</SourceBand>");
    let properties = format!(
        "<SourceProperties RasterXSize=\"{width}\" RasterYSize=\"{height}\" DataType=\"Float32\" \
         BlockXSize=\"{width}\" BlockYSize=\"{height}\"/>"
    );
    line(xml, 6, &properties);
    line(xml, 6, &rectangle("SrcRect", part));
    line(xml, 6, &rectangle("DstRect", [what.size.width, what.size.height]));
    line(xml, 4, "</SimpleSource>");
}

/// Returns a VRT of a processing step. Its input is empty: the step reads the scene itself, with
/// what lies around a window.
fn processed_xml(what: &LiveOutput, items: &[(&str, String)]) -> String {
    let mut xml = head(what, " subClass=\"VRTProcessedDataset\"");
    place(&mut xml, &what.place);
    line(&mut xml, 2, &format!("<BlockXSize>{BLOCK}</BlockXSize>"));
    line(&mut xml, 2, &format!("<BlockYSize>{BLOCK}</BlockYSize>"));
    line(&mut xml, 2, "<Input>");
    xml += &head(what, "");
    place(&mut xml, &what.place);
    line(&mut xml, 2, "<VRTRasterBand dataType=\"Byte\" band=\"1\"/>");
    line(&mut xml, 0, "</VRTDataset>");
    line(&mut xml, 2, "</Input>");
    line(&mut xml, 2, "<ProcessingSteps>");
    line(&mut xml, 4, "<Step name=\"SpectralGPT\">");
    line(&mut xml, 6, "<Algorithm>SpectralGPT</Algorithm>");
    for (name, value) in items.iter().filter(|(name, _)| *name != "max_pixel_size") {
        line(&mut xml, 6, &format!("<Argument name=\"{name}\">{}</Argument>", escaped(value)));
    }
    line(&mut xml, 4, "</Step>");
    line(&mut xml, 2, "</ProcessingSteps>");
    for number in 1..=what.layer.bands.len() {
        band(&mut xml, &what.layer, number, "VRTProcessedRasterBand");
        line(&mut xml, 2, "</VRTRasterBand>");
    }
    line(&mut xml, 0, "</VRTDataset>");
    xml
}

fn head(what: &LiveOutput, class: &str) -> String {
    let (width, height) = (what.size.width, what.size.height);
    format!("<VRTDataset rasterXSize=\"{width}\" rasterYSize=\"{height}\"{class}>\n")
}

/// Begins a band.
fn band(xml: &mut String, layer: &Layer, number: usize, class: &str) {
    let kind = match layer.sample {
        SampleType::U8 => "Byte",
        SampleType::U16 => "UInt16",
        SampleType::F32 => "Float32",
    };
    let begin = format!(
        "<VRTRasterBand dataType=\"{kind}\" band=\"{number}\" subClass=\"{class}\" \
         blockXSize=\"{BLOCK}\" blockYSize=\"{BLOCK}\">"
    );
    line(xml, 2, &begin);
    let name = layer.bands.get(number - 1).map_or("", String::as_str);
    line(xml, 4, &format!("<Description>{}</Description>", escaped(name)));
    if let Some(nodata) = layer.nodata {
        line(xml, 4, &format!("<NoDataValue>{nodata}</NoDataValue>"));
    }
    if !layer.categories.is_empty() {
        palette(xml, layer);
    }
}
