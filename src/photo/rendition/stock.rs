//! The renditions of one server: found where they have been made, made where they
//! have not, once for all who ask at the same time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Instant,
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use tokio::{sync::Mutex as Turnstile, task::spawn_blocking};

use crate::{
    auth::Principal,
    config::RenditionSettings,
    db::{Db, Operation},
    digest::Digest,
    error::{Error, Result},
    photo::{
        File,
        download::{self, Part, Range},
        files::Files,
        rendition::{
            CONTENT_TYPE, Look, is_rendered, key,
            queue::{Queue, Turn},
            render::{self, Rendered},
            size::{Size, Sizes},
            store,
        },
    },
    telemetry::{metrics::Cache, told},
};

/// The counter of renditions that were asked for, by `outcome`: rendered, stored
/// (made before), refused (the queue is full), failed.
const ASKED: &str = "masthead_renditions_total";

/// How long making a rendition took, waiting not counted, in seconds.
const SECONDS: &str = "masthead_rendition_seconds";

/// The renditions of one server.
#[derive(Clone, Debug)]
pub struct Renditions(Arc<Stock>);

#[derive(Debug)]
struct Stock {
    db: Db,
    files: Files,
    sizes: Sizes,
    queue: Queue,
    /// What is being made, so that nobody else makes it.
    making: Mutex<HashMap<Digest, Weak<Turnstile<()>>>>,
}

/// A picture that somebody asks for.
#[derive(Clone, Debug)]
pub struct Order {
    /// The original file.
    pub original: File,
    /// What editors say about it.
    pub look: Look,
    /// The size of the rendition; none for the original.
    pub size: Option<Size>,
    /// Who asks.
    pub caller: Principal,
    /// The method of the API by which they ask.
    pub method: &'static str,
}

impl Renditions {
    /// Renditions kept in this database and photo store.
    pub fn new(db: Db, files: Files, settings: &RenditionSettings) -> Renditions {
        describe_metrics();
        let (sizes, queue) = (Sizes::new(&settings.renditions), Queue::new(settings));
        Renditions(Arc::new(Stock { db, files, sizes, queue, making: Mutex::default() }))
    }

    /// The sizes that there are.
    pub fn sizes(&self) -> &Sizes {
        &self.0.sizes
    }

    /// Begins a download of the original or of a rendition, which is made if it
    /// has not been.
    ///
    /// # Errors
    /// The range begins behind the end, the file is lost, or a rendition cannot be
    /// made, or not now.
    pub async fn download(&self, order: Order, range: Range) -> Result<BoxStream<'static, Result<Part>>> {
        let Some(size) = order.size else {
            return Ok(download::open(&self.0.files, &order.original, range).await?.boxed());
        };
        let found = self.0.clone().serve(order, size).await;
        metrics::counter!(ASKED, "outcome" => outcome(&found)).increment(1);
        let (_, file, bytes) = found?;
        Ok(download::of_bytes(&file, bytes, range)?.boxed())
    }
}

/// How a rendition came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Rendered,
    Stored,
}

impl Stock {
    async fn serve(self: Arc<Self>, order: Order, size: Size) -> Result<(Origin, File, Bytes)> {
        if !is_rendered(&order.original.content_type) {
            return Err(Error::NoRendition { content_type: order.original.content_type });
        }
        let key = key(order.original.sha256, &order.look, &size)?;
        let found = self.find(key).await?;
        Cache::Renditions.count(found.is_some());
        if let Some((file, bytes)) = found {
            return Ok((Origin::Stored, file, bytes));
        }
        // In a task of its own: others may wait for what a caller who hangs up has
        // begun.
        let making = async move { self.find_or_make(key, order, size).await };
        let made = tokio::spawn(told::along(making)).await;
        made.map_err(|died| Error::Internal(format!("the making of a rendition died: {died}")))?
    }

    /// A rendition that has been made, if its bytes are still there too.
    async fn find(&self, key: Digest) -> Result<Option<(File, Bytes)>> {
        let Some(file) = store::find(&mut *self.db.read().await?, key).await? else { return Ok(None) };
        let bytes = self.files.rendition(key, file.size_bytes.unsigned_abs()).await?;
        Ok(bytes.map(|bytes| (file, bytes)))
    }

    async fn find_or_make(&self, key: Digest, order: Order, size: Size) -> Result<(Origin, File, Bytes)> {
        let turnstile = self.turnstile(key);
        let _alone = turnstile.lock().await;
        if let Some((file, bytes)) = self.find(key).await? {
            return Ok((Origin::Stored, file, bytes));
        }
        let (file, bytes) = self.make(key, order, size).await?;
        Ok((Origin::Rendered, file, bytes))
    }

    /// What those pass one by one who want the same rendition.
    fn turnstile(&self, key: Digest) -> Arc<Turnstile<()>> {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turnstile) = making.get(&key).and_then(Weak::upgrade) {
            return turnstile;
        }
        making.retain(|_, turnstile| turnstile.strong_count() > 0);
        let turnstile = Arc::new(Turnstile::default());
        making.insert(key, Arc::downgrade(&turnstile));
        turnstile
    }

    async fn make(&self, key: Digest, order: Order, size: Size) -> Result<(File, Bytes)> {
        let memory_bytes = render::memory_bytes_max(&order.original);
        let place = self.queue.join(memory_bytes)?;
        let turn = place.turn().await?;
        let original = self.read(&order.original).await?;
        let begun = Instant::now();
        let Order { original: File { content_type, sha256, .. }, look, caller, method, .. } = order;
        let rendered = off_the_request_threads(turn, move || {
            render::render(&original, &content_type, &look, &size, memory_bytes)
        });
        let Rendered { bytes, width_px, height_px } = rendered.await?;
        metrics::histogram!(SECONDS).record(begun.elapsed());
        let (file, bytes) = (facts(&bytes, width_px, height_px)?, Bytes::from(bytes));
        // The bytes first: a row stands for bytes that are there.
        self.files.put_rendition(key, bytes.clone()).await?;
        let operation = Operation { caller, method, request: None, validate_only: false };
        let noted = file.clone();
        let keeping = self.db.write(operation, move |transaction| {
            let file = noted.clone();
            Box::pin(async move {
                let now = transaction.now();
                store::keep(transaction.connection(), key, sha256, &file, now).await
            })
        });
        keeping.await?;
        Ok((file, bytes))
    }

    /// A whole original.
    async fn read(&self, original: &File) -> Result<Vec<u8>> {
        let size_bytes = original.size_bytes.unsigned_abs();
        let bytes = Vec::with_capacity(usize::try_from(size_bytes).unwrap_or_default());
        let pieces = self.files.read(original.sha256, 0..size_bytes);
        let add = |mut bytes: Vec<u8>, piece: Bytes| async move {
            bytes.extend_from_slice(&piece);
            Ok(bytes)
        };
        pieces.try_fold(bytes, add).await
    }
}

/// Renders on a thread that serves nobody. A decoder that panics has met bytes
/// that make no sense.
async fn off_the_request_threads(
    turn: Turn,
    work: impl FnOnce() -> Result<Rendered> + Send + 'static,
) -> Result<Rendered> {
    let done = spawn_blocking(move || {
        let rendered = work();
        drop(turn);
        rendered
    });
    done.await.unwrap_or_else(|_| Err(Error::RenditionFailed("its file is damaged".to_owned())))
}

fn facts(bytes: &[u8], width_px: u32, height_px: u32) -> Result<File> {
    let too_large = |_| Error::Internal("a rendition is too large".to_owned());
    Ok(File {
        sha256: Digest::of(bytes),
        content_type: CONTENT_TYPE.to_owned(),
        size_bytes: i64::try_from(bytes.len()).map_err(too_large)?,
        width_px: i32::try_from(width_px).map_err(too_large)?,
        height_px: i32::try_from(height_px).map_err(too_large)?,
        orientation: 1,
    })
}

fn outcome(found: &Result<(Origin, File, Bytes)>) -> &'static str {
    match found {
        Ok((Origin::Rendered, ..)) => "rendered",
        Ok((Origin::Stored, ..)) => "stored",
        Err(Error::RenditionQueueFull) => "refused",
        Err(_) => "failed",
    }
}

fn describe_metrics() {
    metrics::describe_counter!(ASKED, "Renditions that were asked for, by outcome");
    metrics::describe_histogram!(SECONDS, metrics::Unit::Seconds, "How long making a rendition took");
    // So that an alert has something to look at before the first.
    for outcome in ["rendered", "stored", "refused", "failed"] {
        metrics::counter!(ASKED, "outcome" => outcome).increment(0);
    }
    let _ = metrics::histogram!(SECONDS);
}
