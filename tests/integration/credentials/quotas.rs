//! One person takes no more than one may, whoever else calls meanwhile.

use std::time::Duration;

use masthead::{admin::Role, config::AccessSettings, config::ServiceSettings, pb};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::newsroom::{Newsroom, PAPER, reason};

async fn newsroom(access: AccessSettings) -> Newsroom {
    let newsroom = Newsroom::with_settings(ServiceSettings { access, ..Default::default() }).await;
    newsroom.newspaper(1).await;
    newsroom
}

fn assert_come_back(status: &Status) -> Duration {
    assert_eq!((status.code(), reason(status)), (Code::ResourceExhausted, "TOO_MANY_REQUESTS".into()));
    let details = status.get_error_details();
    details.retry_info().and_then(|info| info.retry_delay).expect("when to come back")
}

#[tokio::test]
async fn calls_are_counted_by_person_and_come_back_with_time() {
    let access =
        AccessSettings { requests_per_second_max: 1, requests_burst_max: 5, ..AccessSettings::default() };
    let newsroom = newsroom(access).await;
    // Two credentials of one person draw on one bucket.
    let mut desks =
        [newsroom.desk_of("甲", Role::Reporter).await, newsroom.desk_of("甲", Role::Editor).await];
    let get = pb::GetNewspaperRequest { name: PAPER.into() };
    for call in 0..5 {
        desks[call % 2].newspapers.get_newspaper(get.clone()).await.expect("within the burst");
    }
    let status = desks[1].newspapers.get_newspaper(get.clone()).await.expect_err("one past it");
    let wait = assert_come_back(&status);
    assert!(wait <= Duration::from_secs(1), "{wait:?}");
    let mut other = newsroom.desk_of("乙", Role::Reporter).await;
    other.newspapers.get_newspaper(get.clone()).await.expect("others have their own");
    tokio::time::sleep(wait).await;
    desks[0].newspapers.get_newspaper(get).await.expect("after the time that was told");
    newsroom.close().await;
}

#[tokio::test]
async fn watches_are_counted_while_they_are_open() {
    let access = AccessSettings { watches_per_person_max: 2, ..AccessSettings::default() };
    let newsroom = newsroom(access).await;
    let mut desk = newsroom.desk_of("甲", Role::Reporter).await;
    let watch = pb::WatchChangesRequest { from_now: true, ..Default::default() };
    let first = desk.activity.watch_changes(watch.clone()).await.expect("the first").into_inner();
    let ledger = pb::WatchPublicationsRequest { from_now: true, ..Default::default() };
    let _second = desk.publications.watch_publications(ledger).await.expect("the second").into_inner();
    let status = desk.activity.watch_changes(watch.clone()).await.expect_err("one too many");
    assert_come_back(&status);
    let mut other = newsroom.desk_of("乙", Role::Reporter).await;
    other.activity.watch_changes(watch.clone()).await.expect("others have their own");
    drop(first);
    let again = tokio::time::timeout(Duration::from_secs(10), async {
        while desk.activity.watch_changes(watch.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    again.await.expect("the place is free again");
    newsroom.close().await;
}

#[tokio::test]
async fn uploads_are_counted_while_they_run() {
    let access = AccessSettings { uploads_per_person_max: 1, ..AccessSettings::default() };
    let newsroom = newsroom(access).await;
    let mut desk = newsroom.desk_of("甲", Role::Reporter).await;
    let mut names = Vec::new();
    for _ in 0..2 {
        let photo = desk.photos.create_photo(pb::CreatePhotoRequest::default()).await.expect("a photo");
        names.push(photo.into_inner().name);
    }
    let (send, receive) = futures::channel::mpsc::unbounded();
    let start = pb::UploadPhotoRequest {
        part: Some(pb::upload_photo_request::Part::Start(pb::UploadPhotoStart {
            name: names[0].clone(),
            ..Default::default()
        })),
    };
    send.unbounded_send(start).expect("an open stream");
    let mut running = desk.photos.clone();
    let running = tokio::spawn(async move { running.upload_photo(receive).await });
    // It has begun when it is kept that it runs.
    let mut connection = newsroom.database.connect().await;
    let begun = tokio::time::timeout(Duration::from_secs(10), async {
        let count = "select count(*) from photo_uploads";
        while sqlx::query_scalar::<_, i64>(count).fetch_one(&mut connection).await.expect("a count") == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    begun.await.expect("an upload that runs");
    let refused = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let parts = crate::newsroom::upload(&names[1], b"no picture".to_vec());
            let status = desk.photos.upload_photo(parts).await.expect_err("no picture, or one too many");
            if status.code() == Code::ResourceExhausted {
                return status;
            }
        }
    });
    assert_come_back(&refused.await.expect("a refusal"));
    drop(send);
    running.await.expect("a task").expect_err("nothing came");
    newsroom.close().await;
}
