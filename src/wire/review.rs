//! States, sign-offs and schedules, which articles, issues and photos carry.

use crate::{
    pb, wire,
    workflow::{Failure, Outcome, Review, Schedule, State},
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

impl From<Outcome> for pb::review::Outcome {
    fn from(outcome: Outcome) -> pb::review::Outcome {
        match outcome {
            Outcome::Signed => pb::review::Outcome::Signed,
            Outcome::Returned => pb::review::Outcome::Returned,
        }
    }
}

impl From<Review> for pb::Review {
    fn from(review: Review) -> pb::Review {
        // That a return is void is how it is kept, not what happened to it.
        let void_time = review.void_time.filter(|_| review.outcome == Outcome::Signed);
        pb::Review {
            stage: review.stage,
            reviewer: review.reviewer,
            content_digest: review.content_digest.to_string(),
            remark: review.remark,
            create_time: Some(wire::timestamp(review.create_time)),
            outcome: pb::review::Outcome::from(review.outcome).into(),
            void_time: void_time.map(wire::timestamp),
            revision: review.revision.unwrap_or_default(),
        }
    }
}

impl From<Schedule> for pb::Schedule {
    fn from(schedule: Schedule) -> pb::Schedule {
        pb::Schedule {
            publish_time: Some(wire::timestamp(schedule.publish_time)),
            local_publish_time: schedule.local_publish_time(),
            time_zone: schedule.time_zone,
            scheduler: schedule.scheduler,
            schedule_time: Some(wire::timestamp(schedule.schedule_time)),
            note: schedule.note,
            acknowledge: schedule.acknowledge.into_iter().collect(),
            failure: schedule.failure.map(pb::ScheduleFailure::from),
        }
    }
}

impl From<Failure> for pb::ScheduleFailure {
    fn from(failure: Failure) -> pb::ScheduleFailure {
        pb::ScheduleFailure {
            failure_time: Some(wire::timestamp(failure.time)),
            description: failure.description,
            codes: failure.codes.into_iter().collect(),
        }
    }
}
