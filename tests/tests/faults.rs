//! Whatever fails or kills a run, and when: an old map is as it was or wholly replaced, nothing
//! half-made is seen, and a run that goes on gives the same bytes.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use conformance::{detgen, full, models, program, raster, skipped, tell};
use spectralgpt_core::geometry::Size;

/// A model, a scene, the map that they give, and a folder that it goes to.
struct Bench {
    folder: tempfile::TempDir,
    reference: Vec<u8>,
    took: Duration,
    format: &'static str,
}

impl Bench {
    fn new(size: Size, format: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        models::box_sum(&folder.path().join("box.onnx"), 1);
        let (width, height) = (size.width as usize, size.height as usize);
        let pixels = detgen::raw_u16("faults", 1, height, width, 0, 900);
        raster::write_u16(&folder.path().join("scene.tif"), size, &["B02"], &pixels, None);
        fs::create_dir(folder.path().join("maps")).unwrap();
        let mut bench = Self { folder, reference: Vec::new(), took: Duration::ZERO, format };
        let mut run = bench.predict(&[]);
        let start = Instant::now();
        let output = run.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        bench.took = start.elapsed();
        bench.reference = fs::read(bench.map()).unwrap();
        bench.clear();
        bench
    }

    fn maps(&self) -> PathBuf {
        self.folder.path().join("maps")
    }

    fn map(&self) -> PathBuf {
        self.maps().join("map.tif")
    }

    fn predict(&self, more: &[&str]) -> Command {
        let mut command = Command::new(program::path());
        let file = |name| self.folder.path().join(name);
        command.arg("predict").args([file("box.onnx"), file("scene.tif")]);
        command
            .args(["--emit", "scores", "-j", "2", "--of", self.format, "-o"])
            .arg(self.map())
            .args(more);
        command
    }

    /// Lists what a user sees in the folder of maps.
    fn visible(&self) -> Vec<String> {
        let entries = fs::read_dir(self.maps()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    fn clear(&self) {
        fs::remove_dir_all(self.maps()).unwrap();
        fs::create_dir(self.maps()).unwrap();
    }
}

/// Builds the library that makes calls fail.
fn shim(folder: &Path) -> Option<PathBuf> {
    let library = folder.join("faults.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl");
    match compiler.output() {
        Ok(Output { status, .. }) if status.success() => Some(library),
        failed => {
            skipped(&format!("no C compiler works here: {failed:?}"));
            None
        }
    }
}

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

/// Runs with the n-th call failing; returns the run and what the shim said.
fn run_with_fault(
    bench: &Bench,
    shim: &Path,
    at: usize,
    errno: i32,
    last: bool,
) -> (Output, Option<String>) {
    let log = bench.folder.path().join("log");
    let _ = fs::remove_file(&log);
    let mut command = bench.predict(&["--overwrite"]);
    command.env("LD_PRELOAD", shim).env("FAULTS_UNDER", bench.maps()).env("FAULTS_LOG", &log);
    command.env("FAULTS_AT", at.to_string()).env("FAULTS_ERRNO", errno.to_string());
    if last {
        command.env("FAULTS_LAST", "1");
    }
    let output = command.output().unwrap();
    (output, fs::read_to_string(log).ok())
}

#[test]
fn a_call_that_fails_fails_the_run_and_leaves_the_old_map() {
    fail_every_call("GTiff");
    if full() {
        fail_every_call("COG");
    }
}

fn fail_every_call(format: &'static str) {
    let bench = Bench::new(Size::new(300, 140), format);
    let Some(shim) = shim(bench.folder.path()) else { return };
    let (output, counted) = run_with_fault(&bench, &shim, 0, 0, false);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let calls: usize = counted.unwrap().parse().unwrap();
    assert!(calls > 30, "the shim sees only {calls} calls");
    // Without make test-full every so many, and the last ones, which give files their names.
    let step = if full() { 1 } else { calls.div_ceil(10) };
    let points = (1..=calls).filter(|at| at % step == 1 % step || at + 8 > calls);
    let mut tried = 0;
    for (at, last) in points.flat_map(|at| [(at, false), (at, true)]) {
        bench.clear();
        fs::write(bench.map(), "old").unwrap();
        let errno = if at % 2 == 0 { ENOSPC } else { EIO };
        let (output, struck) = run_with_fault(&bench, &shim, at, errno, last);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        let case = format!("call {at} of {calls}, lasting: {last}: {words}");
        assert!(struck.is_some(), "{case}");
        tried += 1;
        let map = fs::read(bench.map()).unwrap();
        if output.status.success() || map != b"old" {
            assert!(map == bench.reference, "{case}");
        } else {
            assert_eq!(bench.visible(), ["map.tif"], "{case}");
        }
        if !output.status.success() {
            assert_eq!(output.status.code(), Some(5), "{case}");
        }
        assert!(!bench.maps().join(".map.tif.spectralgpt").exists(), "{case}");
    }
    tell(&format!("{tried} faults in the {calls} calls that make a {format}"));
}

/// Gives a share of 1 that looks random.
fn share(index: u32) -> f64 {
    f64::from(index.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24)
}

fn kill_after(mut run: Child, time: Duration) -> Option<i32> {
    std::thread::sleep(time);
    run.kill().unwrap();
    run.wait().unwrap().code()
}

#[test]
fn a_killed_run_leaves_nothing_half_made_and_is_gone_on_with() {
    let bench = Bench::new(Size::new(1500, 1100), "COG");
    let start = || bench.predict(&["--resume"]).stderr(Stdio::null()).spawn().unwrap();
    let (mut killed, mut ended) = (0, 0);
    for index in 1..=if full() { 50 } else { 10 } {
        let code = kill_after(start(), bench.took.mul_f64(1.1 * share(index)));
        assert!(matches!(code, None | Some(0)), "kill {index}: the run ended with {code:?}");
        killed += usize::from(code.is_none());
        if !bench.visible().is_empty() {
            assert!(fs::read(bench.map()).unwrap() == bench.reference, "kill {index}");
            ended += 1;
            let beside = fs::remove_file(bench.maps().join("map.tif.aux.xml"));
            assert!(beside.is_ok() || code.is_none(), "kill {index}");
            fs::remove_file(bench.map()).unwrap();
        }
    }
    assert!(killed > 0);
    tell(&format!("{killed} runs killed, {ended} ended"));
    let output = bench.predict(&["--resume"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::read(bench.map()).unwrap() == bench.reference);
    assert_eq!(fs::read_dir(bench.maps()).unwrap().count(), 2);
}

#[test]
fn rows_that_a_killed_run_saved_are_not_made_again() {
    let bench = Bench::new(Size::new(2200, 1500), "GTiff");
    let journal = bench.maps().join(".map.tif.spectralgpt/journal");
    let mut run = bench.predict(&[]).stderr(Stdio::null()).spawn().unwrap();
    while !journal.metadata().is_ok_and(|found| found.len() > 32) {
        if run.try_wait().unwrap().is_some() {
            return skipped("the run ended before it could be killed");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(bench.visible().is_empty());
    let output = bench.predict(&["--resume"]).env("SPECTRALGPT_LOG", "info").output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && words.contains("going on after row"), "{words}");
    assert!(fs::read(bench.map()).unwrap() == bench.reference);
}
