//! Looks for the ONNX Runtime library: what we were told, then beside us, wheels, the system.

use std::ffi::{CStr, OsStr, OsString, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs};

use super::extras;

pub use super::extras::has_openvino;

/// Where a library was found or named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An option of the caller.
    Option,
    /// `SPECTRALGPT_ORT_LIBRARY`.
    Variable,
    /// A folder beside our own file.
    Beside,
    /// A Python environment.
    Wheel,
    /// The loader's search path: only the loader knows whether it is there.
    System,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Option => "named by the caller",
            Origin::Variable => "SPECTRALGPT_ORT_LIBRARY",
            Origin::Beside => "beside spectralgpt",
            Origin::Wheel => "in a Python environment",
            Origin::System => "system",
        })
    }
}

/// A library that could be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The file, or a bare name for the loader.
    pub path: PathBuf,
    /// Who named it.
    pub origin: Origin,
}

/// The places to look in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    explicit: Option<Candidate>,
    beside: Vec<PathBuf>,
    wheels: Vec<PathBuf>,
}

impl Places {
    /// Gathers this process's places; `option` is a library that the caller names.
    pub fn here(option: Option<&Path>) -> Self {
        let named = |origin| move |path| Candidate { path, origin };
        let variable = env::var_os("SPECTRALGPT_ORT_LIBRARY").filter(|path| !path.is_empty());
        let own = own_folder();
        Self {
            explicit: option
                .map(|path| named(Origin::Option)(path.to_path_buf()))
                .or_else(|| variable.map(PathBuf::from).map(named(Origin::Variable))),
            beside: own.as_deref().map(neighbours).unwrap_or_default(),
            wheels: wheel_folders(own.as_deref(), env::var_os("VIRTUAL_ENV"), env::var_os("HOME")),
        }
    }

    /// Lists the libraries, best first.
    ///
    /// A library that somebody named is the only one; otherwise every file found, within a folder
    /// the highest version first, then the system's names. Of those beside us, and of those in
    /// Python environments, the ones that compute faster here come first: with CUDA where there is
    /// a GPU, then with OpenVINO.
    pub fn candidates(&self) -> Vec<Candidate> {
        if let Some(explicit) = &self.explicit {
            return vec![explicit.clone()];
        }
        let files = |folders: &[PathBuf], origin| {
            let mut files: Vec<_> = folders
                .iter()
                .flat_map(|folder| libraries(folder))
                .map(|path| Candidate { path, origin })
                .collect();
            files.sort_by_key(|candidate| extras::rank(&candidate.path));
            files
        };
        let mut found = files(&self.beside, Origin::Beside);
        found.extend(files(&self.wheels, Origin::Wheel));
        for name in ["libonnxruntime.so.1", "libonnxruntime.so"] {
            found.push(Candidate { path: name.into(), origin: Origin::System });
        }
        found
    }

    /// Lists the folders, for a message.
    pub(super) fn searched(&self) -> String {
        let folders = self.beside.iter().chain(&self.wheels);
        let words: Vec<_> = folders.map(|folder| format!("'{}'", folder.display())).collect();
        words.join(", ")
    }
}

/// Returns the folder of the file that holds this code: ours, whoever loaded it.
fn own_folder() -> Option<PathBuf> {
    let name = file_of(own_folder as fn() -> Option<PathBuf> as *const c_void)?;
    // For the program itself the loader repeats its first argument, which need not be a path.
    let is_program = env::args_os().next().is_some_and(|first| first == name);
    let file = if is_program { env::current_exe() } else { fs::canonicalize(name) };
    Some(file.ok()?.parent()?.to_path_buf())
}

/// Returns the name of the file that an address was loaded from, as the loader knows it.
pub(super) fn file_of(address: *const c_void) -> Option<OsString> {
    let mut about = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: any address may be asked about, and all-zero is a valid value of this struct.
    let about = unsafe {
        libc::dladdr(address, about.as_mut_ptr());
        about.assume_init()
    };
    if about.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the loader's own string; it lives as long as the file stays loaded.
    let name = unsafe { CStr::from_ptr(about.dli_fname) };
    Some(OsStr::from_bytes(name.to_bytes()).to_owned())
}

/// Lists the folders beside our file where somebody may have put ONNX Runtime.
fn neighbours(own: &Path) -> Vec<PathBuf> {
    let mut folders = vec![own.to_path_buf(), own.join("onnxruntime")];
    for name in ["lib", "lib/onnxruntime"] {
        folders.extend(own.parent().map(|parent| parent.join(name)));
    }
    folders
}

/// Lists the folders where Python environments keep the library.
fn wheel_folders(
    own: Option<&Path>,
    venv: Option<OsString>,
    home: Option<OsString>,
) -> Vec<PathBuf> {
    let mut sites = Vec::new();
    sites.extend(venv.iter().flat_map(|venv| python_sites(Path::new(venv), "site-packages")));
    for folder in own.into_iter().flat_map(|own| own.ancestors().take(5)) {
        sites.extend(python_sites(&folder.join(".venv"), "site-packages"));
        if folder.ends_with("site-packages") {
            sites.push(folder.to_path_buf());
        }
    }
    let local = home.map(|home| Path::new(&home).join(".local"));
    sites.extend(local.iter().flat_map(|local| python_sites(local, "site-packages")));
    sites.push("/usr/lib/python3/dist-packages".into());
    for name in ["site-packages", "dist-packages"] {
        sites.extend(python_sites(Path::new("/usr/local"), name));
    }
    sites.into_iter().map(|site| site.join("onnxruntime/capi")).collect()
}

/// Lists `PREFIX/lib/python3*/NAME`, the newest Python first.
fn python_sites(prefix: &Path, name: &str) -> Vec<PathBuf> {
    newest_first(&prefix.join("lib"), "python3")
        .into_iter()
        .map(|python| python.join(name))
        .collect()
}

/// Lists the ONNX Runtime libraries of a folder, the highest version first, no file twice.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let mut seen = Vec::new();
    let is_new = |path: &PathBuf| {
        let file = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let is_new = file.is_file() && !seen.contains(&file);
        seen.push(file);
        is_new
    };
    newest_first(folder, "libonnxruntime.so").into_iter().filter(is_new).collect()
}

/// Lists a folder's entries with a prefix, by the numbers that follow it, the highest first.
fn newest_first(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let rest = name.to_str()?.strip_prefix(prefix)?;
            let numbers = rest.split('.').filter(|part| !part.is_empty()).map(str::parse);
            Some((numbers.collect::<std::result::Result<_, _>>().ok()?, entry.path()))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        root
    }

    fn names(root: &Path, places: &Places) -> Vec<String> {
        let shorten = |candidate: Candidate| {
            let path = candidate.path;
            path.strip_prefix(root).unwrap_or(&path).display().to_string()
        };
        places.candidates().into_iter().map(shorten).collect()
    }

    #[test]
    fn highest_version_of_the_first_folder_comes_first() {
        let root = tree(&[
            "bin/onnxruntime/libonnxruntime.so.1.9.0",
            "bin/onnxruntime/libonnxruntime.so.1.32.0",
            "bin/onnxruntime/libonnxruntime.so.1.32.0.bak",
            "bin/onnxruntime/libonnxruntime_providers_shared.so",
            "lib/libonnxruntime.so.1.40.0",
            "lib/onnxruntime/libonnxruntime.so.1.41.0",
            ".venv/lib/python3.9/site-packages/onnxruntime/capi/libonnxruntime.so.1.50.0",
            ".venv/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.20.1",
        ]);
        let link = root.path().join("bin/onnxruntime/libonnxruntime.so");
        std::os::unix::fs::symlink("libonnxruntime.so.1.9.0", link).unwrap();
        let own = root.path().join("bin");
        let places = Places {
            explicit: None,
            beside: neighbours(&own),
            wheels: wheel_folders(Some(&own), None, None),
        };
        let found = names(root.path(), &places);
        let ours: Vec<_> = found.iter().filter(|name| !name.starts_with('/')).collect();
        assert_eq!(
            ours,
            [
                "bin/onnxruntime/libonnxruntime.so.1.32.0",
                "bin/onnxruntime/libonnxruntime.so.1.9.0",
                "lib/libonnxruntime.so.1.40.0",
                "lib/onnxruntime/libonnxruntime.so.1.41.0",
                ".venv/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.20.1",
                ".venv/lib/python3.9/site-packages/onnxruntime/capi/libonnxruntime.so.1.50.0",
                "libonnxruntime.so.1",
                "libonnxruntime.so",
            ]
        );
    }

    #[test]
    fn a_named_library_is_the_only_candidate() {
        let root = tree(&["libonnxruntime.so.1.32.0"]);
        let named = Candidate { path: "/nowhere/a.so".into(), origin: Origin::Option };
        let places = Places {
            explicit: Some(named.clone()),
            beside: vec![root.path().to_path_buf()],
            wheels: Vec::new(),
        };
        assert_eq!(places.candidates(), [named]);
    }

    #[test]
    fn environments_of_the_user_come_before_the_project_and_home() {
        let file = "lib/python3.12/site-packages/onnxruntime/capi";
        let (a, b) = (tree(&[&format!("{file}/x")]), tree(&[&format!(".local/{file}/x")]));
        let folders = wheel_folders(
            Some(b.path()),
            Some(a.path().as_os_str().to_owned()),
            Some(b.path().as_os_str().to_owned()),
        );
        assert_eq!(folders[0], a.path().join(file));
        assert!(folders.contains(&b.path().join(".local").join(file)));
    }

    #[test]
    fn own_folder_is_the_programs() {
        let program = env::current_exe().unwrap();
        assert_eq!(own_folder().as_deref(), program.parent());
    }
}
