//! Arrays in memory.

use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};

use spectralgpt::array::{
    SGPT_SAMPLE_F32, SGPT_SAMPLE_U8, SGPT_SAMPLE_U16, sgpt_array, sgpt_buffer,
};
use spectralgpt::predict::sgpt_predict_arrays;
use spectralgpt::session::sgpt_layout;

use super::session::{Session, c_text, call, size, told};
use crate::face::{Case, Face, Plane, Refusal};

/// `sgpt_predict_arrays`, with what lies there in several forms.
#[derive(Debug, Clone, Copy)]
pub enum Arrays {
    /// 16-bit numbers with gaps between rows and bands, into floats without.
    Stored,
    /// Floats without gaps, into interleaved floats.
    PlanarFloats,
    /// Interleaved 16-bit numbers, into the outputs' own types.
    Interleaved,
}

impl Session {
    /// Predicts arrays of that form.
    ///
    /// # Errors
    /// As the library says.
    pub fn arrays(&self, case: &Case<'_>, form: Arrays) -> Result<Vec<Plane>, Refusal> {
        let names = c_text(&case.bands.join(","));
        let layouts = self.layouts(case)?;
        let inputs: Vec<Input> =
            (0..case.dates.len()).map(|date| Input::new(case, date, form)).collect();
        let mut outputs: Vec<Output> =
            layouts.iter().map(|layout| Output::new(layout, form)).collect();
        let given: Vec<sgpt_array> = inputs.iter().map(|input| input.array(case, &names)).collect();
        let taken: Vec<sgpt_buffer> = outputs.iter_mut().map(Output::buffer).collect();
        let mut report = null_mut();
        // SAFETY: the arrays and what they point to live until the call returns.
        call(|e| unsafe {
            sgpt_predict_arrays(
                self.0,
                given.as_ptr(),
                given.len(),
                taken.as_ptr(),
                taken.len(),
                null(),
                &raw mut report,
                e,
            )
        })?;
        told(report);
        Ok(outputs.iter().map(Output::plane).collect())
    }
}

/// Pixels of a date, and their strides.
enum Input {
    Numbers(Vec<u16>, [usize; 3]),
    Floats(Vec<f32>),
}

impl Input {
    fn new(case: &Case<'_>, date: usize, form: Arrays) -> Self {
        let (width, bands) = (case.size.width as usize, case.bands.len());
        match form {
            Arrays::PlanarFloats => Input::Floats(case.planar(date)),
            Arrays::Interleaved => {
                let place = |band, row, col| (row * width + col) * bands + band;
                let strides = [1, width * bands, bands];
                Input::Numbers(case.ordered(date, place, |number| number), strides)
            }
            Arrays::Stored => Input::Numbers(case.dates[date].clone(), [width, width * bands, 1]),
        }
    }

    fn array(&self, case: &Case<'_>, names: &CStr) -> sgpt_array {
        let (samples, samples_len, sample_type, strides) = match self {
            Input::Numbers(numbers, strides) => {
                (numbers.as_ptr().cast(), numbers.len(), SGPT_SAMPLE_U16, *strides)
            }
            Input::Floats(floats) => {
                (floats.as_ptr().cast(), floats.len(), SGPT_SAMPLE_F32, [0; 3])
            }
        };
        sgpt_array {
            samples,
            samples_len,
            sample_type,
            width: case.size.width,
            height: case.size.height,
            bands: case.bands.len(),
            band_stride: strides[0],
            row_stride: strides[1],
            column_stride: strides[2],
            valid: null(),
            valid_len: 0,
            band_names: names.as_ptr(),
        }
    }
}

/// Room for an output; bytes and floats, of which one is used.
struct Output {
    layout: sgpt_layout,
    strides: [usize; 3],
    bytes: Vec<u8>,
    floats: Vec<f32>,
}

impl Output {
    fn new(layout: &sgpt_layout, form: Arrays) -> Self {
        let samples = layout.width as usize * layout.height as usize * layout.bands;
        let own = matches!(form, Arrays::Interleaved) && layout.sample_type == SGPT_SAMPLE_U8;
        let strides = match form {
            Arrays::PlanarFloats => [1, layout.width as usize * layout.bands, layout.bands],
            _ => [0; 3],
        };
        let (bytes, floats) = if own { (samples, 0) } else { (0, samples) };
        Self { layout: *layout, strides, bytes: vec![77; bytes], floats: vec![77.0; floats] }
    }

    fn buffer(&mut self) -> sgpt_buffer {
        let (samples, samples_len, sample_type): (*mut c_void, _, _) = if self.floats.is_empty() {
            (self.bytes.as_mut_ptr().cast(), self.bytes.len(), SGPT_SAMPLE_U8)
        } else {
            (self.floats.as_mut_ptr().cast(), self.floats.len(), SGPT_SAMPLE_F32)
        };
        let [band_stride, row_stride, column_stride] = self.strides;
        sgpt_buffer { samples, samples_len, sample_type, band_stride, row_stride, column_stride }
    }

    fn plane(&self) -> Plane {
        let floats = self.floats.iter().copied();
        let all: Vec<f32> = floats.chain(self.bytes.iter().map(|byte| f32::from(*byte))).collect();
        let bands = self.layout.bands;
        let band = |band: usize| all.iter().skip(band).step_by(bands).copied();
        let interleaved = self.strides != [0; 3];
        let size = size(&self.layout);
        let pixels = if interleaved { (0..bands).flat_map(band).collect() } else { all };
        Plane { size, pixels }
    }
}

impl Face for Arrays {
    fn name(&self) -> String {
        format!("C, {self:?}")
    }

    fn predict(&self, case: &Case<'_>) -> Result<Vec<Plane>, Refusal> {
        Session::new(case)?.arrays(case, *self)
    }
}
