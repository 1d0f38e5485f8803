//! XMP (ISO 16684-1): RDF in XML, made flat. Entities that a document defines are
//! not expanded.

use quick_xml::{
    NsReader,
    escape::{resolve_predefined_entity, unescape},
    events::{BytesStart, Event},
    name::{Namespace, ResolveResult},
};

use super::{ITEMS_MAX, PROPERTIES_MAX, Property, Standard, text};

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// Elements in elements at most.
const DEPTH_MAX: usize = 64;

/// The usual prefixes, whatever a document calls them.
const PREFIXES: [(&str, &str); 13] = [
    ("http://purl.org/dc/elements/1.1/", "dc"),
    ("http://ns.adobe.com/photoshop/1.0/", "photoshop"),
    ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "Iptc4xmpCore"),
    ("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "Iptc4xmpExt"),
    ("http://ns.adobe.com/xap/1.0/rights/", "xmpRights"),
    ("http://ns.adobe.com/xap/1.0/mm/", "xmpMM"),
    ("http://ns.adobe.com/xap/1.0/", "xmp"),
    ("http://ns.adobe.com/exif/1.0/aux/", "aux"),
    ("http://ns.adobe.com/exif/1.0/", "exif"),
    ("http://cipa.jp/exif/1.0/", "exifEX"),
    ("http://ns.adobe.com/tiff/1.0/", "tiff"),
    ("http://ns.useplus.org/ldf/xmp/1.0/", "plus"),
    ("adobe:ns:meta/", "x"),
];

/// What XMP says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xmp {
    /// Paths (`dc:creator[1]`, `dc:rights[x-default]`) and values.
    values: Vec<(String, String)>,
}

/// An element on the way to the place in the document.
struct Level {
    /// What its values are called: the path of names that are not RDF's.
    path: String,
    /// Items of a list so far.
    items: usize,
    /// The language of an item.
    language: Option<String>,
    is_item: bool,
    text: String,
    has_children: bool,
}

/// Reads packets of XMP.
pub fn read(packets: &[Vec<u8>], faults: &mut Vec<String>) -> Xmp {
    let mut values = Vec::new();
    for packet in packets {
        if read_packet(&decoded(packet), &mut values).is_none() {
            faults.push("some of its XMP is damaged".to_owned());
        }
    }
    Xmp { values }
}

/// A packet is UTF-8, or UTF-16 with a byte order mark.
fn decoded(packet: &[u8]) -> String {
    let (text, ..) = encoding_rs::UTF_8.decode(packet);
    text.into_owned()
}

fn read_packet(packet: &str, values: &mut Vec<(String, String)>) -> Option<()> {
    let mut reader = NsReader::from_str(packet.trim_end_matches(['\0', ' ', '\n', '\r']));
    let mut levels: Vec<Level> = Vec::new();
    loop {
        if values.len() >= PROPERTIES_MAX {
            return Some(());
        }
        match reader.read_event().ok()? {
            Event::Start(element) => {
                if levels.len() >= DEPTH_MAX {
                    return None;
                }
                let level = enter(&reader, &element, &mut levels, values);
                levels.push(level);
            }
            Event::Empty(element) => {
                let level = enter(&reader, &element, &mut levels, values);
                leave(level, values);
            }
            Event::End(_) => leave(levels.pop()?, values),
            Event::Text(bytes) => append(&mut levels, &bytes.decode().ok()?),
            Event::CData(bytes) => append(&mut levels, &bytes.decode().ok()?),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().ok()?.map(String::from);
                let name = reference.decode().ok()?;
                let named = || resolve_predefined_entity(&name).map(str::to_owned);
                append(&mut levels, &character.or_else(named).unwrap_or_default());
            }
            Event::Eof => return levels.is_empty().then_some(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn append(levels: &mut [Level], text: &str) {
    if let Some(level) = levels.last_mut()
        // Four bytes a character at most; what is more is cut off in any case.
        && level.text.len() < super::VALUE_CHARS_MAX * 4
    {
        level.text.push_str(text);
    }
}

/// The name of an element or attribute with the usual prefix; none for RDF's own.
fn known_as(namespace: &ResolveResult<'_>, local: &[u8]) -> Option<String> {
    let local = String::from_utf8_lossy(local);
    match namespace {
        ResolveResult::Bound(Namespace(uri)) if *uri == RDF.as_bytes() => None,
        ResolveResult::Bound(Namespace(uri)) => {
            let known = PREFIXES.iter().find(|(known, _)| known.as_bytes() == *uri);
            let prefix = known.map_or_else(
                || String::from_utf8_lossy(uri).into_owned(),
                |(_, prefix)| (*prefix).to_owned(),
            );
            Some(format!("{prefix}:{local}"))
        }
        _ => Some(local.into_owned()),
    }
}

fn enter(
    reader: &NsReader<&[u8]>,
    element: &BytesStart<'_>,
    levels: &mut [Level],
    values: &mut Vec<(String, String)>,
) -> Level {
    let (namespace, local) = reader.resolver().resolve_element(element.name());
    let is_rdf = known_as(&namespace, local.as_ref()).is_none();
    let parent = levels.last_mut();
    let path = parent.as_ref().map(|parent| parent.path.clone()).unwrap_or_default();
    let is_item = is_rdf && local.as_ref() == b"li";
    let path = match known_as(&namespace, local.as_ref()) {
        // The wrapper of the packet.
        Some(name) if name.starts_with("x:") => path,
        Some(name) if path.is_empty() => name,
        Some(name) => format!("{path}/{name}"),
        None => path,
    };
    let mut level =
        Level { path, items: 0, language: None, is_item, text: String::new(), has_children: false };
    if let Some(parent) = parent {
        parent.has_children = true;
        parent.items += usize::from(is_item);
        if is_item {
            level.path = format!("{}[{}]", level.path, parent.items);
        }
    }
    attributes(reader, element, &mut level, values);
    level
}

/// Attributes are properties too, but for names of namespaces, RDF's own, and the
/// language.
fn attributes(
    reader: &NsReader<&[u8]>,
    element: &BytesStart<'_>,
    level: &mut Level,
    values: &mut Vec<(String, String)>,
) {
    for attribute in element.attributes().flatten().take(ITEMS_MAX) {
        let key = attribute.key;
        if key.as_namespace_binding().is_some() {
            continue;
        }
        let raw = String::from_utf8_lossy(&attribute.value);
        let value = unescape(&raw).map_or_else(|_| raw.clone().into_owned(), |value| value.into_owned());
        if key.as_ref() == b"xml:lang" {
            level.language = Some(value);
            continue;
        }
        let (namespace, local) = reader.resolver().resolve_attribute(key);
        let Some(name) = known_as(&namespace, local.as_ref()).filter(|name| name.contains(':')) else {
            continue;
        };
        if name.starts_with("x:") {
            continue;
        }
        let path = if level.path.is_empty() { name } else { format!("{}/{name}", level.path) };
        keep(values, path, &value);
        level.has_children = true;
    }
}

fn leave(level: Level, values: &mut Vec<(String, String)>) {
    if level.has_children || level.path.is_empty() {
        return;
    }
    let path = match (level.language, level.is_item) {
        // An alternative is called by its language instead of its number.
        (Some(language), true) => match level.path.rsplit_once('[') {
            Some((path, _)) => format!("{path}[{}]", text::clip(&language)),
            None => level.path,
        },
        _ => level.path,
    };
    keep(values, path, &level.text);
}

fn keep(values: &mut Vec<(String, String)>, path: String, value: &str) {
    let value = text::clip(value);
    if !value.is_empty() && values.len() < PROPERTIES_MAX {
        values.push((text::clip(&path), value));
    }
}

impl Xmp {
    /// A simple value.
    pub fn one(&self, path: &str) -> String {
        let found = self.values.iter().find(|(own, _)| own == path);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// The items of a list.
    pub fn all(&self, path: &str) -> Vec<String> {
        self.items(path).map(|(_, value)| value.to_owned()).take(ITEMS_MAX).collect()
    }

    /// The default of a text in several languages, or else the Chinese, or else
    /// the first; also a simple value, as some programs write it.
    pub fn in_default_language(&self, path: &str) -> String {
        let items: Vec<(&str, &str)> = self.items(path).collect();
        let default = items.iter().find(|(language, _)| *language == "x-default");
        let chinese = || items.iter().find(|(language, _)| language.to_lowercase().starts_with("zh"));
        let found = default.or_else(chinese).or(items.first());
        found.map_or_else(|| self.one(path), |(_, value)| (*value).to_owned())
    }

    fn items<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.values.iter().filter_map(move |(own, value)| {
            let item = own.strip_prefix(path)?.strip_prefix('[')?.strip_suffix(']')?;
            Some((item, value.as_str()))
        })
    }

    /// Everything, as it was read.
    pub fn properties(&self) -> Vec<Property> {
        self.values.iter().map(|(path, value)| Property::new(Standard::Xmp, path, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(inside: &str) -> Vec<Vec<u8>> {
        let whole = format!(
            r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"
               x:xmptk="by hand"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about=""
               xmlns:d="http://purl.org/dc/elements/1.1/"
               xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
               xmlns:core="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
               photoshop:City="福清 &amp; 福州">{inside}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"#
        );
        vec![whole.into_bytes()]
    }

    #[test]
    fn lists_languages_structures_and_attributes_become_paths() {
        let mut faults = Vec::new();
        let xmp = read(
            &packet(
                r#"<d:creator><rdf:Seq><rdf:li>林知远</rdf:li><rdf:li>A &lt; B&#33;</rdf:li></rdf:Seq></d:creator>
                   <d:description><rdf:Alt><rdf:li xml:lang="en">a fair</rdf:li>
                   <rdf:li xml:lang="zh-CN">庙会</rdf:li></rdf:Alt></d:description>
                   <core:CreatorContactInfo rdf:parseType="Resource"><core:CiEmailWork>a@example.com</core:CiEmailWork>
                   </core:CreatorContactInfo>"#,
            ),
            &mut faults,
        );
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(xmp.all("dc:creator"), ["林知远", "A < B!"]);
        assert_eq!(xmp.in_default_language("dc:description"), "庙会");
        assert_eq!(xmp.one("photoshop:City"), "福清 & 福州");
        assert_eq!(xmp.one("Iptc4xmpCore:CreatorContactInfo/Iptc4xmpCore:CiEmailWork"), "a@example.com");
    }

    #[test]
    fn entities_are_not_expanded() {
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><r xmlns:d="http://purl.org/dc/elements/1.1/"><d:title>&b;x</d:title></r>"#;
        let xmp = read(&[bomb.as_bytes().to_vec()], &mut Vec::new());
        assert_eq!(xmp.one("r/dc:title"), "x");
    }

    #[test]
    fn what_is_cut_off_is_told_and_the_rest_is_read() {
        let whole = packet("<d:format>image/jpeg</d:format>").remove(0);
        let mut faults = Vec::new();
        let xmp = read(&[whole[..whole.len() - 50].to_vec()], &mut faults);
        assert_eq!((xmp.one("dc:format").as_str(), faults.len()), ("image/jpeg", 1));
    }
}
