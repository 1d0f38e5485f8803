//! Sends a parsed page to the API, as drafts. Safe to repeat: what is there
//! already is found again, and a repetition after an interruption goes on where
//! it broke off, since every creation carries a request id made of what it
//! creates.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use prost::Message;
use tonic::{Code, Status};

use crate::{
    digest::Digest,
    import::{
        desk::{Desk, explain},
        message::{self, Reporters},
        page::{Page, Story},
    },
    name_reading::pinyin_keys,
    pb,
    wire::name::is_newspaper_id,
};

/// What the page does not say by itself.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The id of the newspaper; without it, the title in pinyin.
    pub newspaper_id: Option<String>,
    /// The id of the issue; without it, the running number, else the date.
    pub issue_id: Option<String>,
    /// The date, for a page that does not state it.
    pub publish_date: Option<NaiveDate>,
}

/// What became of a page.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The newspaper's name.
    pub newspaper: String,
    /// The issue's name.
    pub issue: String,
    /// The page's name.
    pub page: String,
    /// The names of reporters by the names that are printed.
    pub reporters: Reporters,
    /// What each story became, in the order of the page's stories.
    pub stories: Vec<ImportedStory>,
    /// How many resources were created; the others were there already.
    pub created: usize,
    /// What the masthead states otherwise than the newspaper has it.
    pub differences: Vec<String>,
}

/// What a story became.
#[derive(Clone, Debug)]
pub struct ImportedStory {
    /// The article's name.
    pub article: String,
    /// The headline, as it was printed or made.
    pub headline: String,
    /// The names of its photos.
    pub photos: Vec<String>,
}

/// Why a page could not be imported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The page states no title, and none was given.
    #[error("the page states no newspaper title; say which newspaper it belongs to with --newspaper ID")]
    NoTitle,
    /// The page states no date, and none was given.
    #[error("the page states no date; say of which day it is with --date YYYY-MM-DD")]
    NoDate,
    /// The server refused a call.
    #[error("{doing}: {}", explain(.status))]
    Refused {
        /// What was being done.
        doing: String,
        /// What the server says.
        status: Box<Status>,
    },
}

/// Imports a page; `progress` is told of each step before it is done, with how
/// many steps there are.
///
/// # Errors
/// The page lacks what cannot be guessed, or the server refuses.
pub async fn submit(
    desk: &mut Desk,
    page: &Page,
    options: &Options,
    progress: &mut (dyn FnMut(usize, usize, &str) + Send),
) -> Result<Outcome, Error> {
    let steps = 4 + page.stories.len();
    let mut outcome = Outcome::default();
    progress(0, steps, "newspaper");
    import_newspaper(desk, page, options, &mut outcome).await?;
    progress(1, steps, "issue");
    import_issue(desk, page, options, &mut outcome).await?;
    progress(2, steps, "reporters");
    import_reporters(desk, page, &mut outcome).await?;
    let mut on_page = existing_page(desk, page, &mut outcome).await?;
    for (index, story) in page.stories.iter().enumerate() {
        progress(3 + index, steps, &story.working_headline());
        import_story(desk, story, &on_page, &mut outcome).await?;
    }
    progress(steps - 1, steps, "page");
    place(desk, page, &mut on_page, &mut outcome).await?;
    Ok(outcome)
}

/// Makes the newspaper of a page if it is new. Apart from [`submit`] because
/// newspapers are kept by others than those who write.
///
/// # Errors
/// The page states no title, or the server refuses.
pub async fn import_newspaper(
    desk: &mut Desk,
    page: &Page,
    options: &Options,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    let id = newspaper_id(page, options)?;
    outcome.newspaper = format!("newspapers/{id}");
    let stated = message::newspaper(&page.masthead);
    let get = pb::GetNewspaperRequest { name: outcome.newspaper.clone() };
    match desk.newspapers.get_newspaper(get).await {
        Ok(found) => {
            outcome.differences = differences(&stated, found.get_ref());
            Ok(())
        }
        Err(status) if status.code() == Code::NotFound => {
            let request_id = request_id("newspaper", &stated);
            let create = pb::CreateNewspaperRequest {
                newspaper: Some(stated),
                newspaper_id: id,
                request_id,
                validate_only: false,
            };
            refused("creating the newspaper", desk.newspapers.create_newspaper(create).await)?;
            outcome.created += 1;
            Ok(())
        }
        Err(status) => refused("looking for the newspaper", Err(status)),
    }
}

fn newspaper_id(page: &Page, options: &Options) -> Result<String, Error> {
    if let Some(id) = &options.newspaper_id {
        return Ok(id.clone());
    }
    let title = page.masthead.title.as_ref().ok_or(Error::NoTitle)?;
    pinyin_keys(&title.value).into_iter().find(|key| is_newspaper_id(key)).ok_or(Error::NoTitle)
}

/// What a masthead states otherwise than the newspaper has it. A page does not
/// change the standing facts: one slip of a scan would change every later issue.
fn differences(stated: &pb::Newspaper, found: &pb::Newspaper) -> Vec<String> {
    let facts = [
        ("title", &stated.title, &found.title),
        ("serial_code", &stated.serial_code, &found.serial_code),
        ("supervising_body", &stated.supervising_body, &found.supervising_body),
        ("publishing_body", &stated.publishing_body, &found.publishing_body),
        ("chief_editor", &stated.chief_editor, &found.chief_editor),
        ("hotline", &stated.hotline, &found.hotline),
        ("website", &stated.website, &found.website),
        ("email", &stated.email, &found.email),
    ];
    let other = facts.into_iter().filter(|(_, stated, found)| !stated.is_empty() && stated != found);
    other
        .map(|(field, stated, found)| format!("{field}: the page states {stated}, the newspaper has {found}"))
        .collect()
}

async fn import_issue(
    desk: &mut Desk,
    page: &Page,
    options: &Options,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    let masthead = &page.masthead;
    let stated = masthead.publish_date.as_ref().map(|date| date.value);
    let date = stated.or(options.publish_date).ok_or(Error::NoDate)?;
    let by_number = masthead.issue_number.as_ref().map(|number| number.value.to_string());
    let issue_id = options.issue_id.clone().or(by_number).unwrap_or_else(|| message::day(date));
    outcome.issue = format!("{}/issues/{issue_id}", outcome.newspaper);
    let issue = message::issue(masthead, date);
    let get = pb::GetIssueRequest { name: outcome.issue.clone() };
    match desk.issues.get_issue(get).await {
        Ok(_) => Ok(()),
        Err(status) if status.code() == Code::NotFound => {
            let request_id = request_id(&outcome.issue, &issue);
            let parent = outcome.newspaper.clone();
            let create = pb::CreateIssueRequest {
                parent,
                issue: Some(issue),
                issue_id,
                request_id,
                validate_only: false,
            };
            refused("creating the issue", desk.issues.create_issue(create).await)?;
            outcome.created += 1;
            Ok(())
        }
        Err(status) => refused("looking for the issue", Err(status)),
    }
}

async fn import_reporters(desk: &mut Desk, page: &Page, outcome: &mut Outcome) -> Result<(), Error> {
    let known = known_reporters(desk).await?;
    for name in page.names() {
        if let Some(reporter) = known.get(name) {
            outcome.reporters.insert(name.to_owned(), reporter.clone());
            continue;
        }
        let reporter = pb::Reporter { display_name: name.to_owned(), ..pb::Reporter::default() };
        let request_id = request_id("reporter", &reporter);
        let create = pb::CreateReporterRequest { reporter: Some(reporter), request_id, validate_only: false };
        let created =
            refused(&format!("creating the reporter {name}"), desk.reporters.create_reporter(create).await)?;
        outcome.reporters.insert(name.to_owned(), created.name);
        outcome.created += 1;
    }
    Ok(())
}

/// Every reporter's name by display name and pen names; of two with one name,
/// the older.
async fn known_reporters(desk: &mut Desk) -> Result<HashMap<String, String>, Error> {
    let mut known = HashMap::new();
    let mut page_token = String::new();
    loop {
        let list = pb::ListReportersRequest { page_size: 500, page_token, ..Default::default() };
        let answer = refused("listing reporters", desk.reporters.list_reporters(list).await)?;
        for reporter in answer.reporters {
            for printed in reporter.pen_names.iter().chain([&reporter.display_name]) {
                known.entry(printed.clone()).or_insert_with(|| reporter.name.clone());
            }
        }
        if answer.next_page_token.is_empty() {
            return Ok(known);
        }
        page_token = answer.next_page_token;
    }
}

/// The page as it is, and the articles on it by headline.
struct OnPage {
    page: Option<pb::Page>,
    articles: HashMap<String, pb::Article>,
}

async fn existing_page(desk: &mut Desk, page: &Page, outcome: &mut Outcome) -> Result<OnPage, Error> {
    outcome.page = format!("{}/pages/{}", outcome.issue, page.page_number());
    let get = pb::GetPageRequest { name: outcome.page.clone() };
    let found = match desk.issues.get_page(get).await {
        Ok(found) => found.into_inner(),
        Err(status) if status.code() == Code::NotFound => {
            return Ok(OnPage { page: None, articles: HashMap::new() });
        }
        Err(status) => return refused("looking for the page", Err(status)),
    };
    let names: Vec<String> = found.placements.iter().map(|placement| placement.article.clone()).collect();
    let mut articles = HashMap::new();
    if !names.is_empty() {
        let get = pb::BatchGetArticlesRequest { names };
        let answer =
            refused("reading the articles on the page", desk.articles.batch_get_articles(get).await)?;
        articles.extend(answer.articles.into_iter().map(|article| (article.headline.clone(), article)));
    }
    Ok(OnPage { page: Some(found), articles })
}

async fn import_story(
    desk: &mut Desk,
    story: &Story,
    on_page: &OnPage,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    let headline = story.working_headline();
    if let Some(found) = on_page.articles.get(&headline) {
        let photos = found.photos.iter().map(|used| used.photo.clone()).collect();
        outcome.stories.push(ImportedStory { article: found.name.clone(), headline, photos });
        return Ok(());
    }
    let mut photos = Vec::new();
    for caption in &story.photos {
        let photo = message::photo(caption, &outcome.reporters);
        // Two captions of a page may read alike; their lines differ.
        let request_id = request_id(&format!("{} line {}", outcome.page, caption.line), &photo);
        let create = pb::CreatePhotoRequest { photo: Some(photo), request_id, validate_only: false };
        let doing = format!("creating the photo of line {}", caption.line);
        photos.push(refused(&doing, desk.photos.create_photo(create).await)?.name);
        outcome.created += 1;
    }
    let article = message::article(&outcome.newspaper, story, &outcome.reporters, &photos);
    let request_id = request_id(&outcome.page, &article);
    let create = pb::CreateArticleRequest { article: Some(article), request_id, validate_only: false };
    let doing = format!("creating the article {headline}");
    let created = refused(&doing, desk.articles.create_article(create).await)?;
    outcome.created += 1;
    outcome.stories.push(ImportedStory { article: created.name, headline, photos });
    Ok(())
}

/// Puts on the page what does not stand there yet, behind what does.
async fn place(
    desk: &mut Desk,
    page: &Page,
    on_page: &mut OnPage,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    let is_new = on_page.page.is_none();
    let mut laid_out = on_page.page.take().unwrap_or_else(|| message::page(outcome.page.clone(), page));
    let placed: HashSet<String> =
        laid_out.placements.iter().map(|placement| placement.article.clone()).collect();
    let imported = page.stories.iter().zip(&outcome.stories);
    let mut new: Vec<_> = imported.filter(|(_, imported)| !placed.contains(&imported.article)).collect();
    // A headline at the top of the page puts its story first, wherever the scan
    // has the text.
    new.sort_by_key(|(story, _)| story.lines.first().copied());
    let new: Vec<pb::Placement> = new
        .into_iter()
        .map(|(story, imported)| message::placement(imported.article.clone(), story))
        .collect();
    if new.is_empty() && !is_new {
        return Ok(());
    }
    laid_out.placements.extend(new);
    let request_id = request_id(&outcome.page, &laid_out);
    let update = pb::UpdatePageRequest {
        page: Some(laid_out),
        update_mask: None,
        request_id,
        validate_only: false,
        allow_missing: true,
    };
    refused("laying out the page", desk.issues.update_page(update).await)?;
    outcome.created += usize::from(is_new);
    Ok(())
}

/// A request id made of what is created and where, so that a repetition has the
/// same one. Shaped as a UUID of version 8 (RFC 9562 section 5.8).
fn request_id(place: &str, message: &impl Message) -> String {
    let digest = Digest::of_parts([place.as_bytes(), &message.encode_to_vec()]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

fn refused<T>(doing: &str, answer: Result<tonic::Response<T>, Status>) -> Result<T, Error> {
    let refusal = |status| Error::Refused { doing: doing.to_owned(), status: Box::new(status) };
    answer.map(tonic::Response::into_inner).map_err(refusal)
}
