//! Compiles the C++ program, the bridge's header in reach.
fn main() {
    cxx_build::bridges(Vec::<&str>::new()).file("map.cpp").std("c++17").compile("map");
    println!("cargo:rerun-if-changed=map.cpp");
}
