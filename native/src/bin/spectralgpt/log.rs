//! The log: stderr, one line a fact.

use std::io::Write;

use env_logger::{Builder, Env};
use log::LevelFilter;

/// Starts the log at `info`, or `warn` if quiet; SPECTRALGPT_LOG overrides.
pub(crate) fn start(quiet: bool) {
    let level = if quiet { LevelFilter::Warn } else { LevelFilter::Info };
    Builder::new()
        .filter_level(level)
        .parse_env(Env::new().filter("SPECTRALGPT_LOG"))
        .format(|out, record| match record.level() {
            log::Level::Info => writeln!(out, "spectralgpt: {}", record.args()),
            level => writeln!(out, "spectralgpt: {level}: {}", record.args()),
        })
        .init();
}
