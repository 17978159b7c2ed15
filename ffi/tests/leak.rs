//! Opening, predicting and freeing again and again takes no more memory.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use conformance::face::{Arrays, Case, Session};
use conformance::{full, models, tell};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::memory;

#[test]
fn cycles_of_open_predict_and_free_take_no_more_memory() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("tiny.onnx");
    let mut manifest = models::plain_manifest(2, 0);
    (manifest.chip_px, manifest.footprint_px) = (16, 16);
    models::save(&model, &manifest, |graph, chip| {
        let weight = graph.floats("weight", &[2, 1, 1, 1], vec![1.0, -1.0]);
        let bias = graph.floats("bias", &[2], vec![0.0, 9.0]);
        graph.conv(chip, weight, bias, 1)
    });
    let mut case = Case::new(&model, Size::new(11, 7), &["B02"], (0..77).collect());
    case.threads = 1;
    let expected: Vec<f32> = (0..77u8).map(|number| f32::from(u8::from(number < 5))).collect();
    // Each session is the only one: nothing is kept of the one before.
    let cycle = || {
        let planes = Session::new(&case).unwrap().arrays(&case, Arrays::Stored).unwrap();
        assert!(planes[0].pixels == expected);
    };
    let (warm, cycles) = (1_000, if full() { 100_000 } else { 1_000 });
    (0..warm).for_each(|_| cycle());
    let before = memory::resident().unwrap();
    (0..cycles).for_each(|_| cycle());
    let grown = memory::resident().unwrap().saturating_sub(before);
    tell(&format!("{cycles} cycles: {} KiB more", grown / 1024));
    assert!(grown < 1 << 20, "{grown} bytes more after {cycles} cycles");
}
