//! What other programs write into files, read back: the real exiftool writes Exif,
//! IIM and XMP, in the character sets that agencies use.

use std::{fs, path::Path, process::Command};

use masthead::{admin::Role, import::desk::Desk, pb};
use tempfile::TempDir;

use super::{jpeg_of, new_photo};
use crate::newsroom::{Newsroom, picture, upload};

/// Whether exiftool is here. Where everything must hold, it has to be.
fn is_here() -> bool {
    let here = Command::new("exiftool").arg("-ver").output().is_ok();
    assert!(here || std::env::var_os("CI").is_none(), "exiftool is not on the PATH");
    if !here {
        eprintln!("SKIPPED: exiftool is not on the PATH; Debian has it as libimage-exiftool-perl");
    }
    here
}

/// A picture in a format, with what exiftool is told to write into it.
fn tagged(format: image::ImageFormat, arguments: &[&str]) -> Vec<u8> {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("picture");
    image::load_from_memory(&picture())
        .expect("a picture")
        .save_with_format(&path, format)
        .expect("a picture");
    write(&path, arguments);
    fs::read(path).expect("a file")
}

fn write(path: &Path, arguments: &[&str]) {
    let output =
        Command::new("exiftool").args(["-overwrite_original", "-m"]).args(arguments).arg(path).output();
    let output = output.expect("exiftool");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn send(desk: &mut Desk, bytes: Vec<u8>) -> pb::Photo {
    let photo = new_photo(desk).await;
    desk.photos.upload_photo(upload(&photo.name, bytes)).await.expect("an upload").into_inner()
}

async fn read(desk: &mut Desk, bytes: Vec<u8>) -> pb::EmbeddedMetadata {
    send(desk, bytes).await.embedded.expect("metadata")
}

async fn everything(desk: &mut Desk, photo: &pb::Photo) -> pb::PhotoMetadata {
    let get = pb::GetPhotoMetadataRequest { name: photo.name.clone() };
    desk.photos.get_photo_metadata(get).await.expect("metadata").into_inner()
}

const CAPTION: &str = "4月20日，小朋友在青屿非遗馆学习制作漆扇。";

/// What a photographer of an agency fills in, for one standard.
fn filled(standard: &str) -> Vec<String> {
    let fields: &[(&str, &str)] = match standard {
        "XMP" => &[
            ("XMP-dc:Description", CAPTION),
            ("XMP-photoshop:Headline", "漆扇课"),
            ("XMP-dc:Creator", "林知远"),
            ("XMP-dc:Creator", "陈小满"),
            ("XMP-photoshop:Credit", "青屿通讯社图片部供本报专稿"),
            ("XMP-photoshop:Source", "青屿通讯社"),
            ("XMP-dc:Rights", "© 2023 青屿通讯社"),
            ("XMP-xmpRights:UsageTerms", "仅供报纸使用"),
            ("XMP-photoshop:DateCreated", "2023:04:20 15:04:05+08:00"),
            ("XMP-dc:Subject", "漆扇"),
            ("XMP-dc:Subject", "非遗"),
            ("XMP-photoshop:Instructions", "不得裁剪"),
            ("XMP-iptcCore:Location", "非遗馆"),
            ("XMP-photoshop:City", "青屿"),
            ("XMP-photoshop:State", "福建"),
            ("XMP-photoshop:Country", "中国"),
            ("XMP-iptcCore:CountryCode", "CN"),
        ],
        _ => &[
            ("IPTC:Caption-Abstract", CAPTION),
            ("IPTC:Headline", "漆扇课"),
            ("IPTC:By-line", "林知远"),
            ("IPTC:By-line", "陈小满"),
            ("IPTC:Credit", "青屿通讯社图片部"),
            ("IPTC:Source", "青屿通讯社"),
            ("IPTC:CopyrightNotice", "© 2023 青屿通讯社"),
            ("IPTC:DateCreated", "2023:04:20"),
            ("IPTC:TimeCreated", "15:04:05+08:00"),
            ("IPTC:Keywords", "漆扇"),
            ("IPTC:Keywords", "非遗"),
            ("IPTC:SpecialInstructions", "不得裁剪"),
            ("IPTC:Sub-location", "非遗馆"),
            ("IPTC:City", "青屿"),
            ("IPTC:Province-State", "福建"),
            ("IPTC:Country-PrimaryLocationName", "中国"),
            ("IPTC:Country-PrimaryLocationCode", "CHN"),
        ],
    };
    fields.iter().map(|(name, value)| format!("-{name}={value}")).collect()
}

fn is_all_there(what: &str, read: &pb::EmbeddedMetadata) {
    assert_eq!(read.caption, CAPTION, "{what}");
    assert_eq!(read.headline, "漆扇课", "{what}");
    assert_eq!(read.creators, ["林知远", "陈小满"], "{what}");
    assert!(read.credit_line.starts_with("青屿通讯社图片部"), "{what}: {}", read.credit_line);
    assert_eq!(read.source, "青屿通讯社", "{what}");
    assert_eq!(read.create_time, "2023-04-20T15:04:05+08:00", "{what}");
    assert_eq!(read.keywords, ["漆扇", "非遗"], "{what}");
    assert_eq!(read.instructions, "不得裁剪", "{what}");
    let place = [&read.sublocation, &read.city, &read.province_state, &read.country];
    assert_eq!(place, ["非遗馆", "青屿", "福建", "中国"], "{what}");
}

#[tokio::test]
async fn each_standard_alone_is_read_in_every_format_that_has_it() {
    if !is_here() {
        return;
    }
    use image::ImageFormat::{Jpeg, Png, Tiff, WebP};
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    for format in [Jpeg, Png, Tiff, WebP] {
        let arguments = filled("XMP");
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let found = read(&mut desk, tagged(format, &arguments)).await;
        is_all_there(&format!("XMP in {format:?}"), &found);
        assert_eq!((found.usage_terms.as_str(), found.country_code.as_str()), ("仅供报纸使用", "CN"));
        assert_eq!(found.copyright_notice, "© 2023 青屿通讯社");
    }
    for format in [Jpeg, Tiff] {
        let arguments = filled("IIM");
        let arguments: Vec<&str> = ["-IPTC:CodedCharacterSet=UTF8"]
            .into_iter()
            .chain(arguments.iter().map(String::as_str))
            .collect();
        let found = read(&mut desk, tagged(format, &arguments)).await;
        is_all_there(&format!("IIM in {format:?}"), &found);
        assert_eq!(found.country_code, "CHN");
    }
    let exif = [
        "-EXIF:ImageDescription=a fair",
        "-EXIF:Artist=Lin Zhiyuan; Chen Xiaoman",
        "-EXIF:Copyright=Qingyu Press",
        "-EXIF:DateTimeOriginal=2023:04:20 15:04:05",
        "-EXIF:OffsetTimeOriginal=+08:00",
        "-EXIF:Make=Canon",
        "-EXIF:Model=Canon EOS R5",
        "-EXIF:LensModel=RF24-70mm",
        "-EXIF:GPSLatitude=25.7214",
        "-EXIF:GPSLatitudeRef=N",
        "-EXIF:GPSLongitude=119.3842",
        "-EXIF:GPSLongitudeRef=E",
        "-EXIF:GPSAltitude=12.5",
    ];
    for format in [Jpeg, Png, Tiff, WebP] {
        let found = read(&mut desk, tagged(format, &exif)).await;
        assert_eq!(found.caption, "a fair", "{format:?}");
        assert_eq!(found.creators, ["Lin Zhiyuan", "Chen Xiaoman"], "{format:?}");
        assert_eq!(found.create_time, "2023-04-20T15:04:05+08:00", "{format:?}");
        assert_eq!((found.camera.as_str(), found.lens.as_str()), ("Canon EOS R5", "RF24-70mm"), "{format:?}");
        let position = found.position.expect("a position");
        assert!((position.latitude - 25.7214).abs() < 1e-4, "{format:?}: {position:?}");
        assert!((position.longitude - 119.3842).abs() < 1e-4, "{format:?}: {position:?}");
        assert_eq!(position.altitude_m, Some(12.5), "{format:?}");
    }
    room.close().await;
}

#[tokio::test]
async fn iim_is_read_in_utf8_latin1_and_undeclared_gbk() {
    if !is_here() {
        return;
    }
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let jpeg = image::ImageFormat::Jpeg;
    let utf8 = ["-IPTC:CodedCharacterSet=UTF8", "-IPTC:Caption-Abstract=漆扇 é", "-IPTC:Credit=青屿"];
    let found = read(&mut desk, tagged(jpeg, &utf8)).await;
    assert_eq!((found.caption.as_str(), found.credit_line.as_str()), ("漆扇 é", "青屿"));
    // exiftool writes the bytes of the character set that it is told, and declares
    // nothing.
    let latin1 =
        ["-charset", "iptc=Latin1", "-IPTC:Caption-Abstract=Fête à São Paulo", "-IPTC:By-line=Müller"];
    let found = read(&mut desk, tagged(jpeg, &latin1)).await;
    assert_eq!(found.caption, "Fête à São Paulo");
    assert_eq!(found.creators, ["Müller"]);
    // exiftool knows no GBK; as Latin-1 it writes the bytes that it is given.
    let gbk = [
        "-IPTC:Caption-Abstract=4月20日，小朋友在学习制作漆扇。",
        "-IPTC:By-line=林知远",
        "-IPTC:Keywords=非遗",
    ];
    let gbk = gbk
        .map(|argument| encoding_rs::mem::decode_latin1(&encoding_rs::GBK.encode(argument).0).into_owned());
    let gbk: Vec<&str> =
        ["-charset", "iptc=Latin1"].into_iter().chain(gbk.iter().map(String::as_str)).collect();
    let bytes = tagged(jpeg, &gbk);
    let in_gbk = encoding_rs::GBK.encode("小朋友在学习制作漆扇").0;
    assert!(bytes.windows(in_gbk.len()).any(|window| window == &*in_gbk), "the file has GBK");
    let found = read(&mut desk, bytes).await;
    assert_eq!(found.caption, "4月20日，小朋友在学习制作漆扇。");
    assert_eq!((found.creators, found.keywords), (vec!["林知远".to_owned()], vec!["非遗".to_owned()]));
    room.close().await;
}

#[tokio::test]
async fn xmp_is_before_iim_before_exif_and_a_cut_credit_gives_way() {
    if !is_here() {
        return;
    }
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let jpeg = image::ImageFormat::Jpeg;
    let all = [
        "-IPTC:CodedCharacterSet=UTF8",
        "-XMP-dc:Description=of XMP",
        "-IPTC:Caption-Abstract=of IIM",
        "-EXIF:ImageDescription=of Exif",
        "-IPTC:CopyrightNotice=rights of IIM",
        "-EXIF:Copyright=rights of Exif",
        "-EXIF:Artist=artist of Exif",
        // 32 bytes are the limit of IIM (2:110): ten characters.
        "-XMP-photoshop:Credit=青屿通讯社图片部供本报专稿",
        "-IPTC:Credit=青屿通讯社图片部供本",
    ];
    let bytes = tagged(jpeg, &all);
    let photo = send(&mut desk, bytes).await;
    let found = photo.embedded.clone().expect("metadata");
    assert_eq!(found.caption, "of XMP");
    assert_eq!(found.copyright_notice, "rights of IIM");
    assert_eq!(found.creators, ["artist of Exif"]);
    assert_eq!(found.credit_line, "青屿通讯社图片部供本报专稿");
    // All three are kept as they were read.
    let whole = everything(&mut desk, &photo).await;
    let value = |name: &str| {
        let own = whole.properties.iter().find(|property| property.name == name);
        own.unwrap_or_else(|| panic!("{name} is not in {:?}", whole.properties)).value.clone()
    };
    assert_eq!(value("dc:description[x-default]"), "of XMP");
    assert_eq!(value("2:120 Caption/Abstract"), "of IIM");
    assert_eq!(value("ImageDescription"), "of Exif");
    assert_eq!(value("2:110 Credit"), "青屿通讯社图片部供本");
    assert_eq!(whole.embedded, Some(found));

    // Changed in IIM alone, after the digest of the IIM was noted: then IIM is first,
    // but for what is only cut.
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("picture.jpg");
    fs::write(&path, tagged(jpeg, &all)).expect("a file");
    write(&path, &["-Photoshop:IPTCDigest=new"]);
    write(&path, &["-IPTC:Caption-Abstract=of a later IIM"]);
    let found = read(&mut desk, fs::read(&path).expect("a file")).await;
    assert_eq!(found.caption, "of a later IIM");
    assert_eq!(found.credit_line, "青屿通讯社图片部供本报专稿");
    room.close().await;
}

#[tokio::test]
async fn width_and_height_are_told_as_the_picture_is_shown() {
    if !is_here() {
        return;
    }
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    for orientation in 1..=8 {
        for format in [image::ImageFormat::Jpeg, image::ImageFormat::Tiff] {
            let bytes = tagged(format, &["-n", &format!("-EXIF:Orientation={orientation}")]);
            let file = send(&mut desk, bytes).await.file.expect("a file");
            let size = if orientation < 5 { (48, 32) } else { (32, 48) };
            assert_eq!((file.width_px, file.height_px), size, "{orientation} in {format:?}");
            assert_eq!(file.orientation, orientation, "{format:?}");
        }
    }
    room.close().await;
}

#[tokio::test]
async fn texts_that_nobody_has_written_yet_are_filled_from_the_file() {
    if !is_here() {
        return;
    }
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let arguments = filled("XMP");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let bytes = tagged(image::ImageFormat::Jpeg, &arguments);
    let photo = send(&mut desk, bytes.clone()).await;
    assert_eq!(photo.caption, CAPTION);
    assert_eq!(photo.credit_line, "青屿通讯社图片部供本报专稿");
    assert_eq!(
        (photo.copyright_notice.as_str(), photo.usage_terms.as_str()),
        ("© 2023 青屿通讯社", "仅供报纸使用")
    );
    let own = pb::Photo { caption: "编辑写的说明".into(), ..Default::default() };
    let create = pb::CreatePhotoRequest { photo: Some(own), ..Default::default() };
    let photo = desk.photos.create_photo(create).await.expect("a photo").into_inner();
    let photo = desk.photos.upload_photo(upload(&photo.name, bytes)).await.expect("an upload").into_inner();
    assert_eq!(photo.caption, "编辑写的说明", "what an editor has written stays");
    assert_eq!(photo.embedded.expect("metadata").caption, CAPTION);
    room.close().await;
}

#[tokio::test]
async fn photos_are_found_by_what_their_files_say() {
    if !is_here() {
        return;
    }
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let arguments = filled("XMP");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let found = send(&mut desk, tagged(image::ImageFormat::Jpeg, &arguments)).await;
    let other = send(&mut desk, jpeg_of(10_000, 401)).await;
    let day = |day| Some(crate::newsroom::date(2023, 4, day));
    let asks = [
        pb::SearchPhotosRequest { query: "漆扇课".into(), ..Default::default() },
        pb::SearchPhotosRequest { creator: "陈小满".into(), ..Default::default() },
        pb::SearchPhotosRequest { place: "非遗馆".into(), ..Default::default() },
        pb::SearchPhotosRequest { keyword: "非遗".into(), ..Default::default() },
        pb::SearchPhotosRequest { captured_from: day(20), captured_until: day(20), ..Default::default() },
    ];
    for ask in asks {
        let answer = desk.photos.search_photos(ask.clone()).await.expect("an answer").into_inner();
        let names: Vec<String> =
            answer.results.into_iter().map(|result| result.photo.expect("a photo").name).collect();
        assert_eq!(names, std::slice::from_ref(&found.name), "{ask:?}");
    }
    // Another file says other things, or nothing.
    desk.photos.upload_photo(upload(&found.name, jpeg_of(10_000, 402))).await.expect("an upload");
    let ask = pb::SearchPhotosRequest { keyword: "非遗".into(), ..Default::default() };
    let answer = desk.photos.search_photos(ask).await.expect("an answer").into_inner();
    assert_eq!(answer.results.len(), 0, "{} and {}", found.name, other.name);
    room.close().await;
}

/// A JPEG with this segment before all others.
fn with_segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let small = picture();
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&small[..2], &[0xff, marker], &length, content, &small[2..]].concat()
}

#[tokio::test]
async fn damaged_metadata_are_told_and_keep_no_picture_out() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    // A directory whose next directory is itself, and one whose sub-directory is.
    let next = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x08\0\0\0";
    let below = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0";
    let huge = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0\xff\xff\xff\x7f\x08\0\0\0\0\0\0\0";
    let bomb = format!(
        "http://ns.adobe.com/xap/1.0/\0<!DOCTYPE x [{}]><x>&e9;</x>",
        (1..10)
            .map(|n| format!("<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10)))
            .collect::<String>()
    );
    let deep = format!("http://ns.adobe.com/xap/1.0/\0{}", "<a>".repeat(5_000));
    let cases: [(&str, Vec<u8>); 7] = [
        ("a loop of directories", with_segment(0xe1, next)),
        ("a loop of sub-directories", with_segment(0xe1, below)),
        ("a value of 2 GB", with_segment(0xe1, huge)),
        ("entities of entities", with_segment(0xe1, bomb.as_bytes())),
        ("elements in elements", with_segment(0xe1, deep.as_bytes())),
        (
            "IIM that is cut off",
            with_segment(0xed, b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\x07\x1c\x02\x78\0\x50ab"),
        ),
        ("no Exif at all", with_segment(0xe1, b"Exif\0\0garbage")),
    ];
    for (what, bytes) in cases {
        let photo = send(&mut desk, bytes).await;
        assert_eq!(photo.file.clone().expect("a file").content_type, "image/jpeg", "{what}");
        let whole = everything(&mut desk, &photo).await;
        if what != "entities of entities" {
            assert!(!whole.faults.is_empty(), "{what}: {whole:?}");
        }
        assert!(whole.properties.len() < 5, "{what}: {whole:?}");
    }
    let plain = send(&mut desk, jpeg_of(10_000, 400)).await;
    assert_eq!(plain.embedded, Some(pb::EmbeddedMetadata::default()));
    assert_eq!(everything(&mut desk, &plain).await.faults, Vec::<String>::new());
    room.close().await;
}
