//! 往期: published issues as an archive, for readers.

mod days;
mod finding;
mod listing;
mod scale;
mod withdrawn;

use masthead::{admin::Role, import::desk::Desk, pb};
use tonic::Status;

use crate::newsroom::{Newsroom, PAPER, date, paragraph};

/// The other newspaper.
const EVENING: &str = "newspapers/evening-post";

/// A year, a month and a day.
type Day = (i32, i32, i32);

/// A newsroom of two newspapers, and a reader.
struct Press {
    room: Newsroom,
    reporter: Desk,
    editor: Desk,
    publisher: Desk,
    reader: Desk,
    /// What stands in every issue of the morning paper, and of the evening one.
    stories: [String; 2],
}

impl Press {
    async fn open() -> Press {
        let room = Newsroom::open().await;
        let morning = room.newspaper(1).await;
        let mut press = Press {
            reporter: room.desk(Role::Reporter).await,
            editor: room.desk(Role::Editor).await,
            publisher: room.desk(Role::Publisher).await,
            reader: room.desk(Role::Reader).await,
            stories: Default::default(),
            room,
        };
        let evening = pb::CreateNewspaperRequest {
            newspaper: Some(pb::Newspaper {
                title: "晚讯报".into(),
                serial_code: "CN-99(Q)第0098号".into(),
                ..morning
            }),
            newspaper_id: "evening-post".into(),
            ..Default::default()
        };
        press.publisher.newspapers.create_newspaper(evening).await.expect("a newspaper");
        press.stories = [press.story(PAPER).await, press.story(EVENING).await];
        press
    }

    async fn close(self) {
        self.room.close().await;
    }

    /// An article that was published, and so may stand in any issue of its paper.
    async fn story(&mut self, paper: &str) -> String {
        let article = pb::Article {
            newspaper: paper.into(),
            headline: "每日一题".into(),
            body: vec![paragraph("昨天，本市举行了一次演练。")],
            ..Default::default()
        };
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        let article = self.reporter.articles.create_article(create).await.expect("an article").into_inner();
        let (name, etag) = (article.name.clone(), article.etag);
        let review = pb::ReviewArticleRequest { name, etag, stage: 1, ..Default::default() };
        self.editor.articles.review_article(review).await.expect("a review");
        let publish = pb::PublishArticleRequest { name: article.name.clone(), ..Default::default() };
        self.publisher.articles.publish_article(publish).await.expect("a publication");
        article.name
    }

    /// Makes an issue of one page, not yet published; its name.
    async fn draft(&mut self, paper: &str, id: &str, number: i32, (year, month, day): Day) -> String {
        let issue = pb::Issue {
            number,
            publish_date: Some(date(year, month, day)),
            planned_page_count: 1,
            ..Default::default()
        };
        let create = pb::CreateIssueRequest {
            parent: paper.into(),
            issue: Some(issue),
            issue_id: id.into(),
            ..Default::default()
        };
        let issue = self.reporter.issues.create_issue(create).await.expect("an issue").into_inner();
        let story = self.stories[usize::from(paper == EVENING)].clone();
        let page = pb::Page {
            name: format!("{}/pages/1", issue.name),
            section: "要闻".into(),
            placements: vec![pb::Placement { article: story, ..Default::default() }],
            ..Default::default()
        };
        let update = pb::UpdatePageRequest { page: Some(page), allow_missing: true, ..Default::default() };
        self.reporter.issues.update_page(update).await.expect("a page");
        issue.name
    }

    /// Has an issue signed and published as it is now.
    async fn send_out(&mut self, name: &str, note: &str) {
        let review = pb::ReviewIssueRequest {
            name: name.to_owned(),
            etag: "*".into(),
            stage: 1,
            ..Default::default()
        };
        self.editor.issues.review_issue(review).await.expect("a review");
        let publish = pb::PublishIssueRequest {
            name: name.to_owned(),
            note: note.to_owned(),
            acknowledge: vec!["RUNNING_NUMBER".into()],
            ..Default::default()
        };
        self.publisher.issues.publish_issue(publish).await.expect("a publication");
    }

    /// Publishes a new issue; its name.
    async fn print(&mut self, paper: &str, id: &str, number: i32, day: Day) -> String {
        let name = self.draft(paper, id, number, day).await;
        self.send_out(&name, "").await;
        name
    }

    async fn withdraw(&mut self, name: &str) {
        let withdraw =
            pb::WithdrawIssueRequest { name: name.into(), reason: "误发".into(), ..Default::default() };
        self.publisher.issues.withdraw_issue(withdraw).await.expect("a withdrawal");
    }

    /// Lists page by page to the end; the ids.
    async fn list(&mut self, list: pb::ListPublishedIssuesRequest) -> Vec<String> {
        let (mut ids, mut page_token) = (Vec::new(), String::new());
        loop {
            let list = pb::ListPublishedIssuesRequest { page_token, ..list.clone() };
            let page = self.reader.publications.list_published_issues(list).await.expect("a page");
            let page = page.into_inner();
            ids.extend(page.published_issues.iter().map(id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return ids;
            }
        }
    }

    /// All published issues of a newspaper, oldest first.
    async fn all(&mut self, paper: &str) -> Vec<String> {
        let (parent, order_by) = (paper.to_owned(), "publish_date".to_owned());
        self.list(pb::ListPublishedIssuesRequest { parent, order_by, ..Default::default() }).await
    }

    async fn calendar(&mut self, paper: &str, year: i32, month: i32) -> pb::IssueCalendar {
        let get = pb::GetIssueCalendarRequest { parent: paper.into(), year, month };
        self.reader.publications.get_issue_calendar(get).await.expect("a calendar").into_inner()
    }

    /// The ids of the neighbours of an issue; empty for none.
    async fn neighbours(&mut self, name: &str) -> Result<(String, String), Status> {
        let get = pb::GetAdjacentIssuesRequest { name: name.to_owned() };
        let found = self.reader.publications.get_adjacent_issues(get).await?.into_inner();
        let id = |summary: Option<pb::PublishedIssueSummary>| summary.as_ref().map(id).unwrap_or_default();
        Ok((id(found.previous), id(found.next)))
    }

    /// The ids of the issues of one day in other years, page by page.
    async fn on_this_day(&mut self, paper: &str, (year, month, day): Day, page_size: i32) -> Vec<String> {
        let (mut ids, mut page_token) = (Vec::new(), String::new());
        loop {
            let list = pb::ListIssuesOnThisDayRequest {
                parent: paper.into(),
                date: Some(date(year, month, day)),
                page_size,
                page_token,
            };
            let page = self.reader.publications.list_issues_on_this_day(list).await.expect("a page");
            let page = page.into_inner();
            ids.extend(page.published_issues.iter().map(id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return ids;
            }
        }
    }

    /// The id of the published issue that is found by a number.
    async fn by_number(&mut self, paper: &str, number: i32, day: Option<Day>) -> Result<String, Status> {
        let get = pb::GetPublishedIssueRequest {
            newspaper: paper.into(),
            number,
            publish_date: day.map(|(year, month, day)| date(year, month, day)),
            ..Default::default()
        };
        let found = self.reader.publications.get_published_issue(get).await?.into_inner();
        Ok(found.name.rsplit('/').next().unwrap_or_default().to_owned())
    }
}

fn id(summary: &pb::PublishedIssueSummary) -> String {
    summary.name.rsplit('/').next().unwrap_or_default().to_owned()
}

/// The days of a calendar with the ids of their issues.
fn shown(calendar: &pb::IssueCalendar) -> Vec<(i32, Vec<String>)> {
    let days = calendar.days.iter();
    days.map(|day| (day.date.expect("a date").day, day.published_issues.iter().map(id).collect())).collect()
}
