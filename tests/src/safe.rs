//! Makes Sentinel-2 products in their true layout: small JP2 files, metadata as ESA's processor writes
//! them. JPEG 2000 is written by GDAL's own Python.

use std::fs;
use std::path::{Path, PathBuf};

use spectralgpt_core::geometry::Size;

use crate::{detgen, raster};

/// Sentinel-2's bands in the order of their numbers in metadata.
pub const BANDS: [&str; 13] =
    ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"];

/// A product to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// `L1C` or `L2A`.
    pub level: &'static str,
    /// The processing baseline, as in `04.00`.
    pub baseline: &'static str,
    /// What its metadata say is added to digital numbers; `None`: nothing, as before 04.00.
    pub offset: Option<i32>,
    /// When it was sensed, as in `20220301T100029`.
    pub start: &'static str,
    /// The extent at 10 m, multiples of 6.
    pub size: Size,
    /// The coordinate reference system, as in 32633.
    pub epsg: u32,
    /// X and y of the upper left corner.
    pub corner: [f64; 2],
    /// What the pixels are generated from.
    pub seed: &'static str,
    /// Side of a block of JPEG 2000, ESA's is 1024.
    pub block: u32,
}

impl Product {
    /// A product of 246 x 180 pixels at 10 m.
    pub fn new(level: &'static str, baseline: &'static str) -> Self {
        let offset = (baseline >= "04.00").then_some(-1000);
        Self {
            level,
            baseline,
            offset,
            start: "20220301T100029",
            size: Size::new(246, 180),
            epsg: 32633,
            corner: [600_000.0, 5_400_000.0],
            seed: "product",
            block: 64,
        }
    }

    /// Returns the name of its folder.
    pub fn name(&self) -> String {
        let (start, baseline) = (self.start, self.baseline.replace('.', ""));
        format!("S2B_MSI{}_{start}_N{baseline}_R122_T33UUP_20220301T120000.SAFE", self.level)
    }

    /// Returns a band's resolution in metres.
    pub fn metres(band: &str) -> u32 {
        match band {
            "B02" | "B03" | "B04" | "B08" => 10,
            "B01" | "B09" | "B10" => 60,
            _ => 20,
        }
    }

    /// Lists the bands that it has.
    pub fn bands(&self) -> Vec<&'static str> {
        BANDS.into_iter().filter(|band| self.level == "L1C" || *band != "B10").collect()
    }

    /// Returns a band's digital numbers, (row, column), at its own resolution.
    pub fn pixels(&self, band: &str) -> Vec<u16> {
        let size = self.size_at(Self::metres(band));
        let name = format!("{} {band}", self.seed);
        let (height, width) = (size.height as usize, size.width as usize);
        let shift = u16::try_from(-self.offset.unwrap_or(0)).expect("an offset of 0 or less");
        let own = detgen::raw_u16(&name, 1, height, width, 1001, 6000);
        own.into_iter().map(|number| number + shift).collect()
    }

    /// Returns the scene classification, (row, column), at 20 m.
    pub fn classes(&self) -> Vec<u16> {
        let size = self.size_at(20);
        let (height, width) = (size.height as usize, size.width as usize);
        detgen::raw_u16(&format!("{} SCL", self.seed), 1, height, width, 0, 12)
    }

    /// Returns the extent at a resolution in metres.
    pub fn size_at(&self, metres: u32) -> Size {
        Size::new(self.size.width * 10 / metres, self.size.height * 10 / metres)
    }

    /// Returns the name of a file of pixels in the product, without its end.
    pub fn image(&self, band: &str, metres: u32) -> String {
        let granule = format!("GRANULE/{}_T33UUP_A025930_{}/IMG_DATA", self.level, self.start);
        let file = format!("T33UUP_{}_{band}", self.start);
        if self.level == "L1C" {
            return format!("{granule}/{file}");
        }
        format!("{granule}/R{metres}m/{file}_{metres}m")
    }

    /// Makes it in a folder and returns its own; `None`, said aloud, without GDAL's Python.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Option<PathBuf> {
        let root = folder.join(self.name());
        let mut images = Vec::new();
        for band in self.bands() {
            images.push((
                self.image(band, Self::metres(band)),
                Self::metres(band),
                self.pixels(band),
            ));
        }
        if self.level == "L2A" {
            images.push((self.image("SCL", 20), 20, self.classes()));
            // Copies at other resolutions, which are not to be taken.
            for (band, metres) in [("B02", 20), ("B02", 60), ("B05", 60), ("B01", 20), ("WVP", 10)]
            {
                let pixels = vec![7; self.size_at(metres).pixels()];
                images.push((self.image(band, metres), metres, pixels));
            }
        }
        let mut arguments = vec![
            root.display().to_string(),
            self.epsg.to_string(),
            self.corner[0].to_string(),
            self.corner[1].to_string(),
            self.block.to_string(),
        ];
        for (at, (image, metres, pixels)) in images.iter().enumerate() {
            let path = root.join(format!("{image}.jp2"));
            fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            let raw = folder.join(format!("{at}.raw"));
            fs::write(&raw, pixels.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>())
                .expect("raw pixels");
            let size = self.size_at(*metres);
            arguments.extend([
                image.clone(),
                metres.to_string(),
                size.width.to_string(),
                raw.display().to_string(),
            ]);
        }
        raster::osgeo(JP2, &arguments)?;
        for at in 0..images.len() {
            fs::remove_file(folder.join(format!("{at}.raw"))).expect("raw pixels");
        }
        fs::create_dir_all(root.join("DATASTRIP")).expect("a folder");
        fs::write(root.join("manifest.safe"), "<xfdu:XFDU xmlns:xfdu=\"urn:x\"/>").expect("a file");
        let names: Vec<&str> = images.iter().map(|(image, _, _)| image.as_str()).collect();
        let metadata = root.join(format!("MTD_MSI{}.xml", self.level));
        fs::write(metadata, self.metadata(&names)).expect("metadata");
        Some(root)
    }

    /// Returns the metadata, in the structure and words of ESA's.
    fn metadata(&self, images: &[&str]) -> String {
        let (number, level) = (&self.level[1..], self.level);
        let files: String =
            images.iter().map(|image| format!("<IMAGE_FILE>{image}</IMAGE_FILE>\n")).collect();
        let start = self.start;
        let day = format!("{}-{}-{}", &start[..4], &start[4..6], &start[6..8]);
        let time = format!("{}:{}:{}.024Z", &start[9..11], &start[11..13], &start[13..15]);
        let (list, item) = match level {
            "L1C" => ("Radiometric_Offset_List", "RADIO_ADD_OFFSET"),
            _ => ("BOA_ADD_OFFSET_VALUES_LIST", "BOA_ADD_OFFSET"),
        };
        let offsets: String = self.offset.map_or(String::new(), |offset| {
            let of = |band| format!("<{item} band_id=\"{band}\">{offset}</{item}>\n");
            format!("<{list}>\n{}</{list}>\n", (0..13).map(of).collect::<String>())
        });
        let (name, baseline) = (self.name(), self.baseline);
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n\
             <n1:Level-{number}_User_Product xmlns:n1=\"https://psd-14.sentinel2.eo.esa.int/PSD/\
             User_Product_Level-{number}.xsd\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n\
             <n1:General_Info>\n<Product_Info>\n\
             <PRODUCT_START_TIME>{day}T{time}</PRODUCT_START_TIME>\n\
             <PRODUCT_STOP_TIME>{day}T{time}</PRODUCT_STOP_TIME>\n\
             <PRODUCT_URI>{name}</PRODUCT_URI>\n\
             <PROCESSING_LEVEL>Level-{number}</PROCESSING_LEVEL>\n\
             <PRODUCT_TYPE>S2MSI{number}</PRODUCT_TYPE>\n\
             <PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>\n\
             <Datatake datatakeIdentifier=\"GS2B_{start}_025930_N{baseline}\">\n\
             <SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME>\n</Datatake>\n\
             <Query_Options completeSingleTile=\"true\">\n\
             <PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT>\n</Query_Options>\n\
             <Product_Organisation>\n<Granule_List>\n\
             <Granule datastripIdentifier=\"S2B\" granuleIdentifier=\"S2B_{level}\" \
             imageFormat=\"JPEG2000\">\n{files}</Granule>\n</Granule_List>\n</Product_Organisation>\n\
             </Product_Info>\n<Product_Image_Characteristics>\n\
             <Special_Values>\n<SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT>\n\
             <SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX>\n</Special_Values>\n{offsets}\
             </Product_Image_Characteristics>\n</n1:General_Info>\n</n1:Level-{number}_User_Product>\n"
        )
    }
}

/// Zips a product's folder into `FOLDER.zip`, as it is downloaded.
///
/// # Panics
/// It cannot be written.
pub fn zip(root: &Path) -> PathBuf {
    let base = root.with_extension("");
    let script = "import shutil\nshutil.make_archive(argv[1], 'zip', argv[2], argv[3])";
    let folder = root.parent().expect("a folder");
    let name = Path::new(root.file_name().expect("a name"));
    raster::osgeo(script, &[&base, folder, name]).expect("a Python that wrote the product");
    base.with_extension("zip")
}

/// Writes JP2 files: the product's folder, its reference system, corner and blocks, then for each file its
/// name, resolution, width and raw pixels.
const JP2: &str = "
from osgeo import osr
root, epsg, x, y, block = argv[1], int(argv[2]), float(argv[3]), float(argv[4]), argv[5]
srs = osr.SpatialReference()
srs.ImportFromEPSG(epsg)
for name, metres, width, raw in zip(*[iter(argv[6:])] * 4):
    pixels = np.fromfile(raw, '<u2').reshape(-1, int(width))
    memory = gdal.GetDriverByName('MEM').Create('', pixels.shape[1], pixels.shape[0], 1, gdal.GDT_UInt16)
    memory.SetGeoTransform((x, float(metres), 0, y, 0, -float(metres)))
    memory.SetProjection(srs.ExportToWkt())
    memory.GetRasterBand(1).WriteArray(pixels)
    options = ['REVERSIBLE=YES', 'QUALITY=100', 'NBITS=15']
    options += [f'BLOCKXSIZE={block}', f'BLOCKYSIZE={block}']
    gdal.GetDriverByName('JP2OpenJPEG').CreateCopy(f'{root}/{name}.jp2', memory, options=options)
";
