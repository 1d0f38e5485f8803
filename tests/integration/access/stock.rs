//! A newsroom full of things in every state, in which all that is not for
//! readers is marked.

use masthead::{admin::Role, import::desk::Desk, pb};

use crate::newsroom::{Newsroom, PAPER, date, mask, paragraph, upload};

/// Stands in everything that is only for the newsroom.
pub const INNER: &str = "绝密";
/// Stands in text that has not been published, or not yet.
pub const UNPRINTED: &str = "未刊";
/// Stands in text that was published and has been corrected since.
pub const CORRECTED: &str = "旧文";
/// Stands in what readers may see.
pub const PRINTED: &str = "见报";

/// Everyone but the publisher, who stands in the ledger, has a secret name.
struct Cast {
    reporter: Desk,
    editor: Desk,
    publisher: Desk,
}

/// What there is, by what readers see of it.
#[derive(Default)]
pub struct Stock {
    pub issues: Vec<(String, pb::google::r#type::Date, Seen)>,
    pub articles: Vec<(String, Seen)>,
    pub photos: Vec<(String, Seen)>,
}

/// What readers see of something: its newest publication, or nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    Published,
    Nothing,
}

impl Cast {
    async fn of(newsroom: &Newsroom) -> Cast {
        Cast {
            reporter: newsroom.desk_of(&format!("{INNER}记者"), Role::Reporter).await,
            editor: newsroom.desk_of(&format!("{INNER}编辑"), Role::Editor).await,
            publisher: newsroom.desk(Role::Publisher).await,
        }
    }

    async fn person(&mut self) -> pb::Reporter {
        let reporter = pb::Reporter {
            display_name: format!("{PRINTED}陈岚"),
            pen_names: vec![format!("{INNER}笔名")],
            press_card_number: format!("{INNER}证号"),
            desk: format!("{INNER}部门"),
            email: format!("{INNER}邮箱"),
            phone: format!("{INNER}电话"),
            ..Default::default()
        };
        let create = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
        self.reporter.reporters.create_reporter(create).await.expect("a reporter").into_inner()
    }

    async fn article(&mut self, mark: &str, signer: &str, photos: &[&str]) -> String {
        let byline = pb::Byline { reporter: signer.into(), printed_name: String::new(), role: 1 };
        let photos = photos.iter().map(|photo| pb::PhotoUse { photo: (*photo).into(), ..Default::default() });
        let article = pb::Article {
            newspaper: PAPER.into(),
            headline: format!("{mark}主题"),
            body: vec![paragraph(&format!("{mark}正文"))],
            bylines: vec![byline],
            photos: photos.collect(),
            ..Default::default()
        };
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        self.reporter.articles.create_article(create).await.expect("an article").into_inner().name
    }

    async fn rewrite(&mut self, article: &str, mark: &str) {
        let article = pb::Article {
            name: article.into(),
            etag: "*".into(),
            headline: format!("{mark}主题"),
            body: vec![paragraph(&format!("{mark}正文"))],
            place: format!("{mark}地点"),
            ..Default::default()
        };
        let update = pb::UpdateArticleRequest { article: Some(article), ..Default::default() };
        self.reporter.articles.update_article(update).await.expect("an update");
    }

    async fn sign(&mut self, article: &str) {
        let review = pb::ReviewArticleRequest {
            name: article.into(),
            etag: "*".into(),
            stage: 1,
            remark: format!("{INNER}批注"),
            ..Default::default()
        };
        self.editor.articles.review_article(review).await.expect("a review");
    }

    async fn publish(&mut self, article: &str, note: &str) {
        let publish =
            pb::PublishArticleRequest { name: article.into(), note: note.into(), ..Default::default() };
        self.publisher.articles.publish_article(publish).await.expect("a publication");
    }

    async fn photo(&mut self, mark: &str, file: Vec<u8>) -> String {
        let photo = pb::Photo { caption: format!("{mark}说明"), ..Default::default() };
        let create = pb::CreatePhotoRequest { photo: Some(photo), ..Default::default() };
        let name = self.reporter.photos.create_photo(create).await.expect("a photo").into_inner().name;
        self.reporter.photos.upload_photo(upload(&name, file)).await.expect("an upload");
        name
    }

    /// Clears the rights in a photo and signs it. Who clears is an author of
    /// what is signed.
    async fn clear(&mut self, newsroom: &Newsroom, photo: &str) {
        let rights = pb::Rights { clearance: pb::rights::Clearance::Cleared.into(), ..Default::default() };
        let cleared =
            pb::Photo { name: photo.into(), etag: "*".into(), rights: Some(rights), ..Default::default() };
        let update = pb::UpdatePhotoRequest { photo: Some(cleared), ..Default::default() };
        self.editor.photos.update_photo(update).await.expect("a clearance");
        let review = pb::ReviewPhotoRequest {
            name: photo.into(),
            etag: "*".into(),
            stage: 1,
            remark: format!("{INNER}批注"),
            ..Default::default()
        };
        let mut signer = newsroom.desk_of(&format!("{INNER}图编"), Role::Editor).await;
        signer.photos.review_photo(review).await.expect("a review");
    }

    async fn issue(
        &mut self,
        number: i32,
        day: pb::google::r#type::Date,
        mark: &str,
        articles: &[&str],
    ) -> String {
        let issue = pb::Issue {
            number,
            publish_date: Some(day),
            price_note: format!("{mark}定价"),
            planned_page_count: 1,
            ..Default::default()
        };
        let create = pb::CreateIssueRequest {
            parent: PAPER.into(),
            issue: Some(issue),
            issue_id: number.to_string(),
            ..Default::default()
        };
        let issue = self.reporter.issues.create_issue(create).await.expect("an issue").into_inner();
        self.lay_out(&issue.name, mark, articles).await;
        issue.name
    }

    async fn lay_out(&mut self, issue: &str, mark: &str, articles: &[&str]) {
        let placements = articles.iter().map(|article| pb::Placement {
            article: (*article).into(),
            kicker: format!("{mark}引题"),
            ..Default::default()
        });
        let page = pb::Page {
            name: format!("{issue}/pages/1"),
            etag: "*".into(),
            section: format!("{mark}版名"),
            placements: placements.collect(),
            ..Default::default()
        };
        let update = pb::UpdatePageRequest { page: Some(page), allow_missing: true, ..Default::default() };
        self.reporter.issues.update_page(update).await.expect("a page");
    }

    async fn sign_issue(&mut self, issue: &str) {
        let review = pb::ReviewIssueRequest {
            name: issue.into(),
            etag: "*".into(),
            stage: 1,
            remark: format!("{INNER}批注"),
            ..Default::default()
        };
        self.editor.issues.review_issue(review).await.expect("a review");
    }

    async fn publish_issue(&mut self, issue: &str, note: &str) {
        let publish = pb::PublishIssueRequest { name: issue.into(), note: note.into(), ..Default::default() };
        self.publisher.issues.publish_issue(publish).await.expect("a publication");
    }
}

/// A picture that differs from those of other widths.
pub fn picture(width_px: u32) -> Vec<u8> {
    masthead::demo::picture::stand_in(width_px, 24).expect("a picture")
}

pub const PRINTED_PX: u32 = 24;

/// Fills the newsroom.
pub async fn stock(newsroom: &Newsroom) -> Stock {
    newsroom.newspaper(1).await;
    let mut cast = Cast::of(newsroom).await;
    let mut stock = Stock::default();
    let signer = cast.person().await;

    let printed_photo = cast.photo(PRINTED, picture(PRINTED_PX)).await;
    let reviewed_photo = cast.photo(UNPRINTED, picture(25)).await;
    cast.clear(newsroom, &printed_photo).await;
    cast.clear(newsroom, &reviewed_photo).await;
    let draft_photo = cast.photo(UNPRINTED, picture(26)).await;
    let deleted_photo = cast.photo(UNPRINTED, picture(27)).await;
    let delete = pb::DeletePhotoRequest { name: deleted_photo.clone(), ..Default::default() };
    cast.reporter.photos.delete_photo(delete).await.expect("a deletion");
    stock.photos = vec![
        (printed_photo.clone(), Seen::Published),
        (reviewed_photo.clone(), Seen::Nothing),
        (draft_photo.clone(), Seen::Nothing),
        (deleted_photo, Seen::Nothing),
    ];

    articles(&mut cast, &mut stock, &signer.name, &printed_photo, &[&reviewed_photo, &draft_photo]).await;
    issues(&mut cast, &mut stock, &signer.name, &printed_photo).await;
    edit_everything_again(&mut cast, &stock, &signer, &printed_photo).await;
    stock
}

/// Articles by themselves, in every state.
async fn articles(cast: &mut Cast, stock: &mut Stock, signer: &str, printed_photo: &str, photos: &[&str]) {
    let draft = cast.article(UNPRINTED, signer, photos).await;
    let reviewed = cast.article(UNPRINTED, signer, photos).await;
    cast.sign(&reviewed).await;
    let returned = cast.article(UNPRINTED, signer, &[]).await;
    let send_back = pb::ReturnArticleRequest {
        name: returned.clone(),
        reason: format!("{INNER}理由"),
        ..Default::default()
    };
    cast.editor.articles.return_article(send_back).await.expect("a return");
    let deleted = cast.article(UNPRINTED, signer, &[]).await;
    let delete = pb::DeleteArticleRequest { name: deleted.clone(), ..Default::default() };
    cast.reporter.articles.delete_article(delete).await.expect("a deletion");
    let hidden = [draft, reviewed, returned, deleted].map(|name| (name, Seen::Nothing));
    stock.articles.extend(hidden);

    let published = cast.article(PRINTED, signer, &[printed_photo]).await;
    cast.sign(&published).await;
    cast.publish(&published, "").await;
    let corrected = cast.article(CORRECTED, signer, &[printed_photo]).await;
    cast.sign(&corrected).await;
    cast.publish(&corrected, "").await;
    cast.rewrite(&corrected, PRINTED).await;
    cast.sign(&corrected).await;
    cast.publish(&corrected, "更正").await;
    stock.articles.extend([published, corrected].map(|name| (name, Seen::Published)));
}

/// Issues in every state; those that readers do not see are the newest.
async fn issues(cast: &mut Cast, stock: &mut Stock, signer: &str, photo: &str) {
    let day = |day| date(2026, 11, day);
    let first = cast.article(PRINTED, signer, &[photo]).await;
    cast.sign(&first).await;
    let published = cast.issue(101, day(1), PRINTED, &[&first]).await;
    cast.sign_issue(&published).await;
    cast.publish_issue(&published, "").await;

    let second = cast.article(CORRECTED, signer, &[]).await;
    cast.sign(&second).await;
    let corrected = cast.issue(102, day(2), CORRECTED, &[&second]).await;
    cast.sign_issue(&corrected).await;
    cast.publish_issue(&corrected, "").await;
    cast.rewrite(&second, PRINTED).await;
    cast.sign(&second).await;
    let facts = pb::Issue {
        name: corrected.clone(),
        etag: "*".into(),
        price_note: format!("{PRINTED}定价"),
        ..Default::default()
    };
    let update = pb::UpdateIssueRequest { issue: Some(facts), ..Default::default() };
    cast.reporter.issues.update_issue(update).await.expect("an update");
    cast.lay_out(&corrected, PRINTED, &[&second]).await;
    cast.sign_issue(&corrected).await;
    cast.publish_issue(&corrected, "更正").await;

    let unprinted = cast.article(UNPRINTED, signer, &[photo]).await;
    cast.sign(&unprinted).await;
    let draft = cast.issue(103, day(3), UNPRINTED, &[&unprinted]).await;
    let reviewed = cast.issue(104, day(4), UNPRINTED, &[&unprinted]).await;
    cast.sign_issue(&reviewed).await;
    let returned = cast.issue(105, day(5), UNPRINTED, &[&unprinted]).await;
    let send_back = pb::ReturnIssueRequest {
        name: returned.clone(),
        reason: format!("{INNER}理由"),
        ..Default::default()
    };
    cast.editor.issues.return_issue(send_back).await.expect("a return");
    let deleted = cast.issue(106, day(6), UNPRINTED, &[]).await;
    let delete = pb::DeleteIssueRequest { name: deleted.clone(), ..Default::default() };
    cast.editor.issues.delete_issue(delete).await.expect("a deletion");

    stock.articles.extend([first, second].map(|name| (name, Seen::Published)));
    stock.articles.push((unprinted, Seen::Nothing));
    stock.issues.extend([(published, day(1), Seen::Published), (corrected, day(2), Seen::Published)]);
    for (name, number) in [draft, reviewed, returned, deleted].into_iter().zip(3..) {
        stock.issues.push((name, day(number), Seen::Nothing));
    }
}

/// Moves every working copy on behind its publication.
async fn edit_everything_again(cast: &mut Cast, stock: &Stock, signer: &pb::Reporter, photo: &str) {
    for (article, _) in stock.articles.iter().filter(|(_, seen)| *seen == Seen::Published) {
        cast.rewrite(article, UNPRINTED).await;
    }
    for (issue, ..) in stock.issues.iter().filter(|(.., seen)| *seen == Seen::Published) {
        let facts = pb::Issue {
            name: issue.clone(),
            etag: "*".into(),
            // A day on which nothing was published.
            publish_date: Some(date(2026, 12, 24)),
            price_note: format!("{UNPRINTED}定价"),
            ..Default::default()
        };
        let update = pb::UpdateIssueRequest { issue: Some(facts), ..Default::default() };
        cast.reporter.issues.update_issue(update).await.expect("an update");
        cast.lay_out(issue, UNPRINTED, &[]).await;
        let send_back = pb::ReturnIssueRequest {
            name: issue.clone(),
            reason: format!("{INNER}理由"),
            ..Default::default()
        };
        cast.editor.issues.return_issue(send_back).await.expect("a return");
    }
    let words = pb::Photo {
        name: photo.into(),
        etag: "*".into(),
        caption: format!("{UNPRINTED}说明"),
        credit_line: format!("{UNPRINTED}摄影"),
        ..Default::default()
    };
    let update = pb::UpdatePhotoRequest { photo: Some(words), ..Default::default() };
    cast.reporter.photos.update_photo(update).await.expect("an update");
    cast.reporter.photos.upload_photo(upload(photo, picture(48))).await.expect("another file");
    let name =
        pb::Reporter { display_name: format!("{UNPRINTED}陈岚"), etag: "*".into(), ..signer.clone() };
    let update = pb::UpdateReporterRequest {
        reporter: Some(name),
        update_mask: mask(&["display_name"]),
        ..Default::default()
    };
    cast.editor.reporters.update_reporter(update).await.expect("an update");
    let facts = pb::Newspaper {
        name: PAPER.into(),
        etag: "*".into(),
        chief_editor: format!("{UNPRINTED}总编辑"),
        ..Default::default()
    };
    let update = pb::UpdateNewspaperRequest { newspaper: Some(facts), ..Default::default() };
    cast.publisher.newspapers.update_newspaper(update).await.expect("an update");
}
