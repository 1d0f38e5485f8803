//! Work in the newsroom, so that requests have something to be about: whatever
//! they have deleted, withdrawn or signed meanwhile.

use fastrand::Rng;
use masthead::{admin::Role, pb};
use prost::Message;
use tonic::Status;

use super::{
    stock::Stock,
    tree::{Tree, message},
};
use crate::{
    hostile::host::Host,
    newsroom::{PAPER, article, date, mask, paragraph, picture, upload},
};

/// Stands before the number in a text that a reader sees only if it has been
/// published.
const MARK: &str = "未刊";

/// The marked texts in a message: the mark with its number.
pub fn marks(message: &[u8]) -> Vec<String> {
    let places = message.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK.as_bytes());
    let marks = places.map(|(at, _)| {
        let number = message[at + MARK.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        format!("{MARK}{}", number.map(|byte| char::from(*byte)).collect::<String>())
    });
    marks.collect()
}

fn see(stock: &mut Stock, random: &mut Rng, kind: &str, seen: &impl Message) {
    let tree = Tree::read(message(&format!(".masthead.v1.{kind}")), &seen.encode_to_vec());
    stock.see(random, tree.expect("a resource"));
}

/// Makes one of everything anew, and has every other issue published.
pub async fn refill(host: &Host, batch: usize, random: &mut Rng, stock: &mut Stock) -> Result<(), Status> {
    let mut publisher = host.newsroom.desk(Role::Publisher).await;
    let undelete = pb::UndeleteNewspaperRequest { name: PAPER.into(), ..Default::default() };
    let _ = publisher.newspapers.undelete_newspaper(undelete).await;
    let paper =
        pb::Newspaper { name: PAPER.into(), etag: "*".into(), review_stages: 1, ..Default::default() };
    let update = pb::UpdateNewspaperRequest {
        newspaper: Some(paper),
        update_mask: mask(&["review_stages"]),
        ..Default::default()
    };
    let paper = publisher.newspapers.update_newspaper(update).await?.into_inner();
    see(stock, random, "Newspaper", &paper);

    // Another person now and then, as one may have only so many uploads open.
    let writer = format!("writer {}", batch / 50);
    let mut reporter = host.newsroom.desk_of(&writer, Role::Reporter).await;
    let person = pb::Reporter { display_name: format!("记者{batch}"), ..Default::default() };
    let create = pb::CreateReporterRequest { reporter: Some(person), ..Default::default() };
    let person = reporter.reporters.create_reporter(create).await?.into_inner();
    see(stock, random, "Reporter", &person);
    let photo = pb::Photo { caption: format!("{MARK}{}", batch * 10), ..Default::default() };
    let create = pb::CreatePhotoRequest { photo: Some(photo), ..Default::default() };
    let photo = reporter.photos.create_photo(create).await?.into_inner();
    let photo = reporter.photos.upload_photo(upload(&photo.name, picture())).await?.into_inner();
    see(stock, random, "Photo", &photo);
    let begin = pb::StartPhotoUploadRequest {
        parent: photo.name.clone(),
        upload: Some(pb::PhotoUpload { size_bytes: picture().len() as i64, ..Default::default() }),
        ..Default::default()
    };
    let begun = reporter.photos.start_photo_upload(begin).await?.into_inner();
    see(stock, random, "PhotoUpload", &begun);

    let printed = host.newsroom.photo(&format!("{MARK}{}", batch * 10 + 4)).await;
    see(stock, random, "Photo", &printed);

    let mut articles = Vec::new();
    for index in 1..=3 {
        let mark = format!("{MARK}{}", batch * 10 + index);
        let photos = Some(pb::PhotoUse { photo: printed.name.clone(), ..Default::default() });
        let byline = pb::Byline { reporter: person.name.clone(), printed_name: String::new(), role: 1 };
        let article = pb::Article {
            body: vec![paragraph(&mark)],
            bylines: vec![byline],
            photos: photos.filter(|_| index == 1).into_iter().collect(),
            ..article(&format!("{mark}主题"))
        };
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        let article = reporter.articles.create_article(create).await?.into_inner();
        see(stock, random, "Article", &article);
        articles.push(article.name);
    }
    sign(host, &articles[0]).await?;
    // One that can be published by itself, and one that cannot yet.
    see(stock, random, "Article", &sign(host, &articles[1]).await?);
    let issue = lay_out(host, batch, &articles[0]).await?;
    see(stock, random, "Issue", &issue);
    if batch.is_multiple_of(2) {
        let acknowledge = vec!["RUNNING_NUMBER".to_owned()];
        let publish = pb::PublishIssueRequest { name: issue.name, acknowledge, ..Default::default() };
        publisher.issues.publish_issue(publish).await?;
        let list = pb::ListPublicationsRequest::default();
        let list = publisher.publications.list_publications(list).await?.into_inner();
        see(stock, random, "ListPublicationsResponse", &list);
        let get = pb::GetPhotoRequest { name: printed.name };
        see(stock, random, "Photo", &publisher.photos.get_photo(get).await?.into_inner());
    }
    Ok(())
}

async fn sign(host: &Host, article: &str) -> Result<pb::Article, Status> {
    let mut editor = host.newsroom.desk(Role::Editor).await;
    let review =
        pb::ReviewArticleRequest { name: article.into(), etag: "*".into(), stage: 1, ..Default::default() };
    Ok(editor.articles.review_article(review).await?.into_inner())
}

/// An issue with one signed article on its page, signed itself.
async fn lay_out(host: &Host, batch: usize, article: &str) -> Result<pb::Issue, Status> {
    let mut reporter = host.newsroom.desk(Role::Reporter).await;
    let mut editor = host.newsroom.desk(Role::Editor).await;
    let number = 1_000 + batch as i32;
    let issue = pb::Issue {
        number,
        publish_date: Some(date(2026, 1 + number / 28 % 12, 1 + number % 28)),
        planned_page_count: 1,
        ..Default::default()
    };
    let create = pb::CreateIssueRequest {
        parent: PAPER.into(),
        issue: Some(issue),
        issue_id: number.to_string(),
        ..Default::default()
    };
    let issue = reporter.issues.create_issue(create).await?.into_inner();
    let placement = pb::Placement { article: article.into(), ..Default::default() };
    let page = pb::Page {
        name: format!("{}/pages/1", issue.name),
        section: "要闻".into(),
        placements: vec![placement],
        ..Default::default()
    };
    let update = pb::UpdatePageRequest { page: Some(page), allow_missing: true, ..Default::default() };
    reporter.issues.update_page(update).await?;
    let review =
        pb::ReviewIssueRequest { name: issue.name, etag: "*".into(), stage: 1, ..Default::default() };
    Ok(editor.issues.review_issue(review).await?.into_inner())
}
