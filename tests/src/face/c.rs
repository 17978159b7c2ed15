//! The C ABI, called as a C program calls it.

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};

use spectralgpt::array::{
    SGPT_SAMPLE_F32, SGPT_SAMPLE_U8, SGPT_SAMPLE_U16, sgpt_array, sgpt_buffer,
};
use spectralgpt::error::{
    sgpt_error, sgpt_error_free, sgpt_error_message, sgpt_error_status, sgpt_text_free,
};
use spectralgpt::model::{sgpt_model, sgpt_model_free, sgpt_model_open};
use spectralgpt::options::compute::{sgpt_options_set_batch, sgpt_options_set_threads};
use spectralgpt::options::{
    sgpt_options, sgpt_options_free, sgpt_options_new, sgpt_options_set_dn_offset,
    sgpt_options_set_emit, sgpt_options_set_nodata, sgpt_options_set_overlap,
    sgpt_options_set_window,
};
use spectralgpt::predict::{sgpt_predict_arrays, sgpt_predict_callbacks, sgpt_predict_files};
use spectralgpt::raster::{sgpt_request, sgpt_rows, sgpt_sink, sgpt_source};
use spectralgpt::session::{
    sgpt_layout, sgpt_session, sgpt_session_free, sgpt_session_layout, sgpt_session_new,
};
use spectralgpt::status::{SGPT_OK, sgpt_status};

use super::{Case, Face, Plane, Refusal, by_band};
use crate::raster;

/// `sgpt_predict_files`.
#[derive(Debug, Clone, Copy)]
pub struct Files;

/// `sgpt_predict_callbacks`.
#[derive(Debug, Clone, Copy)]
pub struct Callbacks;

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

/// A session of the C ABI, freed when it goes.
#[derive(Debug)]
pub struct Session(*mut sgpt_session);

// SAFETY: ABI.md: an object behind `const *` may be used by several threads at once.
unsafe impl Send for Session {}
// SAFETY: as above.
unsafe impl Sync for Session {}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: from sgpt_session_new, freed once.
        unsafe { sgpt_session_free(self.0) }
    }
}

/// Makes a result of a call and what it put into `error`.
fn outcome(status: sgpt_status, error: *mut sgpt_error) -> Result<(), Refusal> {
    if status == SGPT_OK {
        assert!(error.is_null(), "an error of a call that succeeded");
        return Ok(());
    }
    // SAFETY: a failure puts an error there.
    unsafe {
        assert_eq!(sgpt_error_status(error), status);
        let words = CStr::from_ptr(sgpt_error_message(error)).to_str().expect("UTF-8").to_owned();
        sgpt_error_free(error);
        Err((status, words))
    }
}

/// Calls a function that can fail.
fn call(function: impl FnOnce(*mut *mut sgpt_error) -> sgpt_status) -> Result<(), Refusal> {
    let mut error = null_mut();
    outcome(function(&raw mut error), error)
}

fn c_text(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

fn c_path(path: &Path) -> CString {
    c_text(path.to_str().expect("UTF-8"))
}

impl Session {
    /// Opens the model of a request and takes its options.
    ///
    /// # Errors
    /// As the library says.
    pub fn new(case: &Case<'_>) -> Result<Self, Refusal> {
        let (mut model, mut options, mut session) = (null_mut(), null_mut(), null_mut());
        let path = c_path(case.model);
        // SAFETY: every pointer is to what lives here.
        let made = unsafe {
            call(|e| sgpt_model_open(path.as_ptr(), null(), &raw mut model, e))
                .and_then(|()| call(|e| sgpt_options_new(&raw mut options, e)))
                .and_then(|()| set(options, case))
                .and_then(|()| call(|e| sgpt_session_new(model, options, &raw mut session, e)))
        };
        // SAFETY: from the calls above, or still NULL; a session outlives both.
        unsafe {
            sgpt_options_free(options);
            sgpt_model_free(model);
        }
        made.map(|()| Self(session))
    }

    fn layout(&self, case: &Case<'_>, output: usize) -> Result<sgpt_layout, Refusal> {
        let mut layout = std::mem::MaybeUninit::uninit();
        let (width, height) = (case.size.width, case.size.height);
        // SAFETY: there is room for a layout.
        call(|e| unsafe {
            sgpt_session_layout(self.0, width, height, output, layout.as_mut_ptr(), e)
        })?;
        // SAFETY: a success has written it.
        Ok(unsafe { layout.assume_init() })
    }

    fn layouts(&self, case: &Case<'_>) -> Result<Vec<sgpt_layout>, Refusal> {
        (0..case.emit.split(',').count()).map(|output| self.layout(case, output)).collect()
    }

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

/// Checks a report, and frees it.
fn told(report: *mut c_char) {
    // SAFETY: a success has put text there.
    let json = unsafe { CStr::from_ptr(report) }.to_str().expect("UTF-8").to_owned();
    // SAFETY: freed once.
    unsafe { sgpt_text_free(report) };
    let report: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(report["chips"].as_u64().is_some_and(|chips| chips > 0), "{report}");
}

/// Sets the options of a request.
///
/// # Safety
/// `options` are live.
unsafe fn set(options: *mut sgpt_options, case: &Case<'_>) -> Result<(), Refusal> {
    let emit = c_text(case.emit);
    // SAFETY: the caller's promise.
    unsafe {
        call(|e| sgpt_options_set_emit(options, emit.as_ptr(), e))?;
        call(|e| sgpt_options_set_batch(options, case.batch, e))?;
        call(|e| sgpt_options_set_threads(options, case.threads, e))?;
        if let Some(window) = case.window {
            let (col, row, size) = (window.col, window.row, window.size);
            call(|e| sgpt_options_set_window(options, col, row, size.width, size.height, e))?;
        }
        if let Some(overlap) = case.overlap {
            call(|e| sgpt_options_set_overlap(options, overlap, e))?;
        }
        if let Some(nodata) = case.nodata {
            call(|e| sgpt_options_set_nodata(options, nodata, e))?;
        }
        if let Some(offset) = case.dn_offset {
            call(|e| sgpt_options_set_dn_offset(options, offset, e))?;
        }
    }
    Ok(())
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

fn size(layout: &sgpt_layout) -> spectralgpt_core::geometry::Size {
    spectralgpt_core::geometry::Size::new(layout.width, layout.height)
}

impl Face for Arrays {
    fn name(&self) -> String {
        format!("C, {self:?}")
    }

    fn predict(&self, case: &Case<'_>) -> Result<Vec<Plane>, Refusal> {
        Session::new(case)?.arrays(case, *self)
    }
}

/// What the source of a date reads.
struct Reads<'a, 'b>(&'a Case<'b>, usize);

unsafe extern "C" fn read(user_data: *mut c_void, request: *const sgpt_request) -> sgpt_status {
    // SAFETY: from `Callbacks::predict`; the request has the lengths it states.
    let (Reads(case, date), request, bands, pixels) = unsafe {
        let request = &*request;
        let bands = std::slice::from_raw_parts(request.bands, request.bands_len);
        let pixels = std::slice::from_raw_parts_mut(request.pixels, request.pixels_len);
        (&*user_data.cast::<Reads<'_, '_>>(), request, bands, pixels)
    };
    let window = request.window;
    let (width, count) = (case.size.width as usize, case.bands.len());
    let mut pixels = pixels.iter_mut();
    for band in bands {
        for row in window.row..window.row + window.height {
            let start = (row as usize * count + band) * width + window.column as usize;
            let line = &case.dates[*date][start..start + window.width as usize];
            line.iter().zip(&mut pixels).for_each(|(from, to)| *to = (*from).into());
        }
    }
    SGPT_OK
}

unsafe extern "C" fn write(user_data: *mut c_void, rows: *const sgpt_rows) -> sgpt_status {
    // SAFETY: from `Callbacks::predict`; the samples are as many as stated.
    unsafe {
        let rows = &*rows;
        let kept = &mut *user_data.cast::<Vec<f32>>();
        if rows.sample_type == SGPT_SAMPLE_U8 {
            let samples = std::slice::from_raw_parts(rows.samples.cast::<u8>(), rows.samples_len);
            kept.extend(samples.iter().map(|sample| f32::from(*sample)));
        } else {
            assert_eq!(rows.sample_type, SGPT_SAMPLE_F32);
            kept.extend(std::slice::from_raw_parts(rows.samples.cast::<f32>(), rows.samples_len));
        }
    }
    SGPT_OK
}

impl Face for Callbacks {
    fn name(&self) -> String {
        "C, callbacks".into()
    }

    fn predict(&self, case: &Case<'_>) -> Result<Vec<Plane>, Refusal> {
        let session = Session::new(case)?;
        let names = c_text(&case.bands.join(","));
        let layouts = session.layouts(case)?;
        let reads: Vec<Reads> = (0..case.dates.len()).map(|date| Reads(case, date)).collect();
        let source = |reads: &Reads| sgpt_source {
            read: Some(read),
            user_data: std::ptr::from_ref(reads).cast_mut().cast(),
            width: case.size.width,
            height: case.size.height,
            bands: case.bands.len(),
            band_names: names.as_ptr(),
        };
        let sources: Vec<sgpt_source> = reads.iter().map(source).collect();
        let mut kept = vec![Vec::<f32>::new(); layouts.len()];
        let sink = |kept: &mut Vec<f32>| sgpt_sink {
            write: Some(write),
            user_data: std::ptr::from_mut(kept).cast(),
        };
        let sinks: Vec<sgpt_sink> = kept.iter_mut().map(sink).collect();
        let mut report = null_mut();
        // SAFETY: sources and sinks and what they point to live until the call returns.
        call(|e| unsafe {
            sgpt_predict_callbacks(
                session.0,
                sources.as_ptr(),
                sources.len(),
                sinks.as_ptr(),
                sinks.len(),
                null(),
                &raw mut report,
                e,
            )
        })?;
        told(report);
        let planes = kept.iter().zip(&layouts);
        Ok(planes.map(|(kept, layout)| by_band(kept, size(layout), layout.bands)).collect())
    }
}

/// Writes the scenes of a request as files; returns their names.
pub(super) fn scenes(case: &Case<'_>, folder: &Path) -> Vec<String> {
    let scene = |(date, pixels): (usize, &Vec<u16>)| {
        let path = folder.join(format!("scene{date}.tif"));
        raster::write_u16(&path, case.size, case.bands, pixels, None);
        path.display().to_string()
    };
    case.dates.iter().enumerate().map(scene).collect()
}

/// Lists the files that a request's outputs go to.
pub(super) fn maps(case: &Case<'_>, map: &str) -> Vec<PathBuf> {
    let map = Path::new(map);
    let beside = case.emit.split(',').skip(1).map(|name| map.with_extension(format!("{name}.tif")));
    std::iter::once(map.to_owned()).chain(beside).collect()
}

impl Face for Files {
    fn name(&self) -> String {
        "C, files".into()
    }

    fn predict(&self, case: &Case<'_>) -> Result<Vec<Plane>, Refusal> {
        let folder = tempfile::tempdir().expect("a folder");
        let session = Session::new(case)?;
        let names: Vec<CString> =
            scenes(case, folder.path()).iter().map(|name| c_text(name)).collect();
        let inputs: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let map = folder.path().join("map.tif");
        let output = c_path(&map);
        let mut report = null_mut();
        // SAFETY: all names live until the call returns.
        call(|e| unsafe {
            sgpt_predict_files(
                session.0,
                inputs.as_ptr(),
                inputs.len(),
                output.as_ptr(),
                null(),
                &raw mut report,
                e,
            )
        })?;
        told(report);
        let maps = maps(case, map.to_str().expect("UTF-8"));
        Ok(maps.iter().map(|path| super::program::read(path)).collect())
    }
}
