//! Messages that no client makes: broken protobuf, wrong types, nothing at all.

use std::path::{Path, PathBuf};

use masthead::{
    config,
    pb::{UploadPhotoRequest, UploadPhotoStart, upload_photo_request::Part},
};
use prost::Message as _;
use tonic::Code;

use super::Stage;
use crate::{
    newsroom::{fields, reason},
    raw::{Line, Message, methods},
};

/// Bytes that are no message of any type whose first field is a text or a
/// message.
const BROKEN: [(&str, &[u8]); 12] = [
    ("a field that is cut off", &[0x0A, 0x05, b'a']),
    ("a field without its length", &[0x0A]),
    ("a key that is cut off", &[0x8A]),
    ("a length that is cut off", &[0x0A, 0x80]),
    ("an endless number", &[0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
    ("a length beyond everything", &[0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
    ("field number 0", &[0x02, 0x00]),
    ("wire type 6", &[0x0E, 0x00]),
    ("wire type 7", &[0x0F, 0x00]),
    ("the end of a group", &[0xFC, 0xFF, 0x07]),
    ("a group that does not end", &[0xFB, 0xFF, 0x07]),
    ("a group that ends as another", &[0xFB, 0xFF, 0x07, 0xF4, 0xFF, 0x07]),
];

async fn is_malformed(line: &Line, method: &str, what: &str, message: Vec<u8>) {
    let answer = line.send(method, vec![message]).await;
    let Err(status) = answer else { panic!("{method} took {what}") };
    let refusal = (status.code(), reason(&status));
    assert_eq!(refusal, (Code::InvalidArgument, "MALFORMED_MESSAGE".into()), "{method}, {what}: {status:?}");
}

#[tokio::test]
async fn every_method_refuses_bytes_that_are_no_message() {
    let stage = Stage::open().await;
    let before = stage.newsroom.contents().await;
    // One codec reads them all, so that one method meets all and the others a few.
    for (index, (method, _)) in methods().into_iter().enumerate() {
        let few = if index == 0 { BROKEN.len() } else { 2 };
        for (what, bytes) in BROKEN.into_iter().take(few) {
            is_malformed(stage.line_for(&method), &method, what, bytes.to_vec()).await;
        }
    }
    assert_eq!(stage.newsroom.contents().await, before);
    stage.close().await;
}

#[tokio::test]
async fn every_field_refuses_another_wire_type_and_every_text_what_is_not_utf8() {
    use prost_types::field_descriptor_proto::Type;
    let stage = Stage::open().await;
    let before = stage.newsroom.contents().await;
    for (method, descriptor) in methods() {
        let request = descriptor.input_type().trim_start_matches(".masthead.v1.");
        for field in Message::new(request).fields() {
            let number = field.number() as u32;
            let mut wrong = Vec::new();
            match field.r#type() {
                Type::String | Type::Bytes | Type::Message => {
                    prost::encoding::uint64::encode(number, &7, &mut wrong);
                }
                _ => prost::encoding::double::encode(number, &7.0, &mut wrong),
            }
            is_malformed(
                stage.line_for(&method),
                &method,
                &format!("{} of another type", field.name()),
                wrong,
            )
            .await;
            if field.r#type() == Type::String {
                // No UTF-8; too long a form; half a surrogate pair; cut off; beyond Unicode.
                let texts: [&[u8]; 5] =
                    [&[0xFF], &[0xC0, 0x80], &[0xED, 0xA0, 0x80], &[0xE6, 0x8A], &[0xF5, 0x80, 0x80]];
                let text = texts[number as usize % texts.len()].to_vec();
                let mut wrong = Vec::new();
                prost::encoding::bytes::encode(number, &text, &mut wrong);
                is_malformed(
                    stage.line_for(&method),
                    &method,
                    &format!("{} of {text:?}", field.name()),
                    wrong,
                )
                .await;
            }
        }
    }
    assert_eq!(stage.newsroom.contents().await, before);
    stage.close().await;
}

#[tokio::test]
async fn text_deep_inside_a_resource_must_be_utf8_too() {
    let stage = Stage::open().await;
    let before = stage.newsroom.contents().await;
    let marked =
        super::create_block(masthead::pb::block::Kind::Label(masthead::pb::Label { text: "MARK".into() }));
    let at = marked.message.windows(4).position(|window| window == b"MARK").expect("the mark");
    let mut message = marked.message;
    message[at] = 0xFF;
    is_malformed(&stage.line, marked.method, "a label that is not UTF-8", message).await;
    assert_eq!(stage.newsroom.contents().await, before);
    stage.close().await;
}

#[tokio::test]
async fn an_empty_message_never_breaks_a_method() {
    let stage = Stage::open().await;
    // What can be asked without saying anything.
    let sufficient = [
        "NewspaperService/ListNewspapers",
        "ArticleService/ListArticles",
        "ReporterService/ListReporters",
        "ReporterService/SearchReporters",
        "PhotoService/CreatePhoto",
        "PhotoService/ListPhotos",
        "PhotoService/SearchPhotos",
        "PublicationService/ListPublications",
        "PublicationService/VerifyPublications",
        "PublicationService/WatchPublications",
        "ActivityService/WatchChanges",
        "ActivityService/ListChanges",
        "AdminService/ListAccessTokens",
        "AdminService/ListAuditEvents",
        "AdminService/GetServiceStatus",
        "AdminService/VerifyPhotos",
        "AdminService/RebuildSearchIndex",
    ];
    for (method, _) in methods() {
        let answer = stage.line_for(&method).send(&method, vec![Vec::new()]).await;
        if sufficient.contains(&method.as_str()) {
            assert!(answer.is_ok(), "{method}: {answer:?}");
            continue;
        }
        let Err(status) = answer else { panic!("{method} took an empty message") };
        let refusal = (status.code(), reason(&status));
        assert_eq!(refusal, (Code::InvalidArgument, "INVALID_FIELD".into()), "{method}: {status:?}");
        assert!(!fields(&status).is_empty(), "{method}: {status:?}");
    }
    stage.close().await;
}

#[tokio::test]
async fn a_call_without_any_message_is_refused() {
    let stage = Stage::open().await;
    let before = stage.newsroom.contents().await;
    for (method, _) in methods() {
        let answer = stage.line_for(&method).send(&method, Vec::new()).await;
        let Err(status) = answer else { panic!("{method} took nothing") };
        assert_eq!(status.code(), Code::InvalidArgument, "{method}: {status:?}");
    }
    assert_eq!(stage.newsroom.contents().await, before);
    stage.close().await;
}

#[tokio::test]
async fn fields_of_a_newer_client_are_passed_over() {
    let stage = Stage::open().await;
    for (method, kind) in
        [("ReporterService/GetReporter", "Reporter"), ("ArticleService/GetArticle", "Article")]
    {
        let mut message = masthead::pb::GetReporterRequest { name: stage.name(kind) }.encode_to_vec();
        prost::encoding::string::encode(1000, &"new".to_owned(), &mut message);
        prost::encoding::uint64::encode(1001, &7, &mut message);
        prost::encoding::double::encode(1002, &7.0, &mut message);
        stage.line.call(method, message).await.expect("an answer");
    }
    stage.close().await;
}

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn an_upload_that_breaks_a_rule_leaves_neither_row_nor_file() {
    let stage = Stage::open().await;
    let before = (stage.newsroom.contents().await, files_below(&stage.newsroom.photo_folder()));
    let part = |part: Part| UploadPhotoRequest { part: Some(part) }.encode_to_vec();
    let start = |change: fn(&mut UploadPhotoStart)| {
        let mut start = UploadPhotoStart { name: stage.photo.clone(), ..Default::default() };
        change(&mut start);
        part(Part::Start(start))
    };
    let chunk = |bytes: &[u8]| part(Part::Chunk(bytes.to_vec().into()));
    let right = || start(|_| ());
    // Not the one that is stored already.
    let picture = masthead::demo::picture::stand_in(40, 30).expect("a picture");
    let (field, file, limit) = ("INVALID_FIELD", "INVALID_PHOTO_FILE", "LIMIT_EXCEEDED");
    let cases = [
        ("no start", vec![chunk(&picture)], field, "start"),
        ("a part of nothing", vec![right(), Vec::new()], field, "part"),
        ("two starts", vec![right(), chunk(&picture), right()], field, "start"),
        ("a negative size", vec![start(|start| start.size_bytes = -1)], field, "start.size_bytes"),
        ("a digest that is none", vec![start(|start| start.sha256 = "abc".into())], field, "start.sha256"),
        (
            "an unknown type",
            vec![start(|start| start.content_type = "image/\n".into())],
            field,
            "start.content_type",
        ),
        ("a name that is none", vec![start(|start| start.name.push('/'))], field, "start.name"),
        ("a huge size", vec![start(|start| start.size_bytes = i64::MAX)], limit, ""),
        ("a chunk over 1 MiB", vec![right(), chunk(&vec![0; config::CHUNK_BYTES_MAX + 1])], limit, ""),
        ("no bytes", vec![right()], file, ""),
        ("no picture", vec![right(), chunk(b"GIF89a, but not really")], file, ""),
        ("half a picture", vec![right(), chunk(&picture[..picture.len() / 16])], file, ""),
        ("too few bytes", vec![start(|start| start.size_bytes = 100_000), chunk(&picture)], file, ""),
        ("too many bytes", vec![start(|start| start.size_bytes = 10), chunk(&picture)], file, ""),
        ("another digest", vec![start(|start| start.sha256 = "0".repeat(64)), chunk(&picture)], file, ""),
        (
            "another type",
            vec![start(|start| start.content_type = "image/webp".into()), chunk(&picture)],
            file,
            "",
        ),
    ];
    for (what, messages, why, field) in cases {
        let status = stage.line.send("PhotoService/UploadPhoto", messages).await.expect_err("a refusal");
        assert_eq!(reason(&status), why, "{what}: {status:?}");
        assert_eq!(fields(&status).concat(), field, "{what}: {status:?}");
        let code = if why == limit { Code::ResourceExhausted } else { Code::InvalidArgument };
        assert_eq!(status.code(), code, "{what}: {status:?}");
    }
    let after = (stage.newsroom.contents().await, files_below(&stage.newsroom.photo_folder()));
    assert_eq!(after, before);
    stage.close().await;
}
