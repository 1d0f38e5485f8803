//! The words that a rendition carries, as an XMP packet (ISO 16684-1): caption,
//! copyright and credit, in the properties that IPTC's Photo Metadata Standard
//! names for them, and nothing else.

use std::fmt::Write;

use crate::photo::rendition::Look;

/// What stands before an XMP packet in a JPEG's APP1 segment (XMP part 3).
const SIGNATURE: &str = "http://ns.adobe.com/xap/1.0/\0";

/// The content of an APP1 segment; none where there are no words.
pub fn segment(look: &Look) -> Option<Vec<u8>> {
    let mut properties = String::new();
    for (name, text) in [("dc:description", &look.caption), ("dc:rights", &look.copyright_notice)] {
        if !text.is_empty() {
            let text = escaped(text);
            let _ = write!(
                properties,
                "<{name}><rdf:Alt><rdf:li xml:lang=\"x-default\">{text}</rdf:li></rdf:Alt></{name}>"
            );
        }
    }
    if !look.credit_line.is_empty() {
        let text = escaped(&look.credit_line);
        let _ = write!(properties, "<photoshop:Credit>{text}</photoshop:Credit>");
    }
    if properties.is_empty() {
        return None;
    }
    let packet = format!(
        "{SIGNATURE}<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:photoshop=\"http://ns.adobe.com/photoshop/1.0/\">{properties}</rdf:Description>\
         </rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>"
    );
    Some(packet.into_bytes())
}

/// A text between tags. Control characters, which XML 1.0 cannot hold, are left
/// out but for the ends of lines.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' | '\t' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => {}
            _ if character.is_control() => {}
            _ => escaped.push(character),
        }
    }
    escaped
}
