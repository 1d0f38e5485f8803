//! 记者: finding those who sign, merging duplicates, and counting what somebody has
//! signed.

mod merging;
mod searching;
mod statistics;

use masthead::{admin::Role, import::desk::Desk, pb};

use crate::newsroom::Newsroom;

/// A newsroom with a newspaper of one review stage, and people at their desks.
struct Stage {
    room: Newsroom,
    reporter: Desk,
    editor: Desk,
}

impl Stage {
    async fn open() -> Stage {
        let room = Newsroom::open().await;
        room.newspaper(1).await;
        Stage::of(room).await
    }

    async fn of(room: Newsroom) -> Stage {
        let reporter = room.desk(Role::Reporter).await;
        let editor = room.desk(Role::Editor).await;
        Stage { room, reporter, editor }
    }

    async fn close(self) {
        self.room.close().await;
    }

    async fn create(&mut self, reporter: pb::Reporter) -> pb::Reporter {
        let create = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
        self.reporter.reporters.create_reporter(create).await.expect("a reporter").into_inner()
    }

    async fn person(&mut self, display_name: &str) -> pb::Reporter {
        self.create(pb::Reporter { display_name: display_name.into(), ..Default::default() }).await
    }

    async fn get(&mut self, reporter: &pb::Reporter) -> pb::Reporter {
        let get = pb::GetReporterRequest { name: reporter.name.clone() };
        self.reporter.reporters.get_reporter(get).await.expect("the reporter").into_inner()
    }

    async fn delete(&mut self, reporter: &pb::Reporter) -> pb::Reporter {
        let delete = pb::DeleteReporterRequest { name: reporter.name.clone(), ..Default::default() };
        self.editor.reporters.delete_reporter(delete).await.expect("a deletion").into_inner()
    }

    async fn merge(&mut self, duplicate: &pb::Reporter, real: &pb::Reporter) -> pb::Reporter {
        let merged = self.editor.reporters.merge_reporters(merge(duplicate, real)).await;
        merged.expect("a merge").into_inner()
    }

    /// Has an article written that these sign.
    async fn signed(&mut self, headline: &str, signers: &[&pb::Reporter]) -> pb::Article {
        let article = pb::Article { bylines: bylines(signers), ..crate::newsroom::article(headline) };
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        self.reporter.articles.create_article(create).await.expect("an article").into_inner()
    }

    async fn article(&mut self, article: &pb::Article) -> pb::Article {
        let get = pb::GetArticleRequest { name: article.name.clone() };
        self.reporter.articles.get_article(get).await.expect("the article").into_inner()
    }
}

fn merge(duplicate: &pb::Reporter, real: &pb::Reporter) -> pb::MergeReportersRequest {
    pb::MergeReportersRequest {
        name: duplicate.name.clone(),
        etag: "*".into(),
        into: real.name.clone(),
        ..Default::default()
    }
}

fn bylines(signers: &[&pb::Reporter]) -> Vec<pb::Byline> {
    let byline = |signer: &&pb::Reporter| pb::Byline { reporter: signer.name.clone(), ..Default::default() };
    signers.iter().map(byline).collect()
}
