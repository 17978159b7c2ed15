//! Opens spectralgpt-core to C++ that cargo builds, or that links one static library.
//!
//! C++ includes `spectralgpt-cxx/src/lib.rs.h` and finds the namespace `spectralgpt`; what fails
//! throws `rust::Error`. A defect of the library ends the process: whoever cannot have that, and
//! whoever needs more than is here, takes the C ABI and `spectralgpt.hpp`.

mod options;
mod session;

use options::{Options, options};
use session::{Session, open};

// The macro writes the extern functions, and with them the only unsafe blocks of this crate.
#[allow(unreachable_pub, reason = "the macro makes the structs public")]
#[cxx::bridge(namespace = "spectralgpt")]
mod bridge {
    /// A raster to read, borrowed for the call.
    struct Raster<'a> {
        /// Digital numbers, (band, row, column).
        samples: &'a [u16],
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// The bands' names in order, separated by commas, as in "B02,B03".
        bands: &'a str,
    }

    /// An output.
    struct Plane {
        /// Samples, (band, row, column); class numbers too are exact.
        samples: Vec<f32>,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Bands.
        bands: usize,
    }

    extern "Rust" {
        /// How to run a model.
        type Options;

        /// Makes options with every one at its default.
        fn options() -> Box<Options>;

        /// Sets the outputs, names separated by commas. Default: what the model gives first.
        fn set_emit(self: &mut Options, names: &str) -> Result<()>;

        /// Sets the number that means "nothing here". Default: as a file says.
        fn set_nodata(self: &mut Options, value: f64);

        /// Sets what is added to every digital number. Default: as a file says, else 0 where the
        /// model does not need to know.
        fn set_dn_offset(self: &mut Options, offset: f64);

        /// Sets which pixels of files become nodata besides: "scl" (clouds and shadows of a level-2A
        /// product), "none", or a raster that is 0 there. Default: "none".
        fn set_mask(self: &mut Options, mask: &str) -> Result<()>;

        /// Sets the pixels that the network sees of files: "model" (of the size that it was trained
        /// at) or "source". Default: "model".
        fn set_resolution(self: &mut Options, name: &str) -> Result<()>;

        /// Sets the scores from which on a multilabel model's labels are there, one for all or one
        /// each, separated by commas. Default: the model's own, 0.5 where it has none.
        fn set_threshold(self: &mut Options, numbers: &str) -> Result<()>;

        /// Sets how many threads infer. Default: as many as the process may use.
        fn set_threads(self: &mut Options, threads: usize) -> Result<()>;

        /// Sets the ONNX Runtime library, a file. Default: searched, first beside the program.
        fn set_onnxruntime(self: &mut Options, path: &str);

        /// Sets whether existing files are replaced. Default: false.
        fn set_overwrite(self: &mut Options, on: bool);

        /// A model with its network loaded; several threads may use it at once.
        type Session;

        /// Opens a model, a file's name or a built-in one as in "builtin:landcover", and loads
        /// its network.
        fn open(model: &str, options: &Options) -> Result<Box<Session>>;

        /// Describes the model as JSON (docs/manifest.schema.json).
        fn describe(self: &Session) -> String;

        /// Predicts rasters of one size, one per date; returns the outputs in the options' order.
        fn predict(self: &Session, rasters: &[Raster]) -> Result<Vec<Plane>>;

        /// Predicts raster files, one per date, into a file; returns what was done as JSON.
        fn predict_files(self: &Session, inputs: &[String], output: &str) -> Result<String>;
    }
}
