//! Gives the cdylib its soname and keeps it mapped: its threads outlive a dlclose.
//!
//! There is no version script here: rustc hands the linker one that exports what is `no_mangle`
//! and nothing else, tests/symbols.txt is its golden, and two lists could disagree.
fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libspectralgpt.so.0");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
