//! Processes that hold GDAL as Python and QGIS do.

use std::process::Command;

use conformance::{models, program, skipped};

use crate::{World, kinds};

/// Six threads with datasets of their own read windows of each kind of live raster that this GDAL
/// opens; `same` compares with the map.
const OSGEO: &str = "
import ctypes, threading
from sys import argv
import numpy as np
from osgeo import gdal
gdal.UseExceptions()
folder, library = argv[1:]
whole = gdal.Open(folder + 'map.tif').ReadAsArray()

def same(name, *window):
    col, row, width, height = window or (0, 0, *whole.shape[::-1])
    part = whole[row:row + height, col:col + width]
    assert (gdal.Open(folder + name).ReadAsArray(col, row, width, height) == part).all(), window

def windows(name, seed):
    random = np.random.default_rng(seed)
    for _ in range(20):
        col, row = (int(random.integers(0, side)) for side in whole.shape[::-1])
        size = (int(random.integers(1, side - at + 1)) for side, at in ((whole.shape[1], col), (whole.shape[0], row)))
        same(name, col, row, *size)

def threads(name):
    failed = []
    def guarded(seed):
        try:
            windows(name, seed)
        except BaseException as error:
            failed.append(error)
    all = [threading.Thread(target=guarded, args=(seed,)) for seed in range(6)]
    [thread.start() for thread in all]
    [thread.join() for thread in all]
    assert not failed, failed

def register(module=None):
    call = ctypes.CDLL(library).sgpt_gdal_register
    call.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    assert call(module and module.encode(), None) == 0
";

const PYTHON: &str = "/usr/bin/python3";

/// Runs a script after [`OSGEO`]; `None`, said aloud, where Python has no GDAL.
fn osgeo(world: &World, script: &str, variables: &[(&str, &str)]) -> Option<crate::Said> {
    let import = Command::new(PYTHON).args(["-c", "import numpy, osgeo.gdal"]).output();
    if !import.is_ok_and(|run| run.status.success()) {
        skipped("no /usr/bin/python3 with osgeo and numpy");
        return None;
    }
    Some(world.python(PYTHON, &format!("{OSGEO}{script}"), variables))
}

#[test]
fn six_threads_read_windows_and_each_chip_is_inferred_once() {
    let Some(world) = World::new() else { return };
    for kind in kinds() {
        world.live("live.vrt", &["--kind", kind]);
        let Some(said) = osgeo(&world, "threads('live.vrt')", &[]) else { return };
        assert_eq!(said.chips(), world.chips, "{kind}");
    }
}

/// Interrupts again and again, as one who holds Ctrl-C down: a read ends, and the next one goes on.
const INTERRUPT: &str = "
import signal
register()
libc, interrupt = ctypes.CDLL(None), ctypes.CDLL(library).sgpt_gdal_interrupt
libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.signal(signal.SIGINT, ctypes.cast(interrupt, ctypes.c_void_p))
said = []
def read():
    try:
        same('live.vrt')
    except RuntimeError as error:
        said.append(str(error))
reader = threading.Thread(target=read)
reader.start()
while reader.is_alive():
    signal.raise_signal(signal.SIGINT)
    reader.join(0.001)
assert len(said) == 1 and 'interrupted' in said[0], said
same('live.vrt')
";

#[test]
fn an_interrupted_read_fails_and_the_next_one_goes_on() {
    let Some(world) = World::new() else { return };
    for kind in kinds() {
        world.live("live.vrt", &["--kind", kind]);
        let Some(said) = osgeo(&world, INTERRUPT, &[]) else { return };
        assert!(said.err.contains(&format!(", {} in all", world.chips)), "{kind}: {}", said.err);
    }
}

#[test]
fn a_raster_opened_before_the_plugin_fails_readably_and_recovers() {
    let Some(world) = World::new() else { return };
    world.live("live.vrt", &["--kind", "pixel-function"]);
    let script = "
early = gdal.Open(folder + 'live.vrt')
try:
    early.ReadAsArray()
    assert False, 'it was read'
except RuntimeError as error:
    assert 'spectralgpt' in str(error) and 'not registered' in str(error), error
register()
register()
assert (early.ReadAsArray() == whole).all()
gdal.AllRegister()
same('live.vrt')
";
    let _ = osgeo(&world, script, &[("GDAL_DRIVER_PATH", "/nowhere")]);
}

#[test]
fn the_plugin_and_ctypes_are_one_instance() {
    let Some(world) = World::new() else { return };
    world.live("live.vrt", &["--kind", "pixel-function"]);
    let script = "
same('live.vrt')
register()
register(gdal._gdal.__file__ if hasattr(gdal, '_gdal') else __import__('osgeo._gdal')._gdal.__file__)
same('live.vrt')
";
    let Some(said) = osgeo(&world, script, &[]) else { return };
    assert_eq!(said.chips(), world.chips);
}

/// Returns a Python with rasterio's wheel, which brings a GDAL of its own, and where its modules are.
fn rasterio() -> Option<(String, String)> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/bin/python");
    let python = std::env::var("SPECTRALGPT_RASTERIO").unwrap_or_else(|_| beside.to_owned());
    let script = "import rasterio; print(rasterio.__path__[0][:-8])";
    let run = Command::new(&python).args(["-c", script]).output().ok()?;
    let modules = String::from_utf8_lossy(&run.stdout).trim().to_owned();
    if !run.status.success() {
        skipped("no rasterio in .venv, and SPECTRALGPT_RASTERIO names no Python that has it");
        return None;
    }
    Some((python, modules))
}

const RASTERIO: &str = "
from sys import argv
import numpy as np, rasterio
from rasterio.windows import Window
folder = argv[1]
with rasterio.open(folder + 'map.tif') as file:
    whole, tenth, colours = file.read(1), file.read(1, out_shape=(27, 39)), file.colormap(1)
with rasterio.open(folder + 'scores.tif') as file:
    scores = file.read()
random = np.random.default_rng(7)
for kind in ['pixel-function', 'processed']:
    with rasterio.open(f'{folder}{kind}.vrt') as live:
        assert live.nodata == 255 and live.colormap(1)[1] == colours[1], kind
        assert (live.read(1) == whole).all(), kind
        assert (live.read(1, out_shape=(27, 39)) == tenth).all(), kind
    for _ in range(20):
        with rasterio.open(f'{folder}{kind}.vrt') as live:
            col, row = int(random.integers(0, 391)), int(random.integers(0, 277))
            width, height = int(random.integers(1, 392 - col)), int(random.integers(1, 278 - row))
            part = live.read(1, window=Window(col, row, width, height))
            assert (part == whole[row:row + height, col:col + width]).all(), kind
    with rasterio.open(f'{folder}{kind}-scores.vrt') as live:
        assert (live.read() == scores).all(), kind
        assert (live.read(3, window=Window(100, 90, 31, 1)) == scores[2, 90:91, 100:131]).all(), kind
print(rasterio.__gdal_version__)
";

#[test]
fn another_gdal_reads_both_kinds() {
    let Some(world) = World::new() else { return };
    let Some((python, _)) = rasterio() else { return };
    world.predict("scores.tif", &["--emit", "scores"]);
    for kind in ["pixel-function", "processed"] {
        world.live(&format!("{kind}.vrt"), &["--kind", kind]);
        world.live(&format!("{kind}-scores.vrt"), &["--kind", kind, "--emit", "scores"]);
    }
    let said = world.python(&python, RASTERIO, &[]);
    conformance::tell(&format!("rasterio with GDAL {}", said.out.trim()));
}

#[test]
fn a_relative_raster_moves_with_its_files() {
    let Some(world) = World::new() else { return };
    let Some((python, _)) = rasterio() else { return };
    let (here, there) = (world.path("here"), world.path("there"));
    std::fs::create_dir_all(here.join("models")).unwrap();
    let model = models::segment(&here.join("models"), 1, 0.25).display().to_string();
    let scene = here.join("scene.tif").display().to_string();
    std::fs::hard_link(world.path("scene.tif"), &scene).unwrap();
    let live = here.join("live.vrt").display().to_string();
    let map = here.join("map.tif").display().to_string();
    program::done(&["predict", &model, &scene, "-o", &map]);
    let options = ["-o", &live, "--kind", "processed", "--relative"];
    program::done(&[&["live", &model, &scene][..], &options].concat());
    std::fs::rename(&here, &there).unwrap();
    let script = "
import os, sys, rasterio
folder = sys.argv[1] + 'there/'
whole = rasterio.open(folder + 'map.tif').read(1)
os.chdir('/')
assert (rasterio.open(folder + 'live.vrt').read(1) == whole).all()
os.chdir(folder)
assert (rasterio.open('live.vrt').read(1) == whole).all()
";
    world.python(&python, script, &[]);
}

#[test]
fn two_gdals_in_a_process_are_each_served() {
    let Some(world) = World::new() else { return };
    let Some((_, modules)) = rasterio() else { return };
    let mut both = Command::new(PYTHON);
    both.env("PYTHONPATH", &modules).args(["-c", "import osgeo.gdal, rasterio"]);
    if !both.output().is_ok_and(|run| run.status.success()) {
        return skipped("/usr/bin/python3 does not load both osgeo and rasterio");
    }
    world.live("live.vrt", &["--kind", "pixel-function"]);
    for (first, second) in [("osgeo.gdal", "rasterio"), ("rasterio", "osgeo.gdal")] {
        let script = format!(
            "
import sys, {first}, {second}
from osgeo import gdal
import rasterio
gdal.UseExceptions()
one, two = gdal.VersionInfo('RELEASE_NAME'), rasterio.__gdal_version__
assert one != two, one
read = lambda name: gdal.Open(sys.argv[1] + name).ReadRaster()
whole = read('map.tif')
assert read('live.vrt') == whole
assert rasterio.open(sys.argv[1] + 'live.vrt').read(1).tobytes() == whole
assert read('live.vrt') == whole
"
        );
        world.python(PYTHON, &script, &[("PYTHONPATH", &modules)]);
    }
}
