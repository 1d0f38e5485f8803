//! People who go on working through a fault, and note what they were told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use masthead::{import::desk::Desk, pb};
use tokio::task::JoinHandle;
use tonic::{Code, Status};

use super::{get, revisions, update};
use crate::newsroom::{article, paragraph};

/// The time in which everything goes on again when a fault has ended.
pub const RECOVERY_TIME_MAX: Duration = Duration::from_secs(5);

/// Pause before a call is repeated.
pub const PAUSE: Duration = Duration::from_millis(50);

/// Writers at work, each on an article of its own.
pub struct Writers {
    stop: Arc<AtomicBool>,
    /// How many texts of each were acknowledged.
    saved: Vec<Arc<AtomicUsize>>,
    work: Vec<JoinHandle<(pb::Article, Vec<String>, usize)>>,
}

/// A fault may be told as this and as nothing else.
pub fn assert_passing(status: &Status) {
    let passing = [Code::Unavailable, Code::DeadlineExceeded];
    // A server that is down itself says nothing.
    assert!(passing.contains(&status.code()), "{status:?}");
}

impl Writers {
    /// Sends people to work at their desks.
    pub async fn start(desks: Vec<Desk>) -> Writers {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut work, mut saved) = (Vec::new(), Vec::new());
        for mut desk in desks {
            let create =
                pb::CreateArticleRequest { article: Some(article("常写常新")), ..Default::default() };
            let article = desk.articles.create_article(create).await.expect("an article").into_inner();
            saved.push(Arc::default());
            work.push(tokio::spawn(write(desk, article, stop.clone(), Arc::clone(&saved[work.len()]))));
        }
        Writers { stop, saved, work }
    }

    /// Waits until each has had a further text acknowledged, which must not take longer
    /// than the bound from the end of a fault.
    pub async fn until_all_save(&self, fault_end: Instant) -> Duration {
        let counts = || self.saved.iter().map(|saved| saved.load(Ordering::SeqCst));
        let before: Vec<_> = counts().collect();
        while counts().zip(&before).any(|(now, before)| now <= *before) {
            assert!(fault_end.elapsed() < RECOVERY_TIME_MAX, "somebody's work is held up: {:?}", self.saved);
            tokio::time::sleep(PAUSE).await;
        }
        fault_end.elapsed()
    }

    /// Ends the work; every text that was acknowledged is a revision, in order and
    /// once. How many there are, and how often somebody was told to try again.
    pub async fn finish(self, reader: &mut Desk) -> (usize, usize) {
        self.stop.store(true, Ordering::SeqCst);
        let (mut saves, mut refused) = (0, 0);
        for work in self.work {
            let (article, texts, refusals) = work.await.expect("a writer");
            let newest = revisions(reader, &article).await;
            let kept: Vec<_> = newest.into_iter().rev().filter_map(|kept| kept.snapshot).collect();
            let kept: Vec<_> = kept.into_iter().map(|snapshot| snapshot.body).collect();
            let first = std::iter::once(article.body);
            let told: Vec<_> = first.chain(texts.iter().map(|text| vec![paragraph(text)])).collect();
            assert_eq!(kept, told, "what was acknowledged is there, once, and nothing else is");
            saves += texts.len();
            refused += refusals;
        }
        (saves, refused)
    }
}

/// Saves text after text, each until it is acknowledged.
async fn write(
    mut desk: Desk,
    article: pb::Article,
    stop: Arc<AtomicBool>,
    saved: Arc<AtomicUsize>,
) -> (pb::Article, Vec<String>, usize) {
    let (mut texts, mut refusals) = (Vec::new(), 0);
    // All revisions stand on one page of the list.
    while !stop.load(Ordering::SeqCst) && texts.len() < 400 {
        let text = format!("第{}回", texts.len());
        let save = update(&pb::Article { etag: "*".into(), ..article.clone() }, &text);
        while let Err(status) = desk.articles.update_article(save.clone()).await {
            assert_passing(&status);
            refusals += 1;
            tokio::time::sleep(PAUSE).await;
        }
        texts.push(text);
        saved.store(texts.len(), Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (article, texts, refusals)
}

/// Reads and saves an article until both work; it must not take longer than the
/// bound from now on.
pub async fn until_recovered(desk: &mut Desk, article: &pb::Article) -> Duration {
    let begin = Instant::now();
    loop {
        let name = article.name.clone();
        let read = desk.articles.get_article(pb::GetArticleRequest { name }).await;
        let save = update(&pb::Article { etag: "*".into(), ..article.clone() }, "又好了");
        let saved = desk.articles.update_article(save).await;
        if read.is_ok() && saved.is_ok() {
            break;
        }
        [read.err(), saved.err()].iter().flatten().for_each(assert_passing);
        tokio::time::sleep(PAUSE).await;
    }
    let took = begin.elapsed();
    assert!(took < RECOVERY_TIME_MAX, "recovered after {took:?}");
    get(desk, &article.name).await;
    took
}
