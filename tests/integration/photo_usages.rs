//! Where a photo is used: every article, page and publication, each once.

use masthead::{
    admin::Role,
    import::desk::Desk,
    pb::{
        self,
        photo_usage::{ArticleUse, IssueUse, PublicationUse, Use, publication_use::Kind},
    },
};
use tonic::{Code, Status};

use crate::newsroom::{Newsroom, article, fields, mask, reason};

async fn list(
    desk: &mut Desk,
    photo: &pb::Photo,
    page_size: i32,
    page_token: String,
) -> Result<pb::ListPhotoUsagesResponse, Status> {
    let list = pb::ListPhotoUsagesRequest { parent: photo.name.clone(), page_size, page_token };
    Ok(desk.photos.list_photo_usages(list).await?.into_inner())
}

async fn usages(desk: &mut Desk, photo: &pb::Photo) -> Vec<Use> {
    let page = list(desk, photo, 500, String::new()).await.expect("usages");
    assert_eq!(page.next_page_token, "");
    page.photo_usages.into_iter().map(|usage| usage.r#use.expect("a use")).collect()
}

fn shown(photo: &pb::Photo) -> pb::PhotoUse {
    pb::PhotoUse { photo: photo.name.clone(), ..Default::default() }
}

async fn write(room: &Newsroom, article: pb::Article) -> pb::Article {
    let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
    let mut reporter = room.desk(Role::Reporter).await;
    reporter.articles.create_article(create).await.expect("an article").into_inner()
}

fn of_article(article: &pb::Article, deleted: bool) -> Use {
    Use::Article(ArticleUse { article: article.name.clone(), headline: article.headline.clone(), deleted })
}

fn of_page(issue: &pb::Issue, article: &pb::Article) -> Use {
    Use::Issue(IssueUse {
        issue: issue.name.clone(),
        page: format!("{}/pages/1", issue.name),
        article: article.name.clone(),
        publish_date: issue.publish_date,
        deleted: false,
    })
}

#[tokio::test]
async fn a_photo_is_used_by_articles_their_pages_and_publications() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let (photo, unused) = (room.photo("龙舟").await, room.photo("灯会").await);
    assert_eq!(usages(&mut publisher, &photo).await, []);

    // Beside the text and in it: used once.
    let inside = pb::Block { kind: Some(pb::block::Kind::Photo(shown(&photo))) };
    let both = pb::Article { photos: vec![shown(&photo)], body: vec![inside], ..article("图文") };
    let both = write(&room, both).await;
    let lone = write(&room, pb::Article { photos: vec![shown(&photo)], ..article("独家") }).await;
    write(&room, pb::Article { photos: vec![shown(&unused)], ..article("无关") }).await;
    let (both, lone) = (room.review(&both).await, room.review(&lone).await);
    assert_eq!(usages(&mut publisher, &photo).await, [of_article(&both, false), of_article(&lone, false)]);

    let publish = pb::PublishArticleRequest { name: lone.name.clone(), ..Default::default() };
    publisher.articles.publish_article(publish).await.expect("a publication");
    let issue = room.issue(5, &[&both]).await;
    let issue = room.review_issue(&issue).await;
    room.publish(&issue).await;
    let sha256 = photo.file.clone().expect("a file").sha256;
    let in_lone = PublicationUse {
        publication: "publications/1".into(),
        kind: Kind::ArticlePublished.into(),
        resource: lone.name.clone(),
        article: lone.name.clone(),
        page: String::new(),
        sha256: sha256.clone(),
        withdrawn: false,
    };
    let in_issue = PublicationUse {
        publication: "publications/2".into(),
        kind: Kind::IssuePublished.into(),
        resource: issue.name.clone(),
        article: both.name.clone(),
        page: format!("{}/pages/1", issue.name),
        sha256,
        withdrawn: false,
    };
    let expected = [
        of_article(&both, false),
        of_article(&lone, false),
        of_page(&issue, &both),
        Use::Publication(in_issue.clone()),
        Use::Publication(in_lone.clone()),
    ];
    assert_eq!(usages(&mut publisher, &photo).await, expected);

    // What an editor takes out of an article stays in what was published, and a
    // withdrawn publication still tells of it.
    let bare = pb::Article { name: lone.name.clone(), etag: "*".into(), ..Default::default() };
    let update = pb::UpdateArticleRequest {
        article: Some(bare),
        update_mask: mask(&["photos"]),
        ..Default::default()
    };
    publisher.articles.update_article(update).await.expect("an article without the photo");
    let withdraw =
        pb::WithdrawIssueRequest { name: issue.name.clone(), reason: "失实".into(), ..Default::default() };
    publisher.issues.withdraw_issue(withdraw).await.expect("a withdrawal");
    let expected = [
        of_article(&both, false),
        of_page(&issue, &both),
        Use::Publication(PublicationUse { withdrawn: true, ..in_issue }),
        Use::Publication(in_lone),
    ];
    assert_eq!(usages(&mut publisher, &photo).await, expected);
    room.close().await;
}

#[tokio::test]
async fn deleted_articles_and_issues_are_listed_as_such_and_keep_no_photo() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut editor = room.desk(Role::Editor).await;
    let photo = room.photo("龙舟").await;
    let article = write(&room, pb::Article { photos: vec![shown(&photo)], ..article("图文") }).await;
    let issue = room.issue(5, &[&article]).await;
    let delete_photo = pb::DeletePhotoRequest { name: photo.name.clone(), ..Default::default() };
    let refused = editor.photos.delete_photo(delete_photo.clone()).await.expect_err("a live article uses it");
    assert_eq!(reason(&refused), "RESOURCE_IN_USE");
    let delete = pb::DeleteIssueRequest { name: issue.name.clone(), ..Default::default() };
    editor.issues.delete_issue(delete).await.expect("no issue");
    let delete = pb::DeleteArticleRequest { name: article.name.clone(), ..Default::default() };
    editor.articles.delete_article(delete).await.expect("no article");
    let Use::Issue(page) = of_page(&issue, &article) else { unreachable!("a page") };
    let expected = [of_article(&article, true), Use::Issue(IssueUse { deleted: true, ..page })];
    assert_eq!(usages(&mut editor, &photo).await, expected);
    editor.photos.delete_photo(delete_photo).await.expect("nothing live uses it");
    assert_eq!(usages(&mut editor, &photo).await, expected, "a deleted photo can still be asked about");
    room.close().await;
}

#[tokio::test]
async fn usages_come_page_by_page_each_once() {
    let room = Newsroom::open().await;
    room.newspaper(1).await;
    let mut publisher = room.desk(Role::Publisher).await;
    let (photo, other) = (room.photo("龙舟").await, room.photo("灯会").await);
    let mut articles = Vec::new();
    for number in 1..=3 {
        let photos = vec![shown(&photo), shown(&other)];
        let article = write(&room, pb::Article { photos, ..article(&format!("第{number}篇")) }).await;
        articles.push(room.review(&article).await);
    }
    let placed: Vec<&pb::Article> = articles.iter().collect();
    // Its number has more digits than that of the page after it.
    for (number, pages) in [(8, [2, 10]), (9, [1, 1])] {
        let issue = room.issue(number, &placed).await;
        for page in pages {
            let placements = placed
                .iter()
                .map(|article| pb::Placement { article: article.name.clone(), ..Default::default() });
            let page = pb::Page {
                name: format!("{}/pages/{page}", issue.name),
                placements: placements.collect(),
                etag: "*".into(),
                ..Default::default()
            };
            let update =
                pb::UpdatePageRequest { page: Some(page), allow_missing: true, ..Default::default() };
            publisher.issues.update_page(update).await.expect("a page");
        }
    }
    for article in &articles {
        let publish = pb::PublishArticleRequest { name: article.name.clone(), ..Default::default() };
        publisher.articles.publish_article(publish).await.expect("a publication");
    }
    let all = list(&mut publisher, &photo, 500, String::new()).await.expect("usages").photo_usages;
    // Pages 1, 2 and 10 of the one issue, page 1 of the other.
    assert_eq!(all.len(), 3 + 3 * 4 + 3);
    let pages: Vec<String> = all
        .iter()
        .filter_map(|usage| match &usage.r#use {
            Some(Use::Issue(used)) => Some(used.page.clone()),
            _ => None,
        })
        .collect();
    let in_order = ["8/pages/1", "8/pages/2", "8/pages/10", "9/pages/1"];
    let in_order = in_order.iter().flat_map(|page| [page; 3]);
    assert!(pages.iter().zip(in_order).all(|(page, expected)| page.ends_with(expected)), "{pages:?}");
    let publications: Vec<String> = all
        .iter()
        .filter_map(|usage| match &usage.r#use {
            Some(Use::Publication(used)) => Some(used.publication.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(publications, ["publications/3", "publications/2", "publications/1"]);
    for page_size in 1..=all.len() as i32 + 1 {
        let (mut walked, mut page_token) = (Vec::new(), String::new());
        loop {
            let page = list(&mut publisher, &photo, page_size, page_token).await.expect("a page");
            assert!(page.photo_usages.len() <= page_size as usize);
            walked.extend(page.photo_usages);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(walked, all, "by {page_size}");
    }
    let token = list(&mut publisher, &photo, 1, String::new()).await.expect("a page").next_page_token;
    let refused = list(&mut publisher, &other, 1, token).await.expect_err("the usages of another");
    assert_eq!(
        (reason(&refused), fields(&refused)),
        ("INVALID_PAGE_TOKEN".into(), vec!["page_token".into()])
    );
    let missing = pb::Photo { name: "photos/00000000-0000-7000-8000-000000000000".into(), ..photo };
    let refused = list(&mut publisher, &missing, 1, String::new()).await.expect_err("no photo");
    assert_eq!((refused.code(), reason(&refused)), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    room.close().await;
}
