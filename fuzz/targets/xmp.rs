//! A packet of XMP.
#![no_main]

#[allow(dead_code)]
#[path = "../../src/photo/metadata/mod.rs"]
mod metadata;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut faults = Vec::new();
    let read = metadata::xmp::read(&[bytes.to_vec()], &mut faults);
    assert!(read.properties().len() <= metadata::PROPERTIES_MAX);
    read.in_default_language("dc:description");
});
