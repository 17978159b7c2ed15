//! The command line keeps its contract: exit codes, words, JSON, and no output that is not whole.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use conformance::raster::{self, SEGMUNICH};
use conformance::{detgen, models, program, skipped};
use serde_json::Value;
use spectralgpt_core::geometry::Size;

/// A folder with a scene and a small model.
struct Bench {
    folder: tempfile::TempDir,
    model: String,
    scene: String,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("box.onnx");
        models::box_sum(&model, 1);
        let scene = folder.path().join("scene.tif");
        raster::write_u16(&scene, Size::new(300, 140), &["B02"], &[7; 42_000], None);
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        Self { model: text(&model), scene: text(&scene), folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Lists the folder, hidden names included.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs what must fail; the folder must be as it was.
    fn refuses(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let before = self.names();
        let outcome = program::run(arguments);
        assert_eq!(outcome.code, Some(code), "{arguments:?}: {}", outcome.err);
        for word in words {
            assert!(
                outcome.err.contains(word),
                "{arguments:?} should say '{word}': {}",
                outcome.err
            );
        }
        assert!(outcome.err.contains("spectralgpt: ") || code == 2, "{}", outcome.err);
        assert_eq!(self.names(), before, "{arguments:?}");
    }
}

#[test]
fn bad_requests_have_their_code_and_words_and_leave_nothing() {
    let bench = Bench::new();
    let (model, scene, map) = (&*bench.model, &*bench.scene, &*bench.file("map.tif"));
    let text = &*bench.file("text.txt");
    fs::write(text, "neither a model nor a raster").unwrap();
    let predict = |more: &[&str], code, words: &[&str]| {
        bench.refuses(&[&["predict", model, scene, "-o", map], more].concat(), code, words);
    };
    predict(&["--overlap", "30"], 2, &["multiple of 8"]);
    predict(&["--window", "299,0,2,1"], 2, &["does not lie inside", "300 columns"]);
    predict(&["--window", "1,2,3"], 2, &["COL,ROW,W,H"]);
    predict(&["--emit", "heat"], 2, &["classes, scores"]);
    predict(&["--emit", "features"], 2, &["not an output of a segment model", "entropy"]);
    predict(&["--emit", "scores,scores"], 2, &["twice"]);
    predict(&["--dn-offset", "nan"], 3, &["--dn-offset"]);
    predict(&["--json", "--overlap", "128"], 2, &["multiple of 8"]);
    predict(&["--batch", "0"], 2, &["1 to 4096"]);
    predict(&["--precision", "int4"], 2, &["fp32"]);
    predict(&["--bands", "B02,B03"], 2, &["names 2 bands, the raster has 1"]);
    predict(&["--bands", "B03"], 3, &["B02 is missing", "needs B02", "B03"]);
    predict(&["--device", "cuda"], 4, &["CUDA", "onnxruntime"]);
    predict(&["--provider", "openvino"], 4, &["OpenVINO"]);
    predict(&["--memory", "20M"], 5, &["--memory allows 20 MiB"]);
    predict(&["--co", "COMPRESS=NOPE"], 2, &["NOPE"]);
    predict(&["--no-such-option"], 2, &["--no-such-option"]);
    bench.refuses(&["predict", model, text, "-o", map], 3, &["text.txt"]);
    bench.refuses(&["predict", model, "/nowhere.tif", "-o", map], 3, &["/nowhere.tif"]);
    bench.refuses(&["predict", text, scene, "-o", map], 4, &["not an ONNX model", "convert"]);
    bench.refuses(&["predict", "/nowhere.onnx", scene, "-o", map], 4, &["/nowhere.onnx"]);
    bench.refuses(&["predict", model, scene, "-o", "/nowhere/map.tif"], 5, &["/nowhere"]);
    bench.refuses(&["predict", model, scene, "-o", text], 2, &["--overwrite"]);
    for read in [scene, model] {
        let arguments = ["predict", model, scene, "-o", read, "--overwrite"];
        bench.refuses(&arguments, 2, &["is read by this run"]);
        let arguments = ["live", model, scene, "-o", read, "--overwrite"];
        bench.refuses(&arguments, 2, &["is read by this run"]);
    }
    let folder = bench.folder.path().to_str().unwrap();
    bench.refuses(&["predict", model, scene, "-o", folder, "--overwrite"], 2, &["is an input"]);
    bench.refuses(&["convert", text, text], 2, &["is the checkpoint", "another output"]);
    bench.refuses(&["convert", text, map], 4, &["text.txt", "checkpoint"]);
    bench.refuses(&["convert", "/nowhere.pth", map], 5, &["/nowhere.pth"]);
    bench.refuses(&["info", text], 4, &["not an ONNX model"]);
    bench.refuses(&["segment"], 2, &["segment"]);
}

#[test]
fn conversion_says_what_does_not_fit() {
    let bench = Bench::new();
    let checkpoint = models::checkpoint(bench.folder.path(), 1, 0.125);
    let (checkpoint, model) = (checkpoint.to_str().unwrap(), &*bench.file("model.onnx"));
    bench.refuses(&["convert", checkpoint, model], 2, &["--heads"]);
    let convert = |more: &[&str], words: &[&str]| {
        let arguments = [&["convert", checkpoint, model, "--heads", "2"], more].concat();
        bench.refuses(&arguments, 2, words);
    };
    convert(&["--image-size", "100"], &["100"]);
    convert(&["--bands", "B02,B03"], &["2 channels", "12"]);
    convert(&["--profile", "mystery"], &["segmunich"]);
    let classes = &*bench.file("classes.json");
    fs::write(classes, r#"[{"name": "Water"}]"#).unwrap();
    convert(&["--classes", classes], &["1 classes", "13"]);
    let bytes = fs::read(checkpoint).unwrap();
    let short = &*bench.file("short.pth");
    fs::write(short, &bytes[..bytes.len() / 2]).unwrap();
    bench.refuses(&["convert", short, model], 4, &["short.pth"]);
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    fs::write(short, &flipped).unwrap();
    bench.refuses(&["convert", short, model, "--heads", "2"], 4, &["checksum"]);
    program::done(&["convert", checkpoint, model, "--heads", "2", "--image-size", "96"]);
    let info: Value = serde_json::from_str(&program::done(&["info", model, "--json"]).out).unwrap();
    assert_eq!((&info["chip_px"], &info["heads"]), (&96.into(), &2.into()));
    assert!(program::done(&["info", model]).out.contains("21 Arable land"));
}

#[test]
fn json_tells_of_success_and_failure_one_line_per_raster() {
    let bench = Bench::new();
    let maps = bench.file("maps");
    let (model, good) = (&*bench.model, &*bench.scene);
    let arguments =
        ["predict", model, good, "/nowhere.tif", "-o", &maps, "--json", "--emit", "classes,valid"];
    let outcome = program::run(&arguments);
    assert_eq!(outcome.code, Some(1), "{}", outcome.err);
    let lines: Vec<Value> =
        outcome.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let keys: Vec<&str> = lines[0].as_object().unwrap().keys().map(String::as_str).collect();
    let mut contract = [
        "input",
        "outputs",
        "seconds",
        "chips",
        "chips_skipped",
        "chips_per_second",
        "provider",
        "precision",
        "fallback_nodes",
        "seam_disagreement",
        "peak_rss_bytes",
    ];
    contract.sort_unstable();
    assert_eq!(keys, contract);
    assert_eq!((&lines[0]["chips"], &lines[0]["precision"]), (&6.into(), &"fp32".into()));
    let outputs = ["scene.tif", "scene.valid.tif"].map(|name| format!("{maps}/{name}"));
    assert_eq!(lines[0]["outputs"], serde_json::json!(outputs));
    assert!(outputs.iter().all(|path| Path::new(path).is_file()));
    assert_eq!(lines[1]["error"]["code"], "input");
    assert_eq!(lines[1]["input"], "/nowhere.tif");
    let early = program::run(&["predict", "/nowhere.onnx", good, "-o", &maps, "--json"]);
    let early: Value = serde_json::from_str(&early.out).unwrap();
    assert_eq!((&early["input"], &early["error"]["code"]), (&good.into(), &"model".into()));
    let again = ["predict", model, good, "-o", &format!("{maps}/"), "--json", "--skip-existing"];
    let skipped: Value = serde_json::from_str(&program::done(&again).out).unwrap();
    assert_eq!(
        (&skipped["skipped"], &skipped["outputs"][0]),
        (&true.into(), &outputs[0].clone().into())
    );
    let doctor = program::done(&["doctor", "--json"]).out;
    let doctor: Value = serde_json::from_str(&doctor).unwrap();
    assert!(doctor["gdal"]["version"].is_string() && doctor["onnxruntime"]["version"].is_string());
}

#[test]
fn a_damaged_block_is_an_error_and_never_zeros() {
    let bench = Bench::new();
    let scene = bench.file("damaged.tif");
    let pixels = detgen::raw_u16("damaged", 1, 700, 300, 0, 900);
    raster::write_u16(Path::new(&scene), Size::new(300, 700), &["B02"], &pixels, None);
    let bytes = fs::read(&scene).unwrap();
    fs::write(&scene, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let map = bench.file("map.tif");
    bench.refuses(&["predict", &bench.model, &scene, "-o", &map], 3, &["damaged.tif", "band 1"]);
}

/// Writes a scene of six chips for a full-width model of one block, half a second each.
fn slow(folder: &Path) -> (PathBuf, PathBuf) {
    let scene = folder.join("scene.tif");
    let size = Size::new(391, 277);
    let raw = detgen::raw_u16("scene", 10, 277, 391, 200, 3800);
    raster::write_u16(&scene, size, &SEGMUNICH, &raw, None);
    (models::segment(folder, 1, 1.0), scene)
}

#[test]
fn ctrl_c_stops_within_seconds_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (model, scene) = slow(folder.path());
    let before = fs::read_dir(folder.path()).unwrap().count();
    let map = folder.path().join("map.tif");
    let mut run = Command::new(program::path())
        .arg("predict")
        .args([&model, &scene])
        .arg("-o")
        .arg(&map)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The hidden folder shows that the run is past its preparations.
    let patience = Instant::now();
    while fs::read_dir(folder.path()).unwrap().count() == before {
        assert!(patience.elapsed() < Duration::from_secs(60), "the run does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    // The shell's own kill: a bare machine has no other.
    let killed =
        Command::new("sh").arg("-c").arg(format!("kill -INT {}", run.id())).status().unwrap();
    assert!(killed.success());
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), before);
}

#[test]
fn a_run_opens_no_socket_and_leaves_the_home_folder_alone() {
    let works = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    if !works.as_ref().is_ok_and(std::process::ExitStatus::success) {
        return skipped(&format!("strace does not work here: {works:?}"));
    }
    let bench = Bench::new();
    let (home, trace) = (bench.file("home"), bench.file("trace"));
    fs::create_dir(&home).unwrap();
    let status = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=network,mkdir,mkdirat", "-o", &trace])
        .arg(program::path())
        .args(["predict", &bench.model, &bench.scene, "-o", &bench.file("map.tif")])
        .env("HOME", &home)
        .env_remove("ORT_DISABLE_TELEMETRY")
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    let calls = fs::read_to_string(&trace).unwrap();
    assert!(!calls.contains("socket") && !calls.contains("Microsoft"), "{calls}");
    assert!(calls.contains("mkdir"), "the trace sees the run: {calls}");
    assert_eq!(fs::read_dir(&home).unwrap().count(), 0);
}

#[test]
fn the_program_needs_only_glibc_and_libgcc() {
    let output = Command::new("readelf").arg("-d").arg(program::path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let needed: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']')))
        .collect();
    let glibc = ["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libgcc_s.so.1"];
    assert!(!needed.is_empty());
    for name in needed {
        assert!(glibc.contains(&name) || name.starts_with("ld-linux"), "{name}");
    }
}

#[test]
fn rectangles_and_polygons_give_the_pixels_of_the_whole() {
    let bench = Bench::new();
    let size = Size::new(300, 140);
    let pixels = detgen::raw_u16("part", 1, 140, 300, 0, 250);
    raster::write_u16(Path::new(&bench.scene), size, &["B02"], &pixels, None);
    let predict = |more: &[&str]| -> (raster::Read, Value) {
        let map = bench.file("map.tif");
        let arguments = ["predict", &bench.model, &bench.scene, "-o", &map, "--emit", "scores"];
        let all = [&arguments[..], &["--json", "--overwrite"], more].concat();
        let report = serde_json::from_str(&program::done(&all).out).unwrap();
        (raster::read(Path::new(&map)), report)
    };
    let (whole, _) = predict(&[]);
    // The scene starts at 600000, 5400000 with pixels of 10 m: columns 100 to 250, rows 20 to 60.
    let corners = "601000,5399400,602495,5399800";
    let (part, _) = predict(&["--bbox", corners]);
    assert_eq!(part.size, Size::new(150, 40));
    for (row, line) in part.pixels.chunks_exact(150).enumerate() {
        assert_eq!(line, &whole.pixels[(row + 20) * 300 + 100..][..150]);
    }
    let polygons = bench.file("aoi.geojson");
    let square = |x: u32, y: u32| {
        let (x0, y0, x1, y1) = (x, y - 100, x + 100, y);
        format!("[[[{x0},{y0}],[{x1},{y0}],[{x1},{y1}],[{x0},{y1}],[{x0},{y0}]]]")
    };
    let shapes = format!("[{},{}]", square(600_000, 5_400_000), square(602_900, 5_398_700));
    let crs = r#""crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::32633"}}"#;
    let feature = format!(
        r#"{{"type":"Feature","properties":{{}},"geometry":{{"type":"MultiPolygon","coordinates":{shapes}}}}}"#
    );
    let collection = format!(r#"{{"type":"FeatureCollection",{crs},"features":[{feature}]}}"#);
    fs::write(&polygons, collection).unwrap();
    let (part, report) = predict(&["--aoi", &polygons, "--overlap", "8"]);
    // Two squares of ten pixels in opposite corners: of six chips two are run.
    let run = report["chips"].as_u64().unwrap() - report["chips_skipped"].as_u64().unwrap();
    assert_eq!((part.size, run), (size, 2));
    for (at, score) in part.pixels.iter().enumerate() {
        let (row, col) = (at / 300, at % 300);
        let inside = (row < 10 && col < 10) || (row >= 130 && col >= 290);
        assert_eq!(*score, if inside { whole.pixels[at] } else { -9999.0 });
    }
    bench.refuses(
        &["predict", &bench.model, &bench.scene, "-o", &bench.file("x.tif"), "--bbox", "0,0,1,1"],
        3,
        &["does not meet the raster"],
    );
}
