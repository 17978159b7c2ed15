//! Each block is decoded once, or nearly so, however many threads read it in however many parts. The
//! bytes that a process reads are counted, so this test has a process to itself.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use conformance::{detgen, skipped};
use spectralgpt_core::geometry::{Size, Window};
use spectralgpt_core::raster::gdal::{GdalApi, GdalSink, GdalSource, Georeference, SinkOptions};
use spectralgpt_core::raster::{Layer, RasterSink, RasterSource, SampleType, Samples, Stored};

/// Returns the bytes that this process has read so far.
fn bytes_read() -> u64 {
    let counters = std::fs::read_to_string("/proc/self/io").unwrap();
    counters.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok()).unwrap()
}

#[test]
fn a_block_that_is_read_in_parts_is_decoded_once() {
    let Ok(api) = GdalApi::find() else { return skipped("no libgdal") };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.tif");
    let size = Size::new(2000, 1100);
    let layer = Layer {
        sample: SampleType::U16,
        bands: (1..=4).map(|band| format!("B{band}")).collect(),
        nodata: None,
        categories: vec![],
        stored: Stored::AsIs,
    };
    let creation = ["INTERLEAVE=BAND", "BLOCKXSIZE=1024", "BLOCKYSIZE=1024"];
    let creation = creation.map(str::to_owned).to_vec();
    let options = SinkOptions { creation, ..SinkOptions::default() };
    let place = Georeference::default();
    let mut sink = GdalSink::create(api, &path, &options, &layer, size, &place).unwrap();
    let noise = detgen::raw_u16("noise", 4, 1100, 2000, 0, 65_535);
    sink.write(Samples::U16(&noise)).unwrap();
    sink.finish(&[], &mut |_, _| true).unwrap();
    let file = path.metadata().unwrap().len();
    for threads in [1, 4] {
        let source = GdalSource::open(api, path.to_str().unwrap()).unwrap();
        let source = source.select(&[1, 2, 3, 4], None).unwrap();
        let before = bytes_read();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            for row in (0..1100).step_by(100) {
                let window = Window::new(0, row, Size::new(2000, 100));
                let (mut pixels, mut valid) = (vec![0.0; 800_000], vec![0; 200_000]);
                source.read(window, &mut pixels, &mut valid).unwrap();
            }
        });
        let times = (bytes_read() - before) as f64 / file as f64;
        assert!(times < 1.2, "{threads} threads read the file {times:.2} times");
    }
}
