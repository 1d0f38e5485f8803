//! Where a photo is used.

use uuid::Uuid;

use crate::{
    article,
    auth::{Principal, Scope},
    db::Db,
    error::Result,
    issue, pb,
    pb::photo_usage::{ArticleUse, IssueUse, PublicationUse, Use, publication_use},
    photo::{missing, store, usage::Usage},
    publication::{self, Kind},
    wire::{self, Check, name, page::Page},
};

/// Answers `ListPhotoUsages`.
pub async fn answer(
    db: &Db,
    caller: &Principal,
    message: pb::ListPhotoUsagesRequest,
) -> Result<pb::ListPhotoUsagesResponse> {
    let mut check = Check::by(caller);
    let id = check.photo("parent", &message.parent);
    let arguments = [message.parent.as_str()];
    let method = "ListPhotoUsages";
    let page = Page::open(&mut check, method, &arguments, message.page_size, &message.page_token)?;
    check.finish()?;
    let mut connection = db.read().await?;
    store::find(&mut connection, id).await?.ok_or_else(|| missing(id))?;
    let mut usages = store::usages::list(&mut connection, id, page.after.clone(), page.size + 1).await?;
    let next_page_token = page.close(&mut usages, |(key, _)| key.clone())?;
    if caller.scope != Scope::All {
        let articles: Vec<Uuid> = usages.iter().map(|(_, usage)| usage.article()).collect();
        let newspapers = store::usages::newspapers_of(&mut connection, &articles).await?;
        // What is elsewhere is left out of the page, which may so be short.
        usages.retain(|(_, usage)| {
            newspapers.get(&usage.article()).is_some_and(|newspaper| caller.scope.holds(newspaper))
        });
    }
    let photo_usages = usages.into_iter().map(|(_, usage)| usage.into()).collect();
    Ok(pb::ListPhotoUsagesResponse { photo_usages, next_page_token })
}

impl From<Usage> for pb::PhotoUsage {
    fn from(usage: Usage) -> pb::PhotoUsage {
        let by = match usage {
            Usage::Article { id, headline, deleted } => {
                Use::Article(ArticleUse { article: article::name(id), headline, deleted })
            }
            Usage::Issue { page, article, publish_date, deleted } => Use::Issue(IssueUse {
                issue: issue::name(&page.issue),
                page: issue::page_name(&page.issue, page.page),
                article: article::name(article),
                publish_date: Some(wire::date(publish_date)),
                deleted,
            }),
            Usage::Publication { sequence, kind, resource, article, page, sha256, withdrawn } => {
                let printed_on = page.zip(name::issue(&resource));
                Use::Publication(PublicationUse {
                    publication: publication::name(sequence),
                    kind: kind_of(kind).into(),
                    article: article::name(article),
                    page: printed_on.map(|(page, issue)| issue::page_name(&issue, page)).unwrap_or_default(),
                    resource,
                    sha256: sha256.to_string(),
                    withdrawn,
                })
            }
        };
        pb::PhotoUsage { r#use: Some(by) }
    }
}

fn kind_of(kind: Kind) -> publication_use::Kind {
    match kind {
        Kind::IssuePublished => publication_use::Kind::IssuePublished,
        Kind::IssueCorrected => publication_use::Kind::IssueCorrected,
        Kind::ArticlePublished => publication_use::Kind::ArticlePublished,
        Kind::ArticleCorrected => publication_use::Kind::ArticleCorrected,
        // They take back, and so bring no photo.
        Kind::IssueWithdrawn | Kind::ArticleWithdrawn => publication_use::Kind::Unspecified,
    }
}
