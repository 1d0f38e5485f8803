//! Against the truth: every text is looked through for every query.

use std::collections::BTreeSet;

use masthead::{admin::Role, pb, search::fold_line};

use super::words;
use crate::{
    generate::{articles::Generator, load::load},
    newsroom::Newsroom,
};

const ARTICLES: u64 = 10_000;
const SEED: u64 = 20_230_421;

/// An article as the truth knows it: its name, and each of its texts folded.
struct Known {
    name: String,
    texts: Vec<String>,
}

impl Known {
    fn holds(&self, phrase: &str) -> bool {
        self.texts.iter().any(|text| text.contains(phrase))
    }
}

#[tokio::test]
async fn every_article_that_holds_a_query_is_found_and_no_other() {
    let room = Newsroom::open().await;
    let mut connection = room.database.connect().await;
    load(&mut connection, SEED, ARTICLES, |_, _, _| {}).await.expect("articles");
    let generator = Generator::new(SEED);
    let known: Vec<Known> = (0..ARTICLES)
        .map(|number| {
            let article = generator.article(number, ARTICLES);
            let texts = article.content.parts().iter().map(|part| fold_line(part.text)).collect();
            Known { name: format!("articles/{}", article.id), texts }
        })
        .collect();
    let mut editor = room.desk(Role::Editor).await;
    let mut found_any = 0;
    for (number, query) in queries(&known).into_iter().enumerate() {
        let phrase = query.trim_matches('"');
        let truth: BTreeSet<&str> =
            known.iter().filter(|known| known.holds(phrase)).map(|known| known.name.as_str()).collect();
        let (mut found, mut page_token) = (BTreeSet::new(), String::new());
        loop {
            let request = pb::SearchArticlesRequest { page_size: 500, page_token, ..words(&query) };
            let answer = editor.articles.search_articles(request).await.expect("results").into_inner();
            assert_eq!(answer.total_size as usize, truth.len(), "{query}");
            for result in answer.results {
                assert!(!result.snippets.is_empty(), "{query}");
                assert!(found.insert(result.article.expect("an article").name), "{query}: twice");
            }
            page_token = answer.next_page_token;
            // All pages of some queries; of the others, the first and the count.
            if page_token.is_empty() || number % 8 != 0 {
                break;
            }
        }
        let is_whole = page_token.is_empty();
        assert!(found.iter().all(|name| truth.contains(name.as_str())), "{query}: found what is not there");
        assert!(!is_whole || found.len() == truth.len(), "{query}: {} of {}", found.len(), truth.len());
        found_any += usize::from(!truth.is_empty());
    }
    assert!(found_any > 50, "{found_any}");
    room.close().await;
}

/// Phrases of one to eight characters out of the texts, and such as stand nowhere.
fn queries(known: &[Known]) -> Vec<String> {
    let mut queries = Vec::new();
    for length in 1..=8 {
        for sample in 0..10 {
            let article = &known[(sample * 997 + length * 131) % known.len()];
            let text: Vec<char> =
                article.texts.iter().max_by_key(|text| text.len()).expect("a text").chars().collect();
            let start = (sample * 37) % (text.len() - length);
            let mut phrase: Vec<char> = text[start..start + length].to_vec();
            if sample == 9 {
                phrase.reverse();
            }
            let phrase: String = phrase.into_iter().collect();
            if phrase.chars().all(char::is_alphanumeric) {
                queries.push(phrase);
            } else if phrase.contains(char::is_alphanumeric) && !phrase.contains('"') {
                queries.push(format!("\"{phrase}\""));
            }
        }
    }
    queries
}
