//! Metadata of files as their messages have them.

use crate::{
    pb,
    photo::metadata::{Embedded, Metadata, Place, Position, Property, Standard},
};

impl From<Position> for pb::GeoPosition {
    fn from(position: Position) -> pb::GeoPosition {
        let Position { latitude, longitude, altitude_m } = position;
        pb::GeoPosition { latitude, longitude, altitude_m }
    }
}

impl From<Embedded> for pb::EmbeddedMetadata {
    fn from(embedded: Embedded) -> pb::EmbeddedMetadata {
        let Place { sublocation, city, province_state, country, country_code } = embedded.place;
        pb::EmbeddedMetadata {
            headline: embedded.headline,
            caption: embedded.caption,
            creators: embedded.creators,
            credit_line: embedded.credit_line,
            source: embedded.source,
            copyright_notice: embedded.copyright_notice,
            usage_terms: embedded.usage_terms,
            create_time: embedded.create_time,
            keywords: embedded.keywords,
            instructions: embedded.instructions,
            sublocation,
            city,
            province_state,
            country,
            country_code,
            position: embedded.position.map(pb::GeoPosition::from),
            camera: embedded.camera,
            lens: embedded.lens,
        }
    }
}

impl From<Property> for pb::MetadataProperty {
    fn from(property: Property) -> pb::MetadataProperty {
        use pb::metadata_property::Standard as Named;
        let standard = match property.standard {
            Standard::Exif => Named::Exif,
            Standard::Iim => Named::Iim,
            Standard::Xmp => Named::Xmp,
        };
        pb::MetadataProperty { standard: standard.into(), name: property.name, value: property.value }
    }
}

/// All that a photo's file says.
pub fn message(photo: String, metadata: Metadata) -> pb::PhotoMetadata {
    pb::PhotoMetadata {
        photo,
        embedded: Some(metadata.embedded.into()),
        properties: metadata.properties.into_iter().map(pb::MetadataProperty::from).collect(),
        faults: metadata.faults,
    }
}
