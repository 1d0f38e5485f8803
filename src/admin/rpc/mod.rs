//! `AdminService`.

mod audit;
mod status;
mod tokens;

use futures::{StreamExt, stream::BoxStream};
use tonic::{Request, Response, Status};

use crate::{
    admin::rebuild,
    db::Db,
    error::Result,
    pb::{self, servers::admin_service_server::AdminService},
    photo::{
        files::Files,
        verify::{self, Finding, Step, Tally, Wrong},
    },
    vitals::Vitals,
    wire::{self, Answer},
};

/// The service.
#[derive(Clone)]
pub struct Service {
    db: Db,
    files: Files,
    vitals: Vitals,
}

impl Service {
    /// The service on this database and photo store, of a server with these vitals.
    pub fn new(db: Db, files: Files, vitals: Vitals) -> Service {
        Service { db, files, vitals }
    }
}

#[tonic::async_trait]
impl AdminService for Service {
    async fn create_access_token(
        &self,
        request: Request<pb::CreateAccessTokenRequest>,
    ) -> Answer<pb::AccessToken> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(tokens::create(&self.db, &caller, message).await?))
    }

    async fn get_access_token(&self, request: Request<pb::GetAccessTokenRequest>) -> Answer<pb::AccessToken> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(tokens::get(&self.db, &caller, message).await?))
    }

    async fn list_access_tokens(
        &self,
        request: Request<pb::ListAccessTokensRequest>,
    ) -> Answer<pb::ListAccessTokensResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(tokens::list(&self.db, &caller, message).await?))
    }

    async fn revoke_access_token(
        &self,
        request: Request<pb::RevokeAccessTokenRequest>,
    ) -> Answer<pb::AccessToken> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(tokens::revoke(&self.db, &caller, message).await?))
    }

    async fn list_audit_events(
        &self,
        request: Request<pb::ListAuditEventsRequest>,
    ) -> Answer<pb::ListAuditEventsResponse> {
        let (caller, message) = wire::open(request)?;
        Ok(Response::new(audit::list(&self.db, &caller, message).await?))
    }

    async fn get_service_status(
        &self,
        request: Request<pb::GetServiceStatusRequest>,
    ) -> Answer<pb::ServiceStatus> {
        wire::open(request)?;
        Ok(Response::new(status::get(&self.vitals).await?))
    }

    type VerifyPhotosStream = BoxStream<'static, Result<pb::VerifyPhotosResponse, Status>>;

    async fn verify_photos(
        &self,
        request: Request<pb::VerifyPhotosRequest>,
    ) -> Answer<Self::VerifyPhotosStream> {
        let (caller, message) = wire::open(request)?;
        let (db, files) = (self.db.clone(), self.files.clone());
        let walk = verify::begin(db, files, caller, message.remove_orphans).await?;
        let steps = verify::steps(walk).map(|step| Ok(step?.into()));
        Ok(Response::new(steps.boxed()))
    }

    type RebuildSearchIndexStream = BoxStream<'static, Result<pb::RebuildSearchIndexResponse, Status>>;

    async fn rebuild_search_index(
        &self,
        request: Request<pb::RebuildSearchIndexRequest>,
    ) -> Answer<Self::RebuildSearchIndexStream> {
        let (caller, _) = wire::open(request)?;
        let steps = rebuild::steps(rebuild::begin(self.db.clone(), caller).await?);
        Ok(Response::new(steps.map(|step| Ok(step?.into())).boxed()))
    }
}

impl From<rebuild::Progress> for pb::RebuildSearchIndexResponse {
    fn from(progress: rebuild::Progress) -> pb::RebuildSearchIndexResponse {
        use pb::rebuild_search_index_response::Index;
        let index = match progress.index {
            rebuild::Index::Articles => Index::Articles,
            rebuild::Index::PublishedArticles => Index::PublishedArticles,
            rebuild::Index::Photos => Index::Photos,
        };
        pb::RebuildSearchIndexResponse {
            index: index.into(),
            done_count: progress.done,
            total_count: progress.total,
            finished: progress.finished,
        }
    }
}

impl From<Step> for pb::VerifyPhotosResponse {
    fn from(step: Step) -> pb::VerifyPhotosResponse {
        use pb::verify_photos_response::{Outcome, Part, Progress};
        // Nobody has files of 2^63 bytes.
        let bytes = |tally: Tally| i64::try_from(tally.checked_bytes).unwrap_or(i64::MAX);
        let part = match step {
            Step::Progress(tally) => Part::Progress(Progress {
                checked_count: tally.checked,
                total_count: tally.total,
                checked_bytes: bytes(tally),
            }),
            Step::Finding(finding) => Part::Finding(finding.into()),
            Step::Outcome(tally) => Part::Outcome(Outcome {
                checked_count: tally.checked,
                checked_bytes: bytes(tally),
                missing_count: tally.missing,
                altered_count: tally.altered,
                orphaned_count: tally.orphaned,
                removed_count: tally.removed,
            }),
        };
        pb::VerifyPhotosResponse { part: Some(part) }
    }
}

impl From<Finding> for pb::verify_photos_response::Finding {
    fn from(finding: Finding) -> pb::verify_photos_response::Finding {
        use pb::verify_photos_response::finding::Kind;
        let kind = match finding.wrong {
            Wrong::Missing => Kind::Missing,
            Wrong::Altered => Kind::Altered,
            Wrong::Orphaned => Kind::Orphaned,
        };
        pb::verify_photos_response::Finding {
            kind: kind.into(),
            place: finding.place,
            used_by: finding.used_by,
            description: finding.description,
            removed: finding.removed,
        }
    }
}
