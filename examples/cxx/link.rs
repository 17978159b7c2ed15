//! Links the bridge to the C++ program, which has the entry point.
#![no_main]

use spectralgpt_cxx as _;
