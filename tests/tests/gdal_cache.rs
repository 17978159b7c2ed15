//! A file's bytes depend on its pixels alone. By itself in a process, because it sets GDAL's cache.
#![allow(clippy::print_stdout, reason = "says what is skipped")]

use spectralgpt_core::geometry::Size;
use spectralgpt_core::raster::gdal::{Format, GdalApi, GdalSink, Georeference, SinkOptions};
use spectralgpt_core::raster::{Layer, RasterSink, SampleType, Samples, Stored};

#[test]
fn the_same_pixels_give_the_same_bytes_however_large_the_cache_is() {
    let api = match GdalApi::find() {
        Ok(api) => api,
        Err(error) => return println!("skipped: {error}"),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.tif");
    let size = Size::new(1301, 277);
    let bands = (1..=13).map(|band| format!("score {band}")).collect();
    let (sample, stored) = (SampleType::F32, Stored::AsIs);
    let layer = Layer { sample, bands, nodata: None, categories: vec![], stored };
    let pixels: Vec<f32> = (0..13 * 1301 * 277u32).map(|at| (at % 8191) as f32 / 3.0).collect();
    let bytes = |creation: &str, cache| {
        let (format, creation) = match creation {
            "COG" => (Format::Cog, vec![]),
            creation => (Format::GTiff, vec![creation.to_owned()]),
        };
        let options = SinkOptions { format, creation, overwrite: true, ..Default::default() };
        let place = Georeference::default();
        api.settle_memory(cache);
        let mut sink = GdalSink::create(api, &path, &options, &layer, size, &place).unwrap();
        sink.write(Samples::F32(&pixels)).unwrap();
        sink.finish(&[], &mut |_, _| true).unwrap();
        std::fs::read(&path).unwrap()
    };
    for creation in ["INTERLEAVE=PIXEL", "INTERLEAVE=BAND", "COG"] {
        let given = bytes(creation, 256 << 20);
        assert!(given == bytes(creation, 256 << 20), "{creation}: two runs");
        assert!(given == bytes(creation, 8 << 20), "{creation}: a small cache");
    }
}
