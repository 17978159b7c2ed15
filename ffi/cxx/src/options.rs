//! Says how to run a model.

use spectralgpt_core::error::{Error, Result};

/// How to run a model.
#[derive(Debug)]
pub(crate) struct Options(pub(crate) spectralgpt_core::options::Options);

/// Makes options with every one at its default.
pub(crate) fn options() -> Box<Options> {
    Box::new(Options(spectralgpt_core::options::Options::default()))
}

impl Options {
    pub(crate) fn set_emit(&mut self, names: &str) -> Result<()> {
        self.0.emit = names.split(',').map(|name| name.trim().parse()).collect::<Result<_>>()?;
        Ok(())
    }

    pub(crate) fn set_nodata(&mut self, value: f64) {
        self.0.nodata = Some(value);
    }

    pub(crate) fn set_dn_offset(&mut self, offset: f64) {
        self.0.dn_offset = Some(offset);
    }

    pub(crate) fn set_mask(&mut self, mask: &str) -> Result<()> {
        self.0.mask = mask.parse()?;
        Ok(())
    }

    pub(crate) fn set_resolution(&mut self, name: &str) -> Result<()> {
        self.0.resolution = name.parse()?;
        Ok(())
    }

    pub(crate) fn set_threshold(&mut self, numbers: &str) -> Result<()> {
        self.0.thresholds = spectralgpt_core::options::thresholds(numbers)?;
        Ok(())
    }

    pub(crate) fn set_threads(&mut self, threads: usize) -> Result<()> {
        if threads == 0 {
            return Err(Error::usage("0 threads were given, at least 1 is needed"));
        }
        self.0.threads = threads;
        Ok(())
    }

    pub(crate) fn set_onnxruntime(&mut self, path: &str) {
        self.0.library = Some(path.into());
    }

    pub(crate) fn set_overwrite(&mut self, on: bool) {
        self.0.overwrite = on;
    }
}
