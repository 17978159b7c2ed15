//! Stacks the bands of an acquisition into one virtual raster at its finest resolution.

use super::files::BandFile;
use super::{Acquisition, CLASSIFICATION};
use crate::bands::SENTINEL2;
use crate::error::{Error, Result};
use crate::raster::gdal::{GdalApi, GdalSource, Georeference, RasterInfo, same_srs};
use crate::xml::{escaped, line, place};

/// Classes of level 2A's scene classification that are masked: cloud shadow, cloud of medium and high
/// probability, thin cirrus, snow or ice.
pub const CLOUDY: [u8; 5] = [3, 8, 9, 10, 11];
/// The metadata item of a virtual raster whose clouds are masked.
pub(crate) const MASKED: &str = "MASKED_CLASSES";
/// The number of classes that it has; 0 is nodata.
const CLASSES: u8 = 12;

/// Bands as one raster.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// The text of the virtual raster; names of files in it are whole.
    pub xml: String,
    /// The files of what it is made of, those in an archive by the archive.
    pub files: Vec<String>,
}

/// An opened file of a band.
struct Opened<'a> {
    file: &'a BandFile,
    info: RasterInfo,
    geotransform: [f64; 6],
}

impl Acquisition {
    /// Stacks the `needed` bands that it has, or all, in canonical order: on the grid of the finest,
    /// others' pixels repeated, so that every pixel is one that was delivered. With `masked`, clouds
    /// and shadows, by the scene classification, are invalid.
    ///
    /// # Errors
    /// - Input: a file is missing or damaged, lies elsewhere, or there is no scene classification.
    pub fn stack(
        &self,
        api: &'static GdalApi,
        needed: Option<&[&str]>,
        masked: bool,
    ) -> Result<Stack> {
        let stacked = self.stacked(api, needed, masked);
        stacked.map_err(|error| error.at(&format!("'{}'", self.name)))
    }

    fn stacked(
        &self,
        api: &'static GdalApi,
        needed: Option<&[&str]>,
        masked: bool,
    ) -> Result<Stack> {
        let file = |band: &str| self.files.iter().find(|file| file.band == band);
        let wanted = |band: &&str| needed.is_none_or(|needed| needed.contains(band));
        let bands = SENTINEL2.iter().map(|(band, _)| *band).filter(wanted).filter_map(file);
        let bands = bands.map(|file| open(api, file)).collect::<Result<Vec<_>>>()?;
        let mask = match file(CLASSIFICATION) {
            _ if !masked => None,
            Some(file) => Some(open(api, file)?),
            None => return Err(unclassified(self.facts.level)),
        };
        let width = |opened: &&Opened<'_>| opened.geotransform[1];
        let finest =
            bands.iter().min_by(|a, b| width(a).total_cmp(&width(b))).ok_or_else(|| {
                Error::input(format!(
                    "it has none of the bands {}; it has {}",
                    needed.unwrap_or_default().join(","),
                    self.files.iter().map(|file| file.band).collect::<Vec<_>>().join(",")
                ))
            })?;
        for other in bands.iter().chain(&mask) {
            must_match(api, other, finest)?;
        }
        Ok(Stack { xml: self.xml(&bands, mask.as_ref(), finest), files: self.parts.clone() })
    }

    fn xml(&self, bands: &[Opened<'_>], mask: Option<&Opened<'_>>, grid: &Opened<'_>) -> String {
        let size = grid.info.size;
        let mut xml = format!(
            "<VRTDataset rasterXSize=\"{}\" rasterYSize=\"{}\">\n",
            size.width, size.height
        );
        place(&mut xml, &grid.info.georeference);
        self.describe(&mut xml, mask.is_some());
        for (number, opened) in (1..).zip(bands) {
            self.band(&mut xml, number, opened, grid);
        }
        if let Some(mask) = mask {
            let cloudy = |class: u8| class == 0 || CLOUDY.contains(&class);
            let entry = |class| format!("{class}:{}", if cloudy(class) { 0 } else { 255 });
            let table: Vec<String> = (0..CLASSES).map(entry).collect();
            line(&mut xml, 2, "<MaskBand>");
            line(&mut xml, 2, "<VRTRasterBand dataType=\"Byte\">");
            source(&mut xml, mask, grid, &format!("<LUT>{}</LUT>", table.join(",")));
            line(&mut xml, 2, "</VRTRasterBand>");
            line(&mut xml, 2, "</MaskBand>");
        }
        line(&mut xml, 0, "</VRTDataset>");
        xml
    }

    /// Writes what is known of the whole, in the words of GDAL's own driver.
    fn describe(&self, xml: &mut String, masked: bool) {
        let facts = &self.facts;
        let level = facts.level.map(|level| format!("Level-{}", &level[1..]));
        let mask = masked.then(|| {
            format!("{CLASSIFICATION} {}", CLOUDY.map(|class| class.to_string()).join(","))
        });
        let items = [
            ("PRODUCT_URI", facts.product.clone()),
            ("PROCESSING_LEVEL", level),
            ("PROCESSING_BASELINE", facts.baseline.clone()),
            ("PRODUCT_START_TIME", facts.start.clone()),
            (MASKED, mask),
        ];
        line(xml, 2, "<Metadata>");
        for (key, value) in items.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            item(xml, key, &value);
        }
        line(xml, 2, "</Metadata>");
    }

    fn band(&self, xml: &mut String, number: usize, opened: &Opened<'_>, grid: &Opened<'_>) {
        let Opened { file, info, .. } = opened;
        let told = &info.bands[0];
        let begin = format!("<VRTRasterBand dataType=\"{}\" band=\"{number}\">", told.data_type);
        line(xml, 2, &begin);
        if let Some(offset) = file.offset.or(told.dn_offset) {
            let key =
                if self.facts.level == Some("L1C") { "RADIO_ADD_OFFSET" } else { "BOA_ADD_OFFSET" };
            line(xml, 4, "<Metadata>");
            item(xml, key, &offset.to_string());
            line(xml, 4, "</Metadata>");
        }
        if let Some((_, nanometres)) = SENTINEL2.iter().find(|(band, _)| *band == file.band) {
            line(xml, 4, "<Metadata domain=\"IMAGERY\">");
            item(xml, "CENTRAL_WAVELENGTH_UM", &format!("{:.3}", nanometres / 1000.0));
            line(xml, 4, "</Metadata>");
        }
        line(xml, 4, &format!("<Description>{}</Description>", file.band));
        line(xml, 4, &format!("<NoDataValue>{}</NoDataValue>", told.nodata.unwrap_or(0.0)));
        source(xml, opened, grid, "");
        line(xml, 2, "</VRTRasterBand>");
    }
}

fn item(xml: &mut String, key: &str, value: &str) {
    line(xml, 6, &format!("<MDI key=\"{key}\">{}</MDI>", escaped(value)));
}

/// Writes where a band's pixels come from: the nearest ones of its file. Not shared: threads read with
/// handles of their own.
fn source(xml: &mut String, opened: &Opened<'_>, grid: &Opened<'_>, table: &str) {
    let kind = if table.is_empty() { "SimpleSource" } else { "ComplexSource" };
    let (size, [x, dx, _, y, _, dy]) = (opened.info.size, opened.geotransform);
    let [left, width, _, top, _, height] = grid.geotransform;
    let (cols, rows) = (f64::from(size.width) * dx / width, f64::from(size.height) * dy / height);
    let (col, row) = ((x - left) / width, (y - top) / height);
    line(xml, 4, &format!("<{kind}>"));
    let path = escaped(&opened.file.path);
    let name = format!("<SourceFilename relativeToVRT=\"0\" shared=\"0\">{path}</SourceFilename>");
    line(xml, 6, &name);
    line(xml, 6, "<SourceBand>1</SourceBand>");
    let block = opened.info.bands[0].block;
    let properties = format!(
        "<SourceProperties RasterXSize=\"{}\" RasterYSize=\"{}\" DataType=\"{}\" BlockXSize=\"{}\" \
         BlockYSize=\"{}\"/>",
        size.width, size.height, opened.info.bands[0].data_type, block.width, block.height
    );
    line(xml, 6, &properties);
    let rectangle = |name, [col, row, cols, rows]: [f64; 4]| {
        format!("<{name} xOff=\"{col}\" yOff=\"{row}\" xSize=\"{cols}\" ySize=\"{rows}\"/>")
    };
    let all = [0.0, 0.0, size.width.into(), size.height.into()];
    line(xml, 6, &rectangle("SrcRect", all));
    line(xml, 6, &rectangle("DstRect", [col, row, cols, rows]));
    if !table.is_empty() {
        line(xml, 6, table);
    }
    line(xml, 4, &format!("</{kind}>"));
}

/// Opens a band's file.
fn open<'a>(api: &'static GdalApi, file: &'a BandFile) -> Result<Opened<'a>> {
    if file.far {
        return Err(Error::input(format!(
            "band {} is not on this machine but at '{}'; download it and let the STAC item name it by \
             a relative path",
            file.band, file.path
        )));
    }
    let (folder, name) = file.path.rsplit_once('/').unwrap_or((".", &file.path));
    let source = GdalSource::open(api, &file.path).map_err(|error| {
        if api.list(folder).is_some_and(|names| names.iter().any(|other| other == name)) {
            return error.at(&format!("the file of band {} is damaged", file.band));
        }
        Error::input(format!(
            "the file of band {} is missing: '{}' is not there; the product is incomplete: download \
             it again",
            file.band, file.path
        ))
    })?;
    let info = source.info().clone();
    let Georeference { geotransform, .. } = info.georeference;
    match geotransform {
        Some(geotransform @ [_, width, 0.0, _, 0.0, height])
            if info.bands.len() == 1 && width > 0.0 && height < 0.0 =>
        {
            Ok(Opened { file, info, geotransform })
        }
        _ => Err(Error::input(format!(
            "'{}' is no band file: it needs one band and a georeference with north up",
            file.path
        ))),
    }
}

/// Checks that a file lies where the finest does.
fn must_match(api: &'static GdalApi, other: &Opened<'_>, finest: &Opened<'_>) -> Result<()> {
    let extent = |opened: &Opened<'_>| {
        let ([x, dx, _, y, _, dy], size) = (opened.geotransform, opened.info.size);
        [x, y, x + dx * f64::from(size.width), y + dy * f64::from(size.height)]
    };
    let ([a, b, c, d], [e, f, g, h]) = (extent(other), extent(finest));
    let apart = c <= e || g <= a || b <= h || f <= d;
    let srs = |opened: &Opened<'_>| opened.info.georeference.srs.clone();
    if same_srs(api, &srs(other), &srs(finest)) && !apart {
        return Ok(());
    }
    Err(Error::input(format!(
        "'{}' and '{}' are not of one place: their extents are apart or their coordinate reference \
         systems differ",
        other.file.path, finest.file.path
    )))
}

/// Says that there is nothing to mask clouds by.
pub(crate) fn unclassified(level: Option<&str>) -> Error {
    let why = match level {
        Some("L1C") => "; Level-1C products have none, Level-2A products do",
        _ => "",
    };
    Error::input(format!(
        "there is no scene classification (SCL) to mask clouds by{why}; leave --mask scl out, or give \
         a mask raster of your own: --mask FILE"
    ))
}
