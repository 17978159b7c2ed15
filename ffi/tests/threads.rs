//! Several threads use one session; one thread stops what another began.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::ffi::{CString, c_void};
use std::ptr::null_mut;
use std::thread;
use std::time::{Duration, Instant};

use conformance::face::{Arrays, Case, Session};
use conformance::raster::SEGMUNICH;
use conformance::{detgen, models, raster, tell};
use spectralgpt::predict::sgpt_predict_callbacks;
use spectralgpt::raster::{sgpt_request, sgpt_rows, sgpt_sink, sgpt_source};
use spectralgpt::status::{SGPT_ERROR_CANCELLED, SGPT_OK, sgpt_status};
use spectralgpt::watch::{
    sgpt_cancel, sgpt_cancel_free, sgpt_cancel_new, sgpt_cancel_request, sgpt_watch,
};
use spectralgpt_core::geometry::Size;

#[test]
fn eight_threads_on_one_session_get_identical_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::segment(folder.path(), 1, 0.25);
    let size = Size::new(203, 131);
    let rows = raster::by_row(&detgen::raw_u16("scene", 10, 131, 203, 200, 3800), 203, 10);
    let mut case = Case::new(&model, size, &SEGMUNICH, rows);
    case.emit = "classes,scores";
    let session = Session::new(&case).unwrap();
    let forms = [Arrays::Stored, Arrays::PlanarFloats, Arrays::Interleaved];
    let expected = session.arrays(&case, Arrays::Stored).unwrap();
    thread::scope(|scope| {
        for form in forms.into_iter().cycle().take(8) {
            let (session, case, expected) = (&session, &case, &expected);
            scope.spawn(move || assert!(session.arrays(case, form).unwrap() == *expected));
        }
    });
}

unsafe extern "C" fn read(_: *mut c_void, request: *const sgpt_request) -> sgpt_status {
    // SAFETY: the library's request has room for as many pixels as it says.
    unsafe { std::slice::from_raw_parts_mut((*request).pixels, (*request).pixels_len) }.fill(7.0);
    SGPT_OK
}

unsafe extern "C" fn write(_: *mut c_void, _: *const sgpt_rows) -> sgpt_status {
    SGPT_OK
}

/// A stop sign that another thread may raise, as ABI.md allows.
#[derive(Clone, Copy)]
struct Sign(*mut sgpt_cancel);

// SAFETY: ABI.md: any thread may raise a stop sign.
unsafe impl Send for Sign {}

impl Sign {
    /// Raises it after a while; returns when.
    fn raise(self, after: Duration) -> Instant {
        thread::sleep(after);
        // SAFETY: it lives until the threads are joined.
        unsafe { sgpt_cancel_request(self.0) };
        Instant::now()
    }
}

#[test]
fn another_thread_stops_a_run_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::segment(folder.path(), 1, 0.25);
    let session =
        Session::new(&Case::new(&model, Size::new(1, 1), &SEGMUNICH, Vec::new())).unwrap();
    let names = CString::new(SEGMUNICH.join(",")).unwrap();
    // Some 100,000 chips: hours.
    let (width, height, bands) = (30_000, 33_000, SEGMUNICH.len());
    let source = sgpt_source {
        read: Some(read),
        user_data: null_mut(),
        width,
        height,
        bands,
        band_names: names.as_ptr(),
    };
    let sink = sgpt_sink { write: Some(write), user_data: null_mut() };
    let mut sign = null_mut();
    // SAFETY: everything pointed to lives here, until the threads are joined.
    unsafe {
        assert_eq!(sgpt_cancel_new(&raw mut sign, null_mut()), SGPT_OK);
        let watch = sgpt_watch { progress: None, user_data: null_mut(), cancel: sign };
        let raised = Sign(sign);
        let took = thread::scope(|scope| {
            let raised = scope.spawn(move || raised.raise(Duration::from_millis(700)));
            let (session, error) = (session.handle(), null_mut());
            let status = sgpt_predict_callbacks(
                session,
                &raw const source,
                1,
                &raw const sink,
                1,
                &raw const watch,
                null_mut(),
                error,
            );
            assert_eq!(status, SGPT_ERROR_CANCELLED);
            let ended = Instant::now();
            ended.saturating_duration_since(raised.join().unwrap())
        });
        sgpt_cancel_free(sign);
        assert!(took < Duration::from_secs(1), "{took:?}");
        tell(&format!("stopped by another thread after {} ms", took.as_millis()));
    }
}
