//! Programs that know nothing of us read a live raster, and get the pixels of `predict`.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

mod failures;
mod hosts;
mod programs;

use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::{cc, program, raster, skipped};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::model::manifest::Channel;
use spectralgpt_core::model::{BUILTIN, Model};

/// Several chips with an edge left over; not square.
const SIZE: Size = Size::new(391, 277);

/// Lists the kinds that the GDAL of `gdal_translate` reads.
fn kinds() -> &'static [&'static str] {
    let out = Command::new("gdal_translate").arg("--version").output().unwrap().stdout;
    let words = String::from_utf8_lossy(&out).into_owned();
    let version = words.split([' ', '.', ',']).skip(1).take(2).map(|number| number.parse::<u32>());
    let version: Vec<u32> = version.collect::<Result<_, _>>().unwrap();
    if version >= vec![3, 9] { &["pixel-function", "processed"] } else { &["pixel-function"] }
}

/// A scene, its map as `predict` makes it, and a folder where GDAL finds the plugin.
struct World {
    folder: tempfile::TempDir,
    /// Chips that the map took.
    chips: u64,
}

/// What a program said.
struct Said {
    success: bool,
    out: String,
    err: String,
}

impl World {
    /// Makes one; `None`, said aloud, without GDAL's programs.
    fn new() -> Option<Self> {
        if !Command::new("gdal_translate")
            .arg("--version")
            .output()
            .is_ok_and(|o| o.status.success())
        {
            skipped("no gdal_translate");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("plugin")).unwrap();
        let plugin = folder.path().join("plugin/gdal_SpectralGPT.so");
        std::os::unix::fs::symlink(cc::library(), plugin).unwrap();
        let mut world = Self { folder, chips: 0 };
        let bands = bands();
        let names: Vec<&str> = bands.iter().map(String::as_str).collect();
        raster::write_u16(&world.path("scene.tif"), SIZE, &names, &pixels(names.len()), Some(0.0));
        let report = world.predict("map.tif", &[]);
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let count = |key: &str| report[key].as_u64().unwrap();
        world.chips = count("chips") - count("chips_skipped");
        Some(world)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Writes a map of the scene; returns the report.
    fn predict(&self, name: &str, options: &[&str]) -> String {
        let (scene, map) = (self.name("scene.tif"), self.name(name));
        let arguments = ["predict", BUILTIN, &scene, "-o", &map, "--json", "--dn-offset", "0"];
        program::done(&[&arguments, options].concat()).out
    }

    /// Writes a live raster of the scene.
    fn live(&self, name: &str, options: &[&str]) -> String {
        let (scene, live) = (self.name("scene.tif"), self.name(name));
        let arguments = ["live", BUILTIN, &scene, "-o", &live, "--overwrite", "--dn-offset", "0"];
        program::done(&[&arguments, options].concat());
        live
    }

    /// Runs a program that finds the plugin.
    fn run<S: AsRef<std::ffi::OsStr>>(&self, program: &str, arguments: &[S]) -> Said {
        self.run_with(program, arguments, &[])
    }

    fn run_with<S: AsRef<std::ffi::OsStr>>(
        &self,
        program: &str,
        arguments: &[S],
        variables: &[(&str, &str)],
    ) -> Said {
        let run = Command::new(program)
            .args(arguments)
            .env("GDAL_DRIVER_PATH", self.path("plugin"))
            .env("CPL_DEBUG", "SPECTRALGPT")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        Said {
            success: run.status.success(),
            out: String::from_utf8_lossy(&run.stdout).into_owned(),
            err: String::from_utf8_lossy(&run.stderr).into_owned(),
        }
    }

    /// Runs a script in the Python of a system or a wheel; it must succeed.
    fn python(&self, python: &str, script: &str, variables: &[(&str, &str)]) -> Said {
        let folder = self.name("");
        let library = cc::library().display().to_string();
        let said = self.run_with(python, &["-c", script, &folder, &library], variables);
        assert!(said.success, "{}{}", said.out, said.err);
        said
    }
}

impl Said {
    /// Counts the chips that were inferred.
    fn chips(&self) -> u64 {
        let counts = self.err.split("SPECTRALGPT: ").skip(1);
        counts.filter_map(|line| line.split_once(" chips inferred")?.0.parse::<u64>().ok()).sum()
    }
}

/// Lists the bands that the built-in model needs.
fn bands() -> Vec<String> {
    let model = Model::open(Path::new(BUILTIN)).unwrap();
    let channels = model.manifest().channels.iter();
    let name = |channel: &Channel| match channel {
        Channel::Band(name) => Some(name.clone()),
        Channel::Mean(_) => None,
    };
    channels.filter_map(name).collect()
}

/// Draws land of several kinds, (row, band, column), with a hole.
fn pixels(bands: usize) -> Vec<u16> {
    let Size { width, height } = SIZE;
    let value = |row: u32, band: usize, col: u32| {
        if (200..240).contains(&row) && (300..340).contains(&col) {
            return 0;
        }
        let (x, y) = (f64::from(col), f64::from(row));
        let field = f64::from((col / 57 + row / 41) % 3);
        let ground = 1500.0 + 900.0 * (x / 31.0).sin() * (y / 23.0).cos() + 400.0 * field;
        let ripple = 300.0 * (x / (9.0 + band as f64)).sin();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "600 to 6000")]
        let number = (ground * (0.5 + 0.1 * band as f64) + ripple).clamp(1.0, 12_000.0) as u16;
        number
    };
    (0..height)
        .flat_map(|row| {
            (0..bands).flat_map(move |band| (0..width).map(move |col| value(row, band, col)))
        })
        .collect()
}

/// Compares two rasters' pixels and places.
fn same(one: &Path, other: &Path) -> bool {
    raster::read(one) == raster::read(other)
}
