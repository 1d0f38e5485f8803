//! Where photos are used, in Postgres.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    photo::usage::Usage,
    publication::Kind,
    wire::name::{IssueName, PageName},
    workflow::store::digest,
};

/// Where a page of a list of usages ended: articles first, then issues, then
/// publications.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UsageKey {
    sort: i32,
    number: i64,
    key: String,
}

/// The names of some live articles that use a photo.
pub async fn users(connection: &mut PgConnection, id: Uuid) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        r#"select 'articles/' || a.id as "name!"
           from article_photos p join articles a on a.id = p.article
           where p.photo = $1 and a.delete_time is null order by a.id limit 5"#,
        id
    );
    Ok(names.fetch_all(connection).await?)
}

/// Where a photo is used, behind `after`: articles by id, pages by issue and
/// number, publications newest first.
pub async fn list(
    connection: &mut PgConnection,
    photo: Uuid,
    after: Option<UsageKey>,
    rows_max: i64,
) -> Result<Vec<(UsageKey, Usage)>> {
    let after = after.map(|UsageKey { sort, number, key }| (sort, number, key));
    let (sort, number, key) = match after {
        Some((sort, number, key)) => (Some(sort), Some(number), Some(key)),
        None => (None, None, None),
    };
    // A page that places an article twice uses the photo once: `union`, not
    // `union all`.
    let rows = sqlx::query!(
        r#"select sort as "sort!", number as "number!", key as "key!", article as "article!",
                  deleted as "deleted!", headline, newspaper, issue, page, publish_date as "publish_date?",
                  kind, resource, sha256
           from (
               select 1 as sort, 0::bigint as number, a.id::text as key, a.id as article,
                      a.delete_time is not null as deleted, a.content ->> 'headline' as headline,
                      null as newspaper, null as issue, null::integer as page, null::date as publish_date,
                      null as kind, null as resource, null::bytea as sha256
               from article_photos u join articles a on a.id = u.article
               where u.photo = $1
               union
               select 2, 0, concat_ws('/', i.newspaper, i.id, lpad(l.page::text, 3, '0'), l.article),
                      l.article, i.delete_time is not null, null, i.newspaper, i.id, l.page, i.publish_date,
                      null, null, null
               from article_photos u
               join placements l on l.article = u.article
               join issues i on i.uid = l.issue
               where u.photo = $1
               union
               select 3, -p.sequence, f.article::text, f.article, a.withdrawn_by is not null, null, null,
                      null, a.page, null, p.kind::text, p.resource, f.sha256
               from publication_photos f
               join publication_articles a using (publication, article)
               join publications p on p.sequence = f.publication
               where f.photo = $1
           ) usages
           where $2::integer is null or (sort, number, key collate "C") > ($2, $3::bigint, $4::text)
           order by sort, number, key collate "C" limit $5"#,
        photo,
        sort,
        number,
        key,
        rows_max
    )
    .fetch_all(connection)
    .await?;
    let usages = rows.into_iter().map(|row| {
        let incomplete = || Error::Internal(format!("a usage of photo {photo} lacks a column"));
        let (article, deleted) = (row.article, row.deleted);
        let key = UsageKey { sort: row.sort, number: row.number, key: row.key };
        let usage = match row.sort {
            1 => Usage::Article { id: article, headline: row.headline.unwrap_or_default(), deleted },
            2 => {
                let newspaper = row.newspaper.ok_or_else(incomplete)?;
                let issue = IssueName { newspaper, issue: row.issue.ok_or_else(incomplete)? };
                let page = PageName { issue, page: row.page.ok_or_else(incomplete)? };
                let publish_date = row.publish_date.ok_or_else(incomplete)?;
                Usage::Issue { page, article, publish_date, deleted }
            }
            _ => Usage::Publication {
                sequence: -row.number,
                kind: Kind::parse(&row.kind.ok_or_else(incomplete)?)?,
                resource: row.resource.ok_or_else(incomplete)?,
                article,
                page: row.page,
                sha256: digest(&row.sha256.ok_or_else(incomplete)?)?,
                withdrawn: deleted,
            },
        };
        Ok((key, usage))
    });
    usages.collect()
}

/// The ids of the newspapers of articles.
pub async fn newspapers_of(connection: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, String>> {
    let rows = sqlx::query!("select id, newspaper from articles where id = any($1)", ids);
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.id, row.newspaper)).collect())
}
