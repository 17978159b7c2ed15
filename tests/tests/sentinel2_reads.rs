//! Each block of a product is decoded once, or nearly so, at the default memory. The bytes that a process
//! reads are counted, so this test has a process to itself.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use conformance::safe::{BANDS, Product};
use conformance::{full, models, tell};
use spectralgpt_core::geometry::{Size, Window};
use spectralgpt_core::inputs::Inputs;
use spectralgpt_core::model::manifest::{Channel, Manifest};
use spectralgpt_core::options::Options;
use spectralgpt_core::raster::RasterSource;
use spectralgpt_core::raster::gdal::GdalApi;
use spectralgpt_core::strip::Strip;

/// What the program lets GDAL keep at the default memory, 4 GiB.
const CACHE: u64 = 512 << 20;
/// A scene's row of blocks, in pixels.
const ROW: u64 = 10_980 * 1024;

/// Returns the bytes that this process has read so far.
fn bytes_read() -> u64 {
    let counters = std::fs::read_to_string("/proc/self/io").unwrap();
    counters.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok()).unwrap()
}

#[test]
fn a_products_blocks_are_decoded_once_at_the_default_memory() {
    let Ok(api) = GdalApi::find() else { return conformance::skipped("no libgdal") };
    let folder = tempfile::tempdir().unwrap();
    // The cache is to a row of blocks what it is for a scene; blocks are no multiple of a VRT's, 128.
    let (size, block) =
        if full() { (Size::new(10_980, 1260), 1024) } else { (Size::new(1230, 906), 320) };
    let product = Product { size, block, ..Product::new("L1C", "04.00") };
    let Some(root) = product.write(folder.path()) else { return };
    let manifest = Manifest {
        channels: BANDS.iter().map(|band| Channel::Band((*band).to_owned())).collect(),
        ..models::plain_manifest(1, 0)
    };
    let mut options = Options::default();
    options.threads = 2;
    let open = || Inputs::open(api, &manifest, &[root.to_str().unwrap()], &options).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();

    api.settle_memory(2 << 30);
    let inputs = open();
    let before = bytes_read();
    let (mut pixels, mut valid) = (vec![0.0; 13 * size.pixels()], vec![0; size.pixels()]);
    let all = Window::whole(size);
    pool.install(|| inputs.source().read(all, &mut pixels, &mut valid)).unwrap();
    let once = bytes_read() - before;
    drop(inputs);

    api.settle_memory(CACHE * u64::from(size.width) * u64::from(block) / ROW);
    let inputs = open();
    let plan = inputs.plan(&manifest, &options).unwrap();
    let before = bytes_read();
    let (mut strip, mut last) = (Strip::<f32>::empty(13), Strip::empty(13));
    for row in plan.tile_rows() {
        std::mem::swap(&mut strip, &mut last);
        pool.install(|| strip.follow(&last, plan.strip(row), &inputs.source())).unwrap();
    }
    let times = (bytes_read() - before) as f64 / once as f64;
    tell(&format!("blocks of JPEG 2000 decoded {times:.3} times, {once} bytes once"));
    assert!(once > size.pixels() as u64, "all of it was read");
    assert!(times <= 1.1, "each block was decoded {times:.2} times");
}
