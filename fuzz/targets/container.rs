//! A whole file of any format: everything that reading metadata does.
#![no_main]

#[allow(dead_code)]
#[path = "../../src/photo/metadata/mod.rs"]
mod metadata;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    use metadata::Container::{Heic, Jpeg, Png, Tiff, Webp};
    let Some((first, file)) = bytes.split_first() else { return };
    let container = [Jpeg, Png, Tiff, Webp, Heic][usize::from(*first) % 5];
    let read = metadata::read(std::io::Cursor::new(file), container);
    assert!(read.orientation <= 8);
    assert!(read.properties.len() <= metadata::PROPERTIES_MAX);
    for property in &read.properties {
        assert!(!property.value.contains('\0'), "no database takes it");
    }
});
