//! Streams last no longer than the credential that opened them.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use http::Response;
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

use super::{credentials::Hold, quota::Place, strangers::StrangerPlace};
use crate::error::{Error, last_frame};

/// What holds for a call that may go on for long.
pub struct Admission {
    /// Given back when the call has ended.
    place: Option<Taken>,
    /// Done when the credential is no longer in force.
    over: BoxFuture<'static, ()>,
}

/// The place that a call has taken, of a person or of strangers.
pub enum Taken {
    /// Of those of a person.
    Person(#[expect(dead_code, reason = "it is held")] Place),
    /// Of those without a credential.
    Stranger(#[expect(dead_code, reason = "it is held")] StrangerPlace),
}

impl Admission {
    /// A call without a credential, or one of which nothing but its place is asked.
    pub fn of_open_service(place: Taken) -> Admission {
        Admission { place: Some(place), over: Box::pin(std::future::pending()) }
    }

    /// A call that has this place, with a credential that can be revoked (`hold`) and
    /// may end by itself.
    pub fn new(place: Option<Place>, hold: Option<Hold>, expire_time: Option<DateTime<Utc>>) -> Admission {
        let over = async move {
            let revoked = async {
                match hold {
                    Some(mut hold) => hold.ended().await,
                    None => std::future::pending().await,
                }
            };
            let expired = async {
                match expire_time {
                    // By the clock, and not by the time that has passed: it may be set.
                    Some(end) => {
                        while let Ok(left) = (end - Utc::now()).to_std() {
                            tokio::time::sleep(left.min(CLOCK_LOOK_PERIOD)).await;
                        }
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = revoked => {}
                () = expired => {}
            }
        };
        Admission { place: place.map(Taken::Person), over: Box::pin(over) }
    }

    /// Answers a call for as long as the credential is in force.
    pub async fn keep(mut self, answer: impl Future<Output = Response<Body>>) -> Response<Body> {
        tokio::select! {
            answer = answer => answer.map(|body| Body::new(Kept { body, admission: self, is_over: false })),
            () = &mut self.over => Status::from(Error::Unauthenticated).into_http(),
        }
    }
}

/// How long at most until a clock that was set is noticed.
const CLOCK_LOOK_PERIOD: std::time::Duration = std::time::Duration::from_secs(1);

/// The body of an answer that ends with the credential.
struct Kept {
    body: Body,
    admission: Admission,
    is_over: bool,
}

impl http_body::Body for Kept {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let kept = &mut *self;
        if kept.is_over {
            return Poll::Ready(None);
        }
        if kept.admission.over.as_mut().poll(context).is_ready() {
            kept.is_over = true;
            kept.admission.place = None;
            return Poll::Ready(Some(last_frame(Error::Unauthenticated)));
        }
        Pin::new(&mut kept.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
