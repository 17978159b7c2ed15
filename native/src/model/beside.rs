//! Checks the files beside a model that hold its weights, before a runtime opens them.
//!
//! A model names them itself, and a runtime reads what it is told to: a name must therefore be a
//! file's in the model's own folder, and that file no link to another.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::hidden::hex;
use crate::onnx::External;

/// Names the file beside a model that we put its weights into.
pub fn data_path(model: &Path) -> PathBuf {
    let mut name = model.file_name().unwrap_or_default().to_owned();
    name.push(".data");
    model.with_file_name(name)
}

/// Checks every file that a model's tensors name, and its content if a hash of it is known.
///
/// # Errors
/// - Model: a file is not a plain file in the model's folder, is missing, too short, or not the
///   one that the model was written with.
pub(super) fn check(model: &Path, tensors: &[External], sha256: Option<&str>) -> Result<()> {
    // A runtime looks beside the file itself, not beside a link to it.
    let model = model.canonicalize().map_err(|error| Error::model(error.to_string()))?;
    let mut files: BTreeMap<&str, u64> = BTreeMap::new();
    for tensor in tensors {
        let end = tensor.offset.saturating_add(tensor.length.unwrap_or(0));
        let needed = files.entry(&tensor.location).or_default();
        *needed = end.max(*needed);
    }
    for (name, needed) in &files {
        let file = open(&model, name)?;
        let length = file.metadata().map_err(|error| unusable(name, &error.to_string()))?.len();
        if length < *needed {
            return Err(unusable(name, &format!("it has {length} bytes, {needed} are needed")));
        }
        match sha256 {
            Some(sha256) if hash(name, file)? != sha256 => {
                return Err(unusable(name, "it is not the one that the model was written with"));
            }
            _ => {}
        }
    }
    if sha256.is_some() && files.len() != 1 {
        return Err(Error::model("its weights are not in the one file that it describes"));
    }
    Ok(())
}

/// Opens a plain file beside the model, following nothing and waiting for nothing.
fn open(model: &Path, name: &str) -> Result<File> {
    let path = Path::new(name);
    let alone = matches!(path.components().collect::<Vec<_>>()[..], [Component::Normal(only)]
        if only == path.as_os_str());
    if !alone || name.contains(['\\', '\0']) {
        return Err(unusable(name, "it is not a file's name alone"));
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(model.with_file_name(name))
        .map_err(|error| match error.raw_os_error() {
            Some(libc::ELOOP) => unusable(name, "it is a link"),
            _ => unusable(name, &error.to_string()),
        })?;
    let about = file.metadata().map_err(|error| unusable(name, &error.to_string()))?;
    match (about.is_file(), about.nlink()) {
        (true, 1) => Ok(file),
        (true, _) => Err(unusable(name, "it has other names (hard links)")),
        (false, _) => Err(unusable(name, "it is not a plain file")),
    }
}

fn hash(name: &str, mut file: File) -> Result<String> {
    let (mut hash, mut part) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut part).map_err(|error| unusable(name, &error.to_string()))? {
            0 => return Ok(hex(hash.finalize().as_slice())),
            taken => hash.update(&part[..taken]),
        }
    }
}

fn unusable(name: &str, why: &str) -> Error {
    Error::model(format!(
        "it keeps weights in '{}', which cannot be used: {why}; weights must be in a plain file of \
         the model's own folder, as 'spectralgpt convert' puts them",
        name.escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_name_beside_the_model_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("m.onnx");
        for name in ["m.onnx", "w", "w.data"] {
            std::fs::write(folder.path().join(name), [0; 100]).unwrap();
        }
        std::fs::create_dir(folder.path().join("d")).unwrap();
        let tensor = |location: &str, offset, length| External {
            location: location.into(),
            offset,
            length: Some(length),
        };
        let try_one = |location: &str| check(&model, &[tensor(location, 0, 1)], None);
        let absolute = folder.path().join("w").display().to_string();
        for name in [
            "",
            ".",
            "..",
            "../w",
            "d/../w",
            "./w",
            "w/",
            "d",
            "/etc/passwd",
            "/dev/zero",
            "a\\w",
            "w\0",
            "*/_ORT_MEM_ADDR_/*",
            "file:w",
            "none",
            &absolute,
        ] {
            let error = try_one(name).unwrap_err();
            assert!(error.message().contains("cannot be used"), "{name}: {error}");
        }
        try_one("w").unwrap();
        check(&model, &[tensor("w", 0, 100), tensor("w.data", 90, 10)], None).unwrap();
        for (offset, length) in [(0, 101), (100, 1), (u64::MAX, 1), (1, u64::MAX)] {
            assert!(check(&model, &[tensor("w", offset, length)], None).is_err());
        }
        let zeros = "cd00e292c5970d3c5e2f0ffa5171e555bc46bfc4faddfb4a418b6840b86e79a3";
        check(&model, &[tensor("w", 0, 1)], Some(zeros)).unwrap();
        assert!(check(&model, &[tensor("w", 0, 1)], Some("00")).is_err());
        assert!(check(&model, &[], Some(zeros)).is_err());
        assert!(check(&model, &[tensor("w", 0, 1), tensor("w.data", 0, 1)], Some(zeros)).is_err());
    }

    #[test]
    fn a_pipe_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("m.onnx");
        std::fs::write(&model, []).unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let tensor = External { location: "pipe".into(), ..External::default() };
        let error = check(&model, &[tensor], None).unwrap_err();
        assert!(error.message().contains("not a plain file"), "{error}");
    }
}
