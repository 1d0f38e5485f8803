//! Rights that end: readers are served a published photo on the days of its
//! digital rights and on no others, while everything else that was published
//! stays as it is.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use masthead::{
    admin::Role,
    import::desk::Desk,
    pb::{self, download_published_photo_response::Part, rights::Clearance},
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    newsroom::{Newsroom, PAPER, article, codes, date, mask, picture, reason, upload},
    verifying::verify,
};

/// Time zones whose days differ at every moment: they are 25 hours apart.
const AHEAD: (&str, Tz) = ("Pacific/Kiritimati", chrono_tz::Pacific::Kiritimati);
const BEHIND: &str = "Pacific/Pago_Pago";

/// A newsroom and its people.
struct Stage {
    room: Newsroom,
    publisher: Desk,
    editor: Desk,
    reader: Desk,
}

impl Stage {
    async fn open() -> Stage {
        let room = Newsroom::open().await;
        room.newspaper(1).await;
        Stage::at(room).await
    }

    async fn at(room: Newsroom) -> Stage {
        Stage {
            publisher: room.desk(Role::Publisher).await,
            editor: room.desk(Role::Editor).await,
            reader: room.desk(Role::Reader).await,
            room,
        }
    }

    /// The same after the server has stopped and another one has started.
    async fn restarted(self) -> Stage {
        Stage::at(self.room.closed_while(async {}).await).await
    }

    async fn close(self) {
        self.room.close().await;
    }

    /// An article that shows these photos, published by itself.
    async fn publish(&mut self, photos: &[&pb::Photo]) -> pb::Article {
        let article = self.reviewed(photos).await;
        self.publish_article(&article).await.expect("a publication")
    }

    async fn reviewed(&mut self, photos: &[&pb::Photo]) -> pb::Article {
        let photos =
            photos.iter().map(|photo| pb::PhotoUse { photo: photo.name.clone(), ..Default::default() });
        let article = pb::Article { photos: photos.collect(), ..article("图文并茂") };
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        let mut reporter = self.room.desk(Role::Reporter).await;
        let article = reporter.articles.create_article(create).await.expect("an article").into_inner();
        self.room.review(&article).await
    }

    async fn publish_article(&mut self, article: &pb::Article) -> Result<pb::Article, Status> {
        let publish = pb::PublishArticleRequest { name: article.name.clone(), ..Default::default() };
        Ok(self.publisher.articles.publish_article(publish).await?.into_inner())
    }

    async fn decide(&mut self, photo: &pb::Photo, rights: pb::Rights) -> pb::Photo {
        let update = decision(photo, rights);
        self.editor.photos.update_photo(update).await.expect("a decision").into_inner()
    }

    async fn set_time_zone(&mut self, zone: &str) {
        let newspaper = pb::Newspaper {
            name: PAPER.into(),
            etag: "*".into(),
            time_zone: zone.into(),
            ..Default::default()
        };
        let update_mask = mask(&["time_zone"]);
        let newspaper = Some(newspaper);
        let update = pb::UpdateNewspaperRequest { newspaper, update_mask, ..Default::default() };
        self.publisher.newspapers.update_newspaper(update).await.expect("a newspaper");
    }

    /// What a reader is served of a photo.
    async fn download(&mut self, photo: &pb::Photo) -> Result<Vec<u8>, Status> {
        let request = pb::DownloadPublishedPhotoRequest { name: photo.name.clone(), ..Default::default() };
        let mut parts = self.reader.publications.download_published_photo(request).await?.into_inner();
        let mut bytes = Vec::new();
        while let Some(message) = parts.message().await? {
            if let Some(Part::Chunk(chunk)) = message.part {
                bytes.extend_from_slice(&chunk);
            }
        }
        Ok(bytes)
    }

    async fn is_served(&mut self, photo: &pb::Photo) -> bool {
        match self.download(photo).await {
            Ok(bytes) => !bytes.is_empty(),
            Err(refused) => {
                ended(&refused);
                false
            }
        }
    }
}

/// The first and the last day in a refusal because of digital rights.
fn ended(refused: &Status) -> [Option<String>; 2] {
    assert_eq!((refused.code(), reason(refused)), (Code::NotFound, "DIGITAL_RIGHTS_ENDED".to_owned()));
    let details = refused.get_error_details();
    assert_eq!(details.resource_info().expect("a resource").resource_type, "masthead/Photo");
    let metadata = &details.error_info().expect("error info").metadata;
    let days = ["start_date", "end_date"].map(|key| metadata.get(key).cloned());
    for day in days.iter().flatten() {
        assert!(refused.message().contains(day.as_str()), "{refused:?}");
    }
    days
}

fn decision(photo: &pb::Photo, rights: pb::Rights) -> pb::UpdatePhotoRequest {
    let photo =
        pb::Photo { name: photo.name.clone(), etag: "*".into(), rights: Some(rights), ..Default::default() };
    pb::UpdatePhotoRequest { photo: Some(photo), update_mask: mask(&["rights"]), ..Default::default() }
}

fn cleared() -> pb::Rights {
    pb::Rights { clearance: Clearance::Cleared.into(), ..Default::default() }
}

/// Cleared, with digital rights from and to these days.
fn digital(start: Option<NaiveDate>, end: Option<NaiveDate>) -> pb::Rights {
    let day = |day: Option<NaiveDate>| day.map(|day| date(day.year(), day.month() as i32, day.day() as i32));
    let (license_start_date, license_end_date) = (day(start), day(end));
    let digital = Some(pb::ChannelRights { excluded: false, license_start_date, license_end_date });
    pb::Rights { digital, ..cleared() }
}

fn excluded() -> Option<pb::ChannelRights> {
    Some(pb::ChannelRights { excluded: true, ..Default::default() })
}

fn long_ago() -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(2001, 2, 3)
}

fn far_ahead() -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(2098, 7, 6)
}

#[tokio::test]
async fn a_published_photo_is_served_as_an_editor_decides_about_its_rights_at_once() {
    let mut stage = Stage::open().await;
    let photo = stage.room.photo("龙舟竞渡").await;
    stage.publish(&[&photo]).await;
    assert_eq!(stage.download(&photo).await.expect("the file"), picture());
    let earlier = NaiveDate::from_ymd_opt(2001, 1, 1);
    let of_agency = digital(earlier, long_ago());
    let licensed = pb::Rights { license_end_date: Some(date(2001, 2, 3)), ..digital(earlier, far_ahead()) };
    let apart = pb::Rights { license_end_date: Some(date(2001, 2, 3)), ..digital(far_ahead(), None) };
    let with = |clearance: Clearance| pb::Rights { clearance: clearance.into(), ..Default::default() };
    let day = |day: &str| Some(day.to_owned());
    for (rights, days) in [
        (digital(None, long_ago()), [None, day("2001-02-03")]),
        (of_agency, [day("2001-01-01"), day("2001-02-03")]),
        (digital(far_ahead(), None), [day("2098-07-06"), None]),
        // The overall licence ends them too.
        (licensed, [day("2001-01-01"), day("2001-02-03")]),
        (apart, [None, None]),
        (with(Clearance::DoNotUse), [None, None]),
        (with(Clearance::Unspecified), [None, None]),
        (pb::Rights { digital: excluded(), ..cleared() }, [None, None]),
    ] {
        let decided = stage.decide(&photo, rights.clone()).await;
        assert_eq!(decided.state(), pb::State::Draft, "it must be signed again before it is printed again");
        let refused = stage.download(&photo).await.expect_err("no rights");
        assert_eq!(ended(&refused), days, "{rights:?}");
        // An extension serves again, and print is another matter.
        stage.decide(&photo, pb::Rights { print: excluded(), ..digital(long_ago(), far_ahead()) }).await;
        assert!(stage.is_served(&photo).await, "{rights:?}");
    }
    stage.close().await;
}

#[tokio::test]
async fn what_a_decision_changes_only_on_trial_or_without_leave_changes_nothing() {
    let mut stage = Stage::open().await;
    let photo = stage.room.photo("龙舟竞渡").await;
    stage.publish(&[&photo]).await;
    let stop = decision(&photo, pb::Rights { digital: excluded(), ..cleared() });
    let trial = pb::UpdatePhotoRequest { validate_only: true, ..stop.clone() };
    stage.editor.photos.update_photo(trial).await.expect("a trial");
    let mut reporter = stage.room.desk(Role::Reporter).await;
    reporter.photos.update_photo(stop).await.expect_err("not for a reporter");
    let words =
        pb::Photo { name: photo.name.clone(), etag: "*".into(), caption: "新".into(), ..Default::default() };
    let update = pb::UpdatePhotoRequest { photo: Some(words), ..Default::default() };
    reporter.photos.update_photo(update).await.expect("another caption");
    assert!(stage.is_served(&photo).await);
    stage.close().await;
}

#[tokio::test]
async fn digital_rights_begin_and_end_with_the_days_of_the_newspaper() {
    let mut stage = Stage::open().await;
    let photo = stage.room.photo("龙舟竞渡").await;
    stage.publish(&[&photo]).await;
    let today_ahead = Utc::now().with_timezone(&AHEAD.1).date_naive();
    let yesterday_ahead = today_ahead - TimeDelta::days(1);
    // One of these days is over ahead and has not ended behind; the other has
    // begun ahead and not behind. That stays so, whatever the clock does meanwhile.
    for (rights, ahead, behind) in
        [(digital(None, Some(yesterday_ahead)), false, true), (digital(Some(today_ahead), None), true, false)]
    {
        stage.decide(&photo, rights.clone()).await;
        for _ in 0..2 {
            stage.set_time_zone(AHEAD.0).await;
            assert_eq!(stage.is_served(&photo).await, ahead, "{rights:?}");
            stage.set_time_zone(BEHIND).await;
            assert_eq!(stage.is_served(&photo).await, behind, "{rights:?}");
        }
    }
    stage.close().await;
}

#[tokio::test]
async fn rights_that_are_known_when_it_is_published_end_by_themselves() {
    let mut stage = Stage::open().await;
    let photo = stage.room.photo("龙舟竞渡").await;
    let today_ahead = Utc::now().with_timezone(&AHEAD.1).date_naive();
    let signed = |photo: pb::Photo| pb::ReviewPhotoRequest {
        name: photo.name,
        etag: photo.etag,
        stage: 1,
        ..Default::default()
    };
    let decided = stage.decide(&photo, digital(None, Some(today_ahead - TimeDelta::days(1)))).await;
    stage.publisher.photos.review_photo(signed(decided)).await.expect("a sign-off");
    // Behind, the last day is not over; nothing but the clock ends it then.
    stage.set_time_zone(BEHIND).await;
    stage.publish(&[&photo]).await;
    assert!(stage.is_served(&photo).await);
    stage.set_time_zone(AHEAD.0).await;
    let refused = stage.download(&photo).await.expect_err("the day is over");
    assert_eq!(ended(&refused)[1], Some((today_ahead - TimeDelta::days(1)).to_string()));
    let stage = stage.restarted().await;
    let mut stage = stage;
    assert!(!stage.is_served(&photo).await);
    stage.close().await;
}

#[tokio::test]
async fn the_end_of_rights_outlasts_restarts_and_leaves_the_ledger_whole() {
    let mut stage = Stage::open().await;
    let photo = stage.room.photo("龙舟竞渡").await;
    let article = stage.publish(&[&photo]).await;
    let get = pb::GetPublishedArticleRequest { name: article.name.clone(), ..Default::default() };
    let sealed = stage.reader.publications.get_published_article(get.clone()).await.expect("the article");
    let before = verify(&mut stage.publisher).await;
    stage.decide(&photo, digital(None, long_ago())).await;
    let mut stage = stage.restarted().await;
    ended(&stage.download(&photo).await.expect_err("the end outlasts a restart"));
    let served = stage.reader.publications.get_published_article(get).await.expect("the article");
    assert_eq!(served.into_inner(), sealed.into_inner());
    assert_eq!(verify(&mut stage.publisher).await, before);
    assert_eq!((before.fault, before.checked_count), (None, 1));
    stage.decide(&photo, digital(None, far_ahead())).await;
    let mut stage = stage.restarted().await;
    assert!(stage.is_served(&photo).await, "so does the extension");
    stage.close().await;
}

#[tokio::test]
async fn another_file_of_the_working_copy_stops_nothing_and_its_rights_are_its_own() {
    let mut stage = Stage::open().await;
    let photo = stage.room.photo("龙舟竞渡").await;
    stage.publish(&[&photo]).await;
    let other = masthead::demo::picture::stand_in(60, 40).expect("a picture");
    let replaced = stage.editor.photos.upload_photo(upload(&photo.name, other)).await.expect("a file");
    assert_eq!(replaced.into_inner().rights, Some(pb::Rights::default()));
    assert_eq!(stage.download(&photo).await.expect("the published file"), picture());
    for rights in [cleared(), pb::Rights { digital: excluded(), ..cleared() }, digital(None, long_ago())] {
        stage.decide(&photo, rights).await;
        assert_eq!(stage.download(&photo).await.expect("the published file"), picture());
    }
    // The published file again: that it came decides nothing, an editor does.
    stage.editor.photos.upload_photo(upload(&photo.name, picture())).await.expect("a file");
    assert!(stage.is_served(&photo).await);
    stage.decide(&photo, pb::Rights { digital: excluded(), ..cleared() }).await;
    assert!(!stage.is_served(&photo).await);
    stage.close().await;
}

#[tokio::test]
async fn the_newest_publication_that_still_holds_a_photo_decides_and_withdrawal_beats_rights() {
    let mut stage = Stage::open().await;
    let photo = stage.room.photo("龙舟竞渡").await;
    let first = stage.publish(&[&photo]).await;
    let other = masthead::demo::picture::stand_in(60, 40).expect("a picture");
    stage.editor.photos.upload_photo(upload(&photo.name, other.clone())).await.expect("a file");
    let decided = stage.decide(&photo, cleared()).await;
    let review =
        pb::ReviewPhotoRequest { name: decided.name, etag: decided.etag, stage: 1, ..Default::default() };
    stage.publisher.photos.review_photo(review).await.expect("a sign-off");
    let second = stage.publish(&[&photo]).await;
    assert_eq!(stage.download(&photo).await.expect("the newest"), other);
    stage.decide(&photo, pb::Rights { digital: excluded(), ..cleared() }).await;
    ended(&stage.download(&photo).await.expect_err("the older one does not step in"));
    for (article, then) in [(second, Some(picture())), (first, None)] {
        let withdraw =
            pb::WithdrawArticleRequest { name: article.name, reason: "失实".into(), ..Default::default() };
        stage.publisher.articles.withdraw_article(withdraw).await.expect("a withdrawal");
        match (stage.download(&photo).await, then) {
            (Ok(bytes), Some(older)) => assert_eq!(bytes, older),
            (Err(refused), None) => assert_eq!(reason(&refused), "WITHDRAWN"),
            (answer, _) => panic!("{answer:?}"),
        }
    }
    stage.decide(&photo, digital(None, long_ago())).await;
    let refused = stage.download(&photo).await.expect_err("withdrawn");
    assert_eq!(reason(&refused), "WITHDRAWN");
    stage.close().await;
}

#[tokio::test]
async fn rights_that_end_while_it_is_published_have_ended_whoever_is_first() {
    let mut stage = Stage::open().await;
    let mut published = 0;
    for round in 0..24 {
        let photo = stage.room.photo("龙舟竞渡").await;
        let article = stage.reviewed(&[&photo]).await;
        let stop = decision(&photo, pb::Rights { digital: excluded(), ..cleared() });
        let publish = pb::PublishArticleRequest { name: article.name, ..Default::default() };
        let (mut publisher, mut editor) = (stage.publisher.clone(), stage.editor.clone());
        let publishing = async {
            // Now the one is ahead, now the other.
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            publisher.articles.publish_article(publish).await
        };
        let (outcome, decided) = tokio::join!(publishing, editor.photos.update_photo(stop));
        decided.expect("the decision");
        match outcome {
            Ok(_) => {
                published += 1;
                assert!(!stage.is_served(&photo).await, "round {round}");
            }
            Err(refused) => {
                assert!(codes(&refused).contains(&"PHOTO_NOT_CLEARED".to_owned()), "{refused:?}");
                let refused = stage.download(&photo).await.expect_err("never published");
                assert_eq!(reason(&refused), "NOT_PUBLISHED");
            }
        }
    }
    let outcome = verify(&mut stage.publisher).await;
    assert_eq!((outcome.fault, outcome.checked_count), (None, published));
    stage.close().await;
}

#[tokio::test]
async fn a_decision_waits_for_the_publication_under_way_and_then_reaches_it() {
    let mut stage = Stage::open().await;
    let photo = stage.room.photo("龙舟竞渡").await;
    let article = stage.reviewed(&[&photo]).await;
    // Whoever publishes waits for the ledger, with the photo already locked.
    let mut ledger = stage.room.database.connect().await;
    let hold = "begin; select sequence from ledger_head for update";
    sqlx::raw_sql(hold).execute(&mut ledger).await.expect("a lock");
    let publish = pb::PublishArticleRequest { name: article.name, ..Default::default() };
    let (mut publisher, mut editor) = (stage.publisher.clone(), stage.editor.clone());
    let publishing = tokio::spawn(async move { publisher.articles.publish_article(publish).await });
    waiting(&stage.room, 1).await;
    let stop = decision(&photo, pb::Rights { digital: excluded(), ..cleared() });
    let deciding = tokio::spawn(async move { editor.photos.update_photo(stop).await });
    waiting(&stage.room, 2).await;
    sqlx::raw_sql("commit").execute(&mut ledger).await.expect("a release");
    publishing.await.expect("no panic").expect("published with the rights that it had");
    deciding.await.expect("no panic").expect("the decision");
    assert!(!stage.is_served(&photo).await);
    stage.close().await;
}

/// Waits until so many sessions of the service wait for a lock.
async fn waiting(room: &Newsroom, sessions: i64) {
    let mut connection = room.database.connect().await;
    let sql = "select count(*) from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock'";
    let deadline: DateTime<Utc> = Utc::now() + TimeDelta::seconds(30);
    while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut connection).await.expect("a count") < sessions {
        assert!(Utc::now() < deadline, "nobody waits");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_published_before_rights_were_recorded_goes_by_the_photo_if_it_has_the_file() {
    let mut stage = Stage::open().await;
    let (ended_before, forbidden, replaced) =
        (stage.room.photo("一").await, stage.room.photo("二").await, stage.room.photo("三").await);
    stage.publish(&[&ended_before, &forbidden, &replaced]).await;
    let until = Some(date(2001, 2, 3));
    stage.decide(&ended_before, pb::Rights { license_end_date: until, ..cleared() }).await;
    let do_not_use = pb::Rights { clearance: Clearance::DoNotUse.into(), ..Default::default() };
    stage.decide(&forbidden, do_not_use.clone()).await;
    let other = masthead::demo::picture::stand_in(60, 40).expect("a picture");
    stage.editor.photos.upload_photo(upload(&replaced.name, other)).await.expect("a file");
    stage.decide(&replaced, do_not_use).await;
    // As it was before the migration; then the migration.
    let mut past = stage.room.database.connect().await;
    let undo = "alter table publication_photos drop column digital_start_date,
                    drop column digital_end_date, drop column digital_withheld;
                alter table photos drop column print_excluded, drop column print_start_date,
                    drop column print_end_date, drop column digital_excluded, drop column digital_start_date,
                    drop column digital_end_date, drop column keywords, drop column place";
    sqlx::raw_sql(undo).execute(&mut past).await.expect("the tables as they were");
    let migration = include_str!("../../migrations/0018_photo_rights.sql");
    sqlx::raw_sql(migration).execute(&mut past).await.expect("the migration");
    let mut stage = stage.restarted().await;
    let refused = stage.download(&ended_before).await.expect_err("the licence is over");
    assert_eq!(ended(&refused), [None, Some("2001-02-03".to_owned())]);
    assert!(!stage.is_served(&forbidden).await);
    assert!(stage.is_served(&replaced).await, "nobody has decided about this file");
    stage.close().await;
}
