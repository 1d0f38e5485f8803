//! Finding articles by what they say: all that hold it, and nothing else.

mod language;
mod published;
mod rebuild;
mod truth;

use masthead::{admin::Role, import::desk::Desk, pb};

use crate::newsroom::{Newsroom, article};

/// A newsroom that writes and searches.
struct Stage {
    room: Newsroom,
    editor: Desk,
}

impl Stage {
    async fn open() -> Stage {
        let room = Newsroom::open().await;
        room.newspaper(1).await;
        // Somebody else signs what they write.
        let editor = room.desk_of("writer", Role::Editor).await;
        Stage { room, editor }
    }

    async fn close(self) {
        self.room.close().await;
    }

    async fn create(&mut self, article: pb::Article) -> pb::Article {
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        self.editor.articles.create_article(create).await.expect("an article").into_inner()
    }

    async fn headed(&mut self, headline: &str) -> pb::Article {
        self.create(article(headline)).await
    }

    async fn ask(&mut self, request: pb::SearchArticlesRequest) -> pb::SearchArticlesResponse {
        self.editor.articles.search_articles(request).await.expect("results").into_inner()
    }

    async fn refused(&mut self, query: &str) -> tonic::Status {
        self.editor.articles.search_articles(words(query)).await.expect_err("a refusal")
    }

    /// The headlines of what is found, in order.
    async fn finds(&mut self, query: &str) -> Vec<String> {
        let answer = self.ask(pb::SearchArticlesRequest { page_size: 500, ..words(query) }).await;
        assert_eq!(answer.next_page_token, "");
        assert_eq!(answer.total_size as usize, answer.results.len(), "{query}");
        assert!(!answer.total_size_estimated);
        answer.results.into_iter().map(|result| result.article.expect("an article").headline).collect()
    }
}

fn words(query: &str) -> pb::SearchArticlesRequest {
    pb::SearchArticlesRequest { query: query.into(), ..Default::default() }
}
