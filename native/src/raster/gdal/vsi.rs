//! Looks at files and folders wherever GDAL does: on disk, in archives, on servers.

use std::ffi::c_int;

use super::GdalApi;
use super::strings::{c_text, texts};
use crate::error::{Error, Kind, Result};

/// The largest text that is read whole, in bytes.
const LARGEST_TEXT: i64 = 64 << 20;

impl GdalApi {
    /// Lists the names in a folder, `/vsizip/` and the like too, in order; `None` if it is none or
    /// cannot be read.
    pub fn list(&self, folder: &str) -> Option<Vec<String>> {
        let folder = c_text(folder).ok()?;
        let (names, _) = self.listen(|| {
            // SAFETY: the text outlives the call; the list is ours to free.
            unsafe {
                let list = (self.VSIReadDir)(folder.as_ptr());
                let names = (!list.is_null()).then(|| texts(list));
                (self.CSLDestroy)(list);
                names
            }
        });
        let mut names: Vec<String> =
            names?.into_iter().filter(|name| !matches!(name.as_str(), "." | "..")).collect();
        names.sort();
        Some(names)
    }

    /// Reads a text file whole.
    ///
    /// # Errors
    /// - Input: it cannot be read, is larger than 64 MiB, or no text.
    pub fn read_text(&self, path: &str) -> Result<String> {
        let name = c_text(path)?;
        let bytes = self.attempt(
            Kind::Input,
            || format!("cannot read '{path}'"),
            || {
                let (mut start, mut length) = (std::ptr::null_mut::<u8>(), 0);
                let (from, none) = (name.as_ptr(), std::ptr::null_mut());
                // SAFETY: the name outlives the call; on success `start` has `length` bytes that are ours
                // to free.
                unsafe {
                    let read: c_int = (self.VSIIngestFile)(
                        none,
                        from,
                        &raw mut start,
                        &raw mut length,
                        LARGEST_TEXT,
                    );
                    if read == 0 {
                        return None;
                    }
                    let bytes = std::slice::from_raw_parts(start, usize::try_from(length).ok()?);
                    let copy = bytes.to_vec();
                    (self.VSIFree)(start.cast());
                    Some(copy)
                }
            },
        )?;
        String::from_utf8(bytes).map_err(|_| Error::input(format!("'{path}' is no UTF-8 text")))
    }
}
