//! What a rendition carries beside its pixels.

use masthead::{admin::Role, pb};
use moxcms::ColorProfile;

use super::{ask, jpeg, photo_of, photo_with, quarters};
use crate::newsroom::Newsroom;

/// The segments of a JPEG before its pixels: marker and content.
fn segments(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    assert_eq!(bytes[..2], [0xff, 0xd8]);
    let mut segments = Vec::new();
    let mut at = 2;
    loop {
        assert_eq!(bytes[at], 0xff, "a marker at {at}");
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        segments.push((bytes[at + 1], bytes[at + 4..at + 2 + length].to_vec()));
        if bytes[at + 1] == 0xda {
            return segments;
        }
        at += 2 + length;
    }
}

/// Application segments and comments.
fn extras(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let is_extra = |marker: u8| (0xe0..=0xef).contains(&marker) || marker == 0xfe;
    segments(bytes).into_iter().filter(|(marker, _)| is_extra(*marker)).collect()
}

/// A picture full of what must not get out.
fn telling() -> Vec<u8> {
    jpeg(&quarters(400, 300), |encoder| {
        let profile = ColorProfile::new_display_p3().encode().expect("a profile");
        encoder.add_icc_profile(&profile).expect("a profile");
        encoder.add_app_segment(1, b"http://ns.adobe.com/xap/1.0/\0<x>secret</x>".to_vec()).expect("XMP");
        encoder.add_app_segment(13, b"Photoshop 3.0\08BIM secret".to_vec()).expect("IIM");
    })
}

#[tokio::test]
async fn a_rendition_carries_caption_credit_and_copyright_and_nothing_else() {
    let newsroom = Newsroom::open().await;
    let words = pb::Photo {
        caption: "码头 <早班> & \"渡轮\"\n第二行".into(),
        credit_line: "甘一鸣/晨讯报".into(),
        copyright_notice: "© 2026 晨讯报]]>".into(),
        usage_terms: "secret terms".into(),
        ..Default::default()
    };
    let photo = photo_with(&newsroom, words, telling()).await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let download = ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
    let extras = extras(&download.bytes);
    let markers: Vec<u8> = extras.iter().map(|(marker, _)| *marker).collect();
    assert_eq!(markers, [0xe0, 0xe1], "JFIF and XMP");
    let packet = extras[1].1.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0").expect("XMP");
    let packet = std::str::from_utf8(packet).expect("UTF-8");
    let alternative =
        |text: &str| format!("<rdf:Alt><rdf:li xml:lang=\"x-default\">{text}</rdf:li></rdf:Alt>");
    let start = packet.find("<dc:description>").expect("a caption");
    let end = packet.find("</rdf:Description>").expect("an end");
    let expected = format!(
        "<dc:description>{}</dc:description><dc:rights>{}</dc:rights><photoshop:Credit>{}</photoshop:Credit>",
        alternative("码头 &lt;早班&gt; &amp; \"渡轮\"\n第二行"),
        alternative("© 2026 晨讯报]]&gt;"),
        "甘一鸣/晨讯报"
    );
    assert_eq!(&packet[start..end], expected);
    let all = String::from_utf8_lossy(&download.bytes).into_owned();
    assert!(!all.contains("secret"));
    newsroom.close().await;
}

#[tokio::test]
async fn a_rendition_of_a_photo_without_words_carries_none() {
    let newsroom = Newsroom::open().await;
    let photo = photo_of(&newsroom, telling()).await;
    let mut desk = newsroom.desk(Role::Editor).await;
    let download = ask(&mut desk, &photo.name, "w320").await.expect("a rendition");
    let markers: Vec<u8> = extras(&download.bytes).iter().map(|(marker, _)| *marker).collect();
    assert_eq!(markers, [0xe0]);
    newsroom.close().await;
}
