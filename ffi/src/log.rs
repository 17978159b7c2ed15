//! Passes the log on; the library is silent otherwise.

use std::ffi::{c_char, c_void};
use std::sync::{OnceLock, PoisonError, RwLock};

use log::{Level, LevelFilter, Metadata, Record};
use spectralgpt_core::error::Error;

use crate::boundary::{self, Log};
use crate::error::sgpt_error;
use crate::status::sgpt_status;

/// Nothing is logged.
pub const SGPT_LOG_OFF: i32 = 0;
/// What went wrong and is told by no call.
pub const SGPT_LOG_ERROR: i32 = 1;
/// What may surprise.
pub const SGPT_LOG_WARNING: i32 = 2;
/// What a run does, and by whom.
pub const SGPT_LOG_INFO: i32 = 3;
/// What helps to find a defect.
pub const SGPT_LOG_DEBUG: i32 = 4;

/// Hears a message, UTF-8, of a level `SGPT_LOG_...`; called on any thread, by several at once, also
/// while the library holds locks: functions that return a status refuse to be called from there.
pub type sgpt_log =
    Option<unsafe extern "C" fn(user_data: *mut c_void, level: i32, message: *const c_char)>;

/// Whom to tell.
struct Told;

static LOG: RwLock<Option<Log>> = RwLock::new(None);

impl log::Log for Told {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        !Log::inside()
    }

    fn log(&self, record: &Record<'_>) {
        let level = match record.level() {
            Level::Error => SGPT_LOG_ERROR,
            Level::Warn => SGPT_LOG_WARNING,
            Level::Info => SGPT_LOG_INFO,
            Level::Debug | Level::Trace => SGPT_LOG_DEBUG,
        };
        if Log::inside() {
            return;
        }
        if let Some(log) = &*LOG.read().unwrap_or_else(PoisonError::into_inner) {
            log.tell(level, &record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Has `log` told of messages up to `level`, for the whole process, in place of who was told
/// before; returns when no thread is in the former function any more. `SGPT_LOG_OFF` or a NULL
/// `log` silences the library, as it is at first. `user_data` is passed to `log`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sgpt_log_set(
    level: i32,
    log: sgpt_log,
    user_data: *mut c_void,
    error_out: *mut *mut sgpt_error,
) -> sgpt_status {
    // SAFETY: the caller keeps to ABI.md.
    unsafe {
        boundary::call(error_out, |caller| {
            let filter = match level {
                SGPT_LOG_OFF => LevelFilter::Off,
                SGPT_LOG_ERROR => LevelFilter::Error,
                SGPT_LOG_WARNING => LevelFilter::Warn,
                SGPT_LOG_INFO => LevelFilter::Info,
                SGPT_LOG_DEBUG => LevelFilter::Debug,
                _ => {
                    return Err(Error::usage(format!(
                        "'level' is {level}; give SGPT_LOG_OFF (0) to SGPT_LOG_DEBUG (4)"
                    )));
                }
            };
            install()?;
            let log = Log::new(caller, log, user_data).filter(|_| level != SGPT_LOG_OFF);
            ::log::set_max_level(if log.is_some() { filter } else { LevelFilter::Off });
            *LOG.write().unwrap_or_else(PoisonError::into_inner) = log;
            Ok(())
        })
    }
}

/// Makes ours the process's logger, once.
fn install() -> Result<(), Error> {
    static OURS: OnceLock<bool> = OnceLock::new();
    if *OURS.get_or_init(|| ::log::set_logger(&Told).is_ok()) {
        return Ok(());
    }
    Err(Error::usage("this program has a logger of Rust's log crate already; use that one"))
}
