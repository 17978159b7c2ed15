//! Several threads use one session; one thread stops what another began.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::ffi::{CString, c_char, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use conformance::face::{Arrays, Callbacks, Case, Face, Session};
use conformance::raster::SEGMUNICH;
use conformance::{detgen, full, models, raster, tell};
use spectralgpt::log::{SGPT_LOG_DEBUG, SGPT_LOG_OFF, sgpt_log_set};
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
        assert!(took < Duration::from_secs(1) || !full(), "{took:?}");
        tell(&format!("stopped by another thread after {} ms", took.as_millis()));
    }
}

/// Where a log's function is.
struct Place {
    begun: AtomicBool,
    ended: AtomicBool,
}

/// Stays a while when it hears the first message.
unsafe extern "C" fn lingers(place: *mut c_void, _: i32, _: *const c_char) {
    // SAFETY: it outlives the log.
    let place = unsafe { &*place.cast::<Place>() };
    if !place.begun.swap(true, Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(200));
        place.ended.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_log_that_is_replaced_is_heard_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("constant.onnx");
    models::constant(&model, &[1.0, 2.0]);
    let case = Case::new(&model, Size::new(40, 30), &["B02"], vec![7; 1200]);
    let place = Place { begun: AtomicBool::new(false), ended: AtomicBool::new(false) };
    let shared = (&raw const place).cast_mut().cast();
    // SAFETY: the place outlives the log.
    let set = |level, log| unsafe { sgpt_log_set(level, log, shared, null_mut()) };
    thread::scope(|scope| {
        assert_eq!(set(SGPT_LOG_DEBUG, Some(lingers)), SGPT_OK);
        let run = scope.spawn(|| Callbacks.predict(&case).is_ok());
        while !place.begun.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        assert_eq!(set(SGPT_LOG_OFF, None), SGPT_OK);
        assert!(place.ended.load(Ordering::SeqCst), "a thread is still in the former function");
        assert!(run.join().unwrap());
    });
}
