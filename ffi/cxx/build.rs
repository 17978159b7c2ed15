//! Generates and compiles the C++ side of the bridge.
fn main() {
    cxx_build::bridge("src/lib.rs").std("c++17").compile("spectralgpt-cxx-bridge");
    println!("cargo:rerun-if-changed=src/lib.rs");
}
