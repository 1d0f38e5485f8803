//! Gathering what publishing must look at: an issue or articles with all that
//! stands in them. To publish it is locked, always in the same order (issue,
//! newspaper, articles by id, photos by id), so that two publishers wait for each
//! other and never deadlock; preflight only looks.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    article::{
        self, Article,
        correction::{self, OwedCorrection},
    },
    byline,
    db::{Connection, holding_open},
    error::Result,
    issue, newspaper,
    photo::{self, files::Files},
    publication::{
        check::{Candidate, Material},
        store,
    },
    wire::name::IssueName,
    workflow::State,
};

/// What gathering does to what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Locks it until the transaction ends, to publish it.
    Lock,
    /// Only reads it, on one view of the database.
    Look,
}

/// Finds an issue, with all that stands in it and what its checks must know,
/// but for the running number before it.
pub(super) async fn issue(
    connection: &mut Connection,
    files: &Files,
    name: &IssueName,
    access: Access,
    publish_time: DateTime<Utc>,
) -> Result<Candidate> {
    let issue = match access {
        Access::Lock => issue::store::lock(connection, name).await?,
        Access::Look => issue::store::find(connection, name).await?,
    };
    let issue = issue.ok_or_else(|| issue::missing(name))?;
    issue.live()?;
    let newspaper = match access {
        Access::Lock => newspaper::store::hold(connection, &name.newspaper).await?,
        Access::Look => newspaper::store::find(connection, &name.newspaper).await?,
    };
    let newspaper = newspaper.ok_or_else(|| newspaper::missing(&name.newspaper))?;
    let pages = issue::store::all_pages(connection, name).await?;
    let placements = pages.iter().flat_map(|page| &page.layout.placements);
    let placed: BTreeSet<Uuid> = placements.map(|placement| placement.article).collect();
    let date = issue.facts.publish_date;
    let owed = correction::store::open_before(connection, &name.newspaper, date).await?;
    // What may be settled is locked in one go with what is placed.
    let ids: BTreeSet<Uuid> = owed.iter().map(|owed| owed.article).chain(placed.iter().copied()).collect();
    let mut articles = self::articles(connection, &Vec::from_iter(ids), access).await?;
    articles.retain(|article| placed.contains(&article.id));
    let reprints = self::reprints(connection, &articles, &owed).await?;
    let material = self::material(connection, files, &articles, access).await?;
    let articles: HashMap<Uuid, Article> =
        articles.into_iter().map(|article| (article.id, article)).collect();
    let unpublished = store::unpublished_before(connection, name, date).await?;
    Ok(Candidate {
        newspaper,
        issue,
        pages,
        articles,
        material,
        publish_time,
        newest_number: None,
        unpublished,
        owed,
        reprints,
    })
}

async fn articles(connection: &mut Connection, ids: &[Uuid], access: Access) -> Result<Vec<Article>> {
    match access {
        Access::Lock => article::store::lock_all(connection, ids).await,
        Access::Look => article::store::find_all(connection, ids).await,
    }
}

/// Which articles correct what is owed and are in print already as they stand.
async fn reprints(
    connection: &mut Connection,
    articles: &[Article],
    owed: &[OwedCorrection],
) -> Result<HashSet<Uuid>> {
    let corrects = |article: &&Article| {
        article.state == State::Published
            && owed.iter().any(|owed| article.content.corrects == Some(owed.article))
    };
    let ids: Vec<Uuid> = articles.iter().filter(corrects).map(|article| article.id).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    Ok(store::printed(connection, &ids).await?.into_keys().collect())
}

/// Finds the photos that articles use, and reads who signs articles and photos.
pub(super) async fn material<'a>(
    connection: &mut Connection,
    files: &Files,
    articles: impl IntoIterator<Item = &'a Article>,
    access: Access,
) -> Result<Material> {
    let mut photos = BTreeSet::new();
    let mut reporters = BTreeSet::new();
    for article in articles {
        photos.extend(article.content.photos());
        reporters.extend(article.content.reporters());
    }
    let photos = Vec::from_iter(photos);
    let photos = match access {
        Access::Lock => photo::store::lock_all(connection, &photos).await?,
        Access::Look => photo::store::find_all(connection, &photos).await?,
    };
    reporters
        .extend(photos.iter().flat_map(|photo| &photo.words.bylines).filter_map(|byline| byline.reporter));
    let reporters = Vec::from_iter(reporters);
    let mut material = Material::default();
    // Only what is sealed has their names in it.
    if access == Access::Lock {
        let signers = byline::store::hold_reporters(connection, &reporters).await?;
        material.reporters.extend(signers.into_values().map(|signer| (signer.id, signer.display_name)));
    }
    material.retired = store::retired(connection, &reporters).await?;
    let filed = photos.iter().filter_map(|photo| Some((photo.id, photo.file.clone()?)));
    material.lost_files.extend(holding_open(connection, files.lost(filed.collect())).await?);
    material.photos.extend(photos.into_iter().map(|photo| (photo.id, photo)));
    Ok(material)
}
