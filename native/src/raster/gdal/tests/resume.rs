//! A run that goes on gives the bytes of one that was never interrupted.

use std::time::Duration;

use super::*;
use crate::error::Kind;

const SIZE: Size = Size::new(129, 67);
const KEPT: [&str; 3] = ["lock", "rows", "journal"];

/// Writes to one file, again and again.
struct Bench {
    api: &'static GdalApi,
    folder: tempfile::TempDir,
    layer: Layer,
    rows: Vec<u8>,
}

impl Bench {
    fn new(api: &'static GdalApi) -> Self {
        let rows = pattern(SIZE, 2);
        Self { api, folder: folder(), layer: layer(SampleType::U8, 2), rows }
    }

    fn hidden(&self) -> std::path::PathBuf {
        self.folder.path().join(".map.tif.spectralgpt")
    }

    fn start(&self, key: &str, resume: bool, format: Format) -> GdalSink {
        let options = SinkOptions { key: key.into(), resume, format, ..Default::default() };
        let path = self.folder.path().join("map.tif");
        let mut sink =
            GdalSink::create(self.api, &path, &options, &self.layer, SIZE, &place()).unwrap();
        sink.scratch.pace = Duration::ZERO;
        sink
    }

    /// Hands rows over one by one.
    fn feed(&self, sink: &mut GdalSink, rows: std::ops::Range<u32>) {
        let row = sink.scratch.layout.row_bytes();
        for at in rows {
            sink.write(Samples::U8(&self.rows[at as usize * row..][..row])).unwrap();
        }
    }

    /// Writes the rows that are missing; returns the map's bytes and removes it.
    fn end(&self, mut sink: GdalSink) -> Vec<u8> {
        let done = sink.rows_done();
        self.feed(&mut sink, done..SIZE.height);
        let path = sink.finish(&[], &mut |_, _| true).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!self.hidden().exists());
        std::fs::remove_file(&path).unwrap();
        std::fs::remove_file(self.folder.path().join("map.tif.aux.xml")).unwrap();
        bytes
    }
}

#[test]
fn a_run_killed_at_any_row_goes_on_to_the_same_bytes() {
    let Some(api) = gdal() else { return };
    let bench = Bench::new(api);
    for (format, step) in [(Format::GTiff, 3), (Format::Cog, 22)] {
        let whole = bench.end(bench.start("key", false, format));
        for row in (0..SIZE.height).step_by(step).chain([SIZE.height]) {
            let mut sink = bench.start("key", row % 2 == 0, format);
            bench.feed(&mut sink, 0..row);
            let copies = KEPT.map(|name| (name, std::fs::read(bench.hidden().join(name)).unwrap()));
            drop(sink);
            // What a kill leaves, and what is not there at the end of a run that nobody resumes.
            assert_eq!(bench.hidden().exists(), row % 2 == 0 && row > 0, "row {row}");
            std::fs::create_dir_all(bench.hidden()).unwrap();
            for (name, bytes) in copies {
                std::fs::write(bench.hidden().join(name), bytes).unwrap();
            }
            std::fs::write(bench.hidden().join("map.tif"), "half a map").unwrap();
            let sink = bench.start("key", true, format);
            assert_eq!(sink.rows_done(), row);
            assert!(bench.end(sink) == whole, "row {row}");
        }
    }
}

#[test]
fn outputs_that_got_less_far_are_waited_for() {
    let Some(api) = gdal() else { return };
    let bench = Bench::new(api);
    let whole = bench.end(bench.start("key", false, Format::GTiff));
    for start in [0, 1, 33, 40] {
        let mut sink = bench.start("key", true, Format::GTiff);
        bench.feed(&mut sink, 0..40);
        drop(sink);
        let mut sink = bench.start("key", true, Format::GTiff);
        assert_eq!(sink.start_at(41).unwrap_err().kind(), Kind::Failed);
        sink.start_at(start).unwrap();
        bench.feed(&mut sink, start..SIZE.height);
        assert_eq!(sink.write(Samples::U8(&[0; 258])).unwrap_err().kind(), Kind::Failed);
        assert!(bench.end(sink) == whole, "from row {start}");
    }
}

#[test]
fn rows_of_another_request_are_not_gone_on_with() {
    let Some(api) = gdal() else { return };
    let bench = Bench::new(api);
    let left = |key| {
        let mut sink = bench.start(key, true, Format::GTiff);
        bench.feed(&mut sink, 0..9);
    };
    left("one");
    let one = bench.start("one", true, Format::GTiff);
    assert_eq!(one.rows_done(), 9);
    drop(one);
    assert_eq!(bench.start("two", true, Format::GTiff).rows_done(), 0);
    assert!(!bench.hidden().exists(), "nothing to go on with");
    left("one");
    assert_eq!(bench.start("one", false, Format::GTiff).rows_done(), 0);
    assert!(!bench.hidden().exists());
    let options = SinkOptions { resume: true, ..Default::default() };
    let path = bench.folder.path().join("map.tif");
    let none = GdalSink::create(api, &path, &options, &bench.layer, SIZE, &place());
    assert_eq!(none.unwrap_err().kind(), Kind::Failed);
}

#[test]
fn a_refused_or_cancelled_run_keeps_the_rows_of_one_to_go_on_with() {
    let Some(api) = gdal() else { return };
    let bench = Bench::new(api);
    let mut sink = bench.start("key", true, Format::GTiff);
    bench.feed(&mut sink, 0..SIZE.height);
    assert_eq!(sink.finish(&[], &mut |_, _| false).unwrap_err().kind(), Kind::Cancelled);
    let options = SinkOptions {
        key: "key".into(),
        resume: true,
        creation: vec!["WOOD=YES".into()],
        ..Default::default()
    };
    let path = bench.folder.path().join("map.tif");
    let refused = GdalSink::create(api, &path, &options, &bench.layer, SIZE, &place());
    assert_eq!(refused.unwrap_err().kind(), Kind::Usage);
    assert_eq!(names(&bench.hidden()), KEPT.map(Into::into).into());
    let sink = bench.start("key", true, Format::GTiff);
    assert_eq!(sink.rows_done(), SIZE.height);
    bench.end(sink);
}
