//! The history of an article: what changed between revisions, going back to one,
//! and which are kept.

mod comparing;
mod keeping;
mod rolling_back;

use masthead::{admin::Role, import::desk::Desk, pb};

use crate::newsroom::{Newsroom, mask};

/// Saves an article with these fields changed, by the reporter.
async fn save(room: &Newsroom, article: pb::Article, paths: &[&str]) -> pb::Article {
    save_by(&mut room.desk(Role::Reporter).await, article, paths).await
}

async fn save_by(desk: &mut Desk, article: pb::Article, paths: &[&str]) -> pb::Article {
    let article = pb::Article { etag: "*".into(), ..article };
    let update =
        pb::UpdateArticleRequest { article: Some(article), update_mask: mask(paths), ..Default::default() };
    desk.articles.update_article(update).await.expect("a change").into_inner()
}

/// Saves an article under another headline.
async fn retitle(room: &Newsroom, article: &pb::Article, headline: &str) -> pb::Article {
    save(room, pb::Article { headline: headline.into(), ..article.clone() }, &["headline"]).await
}

/// An article as a request for it gets it.
async fn get(desk: &mut Desk, article: &pb::Article) -> pb::Article {
    let get = pb::GetArticleRequest { name: article.name.clone() };
    desk.articles.get_article(get).await.expect("the article").into_inner()
}

/// Has someone sign a stage of an article as it is now.
async fn sign(room: &Newsroom, person: &str, article: &pb::Article, stage: i32) -> pb::Article {
    let mut desk = room.desk_of(person, Role::Editor).await;
    let review = pb::ReviewArticleRequest {
        name: article.name.clone(),
        etag: "*".into(),
        stage,
        ..Default::default()
    };
    desk.articles.review_article(review).await.expect("a sign-off").into_inner()
}

fn revision_name(article: &pb::Article, number: i64) -> String {
    format!("{}/revisions/{number}", article.name)
}
