//! What a server does beside its calls, for as long as it lives.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tokio::{task::JoinHandle, time::sleep};

/// Pause before work begins again, so that a mistake which is always met does not take
/// the time of calls.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Does work on a thing in a task of its own, from its beginning again if it panics: nobody
/// would notice that it is not done any more before it is missed. What others share with
/// the thing must stand that.
pub fn keep<T, W>(name: &'static str, thing: &T, work: impl Fn(T) -> W + Send + 'static) -> JoinHandle<()>
where
    T: Clone + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let thing = thing.clone();
    tokio::spawn(async move {
        while AssertUnwindSafe(work(thing.clone())).catch_unwind().await.is_err() {
            tracing::error!(work = name, "work beside the calls panicked; it begins again");
            sleep(RESTART_PAUSE).await;
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn work_that_panics_begins_again_and_work_that_ends_does_not() {
        let begun = Arc::new(AtomicU32::new(0));
        let work = |begun: Arc<AtomicU32>| async move {
            assert!(begun.fetch_add(1, Ordering::SeqCst) > 0, "a mistake");
        };
        keep("a test", &begun, work).await.expect("an end");
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }
}
