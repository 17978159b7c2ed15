//! What reflects how: surface reflectance of materials in the twelve bands.
//!
//! Sources. *Statistics*: per-class means, 5th and 95th percentiles of Sentinel-2 L2A reflectance,
//! measured over labelled patches of `TerraMesh` (Blumenstiel et al. 2025; contains modified
//! Copernicus Sentinel data) and over the scene of the R package `RStoolbox`. *Form*: typical values
//! that follow published curves in form and order of size, not copied from a table: vegetation, soils,
//! rocks and roofs as in the USGS spectral library version 7 (Kokaly et al. 2017,
//! doi:10.3133/ds1035) and ECOSTRESS 1.0 (Meerdink et al. 2019, doi:10.1016/j.rse.2019.05.015);
//! snow and ice as in Warren 1982 (doi:10.1029/RG020i001p00067); water as in Pope and Fry 1997
//! (doi:10.1364/AO.36.008710) with suspended matter added; clouds bright and flat, their 945 nm band
//! lowered by water vapour.

/// Bands of a spectrum: B01 to B08, B8A, B09, B11, B12.
pub(super) const BANDS: usize = 12;

/// Reflectance per band, 0 to about 1.
pub(super) type Spectrum = [f32; BANDS];

/// Something that fills a pixel, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Material {
    ClearWater,
    DarkWater,
    TurbidWater,
    GreenWater,
    ShallowWater,
    Trees,
    DarkTrees,
    BroadTrees,
    LushTrees,
    BareTrees,
    GreenGrass,
    DryGrass,
    Rangeland,
    Shrub,
    GreenCrop,
    YoungCrop,
    RipeCrop,
    DarkSoil,
    LightSoil,
    WetField,
    Suburb,
    Village,
    Asphalt,
    Concrete,
    BrightRoof,
    Tiles,
    DarkRoof,
    MetalRoof,
    Sand,
    LightRock,
    DarkRock,
    Playa,
    RedSoil,
    FreshSnow,
    Snow,
    OldSnow,
    ShadedSnow,
    Cloud,
    BrightCloud,
}

impl Material {
    /// Returns its typical spectrum.
    pub(super) fn spectrum(self) -> Spectrum {
        self.thousandths().map(|value| f32::from(value) / 1000.0)
    }

    #[rustfmt::skip]
    fn thousandths(self) -> [u16; BANDS] {
        match self {
            Self::ClearWater   => [26, 22, 25, 20, 18, 16, 17, 15, 14, 14, 8, 5],           // statistics
            Self::DarkWater    => [12, 11, 17, 12, 8, 4, 4, 3, 3, 2, 2, 2],                 // statistics, 5 %
            Self::TurbidWater  => [60, 78, 112, 108, 92, 55, 54, 45, 38, 30, 12, 8],        // form
            Self::GreenWater   => [25, 30, 60, 38, 45, 28, 28, 23, 19, 14, 7, 5],           // form
            Self::ShallowWater => [85, 105, 125, 85, 55, 34, 32, 28, 22, 17, 9, 6],         // form
            Self::Trees        => [18, 19, 33, 22, 63, 187, 231, 250, 259, 261, 113, 51],   // statistics
            Self::DarkTrees    => [12, 12, 21, 14, 40, 115, 142, 149, 169, 188, 70, 29],    // statistics, 5 %
            Self::BroadTrees   => [23, 23, 45, 24, 80, 244, 304, 309, 337, 338, 163, 66],   // statistics
            Self::LushTrees    => [26, 30, 46, 41, 87, 230, 286, 321, 319, 307, 161, 91],   // statistics, 95 %
            Self::BareTrees    => [30, 37, 52, 62, 95, 150, 172, 185, 198, 200, 170, 95],   // form
            Self::GreenGrass   => [30, 38, 75, 48, 115, 290, 345, 360, 375, 372, 220, 112], // form
            Self::DryGrass     => [60, 75, 110, 140, 190, 245, 270, 285, 305, 305, 340, 230], // form
            Self::Rangeland    => [59, 71, 102, 135, 178, 228, 253, 262, 285, 286, 340, 255], // statistics
            Self::Shrub        => [28, 33, 55, 50, 95, 185, 215, 230, 245, 248, 190, 110],  // form
            Self::GreenCrop    => [22, 28, 60, 32, 95, 330, 420, 440, 455, 440, 205, 92],   // form
            Self::YoungCrop    => [31, 39, 68, 83, 123, 195, 222, 240, 252, 255, 235, 162], // statistics
            Self::RipeCrop     => [60, 80, 120, 160, 200, 240, 265, 290, 305, 310, 370, 270], // form
            Self::DarkSoil     => [45, 60, 85, 110, 135, 150, 165, 180, 195, 200, 255, 220], // form
            Self::LightSoil    => [80, 105, 145, 185, 215, 235, 250, 270, 285, 290, 370, 320], // form
            Self::WetField     => [30, 38, 62, 58, 82, 125, 140, 148, 152, 150, 100, 62],   // form
            Self::Suburb       => [40, 52, 65, 78, 104, 158, 182, 201, 205, 207, 204, 151], // statistics
            Self::Village      => [76, 98, 132, 161, 204, 266, 290, 291, 313, 314, 380, 320], // statistics
            Self::Asphalt      => [70, 80, 91, 101, 109, 115, 120, 126, 130, 133, 150, 140], // form
            Self::Concrete     => [150, 180, 205, 225, 235, 242, 248, 255, 260, 258, 285, 270], // form
            Self::BrightRoof   => [300, 350, 370, 385, 390, 395, 400, 405, 408, 395, 390, 360], // form
            Self::Tiles        => [60, 75, 105, 170, 195, 215, 230, 245, 255, 258, 300, 290], // form
            Self::DarkRoof     => [32, 38, 44, 50, 55, 60, 63, 66, 68, 69, 78, 72],         // form
            Self::MetalRoof    => [130, 190, 180, 150, 150, 160, 170, 180, 185, 185, 200, 170], // form
            Self::Sand         => [195, 264, 318, 354, 383, 382, 391, 407, 407, 343, 497, 473], // statistics
            Self::LightRock    => [120, 150, 185, 220, 240, 250, 258, 268, 275, 270, 330, 310], // form
            Self::DarkRock     => [50, 60, 72, 85, 92, 98, 103, 110, 113, 115, 140, 130],   // form
            Self::Playa        => [230, 290, 340, 370, 385, 390, 395, 400, 400, 370, 420, 370], // form
            Self::RedSoil      => [60, 75, 120, 210, 245, 260, 280, 300, 315, 320, 430, 400], // form
            Self::FreshSnow    => [900, 920, 905, 890, 880, 870, 860, 850, 835, 780, 130, 125], // form
            Self::Snow         => [635, 629, 563, 576, 595, 597, 582, 624, 569, 559, 96, 101], // statistics
            Self::OldSnow      => [400, 420, 410, 380, 360, 340, 320, 300, 280, 240, 40, 35], // form
            Self::ShadedSnow   => [295, 206, 165, 151, 166, 193, 195, 202, 190, 226, 31, 33], // statistics, 5 %
            Self::Cloud        => [480, 500, 495, 505, 520, 535, 540, 550, 550, 430, 430, 330], // form
            Self::BrightCloud  => [760, 790, 780, 790, 800, 805, 805, 810, 805, 640, 560, 440], // form
        }
    }
}
