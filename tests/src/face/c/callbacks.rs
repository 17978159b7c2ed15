//! Callbacks.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use spectralgpt::array::{SGPT_SAMPLE_F32, SGPT_SAMPLE_U8};
use spectralgpt::predict::sgpt_predict_callbacks;
use spectralgpt::raster::{sgpt_request, sgpt_rows, sgpt_sink, sgpt_source};
use spectralgpt::status::{SGPT_OK, sgpt_status};

use super::session::{Session, c_text, call, size, told};
use crate::face::{Case, Face, Plane, Refusal, by_band};

/// `sgpt_predict_callbacks`.
#[derive(Debug, Clone, Copy)]
pub struct Callbacks;

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
