//! Freezing: makes the one message that a publication is. What is only for the
//! newsroom stays behind.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use prost::Message;
use uuid::Uuid;

use crate::{
    article::{self, Article, correction::Printed},
    error::{Error, Result},
    issue::{Issue, Page},
    newspaper::Newspaper,
    pb,
    photo::{self, Photo},
    publication::{
        self, Kind, Publication, Tombstone,
        check::{Candidate, Material},
    },
    reporter,
    wire::{self, name},
};

/// Freezes an issue. `entry` is its ledger entry as far as it is known: what
/// covers the sealed bytes cannot stand in them.
pub fn issue(candidate: &Candidate, entry: &Publication) -> pb::PublishedIssue {
    pb::PublishedIssue {
        name: candidate.issue.name(),
        newspaper: Some(public_newspaper(candidate.newspaper.clone())),
        issue: Some(public_issue(candidate.issue.clone())),
        pages: candidate.pages.iter().map(|page| public_page(candidate, page)).collect(),
        reporters: reporters(&candidate.material),
        photos: photos(&candidate.material),
        publication: Some(known_entry(entry)),
    }
}

/// The pages of an issue that are longer than this when frozen, by number, with
/// their length in bytes.
pub fn pages_over(candidate: &Candidate, bytes_max: usize) -> Vec<(i32, usize)> {
    let sizes = candidate.pages.iter().map(|page| (page.number, public_page(candidate, page).encoded_len()));
    sizes.filter(|(_, size)| *size > bytes_max).collect()
}

/// Whether a frozen issue says what a sealed one says already, apart from the
/// publications that brought them.
pub fn is_same(frozen: &pb::PublishedIssue, sealed: &[u8]) -> bool {
    let without_entry = |issue: pb::PublishedIssue| pb::PublishedIssue { publication: None, ..issue };
    let sealed = pb::PublishedIssue::decode(sealed).map(without_entry);
    sealed.is_ok_and(|sealed| sealed == without_entry(frozen.clone()))
}

/// Freezes an article that is published by itself.
pub fn lone_article(article: &Article, material: &Material, entry: &Publication) -> pb::PublishedArticle {
    pb::PublishedArticle {
        name: article.name(),
        article: Some(public_article(article.clone())),
        reporters: reporters(material),
        photos: photos(material),
        publication: Some(known_entry(entry)),
        page: String::new(),
    }
}

/// Whether a frozen article says what a sealed one says already, apart from the
/// publications that brought them and the page it was printed on.
pub fn is_same_article(frozen: &pb::PublishedArticle, sealed: &[u8]) -> bool {
    let text = |article: pb::PublishedArticle| pb::PublishedArticle {
        publication: None,
        page: String::new(),
        ..article
    };
    let sealed = pb::PublishedArticle::decode(sealed).map(text);
    sealed.is_ok_and(|sealed| sealed == text(frozen.clone()))
}

/// An article of a published issue, for itself.
#[derive(Debug)]
pub struct SealedArticle {
    /// The article.
    pub article: Uuid,
    /// The number of the page that it stands on.
    pub page: Option<i32>,
    /// What readers get of it.
    pub message: pb::PublishedArticle,
}

/// The articles of a frozen issue, each for itself with its part of the
/// material, without those that were withdrawn. They follow from the issue
/// alone, so that whoever verifies the issue can verify them.
pub fn articles_of(issue: &pb::PublishedIssue) -> Vec<SealedArticle> {
    let on_pages = issue.pages.iter().flat_map(|page| {
        let name = page.page.as_ref().map(|page| page.name.clone()).unwrap_or_default();
        page.placements.iter().map(move |placed| (name.clone(), placed))
    });
    let standing = on_pages.filter(|(_, placed)| placed.withdrawal.is_none());
    let articles = standing.filter_map(|(page, placed)| Some((page, placed.article.as_ref()?)));
    articles
        .filter_map(|(page, article)| {
            Some(SealedArticle {
                article: name::with_uuid(&article.name, "articles")?,
                page: name::page(&page).map(|name| name.page),
                message: article_of(issue, page, article),
            })
        })
        .collect()
}

/// One article of a sealed issue, for itself; not if it was withdrawn.
pub fn article_in(sealed: &[u8], article: Uuid) -> Result<Option<Vec<u8>>> {
    let articles = articles_of(&open(sealed)?);
    let found = articles.into_iter().find(|sealed| sealed.article == article);
    Ok(found.map(|sealed| sealed.message.encode_to_vec()))
}

/// A sealed issue with a notice where the article of this name stood, and
/// without what only that article brought with it.
pub fn without_article(sealed: &[u8], name: &str, tombstone: &Tombstone) -> Result<Vec<u8>> {
    let mut issue = open(sealed)?;
    for placed in issue.pages.iter_mut().flat_map(|page| &mut page.placements) {
        if placed.article.as_ref().is_some_and(|article| article.name == name) {
            redact(placed, tombstone);
        }
    }
    let articles = || issue.pages.iter().flat_map(|page| &page.placements).filter_map(|p| p.article.as_ref());
    let used: HashSet<String> = articles().flat_map(photos_used).map(str::to_owned).collect();
    let bylines: Vec<&pb::Byline> = articles().flat_map(|article| &article.bylines).collect();
    let mut signers: HashSet<String> = bylines.into_iter().map(|byline| byline.reporter.clone()).collect();
    issue.photos.retain(|photo| used.contains(&photo.name));
    signers
        .extend(issue.photos.iter().flat_map(|photo| &photo.bylines).map(|byline| byline.reporter.clone()));
    issue.reporters.retain(|reporter| signers.contains(&reporter.name));
    Ok(issue.encode_to_vec())
}

/// A sealed issue without the bodies of its articles.
pub fn without_bodies(sealed: &[u8]) -> Result<Vec<u8>> {
    let mut issue = open(sealed)?;
    let placements = issue.pages.iter_mut().flat_map(|page| &mut page.placements);
    placements.filter_map(|placed| placed.article.as_mut()).for_each(|article| article.body.clear());
    Ok(issue.encode_to_vec())
}

/// Whether readers are served from a sealed publication what follows from it:
/// the articles whose own bytes do not.
pub fn articles_astray(kind: Kind, sealed: &[u8], served: &[(Uuid, Vec<u8>)]) -> Result<Vec<Uuid>> {
    let expected: HashMap<Uuid, Vec<u8>> = if kind.is_of_issue() {
        let articles = articles_of(&open(sealed)?).into_iter();
        articles.map(|sealed| (sealed.article, sealed.message.encode_to_vec())).collect()
    } else {
        served.iter().map(|(id, _)| (*id, sealed.to_vec())).collect()
    };
    let astray = served.iter().filter(|(id, bytes)| expected.get(id) != Some(bytes));
    Ok(astray.map(|(id, _)| *id).collect())
}

/// The names of what a sealed publication holds, each of which may be withdrawn:
/// the issue or article that it is of, and the articles in an issue.
pub fn contents(entry: &Publication, sealed: &[u8]) -> Result<Vec<String>> {
    let mut names = vec![entry.resource.clone()];
    if entry.kind.is_of_issue() {
        let placements = open(sealed)?.pages.into_iter().flat_map(|page| page.placements);
        names.extend(placements.filter_map(|placed| Some(placed.article?.name)));
    }
    Ok(names)
}

/// What readers may be served of a sealed publication after withdrawals, each
/// with the name of what it took back.
pub fn what_stands(entry: &Publication, sealed: &[u8], gone: &[(String, Tombstone)]) -> Result<Vec<u8>> {
    if gone.iter().any(|(name, _)| *name == entry.resource) {
        return Ok(Vec::new());
    }
    gone.iter()
        .try_fold(sealed.to_vec(), |standing, (name, tombstone)| without_article(&standing, name, tombstone))
}

fn redact(placed: &mut pb::published_page::PublishedPlacement, tombstone: &Tombstone) {
    if let Some(placement) = &mut placed.placement {
        *placement = pb::Placement {
            article: std::mem::take(&mut placement.article),
            role: placement.role,
            ..pb::Placement::default()
        };
    }
    if let Some(article) = &mut placed.article {
        *article = pb::Article { name: std::mem::take(&mut article.name), ..pb::Article::default() };
    }
    placed.withdrawal = Some(pb::Withdrawal {
        publication: publication::name(tombstone.publication),
        reason: tombstone.reason.clone(),
        withdraw_time: Some(wire::timestamp(tombstone.time)),
    });
}

fn open(sealed: &[u8]) -> Result<pb::PublishedIssue> {
    pb::PublishedIssue::decode(sealed)
        .map_err(|error| Error::Internal(format!("a sealed issue is damaged: {error}")))
}

/// Where an article stands in a sealed issue.
pub fn printed(sealed: &[u8], article: Uuid) -> Option<Printed> {
    let issue = pb::PublishedIssue::decode(sealed).ok()?;
    let name = article::name(article);
    let stands_on = |page: &&pb::PublishedPage| {
        let mut articles = page.placements.iter().filter_map(|placed| placed.article.as_ref());
        articles.any(|article| article.name == name)
    };
    let page = issue.pages.iter().find(stands_on)?.page.as_ref()?;
    let date = issue.issue?.publish_date?;
    let publish_date = NaiveDate::from_ymd_opt(date.year, date.month as u32, date.day as u32)?;
    Some(Printed { page: name::page(&page.name)?, publish_date })
}

fn article_of(issue: &pb::PublishedIssue, page: String, article: &pb::Article) -> pb::PublishedArticle {
    let used = photos_used(article);
    let photos = issue.photos.iter().filter(|photo| used.contains(photo.name.as_str()));
    let photos: Vec<pb::PublishedPhoto> = photos.cloned().collect();
    let bylines = article.bylines.iter().chain(photos.iter().flat_map(|photo| &photo.bylines));
    let signers: HashSet<&str> = bylines.map(|byline| byline.reporter.as_str()).collect();
    let reporters = issue.reporters.iter().filter(|reporter| signers.contains(reporter.name.as_str()));
    let reporters = reporters.cloned().collect();
    pb::PublishedArticle {
        name: article.name.clone(),
        article: Some(article.clone()),
        reporters,
        photos,
        publication: issue.publication.clone(),
        page,
    }
}

/// The names of the photos that an article uses, beside or inside its text.
fn photos_used(article: &pb::Article) -> HashSet<&str> {
    let inside = article.body.iter().filter_map(|block| match &block.kind {
        Some(pb::block::Kind::Photo(used)) => Some(used),
        _ => None,
    });
    article.photos.iter().chain(inside).map(|used| used.photo.as_str()).collect()
}

fn known_entry(entry: &Publication) -> pb::Publication {
    pb::Publication { size_bytes: 0, sha256: String::new(), hash: String::new(), ..entry.clone().into() }
}

fn public_newspaper(newspaper: Newspaper) -> pb::Newspaper {
    pb::Newspaper { etag: String::new(), create_time: None, update_time: None, ..newspaper.into() }
}

fn public_issue(issue: Issue) -> pb::Issue {
    pb::Issue {
        creator: String::new(),
        reviews: Vec::new(),
        state: 0,
        latest_publication: String::new(),
        etag: String::new(),
        create_time: None,
        update_time: None,
        return_reason: String::new(),
        schedule: None,
        ..issue.into()
    }
}

fn public_article(article: Article) -> pb::Article {
    pb::Article {
        creator: String::new(),
        reviews: Vec::new(),
        state: 0,
        latest_publication: String::new(),
        owed_correction: None,
        etag: String::new(),
        create_time: None,
        update_time: None,
        return_reason: String::new(),
        schedule: None,
        embargo_time: None,
        ..article.into()
    }
}

fn public_page(candidate: &Candidate, page: &Page) -> pb::PublishedPage {
    let whole = pb::Page::from((&candidate.issue.id, page.clone()));
    let placements = whole.placements.iter().zip(&page.layout.placements);
    let placements = placements.map(|(message, placement)| pb::published_page::PublishedPlacement {
        placement: Some(message.clone()),
        article: candidate.articles.get(&placement.article).cloned().map(public_article),
        withdrawal: None,
    });
    pb::PublishedPage {
        placements: placements.collect(),
        page: Some(pb::Page {
            placements: Vec::new(),
            etag: String::new(),
            create_time: None,
            update_time: None,
            ..whole
        }),
    }
}

fn reporters(material: &Material) -> Vec<pb::PublishedReporter> {
    let named = material.reporters.iter();
    named
        .map(|(id, display_name)| pb::PublishedReporter {
            name: reporter::name(*id),
            display_name: display_name.clone(),
        })
        .collect()
}

fn photos(material: &Material) -> Vec<pb::PublishedPhoto> {
    material.photos.values().cloned().map(public_photo).collect()
}

fn public_photo(photo: Photo) -> pb::PublishedPhoto {
    let name = photo::name(photo.id);
    let whole = pb::Photo::from(photo);
    pb::PublishedPhoto {
        name,
        caption: whole.caption,
        bylines: whole.bylines,
        credit_line: whole.credit_line,
        copyright_notice: whole.copyright_notice,
        usage_terms: whole.usage_terms,
        file: whole.file,
        crop: whole.crop,
        focal_point: whole.focal_point,
    }
}

impl From<Publication> for pb::Publication {
    fn from(publication: Publication) -> pb::Publication {
        use crate::publication::name;
        let kind = match publication.kind {
            Kind::IssuePublished => pb::publication::Kind::IssuePublished,
            Kind::IssueCorrected => pb::publication::Kind::IssueCorrected,
            Kind::IssueWithdrawn => pb::publication::Kind::IssueWithdrawn,
            Kind::ArticlePublished => pb::publication::Kind::ArticlePublished,
            Kind::ArticleCorrected => pb::publication::Kind::ArticleCorrected,
            Kind::ArticleWithdrawn => pb::publication::Kind::ArticleWithdrawn,
        };
        pb::Publication {
            name: name(publication.sequence),
            sequence: publication.sequence,
            kind: kind.into(),
            resource: publication.resource,
            revision: publication.revision,
            size_bytes: publication.size_bytes,
            sha256: publication.sha256.to_string(),
            previous_hash: publication.previous_hash.to_string(),
            hash: publication.hash.to_string(),
            publisher: publication.publisher,
            publish_time: Some(wire::timestamp(publication.publish_time)),
            note: publication.note,
            supersedes: publication.supersedes.map(name).unwrap_or_default(),
            acknowledged: publication.acknowledged,
            superseded_by: publication.superseded_by.map(name).unwrap_or_default(),
        }
    }
}
