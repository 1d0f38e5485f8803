//! `masthead serve` gets its signal while many people work, each over a connection of
//! their own.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use futures::{
    StreamExt,
    future::{join_all, pending},
    stream,
};
use masthead::{admin::Role, import::desk::Desk, pb};
use sqlx::ConnectOptions;
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tonic::{Code, Status};

use crate::{
    command::{Serving, data_dir},
    feed::{Watch, from_now},
    newsroom::{Newsroom, article, reason, upload},
    photo_files::download,
};

const WATCHES: usize = 200;
const WRITERS: usize = 50;

/// Uploads whose clients go on when the server is asked to stop, and those that never do.
const UPLOADS: usize = 18;
const UPLOADS_WITHOUT_END: usize = 2;

const DRAIN_SECONDS: u32 = 10;

/// What may pass beside the time to drain: the process ends, and the pool of the database.
const SPARE: Duration = Duration::from_secs(5);

/// How long any client may be left without an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends many people to their desks at that server.
async fn desks(newsroom: &Newsroom, serving: &Serving, trade: &str, count: usize) -> Vec<Desk> {
    let come = (0..count).map(|number| async move {
        let token = newsroom.token(&format!("{trade}-{number}"), Role::Reporter).await;
        Desk::connect(serving.address(), &token).await.expect("a desk")
    });
    stream::iter(come).buffered(8).collect().await
}

/// Saves article after article; those that were acknowledged, and when the last was.
async fn write(mut desk: Desk) -> (Vec<String>, Instant, Status) {
    let (mut saved, mut last) = (Vec::new(), Instant::now());
    loop {
        let article = article(&format!("第{}篇", saved.len()));
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        match desk.articles.create_article(create).await {
            Ok(article) => saved.push(article.into_inner().name),
            Err(status) => return (saved, last, status),
        }
        last = Instant::now();
    }
}

/// An upload that has begun and waits for `rest` before its last message.
async fn begin_upload(
    mut desk: Desk,
    picture: &[u8],
    rest: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<Result<pb::Photo, Status>> {
    let create = pb::CreatePhotoRequest { photo: Some(pb::Photo::default()), ..Default::default() };
    let photo = desk.photos.create_photo(create).await.expect("a photo").into_inner();
    let mut messages: Vec<_> = upload(&photo.name, picture.to_vec()).collect().await;
    let last = messages.pop().expect("bytes");
    assert!(messages.len() > 1, "a part of the file goes before");
    let (begun, begins) = tokio::sync::oneshot::channel();
    let last = async move {
        begun.send(()).expect("a waiting test");
        rest.await;
        last
    };
    let parts = stream::iter(messages).chain(stream::once(last));
    let call = async move { desk.photos.upload_photo(parts).await.map(tonic::Response::into_inner) };
    let call = tokio::spawn(call);
    begins.await.expect("a beginning");
    call
}

async fn in_time<T>(clients: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    let ends = timeout(PATIENCE, join_all(clients)).await.expect("no client hangs");
    ends.into_iter().map(|end| end.expect("a client")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_amid_watches_uploads_and_writes_ends_in_time_and_loses_nothing_acknowledged() {
    let newsroom = Newsroom::open().await;
    newsroom.newspaper(1).await;
    let data = data_dir();
    let url = newsroom.database.options().to_url_lossy().to_string();
    let (store, drain) = (newsroom.photo_folder(), DRAIN_SECONDS.to_string());
    let store = store.to_str().expect("a path");
    let flags = ["--database-url", &url, "--photo-store", store, "--drain-seconds", &drain];
    let serving = Serving::start_with(data.path(), &flags);

    let mut watches = Vec::new();
    for desk in desks(&newsroom, &serving, "watcher", WATCHES).await {
        let mut watch = Watch::open(&desk, from_now()).await.expect("a watch");
        watches.push(tokio::spawn(async move { watch.end().await }));
    }
    let (stop, stopping) = watch::channel(false);
    // One that comes in several messages.
    let picture = masthead::demo::picture::stand_in(2_400, 1_600).expect("a picture");
    let mut uploads = Vec::new();
    for desk in desks(&newsroom, &serving, "photographer", UPLOADS).await {
        let mut stopping = stopping.clone();
        let rest = async move { drop(stopping.wait_for(|stopping| *stopping).await) };
        uploads.push(begin_upload(desk, &picture, rest).await);
    }
    let mut endless = Vec::new();
    for desk in desks(&newsroom, &serving, "dreamer", UPLOADS_WITHOUT_END).await {
        endless.push(begin_upload(desk, &picture, pending()).await);
    }
    let writers = desks(&newsroom, &serving, "writer", WRITERS).await;
    let writers: Vec<_> = writers.into_iter().map(|desk| tokio::spawn(write(desk))).collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let gone = |ended: &mut dyn Iterator<Item = bool>| ended.filter(|ended| *ended).count();
    let gone = [
        gone(&mut watches.iter().map(JoinHandle::is_finished)),
        gone(&mut uploads.iter().chain(&endless).map(JoinHandle::is_finished)),
        gone(&mut writers.iter().map(JoinHandle::is_finished)),
    ];
    assert_eq!(gone, [0; 3], "watchers, uploads and writers that have ended before the signal");

    let signal = Instant::now();
    serving.signal();
    // The first to be ended say that the server knows.
    for status in in_time(watches).await {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "CALL_ENDED"));
    }
    stop.send_replace(true);
    let log = tokio::task::spawn_blocking(|| serving.ended()).await.expect("an end");
    let took = signal.elapsed();
    assert!(took < Duration::from_secs(DRAIN_SECONDS.into()) + SPARE, "ended {took:?} after the signal");
    for line in log.lines() {
        assert!(!line.contains("panicked") && !line.contains("ERROR"), "{line}");
    }
    for end in in_time(endless).await {
        let status = end.expect_err("no answer");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "CALL_ENDED"));
    }

    let photos = in_time(uploads).await;
    let photos: Vec<_> = photos.into_iter().map(|photo| photo.expect("an answer while it drains")).collect();
    let mut reader = newsroom.desk(Role::Reporter).await;
    for photo in &photos {
        assert_eq!(download(&mut reader, &photo.name).await, picture, "every photo is there");
    }
    let (mut articles, mut drained) = (0, 0);
    for (names, last, status) in in_time(writers).await {
        // By the server, or by the client's library, which has no line any more.
        let is_lineless = std::error::Error::source(&status).is_some();
        assert!(status.code() == Code::Unavailable || is_lineless, "{status:?}");
        drained += usize::from(last > signal);
        articles += names.len();
        for names in names.chunks(500) {
            let get = pb::BatchGetArticlesRequest { names: names.to_vec() };
            let found = reader.articles.batch_get_articles(get).await.expect("every article").into_inner();
            assert_eq!(found.articles.len(), names.len());
        }
    }
    eprintln!(
        "ended {took:?} after the signal; {articles} articles and {} photos acknowledged, all there; {drained} of \
         {WRITERS} writers had an answer after the signal",
        photos.len()
    );
    assert!(articles >= WRITERS && drained > 0, "{articles} articles, {drained} in flight");
    newsroom.close().await;
}
