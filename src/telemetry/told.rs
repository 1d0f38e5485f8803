//! What was behind the failure of a call. The caller may not see it; it travels to
//! the boundary, which logs the call in one line.

use std::sync::{Arc, Mutex, PoisonError};

tokio::task_local! {
    static CAUSE: Cause;
}

/// The cause of the failure of one call, as far as one is known.
#[derive(Clone, Debug, Default)]
pub struct Cause(Arc<Mutex<Option<String>>>);

impl Cause {
    /// Does work of the call, within which [`note`] is heard.
    pub async fn within<F: Future>(&self, work: F) -> F::Output {
        CAUSE.scope(self.clone(), work).await
    }

    /// Does work of the call at once.
    pub fn within_sync<T>(&self, work: impl FnOnce() -> T) -> T {
        CAUSE.sync_scope(self.clone(), work)
    }

    /// What was noted last.
    pub fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Notes the cause of a failure for the boundary of the call that this is work of.
/// If it is work of none, nobody would ever tell: then it is logged here.
pub fn note(cause: String) {
    let heard = CAUSE.try_with(|slot| {
        *slot.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause.clone());
    });
    if heard.is_err() {
        tracing::error!(cause, "failed outside of a call");
    }
}
