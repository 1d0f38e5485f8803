//! Against the truth: every text is looked through for every query.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use masthead::{
    admin::Role,
    import::desk::Desk,
    pb,
    search::{Kind, fold_line},
};

use super::words;
use crate::{
    generate::{articles::Generator, load::load},
    newsroom::Newsroom,
};

/// More than are all looked at.
const ARTICLES: u64 = 12_000;
const SEED: u64 = 20_230_421;

/// An article as the truth knows it: its name, and each of its texts folded.
struct Known {
    name: String,
    texts: Vec<String>,
    headlines: Vec<String>,
    day: NaiveDate,
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
            let parts = article.content.parts();
            let texts = parts.iter().map(|part| fold_line(part.text)).collect();
            let headlines = parts.iter().filter(|part| part.kind == Kind::Headline);
            let headlines = headlines.map(|part| fold_line(part.text)).collect();
            let (name, day) = (format!("articles/{}", article.id), article.create_time.date_naive());
            Known { name, texts, headlines, day }
        })
        .collect();
    let mut editor = room.desk(Role::Editor).await;
    let mut found_any = 0;
    let all = queries(&known);
    for (number, query) in all.into_iter().enumerate() {
        let phrase = query.trim_matches('"');
        let truth: BTreeSet<&str> =
            known.iter().filter(|known| known.holds(phrase)).map(|known| known.name.as_str()).collect();
        let (mut found, mut page_token) = (BTreeSet::new(), String::new());
        loop {
            let request = pb::SearchArticlesRequest { page_size: 500, page_token, ..words(&query) };
            let answer = editor.articles.search_articles(request).await.expect("results").into_inner();
            assert!(answer.total_size_estimated || answer.total_size as usize == truth.len(), "{query}");
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
    in_nearly_every_article(&mut editor, &known, "的").await;
    room.close().await;
}

/// What more articles hold than are all looked at comes page by page too: those with
/// it in the headline first, then the newest.
async fn in_nearly_every_article(editor: &mut Desk, known: &[Known], query: &str) {
    let in_headline = |known: &&Known| known.headlines.iter().any(|text| text.contains(query));
    let holding: Vec<&Known> = known.iter().rev().filter(|known| known.holds(query)).collect();
    let (first, then): (Vec<&Known>, Vec<&Known>) = holding.into_iter().partition(in_headline);
    assert!(first.len() > 500 && first.len() + then.len() > 10_000, "{} {}", first.len(), then.len());
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::SearchArticlesRequest { page_size: 500, page_token, ..words(query) };
        let answer = editor.articles.search_articles(request).await.expect("results").into_inner();
        assert!(answer.total_size_estimated && answer.total_size > 10_000, "{}", answer.total_size);
        found.extend(answer.results.into_iter().map(|result| result.article.expect("an article").name));
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let unique: BTreeSet<&String> = found.iter().collect();
    assert_eq!(unique.len(), found.len());
    let wanted: BTreeSet<&String> = first.iter().chain(&then).map(|known| &known.name).collect();
    assert_eq!(unique, wanted);
    let headline: BTreeSet<&String> = found[..first.len()].iter().collect();
    assert_eq!(headline, first.iter().map(|known| &known.name).collect());
    let day = |name: &String| known.iter().find(|known| known.name == *name).expect("known").day;
    for tier in [&found[..first.len()], &found[first.len()..]] {
        // Every hundredth, as looking each up takes long.
        let days: Vec<NaiveDate> = tier.iter().step_by(100).map(day).collect();
        assert!(days.is_sorted_by(|one, next| one >= next), "{days:?}");
    }
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
