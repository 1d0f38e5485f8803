//! A block of Exif.
#![no_main]

#[allow(dead_code)]
#[path = "../../src/photo/metadata/mod.rs"]
mod metadata;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut faults = Vec::new();
    let read = metadata::exif::read(bytes, &mut faults);
    assert!(read.orientation <= 8);
});
