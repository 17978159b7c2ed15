//! The command line of libspectralgpt.

mod bar;
mod bench;
mod convert;
mod demo;
mod doctor;
mod info;
mod live;
mod log;
mod parse;
mod predict;
mod report;
mod serve;
mod stack;
mod train;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use spectralgpt_core::error::{Error, Kind, Result};
use spectralgpt_core::runtime;

/// SpectralGPT on whole scenes: a checkpoint and a Sentinel-2 raster in, a georeferenced map out.
#[derive(Debug, Parser)]
#[command(name = "spectralgpt", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 input unusable, 4 model or runtime unusable,
5 I/O, disk or memory (worth a retry), 130 cancelled.
Environment: SPECTRALGPT_ORT_LIBRARY, SPECTRALGPT_GDAL_LIBRARY, SPECTRALGPT_LOG (error, warn, info, debug).";

#[derive(Debug, Subcommand)]
enum Command {
    /// Turns a checkpoint (.pth) into a model file (.onnx) that describes itself
    Convert(convert::Arguments),
    /// Describes a model file
    Info(info::Arguments),
    /// Predicts a raster of any size into a georeferenced map
    Predict(predict::Arguments),
    /// Writes a virtual raster that runs a model when any GDAL program reads it
    Live(live::Arguments),
    /// Writes a virtual raster of a Sentinel-2 product's bands, which any GDAL program reads
    Stack(stack::Arguments),
    /// Trains a model of your own classes from a few labelled places
    Train(train::Arguments),
    /// Makes a scene, maps it with the built-in model and draws both
    Demo(demo::Arguments),
    /// Shows what was found on this machine: GDAL, ONNX Runtime, devices, memory, speed
    Doctor(doctor::Arguments),
    /// Measures how fast a model runs here, in every way this machine offers
    Bench(bench::Arguments),
    /// Does something each time it is told to, and says how long that took
    #[command(hide = true)]
    Serve(serve::Arguments),
}

fn main() -> ExitCode {
    runtime::disable_telemetry();
    let arguments = Arguments::parse();
    let quiet = match &arguments.command {
        Command::Predict(predict) => predict.quiet,
        Command::Train(train) => train.quiet,
        Command::Demo(demo) => demo.quiet,
        _ => false,
    };
    log::start(quiet);
    let outcome = match arguments.command {
        Command::Convert(arguments) => arguments.run(),
        Command::Info(arguments) => arguments.run(),
        Command::Predict(arguments) => arguments.run(),
        Command::Live(arguments) => arguments.run(),
        Command::Stack(arguments) => arguments.run(),
        Command::Train(arguments) => arguments.run(),
        Command::Demo(arguments) => arguments.run(),
        Command::Doctor(arguments) => arguments.run(),
        Command::Bench(arguments) => arguments.run(),
        Command::Serve(arguments) => arguments.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            exit_code(error.kind())
        }
    }
}

/// Prints an error in the words of the contract.
fn say(error: &Error) {
    // A closed stderr leaves only the exit code to tell.
    let _ = writeln!(std::io::stderr(), "spectralgpt: {error}");
}

/// Prints a line of results.
fn print(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(|error| Error::io(format!("cannot write to standard output: {error}")))
}

fn exit_code(kind: Kind) -> ExitCode {
    ExitCode::from(kind as u8)
}
