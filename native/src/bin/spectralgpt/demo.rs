//! `spectralgpt demo`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use spectralgpt_core::demo::{DemoReport, demo};
use spectralgpt_core::error::Result;
use spectralgpt_core::memory;
use spectralgpt_core::options::Options;
use spectralgpt_core::runtime::provider::{Device, Precision, ProviderChoice};

use crate::bar::{Bar, listen};
use crate::parse::count;
use crate::print;
use crate::report::{describe, failure, paths};

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder to make everything in
    #[arg(default_value = "spectralgpt-demo")]
    folder: PathBuf,
    /// Threads [default: as many as this process may use]
    #[arg(short = 'j', long, value_name = "N", value_parser = count)]
    threads: Option<usize>,
    /// Memory the process may hold, as in 4G [default: 4G, or half of what there is]
    #[arg(long, value_name = "SIZE", value_parser = memory::parse)]
    memory: Option<u64>,
    /// What computes: auto, cpu, cuda, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: Device,
    /// Who computes there: auto, ort, openvino, tensorrt
    #[arg(long, value_name = "NAME", default_value = "auto")]
    provider: ProviderChoice,
    /// The network's arithmetic: fp32, bf16, fp16, fastest
    #[arg(long, value_name = "NAME", default_value = "fp32")]
    precision: Precision,
    /// Replaces existing files
    #[arg(long)]
    overwrite: bool,
    /// Says nothing but warnings and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Prints a JSON object
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<()> {
        let done = listen().and_then(|stop| {
            demo(&self.folder, self.options(), &mut Bar::new(self.quiet, "chips", stop))
        });
        match done {
            Ok(done) => self.tell(&done),
            Err(error) => {
                if self.json {
                    print(&failure(&self.folder.to_string_lossy(), &error))?;
                }
                Err(error)
            }
        }
    }

    fn options(&self) -> Options {
        let mut options = Options::default();
        options.threads = self.threads.unwrap_or(options.threads);
        options.memory = self.memory.unwrap_or(options.memory);
        (options.device, options.provider) = (self.device, self.provider);
        options.precision = self.precision;
        options.overwrite = self.overwrite;
        options
    }

    fn tell(&self, done: &DemoReport) -> Result<()> {
        let run = &done.run;
        if self.json {
            let mut report = describe(&done.scene.to_string_lossy(), run);
            report["accuracy"] = done.accuracy.into();
            report["baseline_accuracy"] = done.baseline.into();
            report["picture"] = json!(paths(std::slice::from_ref(&done.picture))[0]);
            return print(&report.to_string());
        }
        let lines = [
            format!("scene       {}", done.scene.display()),
            format!("truth       {}", done.truth.display()),
            format!("map         {}", run.outputs[0].display()),
            format!("confidence  {}", run.outputs[1].display()),
            format!("picture     {}", done.picture.display()),
            format!(
                "speed       {:.1} chips/s by {}, {}",
                run.chips_per_second(),
                run.provider.provider,
                run.provider.precision
            ),
            format!("accuracy    {:.3} of pixels have their true class", done.accuracy),
            format!("baseline    {:.3} by the nearest class mean of each pixel", done.baseline),
        ];
        lines.iter().try_for_each(|line| print(line))
    }
}
