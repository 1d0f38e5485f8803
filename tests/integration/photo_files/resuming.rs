//! Uploads that are interrupted and continued.

use std::time::Duration;

use futures::stream;
use masthead::{admin::Role, config::UploadSettings, import::desk::Desk, pb, photo};
use sqlx::AssertSqlSafe;
use tonic::{Code, Request};
use tonic_types::StatusExt;

use super::{
    download, files_below, get_photo, get_upload, jpeg_of, metadata, new_photo, noise, rest, resume, sha256,
    stalled, start,
};
use crate::{
    command::{Serving, data_dir, token},
    concurrency::until_quiet,
    newsroom::{Newsroom, reason, upload},
};

/// Sends a part of an upload and hangs up in the middle of the call, at a moment
/// when at least `at_least` bytes have come.
async fn cut(desk: &Desk, name: &str, bytes: &[u8], offset: usize, until: usize) {
    let mut calling = desk.clone();
    let parts = stalled(rest(name, offset, &bytes[offset..until]));
    let call = tokio::spawn(async move { calling.photos.upload_photo(parts).await });
    // So that some cuts come before and some after the bytes.
    for _ in 0..until % 40 {
        tokio::task::yield_now().await;
    }
    call.abort();
    let _ = call.await;
}

#[tokio::test]
async fn an_upload_cut_at_fifty_random_places_and_resumed_is_the_file() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let photo = new_photo(&mut desk).await;
    let bytes = jpeg_of(20_000_000, 1);
    let begun = start(&mut desk, &photo.name, &bytes).await;
    let mut breaks = 0;
    for pair in noise(100, 50).chunks(2) {
        let stood = get_upload(&mut desk, &begun.name).await.expect("an upload");
        assert!(get_photo(&mut desk, &photo.name).await.file.is_none(), "a part of a file is seen");
        let offset = stood.received_bytes as usize;
        // Up to 1.3 MB further, with one cut in ten in the middle of a long run.
        let step = usize::from(u16::from_le_bytes([pair[0], pair[1]])) * 20;
        let until = (offset + step).min(bytes.len() - 1);
        cut(&desk, &begun.name, &bytes, offset, until).await;
        breaks += 1;
    }
    assert_eq!(breaks, 50);
    let done = resume(&mut desk, &begun.name, &bytes).await;
    assert_eq!(done.file.expect("a file").sha256, sha256(&bytes));
    assert!(download(&mut desk, &photo.name).await == bytes, "other bytes came back");
    assert_eq!(files_below(&room.photo_folder()).len(), 1, "something is left behind");
    let after = get_upload(&mut desk, &begun.name).await.expect("an upload");
    assert_eq!(after.received_bytes, after.size_bytes);
    assert!(after.store_time.is_some());
    room.close().await;
}

#[tokio::test]
async fn what_has_come_is_kept_when_the_client_ends_early_in_good_order() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let photo = new_photo(&mut desk).await;
    let bytes = jpeg_of(300_000, 2);
    let begun = start(&mut desk, &photo.name, &bytes).await;
    assert_eq!((begun.received_bytes, begun.uploader.as_str()), (0, "reporter"));
    let half = stream::iter(rest(&begun.name, 0, &bytes[..123_456]));
    let status = desk.photos.upload_photo(half).await.expect_err("it is not whole");
    assert_eq!((status.code(), reason(&status)), (Code::FailedPrecondition, "UPLOAD_INCOMPLETE".into()));
    assert_eq!(metadata(&status, "received_bytes").as_deref(), Some("123456"));

    for wrong in [0, 123_455, 123_457, 300_000] {
        let parts = stream::iter(rest(&begun.name, wrong, &bytes[..10]));
        let status = desk.photos.upload_photo(parts).await.expect_err("another place");
        assert_eq!((status.code(), reason(&status)), (Code::Aborted, "UPLOAD_OFFSET_MISMATCH".into()));
        assert_eq!(metadata(&status, "received_bytes").as_deref(), Some("123456"));
    }
    let photo = resume(&mut desk, &begun.name, &bytes).await;
    assert_eq!(photo.file.expect("a file").sha256, sha256(&bytes));
    room.close().await;
}

#[tokio::test]
async fn whoever_missed_the_answer_gets_it_by_asking_again() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let photo = new_photo(&mut desk).await;
    let bytes = jpeg_of(100_000, 3);
    let begun = start(&mut desk, &photo.name, &bytes).await;
    let first = resume(&mut desk, &begun.name, &bytes).await;
    let again = resume(&mut desk, &begun.name, &bytes).await;
    assert_eq!(first, again);
    room.close().await;
}

#[tokio::test]
async fn a_newer_call_takes_an_upload_over_and_the_older_one_changes_nothing() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let photo = new_photo(&mut desk).await;
    let bytes = jpeg_of(12_000_000, 4);
    let begun = start(&mut desk, &photo.name, &bytes).await;
    // The older call has sent something else, and waits.
    let (give, take) = futures::channel::mpsc::unbounded();
    for part in rest(&begun.name, 0, &noise(11_000_000, 9)) {
        give.unbounded_send(part).expect("a running call");
    }
    let mut older = desk.clone();
    let call = tokio::spawn(async move { older.photos.upload_photo(take).await });
    // Its first mark, of 8 MiB, is seen.
    while get_upload(&mut desk, &begun.name).await.expect("an upload").received_bytes == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The newer one says that these bytes are not the file's, and begins again.
    let cancel = pb::CancelPhotoUploadRequest { name: begun.name.clone(), ..Default::default() };
    desk.photos.cancel_photo_upload(cancel).await.expect("an end");
    let status = get_upload(&mut desk, &begun.name).await.expect_err("it is cancelled");
    assert_eq!(status.code(), Code::NotFound);
    drop(give);
    let status = call.await.expect("an end").expect_err("it was cancelled under it");
    assert_eq!(reason(&status), "UPLOAD_TAKEN_OVER", "{status:?}");

    let begun = start(&mut desk, &photo.name, &bytes).await;
    let (give, take) = futures::channel::mpsc::unbounded();
    give.unbounded_send(rest(&begun.name, 0, &[]).remove(0)).expect("a running call");
    for part in rest(&begun.name, 0, &noise(1_000_000, 9)).into_iter().skip(1) {
        give.unbounded_send(part).expect("a running call");
    }
    let mut older = desk.clone();
    let call = tokio::spawn(async move { older.photos.upload_photo(take).await });
    let done = resume(&mut desk, &begun.name, &bytes).await;
    drop(give);
    let status = call.await.expect("an end").expect_err("it was taken over");
    assert!(
        ["UPLOAD_TAKEN_OVER", "UPLOAD_OFFSET_MISMATCH"].contains(&reason(&status).as_str()),
        "{status:?}"
    );
    assert_eq!(done.file.expect("a file").sha256, sha256(&bytes));
    assert!(download(&mut desk, &photo.name).await == bytes, "other bytes came back");
    assert_eq!(files_below(&room.photo_folder()).len(), 1, "something is left behind");
    room.close().await;
}

#[tokio::test]
async fn the_same_bytes_are_stored_once_whoever_sends_them() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let bytes = jpeg_of(100_000, 5);
    for _ in 0..2 {
        let photo = new_photo(&mut desk).await;
        desk.photos.upload_photo(upload(&photo.name, bytes.clone())).await.expect("an upload");
        let begun = start(&mut desk, &photo.name, &bytes).await;
        resume(&mut desk, &begun.name, &bytes).await;
    }
    assert_eq!(files_below(&room.photo_folder()).len(), 1);
    room.close().await;
}

#[tokio::test]
async fn abandoned_uploads_are_swept_when_their_time_has_passed() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let photo = new_photo(&mut desk).await;
    let bytes = jpeg_of(100_000, 6);
    let mut begun = Vec::new();
    for _ in 0..2 {
        let one = start(&mut desk, &photo.name, &bytes).await;
        let half = stream::iter(rest(&one.name, 0, &bytes[..50_000]));
        desk.photos.upload_photo(half).await.expect_err("it is not whole");
        begun.push(one);
    }
    let files =
        masthead::photo::files::Files::open(masthead::photo::files::Location::Folder(room.photo_folder()));
    let files = files.await.expect("the store");
    assert_eq!(photo::sweep::sweep(&room.db, &files).await.expect("a sweep"), 0);
    assert_eq!(files_below(&room.photo_folder()).len(), 2);
    // The clock of the first goes round.
    let (_, id) = begun[0].name.rsplit_once('/').expect("a name");
    let sql = "update photo_uploads set expire_time = now() - interval '1 minute' where id = $1::uuid";
    let mut connection = room.database.connect().await;
    sqlx::query(sql)
        .bind(uuid::Uuid::try_parse(id).expect("an id"))
        .execute(&mut connection)
        .await
        .expect("an age");
    assert_eq!(photo::sweep::sweep(&room.db, &files).await.expect("a sweep"), 1);
    assert_eq!(files_below(&room.photo_folder()).len(), 1);
    let gone = get_upload(&mut desk, &begun[0].name).await.expect_err("it is swept");
    assert_eq!(gone.code(), Code::NotFound);
    resume(&mut desk, &begun[1].name, &bytes).await;
    room.close().await;
}

#[tokio::test]
async fn uploads_have_limits_of_size_number_and_kind() {
    let settings = UploadSettings { photo_bytes_max: 200_000, uploads_max: 1, ..Default::default() };
    let room = Newsroom::with_uploads(settings).await;
    let mut desk = room.desk(Role::Reporter).await;
    let photo = new_photo(&mut desk).await;
    let ask = |size_bytes| {
        let upload = Some(pb::PhotoUpload { size_bytes, ..Default::default() });
        pb::StartPhotoUploadRequest { parent: photo.name.clone(), upload, ..Default::default() }
    };
    let status = desk.photos.start_photo_upload(ask(200_001)).await.expect_err("too large");
    assert_eq!((status.code(), reason(&status)), (Code::ResourceExhausted, "LIMIT_EXCEEDED".into()));
    for size_bytes in [0, -1] {
        let status = desk.photos.start_photo_upload(ask(size_bytes)).await.expect_err("no size");
        assert_eq!((status.code(), reason(&status)), (Code::InvalidArgument, "INVALID_FIELD".into()));
    }
    let running = desk.photos.start_photo_upload(ask(200_000)).await.expect("an upload").into_inner();

    // One call has the only place.
    let sql = "select writer from photo_uploads";
    let first: uuid::Uuid =
        sqlx::query_scalar(sql).fetch_one(&mut room.database.connect().await).await.expect("an upload");
    let mut other = desk.clone();
    let (give, take) = futures::channel::mpsc::unbounded();
    for part in rest(&running.name, 0, &noise(10, 1)) {
        give.unbounded_send(part).expect("a running call");
    }
    let call = tokio::spawn(async move { other.photos.upload_photo(take).await });
    // Its writer is noted when it has the place.
    let mut connection = room.database.connect().await;
    let mut writer = async || -> uuid::Uuid {
        let sql = "select writer from photo_uploads";
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("an upload")
    };
    while writer().await == first {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let parts = stream::iter(rest(&running.name, 0, &[]));
    let status = desk.photos.upload_photo(parts).await.expect_err("no place");
    assert_eq!((status.code(), reason(&status)), (Code::ResourceExhausted, "TOO_MANY_UPLOADS".into()));
    assert!(status.get_error_details().retry_info().is_some(), "{status:?}");
    drop(give);
    call.await.expect("an end").expect_err("it is not whole");

    for _ in 1..100 {
        desk.photos.start_photo_upload(ask(10)).await.expect("an upload");
    }
    let status = desk.photos.start_photo_upload(ask(10)).await.expect_err("one too many");
    assert_eq!((status.code(), reason(&status)), (Code::ResourceExhausted, "LIMIT_EXCEEDED".into()));
    let mut colleague = room.desk_of("colleague", Role::Editor).await;
    colleague.photos.start_photo_upload(ask(10)).await.expect("others have a count of their own");
    room.close().await;
}

#[tokio::test]
async fn beginning_again_with_the_same_request_is_the_same_upload() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let photo = new_photo(&mut desk).await;
    let ask = |validate_only, request_id: &str| pb::StartPhotoUploadRequest {
        parent: photo.name.clone(),
        upload: Some(pb::PhotoUpload { size_bytes: 10, ..Default::default() }),
        request_id: request_id.into(),
        validate_only,
    };
    let rehearsed = desk.photos.start_photo_upload(ask(true, "")).await.expect("a rehearsal").into_inner();
    assert_eq!(get_upload(&mut desk, &rehearsed.name).await.expect_err("nothing").code(), Code::NotFound);
    let id = uuid::Uuid::now_v7().to_string();
    let first = desk.photos.start_photo_upload(ask(false, &id)).await.expect("an upload").into_inner();
    let again = desk.photos.start_photo_upload(ask(false, &id)).await.expect("the same").into_inner();
    assert_eq!(first, again);
    room.close().await;
}

#[tokio::test]
async fn a_server_killed_in_the_middle_leaves_nothing_to_be_seen_and_everything_to_go_on_with() {
    let data = data_dir();
    let serving = Serving::start_with(data.path(), &[]);
    let person = token(data.path(), "reporter");
    let mut desk = Desk::connect(serving.address(), &person).await.expect("a desk");
    let photo = new_photo(&mut desk).await;
    let bytes = jpeg_of(20_000_000, 7);
    let begun = start(&mut desk, &photo.name, &bytes).await;
    let parts = stalled(rest(&begun.name, 0, &bytes[..18_000_000]));
    let mut calling = desk.clone();
    let call = tokio::spawn(async move { calling.photos.upload_photo(parts).await });
    // One call in one piece, too, of another photo.
    let other = new_photo(&mut desk).await;
    let whole: Vec<_> = futures::StreamExt::collect(upload(&other.name, bytes[..9_000_000].to_vec())).await;
    let mut calling = desk.clone();
    let second = tokio::spawn(async move { calling.photos.upload_photo(stalled(whole)).await });
    while get_upload(&mut desk, &begun.name).await.expect("an upload").received_bytes < 16 * 1024 * 1024 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Dropping it kills it.
    drop(serving);
    call.await.expect("an end").expect_err("the server is gone");
    second.await.expect("an end").expect_err("the server is gone");

    let serving = Serving::start_with(data.path(), &[]);
    let mut desk = Desk::connect(serving.address(), &person).await.expect("a desk");
    for name in [&photo.name, &other.name] {
        assert!(get_photo(&mut desk, name).await.file.is_none(), "a part of a file is seen");
    }
    assert_eq!(files_below(&data.path().join("photos/sha256")), Vec::<std::path::PathBuf>::new());
    let done = resume(&mut desk, &begun.name, &bytes).await;
    assert_eq!(done.file.expect("a file").sha256, sha256(&bytes));
    assert!(download(&mut desk, &photo.name).await == bytes, "other bytes came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_time_passes_before_it_is_committed_leaves_nothing_and_can_be_made_again() {
    let room = Newsroom::open().await;
    let mut desk = room.desk(Role::Reporter).await;
    let bytes = jpeg_of(60_000, 40);
    for in_parts in [false, true] {
        let photo = new_photo(&mut desk).await;
        let mut holder = room.database.connect().await;
        let hold = format!(
            "begin; select from photos where id = '{}' for no key update",
            photo.name.trim_start_matches("photos/")
        );
        let stood = if in_parts { Some(start(&mut desk, &photo.name, &bytes).await.name) } else { None };
        sqlx::raw_sql(AssertSqlSafe(hold)).execute(&mut holder).await.expect("a lock");
        let over = match &stood {
            None => desk.photos.upload_photo(hurried(upload(&photo.name, bytes.clone()))).await,
            Some(name) => desk.photos.upload_photo(hurried(stream::iter(rest(name, 0, &bytes)))).await,
        };
        let over = over.expect_err("nobody lets it through");
        assert_eq!((over.code(), reason(&over)), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".into()));
        sqlx::raw_sql("rollback").execute(&mut holder).await.expect("an end");
        until_quiet(&mut holder).await;
        assert!(get_photo(&mut desk, &photo.name).await.file.is_none(), "it was said that it has none");
        let done = match stood {
            None => {
                until_no_file(&room).await;
                let again = desk.photos.upload_photo(upload(&photo.name, bytes.clone())).await;
                again.expect("an upload").into_inner()
            }
            Some(name) => resume(&mut desk, &name, &bytes).await,
        };
        assert_eq!(done.file.expect("a file").sha256, sha256(&bytes));
    }
    assert_eq!(files_below(&room.photo_folder()).len(), 1, "both photos have the same file");
    room.close().await;
}

/// A call that is given less time than it needs.
fn hurried<T>(messages: T) -> Request<T> {
    let mut request = Request::new(messages);
    // As a header and not by `set_timeout`, by which tonic's client gives up by itself.
    request.metadata_mut().insert("grpc-timeout", "1500m".parse().expect("a header"));
    request
}

/// Waits until what a call has left behind is removed.
async fn until_no_file(room: &Newsroom) {
    let look = async {
        while !files_below(&room.photo_folder()).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), look).await.expect("nothing is left");
}
