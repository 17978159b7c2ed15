//! Describes rasters in the caller's memory.

use std::ffi::{c_char, c_void};

use spectralgpt_core::error::{Error, Result};
use spectralgpt_core::geometry::Size;
use spectralgpt_core::raster::strided::{Room, StridedSink, StridedSource, Strides};
use spectralgpt_core::raster::{Layer, SampleType, Samples};
use spectralgpt_core::scene::Predictor;

use crate::boundary::Caller;

/// Samples are unsigned, 8 bits.
pub const SGPT_SAMPLE_U8: i32 = 1;
/// Samples are unsigned, 16 bits.
pub const SGPT_SAMPLE_U16: i32 = 2;
/// Samples are IEEE single.
pub const SGPT_SAMPLE_F32: i32 = 3;

/// A raster to read, in memory that is borrowed for the call. The layout is frozen. Strides count
/// samples: how much further the next band, row and column are. All three 0: (band, row, column)
/// without gaps. A pixel is also invalid where a band that the model needs is no number.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct sgpt_array {
    /// The first sample, aligned for its type.
    pub samples: *const c_void,
    /// Samples from the first to the last, whatever the strides jump over.
    pub samples_len: usize,
    /// The type of the samples, `SGPT_SAMPLE_...`.
    pub sample_type: i32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bands.
    pub bands: usize,
    /// Samples from a band to the next.
    pub band_stride: usize,
    /// Samples from a row to the next.
    pub row_stride: usize,
    /// Samples from a column to the next.
    pub column_stride: usize,
    /// (row, column) without gaps, 0 where a pixel is invalid; NULL: all are valid.
    pub valid: *const u8,
    /// Columns times rows; 0 without `valid`.
    pub valid_len: usize,
    /// The bands' names in order, separated by commas, as in "B02,B03"; NULL: as the options say.
    pub band_names: *const c_char,
}

/// Room for an output, in memory that is borrowed for the call; its extent is
/// `sgpt_session_layout`'s. The layout is frozen. Strides are as in `sgpt_array`, and give every
/// sample a place of its own. Unspecified after a failure.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct sgpt_buffer {
    /// Room for the first sample, aligned for its type.
    pub samples: *mut c_void,
    /// Samples from the first to the last.
    pub samples_len: usize,
    /// The output's own type, or `SGPT_SAMPLE_F32`, which holds any exactly.
    pub sample_type: i32,
    /// Samples from a band to the next.
    pub band_stride: usize,
    /// Samples from a row to the next.
    pub row_stride: usize,
    /// Samples from a column to the next.
    pub column_stride: usize,
}

/// Returns the number of a sample type.
pub(crate) fn number(sample: SampleType) -> i32 {
    match sample {
        SampleType::U8 => SGPT_SAMPLE_U8,
        SampleType::U16 => SGPT_SAMPLE_U16,
        SampleType::F32 => SGPT_SAMPLE_F32,
    }
}

fn unknown(name: &str, sample_type: i32) -> Error {
    Error::usage(format!(
        "'{name}.sample_type' is {sample_type}; give SGPT_SAMPLE_U8 (1), SGPT_SAMPLE_U16 (2) or \
         SGPT_SAMPLE_F32 (3)"
    ))
}

/// Returns the strides of a size, those given or none.
fn strides(size: Size, [band, row, col]: [usize; 3]) -> Strides {
    let tight = [band, row, col] == [0; 3];
    if tight { Strides::planar(size) } else { Strides { band, row, col } }
}

/// Splits a list of band names.
pub(crate) fn split(names: Option<&str>) -> Vec<String> {
    names.into_iter().flat_map(|names| names.split(',')).map(|name| name.trim().into()).collect()
}

/// Names a raster's bands: as given, else none of them.
pub(crate) fn names(
    caller: Caller,
    name: &str,
    given: *const c_char,
    bands: usize,
) -> Result<Vec<String>> {
    let given = caller.optional_text(&format!("{name}.band_names"), given)?;
    let names = given.map_or_else(|| vec![String::new(); bands.min(1 << 16)], |_| split(given));
    if names.len() == bands {
        return Ok(names);
    }
    Err(Error::usage(format!(
        "'{name}' has {bands} bands and names for {}; name each one, '-' for one that is not needed",
        names.len()
    )))
}

impl sgpt_array {
    /// Serves the bands that a model needs.
    ///
    /// # Errors
    /// - Usage: a pointer, a length or a number is wrong.
    /// - Input: a band is missing.
    pub(crate) fn source<'a>(
        &self,
        caller: Caller,
        name: &str,
        predictor: &Predictor,
    ) -> Result<StridedSource<'a>> {
        let size = Size::new(self.width, self.height);
        let (samples, len, field) = (self.samples, self.samples_len, format!("{name}.samples"));
        let samples = match self.sample_type {
            SGPT_SAMPLE_U8 => Samples::U8(caller.array(&field, samples.cast(), len)?),
            SGPT_SAMPLE_U16 => Samples::U16(caller.array(&field, samples.cast(), len)?),
            SGPT_SAMPLE_F32 => Samples::F32(caller.array(&field, samples.cast(), len)?),
            other => return Err(unknown(name, other)),
        };
        let strides = strides(size, [self.band_stride, self.row_stride, self.column_stride]);
        let valid = (!self.valid.is_null() || self.valid_len > 0)
            .then(|| caller.array(&format!("{name}.valid"), self.valid, self.valid_len))
            .transpose()?;
        let at = |error: Error| error.at(name);
        let source = StridedSource::new(size, self.bands, samples, strides, valid).map_err(at)?;
        let names = names(caller, name, self.band_names, self.bands)?;
        source.select(&predictor.find_bands(&names).map_err(at)?)
    }

    /// Returns the addresses of the samples and of the valid flags.
    fn places(&self) -> [(usize, usize); 2] {
        let samples = place(self.samples.addr(), self.samples_len, self.sample_type);
        [samples, place(self.valid.addr(), self.valid_len, SGPT_SAMPLE_U8)]
    }
}

impl sgpt_buffer {
    /// Takes an output.
    ///
    /// # Errors
    /// - Usage: a pointer, a length or a number is wrong.
    pub(crate) fn sink<'a>(
        &self,
        caller: Caller,
        name: &str,
        (size, layer): &(Size, Layer),
    ) -> Result<StridedSink<'a>> {
        let (samples, len, field) = (self.samples, self.samples_len, format!("{name}.samples"));
        let room = match self.sample_type {
            SGPT_SAMPLE_U8 => Room::U8(caller.room(&field, samples.cast(), len)?),
            SGPT_SAMPLE_U16 => Room::U16(caller.room(&field, samples.cast(), len)?),
            SGPT_SAMPLE_F32 => Room::F32(caller.room(&field, samples.cast(), len)?),
            other => return Err(unknown(name, other)),
        };
        let strides = strides(*size, [self.band_stride, self.row_stride, self.column_stride]);
        let sink = StridedSink::new(*size, layer.bands.len(), layer.sample, room, strides);
        sink.map_err(|error| error.at(name))
    }

    /// Returns the addresses of the samples.
    fn place(&self) -> (usize, usize) {
        place(self.samples.addr(), self.samples_len, self.sample_type)
    }
}

fn place(first: usize, samples: usize, sample_type: i32) -> (usize, usize) {
    let bytes = match sample_type {
        SGPT_SAMPLE_U8 => 1,
        SGPT_SAMPLE_U16 => 2,
        _ => 4,
    };
    (first, first.saturating_add(samples.saturating_mul(bytes)))
}

/// Checks that no output lies where another one or an input does.
///
/// # Errors
/// - Usage: one does.
pub(crate) fn check_apart(inputs: &[sgpt_array], outputs: &[sgpt_buffer]) -> Result<()> {
    let meet = |a: (usize, usize), b: (usize, usize)| a.0 < b.1 && b.0 < a.1;
    for (index, output) in outputs.iter().enumerate() {
        let place = output.place();
        let earlier = outputs[..index].iter().map(sgpt_buffer::place);
        if inputs.iter().flat_map(sgpt_array::places).chain(earlier).any(|other| meet(place, other))
        {
            return Err(Error::usage(format!(
                "outputs[{index}] lies in memory that is another output's or an input's"
            )));
        }
    }
    Ok(())
}
