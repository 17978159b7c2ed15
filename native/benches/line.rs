//! Times what of the line is ours, per chip of 12 channels, 13 classes and 128 x 128 pixels.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use spectralgpt_core::activation;
use spectralgpt_core::blend::Blender;
use spectralgpt_core::error::Result;
use spectralgpt_core::geometry::{Size, Window};
use spectralgpt_core::model::manifest::{Activation, Manifest, SCHEMA};
use spectralgpt_core::model::profile::Profile;
use spectralgpt_core::normalise::Normaliser;
use spectralgpt_core::raster::RasterSource;
use spectralgpt_core::raster::memory::MemorySource;
use spectralgpt_core::strip::Strip;
use spectralgpt_core::tile::{Grid, TilePlan};

const PIXELS: usize = 128 * 128;
const CLASSES: usize = 13;

fn line(criterion: &mut Criterion) -> Result<()> {
    let size = Size::new(1000, 300);
    let pixels = (0..size.pixels() * 10).map(|at| (at * 7919 % 4001) as f32).collect();
    let source = MemorySource::new(size, 10, pixels, None)?;
    let plan = TilePlan::new(size, Window::whole(size), Grid::new(128, 0, 8, 32)?)?;
    let row = plan.tile_rows().next().unwrap_or_default();
    let mut strip = Strip::<f32>::empty(source.bands());
    strip.follow(&Strip::<f32>::empty(source.bands()), plan.strip(row), &source)?;
    let Some(tile) = plan.tiles(row).nth(1) else { return Ok(()) };
    let valid = strip.chip(&plan, tile).valid();
    let normaliser = Normaliser::new(&manifest()?, 0.0)?;
    let mut input = vec![0.0; 12 * PIXELS];
    criterion.bench_function("cut and normalise", |bencher| {
        bencher.iter(|| {
            let chip = strip.chip(&plan, black_box(tile));
            chip.normalise(&normaliser, 0, &chip.valid(), &mut input)
        });
    });
    let logits: Vec<f32> = (0..CLASSES * PIXELS).map(|at| (at % 97) as f32 * 0.1).collect();
    criterion.bench_function("softmax", |bencher| {
        let mut scores = logits.clone();
        bencher.iter(|| activation::apply(Activation::Softmax, black_box(&mut scores), CLASSES));
    });
    let mut blender = Blender::new(&plan, CLASSES, true);
    criterion.bench_function("blend", |bencher| {
        bencher.iter(|| blender.add(&plan, tile, black_box(&logits), &valid));
    });
    Ok(())
}

/// Describes the segmentation model, as far as normalising needs it.
fn manifest() -> Result<Manifest> {
    let profile = Profile::named("segmunich")?;
    let json = serde_json::json!({
        "schema": SCHEMA,
        "task": "segment",
        "channels": profile.channels(),
        "normalisation": profile.normalisation(),
        "chip_px": 128,
        "footprint_px": 128,
        "patch_px": 8,
        "ground_resolution_m": 10.0,
        "classes": profile.classes(13),
        "outputs": [
            { "name": "logits", "kind": "class-scores", "channels": 13, "activation": "softmax" },
        ],
    });
    Manifest::parse(&json.to_string())
}

fn benches(criterion: &mut Criterion) {
    if let Err(error) = line(criterion) {
        unreachable!("the benchmark's own scene: {error}");
    }
}

criterion_group!(group, benches);
criterion_main!(group);
