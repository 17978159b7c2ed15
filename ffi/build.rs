//! Gives the cdylib its soname and keeps it mapped: its threads outlive a dlclose.
fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libspectralgpt.so.0");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
