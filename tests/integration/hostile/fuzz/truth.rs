//! What holds of a newsroom, whatever has been sent to it.

use std::collections::BTreeSet;

use masthead::admin::Role;

use crate::{hostile::host::Host, verifying::verify};

/// What must not be in the database, as queries that count it.
const NEVER: [(&str, &str); 12] = [
    (
        "a gap in the ledger",
        "select abs(h.sequence - (select count(*) from publications))
         + abs(h.sequence - (select coalesce(max(sequence), 0) from publications)) from ledger_head h",
    ),
    (
        "a publication that is no withdrawal and has no snapshot",
        "select count(*) from publications p where kind not in ('issue_withdrawn', 'article_withdrawn')
         and not exists (select from snapshots s where s.publication = p.sequence)",
    ),
    (
        "an article that is not as its newest revision",
        "select count(*) from articles a left join article_revisions r
         on r.article = a.id and r.revision = a.revision
         where r.content is distinct from a.content or r.content_digest is distinct from a.content_digest",
    ),
    (
        "a revision behind the newest",
        "select count(*) from article_revisions r join articles a on a.id = r.article
         where r.revision > a.revision",
    ),
    (
        "a review of nothing",
        "select count(*) from reviews r
         where not exists (select from articles where id = r.subject)
         and not exists (select from issues where uid = r.subject)
         and not exists (select from photos where id = r.subject)",
    ),
    (
        "an author of nothing",
        "select count(*) from authors r
         where not exists (select from articles where id = r.subject)
         and not exists (select from issues where uid = r.subject)
         and not exists (select from photos where id = r.subject)",
    ),
    (
        "an author who has signed",
        "select count(*) from reviews r join authors a on a.subject = r.subject and a.person = r.reviewer
         where r.void_time is null and exists (select from articles x
             where x.id = r.subject and x.state = 'reviewed' and x.content_digest = r.content_digest)",
    ),
    (
        "a reviewed article that nobody has signed as it is",
        "select count(*) from articles a where state = 'reviewed' and not exists (select from reviews r
             where r.subject = a.id and r.void_time is null and r.content_digest = a.content_digest)",
    ),
    (
        "a photo whose file is not known",
        "select count(*) from photos p where file_sha256 is not null
         and not exists (select from photo_files f where f.sha256 = p.file_sha256)",
    ),
    (
        "an article that search does not know",
        "select count(*) from articles a
         where delete_time is null and not exists (select from article_search s where s.article = a.id)",
    ),
    (
        "a placement in an issue that is published and deleted",
        "select count(*) from issues where delete_time is not null and state = 'published'",
    ),
    (
        "an issue that is served and was never published",
        "select count(*) from published_issues i
         where not exists (select from publications p where p.sequence = i.publication
             and p.resource = 'newspapers/' || i.newspaper || '/issues/' || i.id)",
    ),
];

/// Looks past the service; `seen` is what readers have seen of texts that are
/// marked.
pub async fn holds(host: &Host, seen: &BTreeSet<String>) {
    let mut connection = host.newsroom.database.connect().await;
    for (what, sql) in NEVER {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a count");
        assert_eq!(count, 0, "there is {what}");
    }
    // Nothing of what readers saw was a draft: it stands in what was sealed.
    let sealed: Vec<Vec<u8>> = sqlx::query_scalar("select bytes from snapshots")
        .fetch_all(&mut connection)
        .await
        .expect("snapshots");
    let sealed: BTreeSet<String> = sealed.iter().flat_map(|bytes| super::refill::marks(bytes)).collect();
    let drafts: Vec<&String> = seen.difference(&sealed).collect();
    assert!(drafts.is_empty(), "readers saw drafts: {drafts:?}");
    assert!(!seen.is_empty(), "readers saw nothing at all");
    let outcome = verify(&mut host.newsroom.desk(Role::Operator).await).await;
    assert_eq!(outcome.fault, None, "the ledger is broken");
    assert!(outcome.checked_count > 0, "nothing was published");
}
