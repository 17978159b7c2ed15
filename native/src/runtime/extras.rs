//! Tells from the files beside an ONNX Runtime library what else than the processor's own it offers.

use std::fs;
use std::path::Path;

/// What NVIDIA's driver puts there for each GPU.
const GPU: &str = "/dev/nvidia0";

/// Orders libraries of one kind of place: the one that computes fastest here is the least.
pub(super) fn rank(library: &Path) -> u8 {
    if Path::new(GPU).exists() && has(library, "cuda") {
        return 0;
    }
    u8::from(!has_openvino(library)) + 1
}

/// Says whether OpenVINO's provider came with a library.
pub fn has_openvino(library: &Path) -> bool {
    has(library, "openvino") && is_openvinos(library)
}

fn has(library: &Path, provider: &str) -> bool {
    library.with_file_name(format!("libonnxruntime_providers_{provider}.so")).is_file()
}

/// Says whether a library is the one that came with OpenVINO's provider: pip puts the wheels
/// `onnxruntime` and `onnxruntime-openvino` into one folder, and the newer library is not OpenVINO's.
fn is_openvinos(library: &Path) -> bool {
    let site = library.parent().and_then(|capi| capi.parent()?.parent());
    let installed = site.and_then(|site| fs::read_dir(site).ok());
    let version = installed.into_iter().flatten().flatten().find_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some(name.strip_prefix("onnxruntime_openvino-")?.strip_suffix(".dist-info")?.to_owned())
    });
    version.is_none_or(|version| library.to_string_lossy().ends_with(&format!(".so.{version}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openvinos_own_library_comes_before_a_newer_one_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let capi = root.path().join("onnxruntime/capi");
        fs::create_dir_all(&capi).unwrap();
        let [own, other] = ["1.24.1", "1.32.0"].map(|version| {
            let library = capi.join(format!("libonnxruntime.so.{version}"));
            fs::write(&library, b"").unwrap();
            library
        });
        assert_eq!((rank(&own), rank(&other)), (2, 2));
        fs::write(capi.join("libonnxruntime_providers_openvino.so"), b"").unwrap();
        assert_eq!((rank(&own), rank(&other)), (1, 1), "a folder without wheels does not tell");
        fs::create_dir(root.path().join("onnxruntime_openvino-1.24.1.dist-info")).unwrap();
        assert_eq!((rank(&own), rank(&other)), (1, 2));
    }
}
