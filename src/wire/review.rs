//! States and sign-offs, which articles, issues and photos all carry.

use crate::{
    pb, wire,
    workflow::{Review, State},
};

impl From<State> for pb::State {
    fn from(state: State) -> pb::State {
        match state {
            State::Draft => pb::State::Draft,
            State::Reviewed => pb::State::Reviewed,
            State::Published => pb::State::Published,
            State::Withdrawn => pb::State::Withdrawn,
        }
    }
}

impl From<Review> for pb::Review {
    fn from(review: Review) -> pb::Review {
        pb::Review {
            stage: review.stage,
            reviewer: review.reviewer,
            content_digest: review.content_digest.to_string(),
            remark: review.remark,
            create_time: Some(wire::timestamp(review.create_time)),
        }
    }
}
