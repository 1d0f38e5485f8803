//! Reads the plain text of one printed page (版) as an editor would.
//!
//! A scanned page is a heap of lines: the facts of the masthead (报头), headlines (主题) with a
//! kicker (引题) above or a subheadline (副题) below, signatures (■记者 …), bodies that the scan
//! has cut in mid-sentence, captions (图为…). [`parse`] tells them apart by the printed habits of
//! Chinese papers and answers one [`Page`].
//!
//! Two rules are kept whatever the text is:
//! - **Nothing is lost.** Every line with anything on it is in [`Page::placed`], piece by piece,
//!   with the field that each piece went to, or in [`Page::left_over`], with the reason.
//! - **A guess is said aloud.** Where the page does not say it, the likely reading is taken and a
//!   [`Warning`] asks the editor to check it.
//!
//! The reading goes in steps, a file each: `lines` numbers the lines, `masthead` takes the facts
//! (with `facts`, `tokens` and `numbers`), `kinds` says what every other line looks like (with
//! `bylines`, `signatures` and `captions`), `story` builds `draft`s of the stories, `headlines`
//! settles their titles (with `titles` and `lead`), `warnings` looks for what an editor should
//! see, `report` tells all of it; `ledger` keeps the `account` meanwhile. Everything here is pure:
//! text in, page out, in time that grows with the text and no faster.

mod account;
mod bylines;
mod captions;
mod characters;
mod draft;
mod facts;
mod headlines;
mod kinds;
mod lead;
mod ledger;
mod lines;
mod masthead;
mod numbers;
pub mod report;
mod signatures;
mod story;
mod surnames;
mod titles;
mod tokens;
mod warnings;

use chrono::NaiveDate;

pub use account::{Became, Field, LeftOver, Part, PlacedLine, Reason};
pub use warnings::{Warning, WarningKind, calendar_warnings};

/// One printed page as read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The facts of the masthead that are printed on this page.
    pub masthead: Masthead,
    /// The page number, if it is printed (第1版, A1版). See [`Page::page_number`].
    pub number: Option<Fact<u32>>,
    /// The section name (版名), if it is printed: 要闻, 副刊.
    pub section: Option<Fact<String>>,
    /// Who made the page: editors (责编), proofreaders (校对), layout (版式), as printed.
    pub staff: Vec<Byline>,
    /// The stories in the order in which the text prints them.
    pub stories: Vec<Story>,
    /// Every line of which at least a piece found its field, in order of line numbers.
    pub placed: Vec<PlacedLine>,
    /// Every line, or piece of a line, for which there is no field, in order of line numbers.
    pub left_over: Vec<LeftOver>,
    /// What an editor should look at, in order of line numbers.
    pub warnings: Vec<Warning>,
    /// How many lines have anything on them: the number that `placed` and `left_over` account for.
    pub printed_line_count: usize,
}

impl Page {
    /// The page's number, 1 if none is printed.
    pub fn page_number(&self) -> u32 {
        self.number.as_ref().map_or(1, |number| number.value)
    }

    /// Everyone who signed on this page, each name once, in the order of appearance: the
    /// reporters, correspondents and photographers of the stories. The page's staff are not among
    /// them.
    pub fn names(&self) -> Vec<&str> {
        let mut seen = std::collections::HashSet::new();
        self.stories
            .iter()
            .flat_map(|story| {
                story.bylines.iter().chain(story.photos.iter().flat_map(|photo| &photo.photographers))
            })
            .map(|byline| byline.name.as_str())
            .filter(|name| seen.insert(*name))
            .collect()
    }
}

/// Something that the masthead states: its meaning, its print, its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact<T> {
    /// What it means.
    pub value: T,
    /// The characters as printed, without the wording that introduces them (总编辑:).
    pub printed: String,
    /// The line on which the value stands, counted from 1.
    pub line: usize,
}

/// The facts of a masthead (报头). What is not printed is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Masthead {
    /// 报名, as printed, the spaces between its characters taken out.
    pub title: Option<Fact<String>>,
    /// 国内统一刊号: the CN code.
    pub serial_code: Option<Fact<String>>,
    /// 第N期: the running number.
    pub issue_number: Option<Fact<u32>>,
    /// The date of the issue.
    pub publish_date: Option<Fact<NaiveDate>>,
    /// 农历, without that word: 癸卯年三月初二.
    pub lunar_date: Option<Fact<String>>,
    /// 星期N, whichever way it is printed (周五, 礼拜五).
    pub weekday: Option<Fact<String>>,
    /// The sky: 多云转阴.
    pub weather: Option<Fact<String>>,
    /// The wind: 东北风3-4级.
    pub wind: Option<Fact<String>>,
    /// The range of the day's temperature.
    pub temperature: Option<Fact<Temperature>>,
    /// 新闻热线.
    pub hotline: Option<Fact<String>>,
    /// The web sites, in the order of print; a newspaper's own comes first.
    pub websites: Vec<Fact<String>>,
    /// 邮箱.
    pub mailbox: Option<Fact<String>>,
    /// 主管单位: the body in charge.
    pub supervising_body: Option<Fact<String>>,
    /// 主办、出版单位: the publishing body.
    pub publishing_body: Option<Fact<String>>,
    /// 总编辑.
    pub chief_editor: Option<Fact<String>>,
    /// 今日N版: how many pages the issue has.
    pub page_count: Option<Fact<u32>>,
    /// 免费阅读, 零售每份1元.
    pub price_note: Option<Fact<String>>,
}

/// The range of a day's temperature, in degrees Celsius.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Temperature {
    /// The lowest.
    pub low_celsius: i32,
    /// The highest.
    pub high_celsius: i32,
}

/// Which fact a piece of the masthead became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of `Masthead` or `Page` of the same name")]
pub enum FactKind {
    Title,
    SerialCode,
    IssueNumber,
    PublishDate,
    LunarDate,
    Weekday,
    Weather,
    Wind,
    Temperature,
    Hotline,
    Website,
    Mailbox,
    SupervisingBody,
    PublishingBody,
    ChiefEditor,
    PageCount,
    PriceNote,
    PageNumber,
    Section,
}

/// A piece of text, and the lines that it was read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passage {
    /// The text; where the scan had cut a sentence, joined again.
    pub text: String,
    /// The numbers of its lines, ascending, counted from 1.
    pub lines: Vec<usize>,
}

/// One article (稿件) as printed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Story {
    /// 引题: the line above the headline. Several printed lines are joined by a space.
    pub kicker: Option<Passage>,
    /// 主题. `None` if the page prints none for this story; see [`Story::working_headline`].
    pub headline: Option<Passage>,
    /// 副题: the line below the headline.
    pub subheadline: Option<Passage>,
    /// 栏目: the column, from a label above the headline.
    pub column: Option<Passage>,
    /// 电头: 本报讯, taken off the first paragraph.
    pub dateline: Option<Passage>,
    /// 署名. Who wrote and photographed (文/摄) is here twice, once for each role.
    pub bylines: Vec<Byline>,
    /// 来源: 据《…》, without the ornament before it.
    pub source_credit: Option<Passage>,
    /// The body.
    pub blocks: Vec<Block>,
    /// One for each caption.
    pub photos: Vec<Caption>,
    /// Where sentences that the scan had cut were joined.
    pub joins: Vec<Join>,
    /// How the page plays it.
    pub role: StoryRole,
    /// All lines that belong to it, ascending.
    pub lines: Vec<usize>,
}

impl Story {
    /// The headline, or, for a story printed without one, the opening of its text (at most 20
    /// characters), under which an editor will find it again.
    pub fn working_headline(&self) -> String {
        if let Some(headline) = &self.headline {
            return headline.text.clone();
        }
        let opening = self
            .blocks
            .iter()
            .map(|block| block.passage().text.as_str())
            .chain(self.photos.iter().map(|photo| photo.text.as_str()))
            .find(|text| !text.is_empty())
            .unwrap_or("（无题）");
        opening.chars().take(20).collect()
    }
}

/// How the page plays a story.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StoryRole {
    /// 头条.
    Lead,
    /// Neither of the others.
    #[default]
    Secondary,
    /// 简讯: under 200 characters.
    Brief,
    /// 图片新闻: a picture, a caption, at most one paragraph.
    PhotoStory,
}

/// One piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(Passage),
    /// A section head (小标题) inside a feature.
    Heading(Passage),
    /// A label, without its brackets 【 】.
    Label(Passage),
}

impl Block {
    /// Its text, whichever kind it is.
    pub fn passage(&self) -> &Passage {
        match self {
            Block::Paragraph(passage) | Block::Heading(passage) | Block::Label(passage) => passage,
        }
    }
}

/// One name under a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Byline {
    /// The name, spaces that spread it out (林 杰) taken out.
    pub name: String,
    /// The name as printed.
    pub printed_name: String,
    /// What the page says the person did.
    pub role: Role,
    /// The line, counted from 1.
    pub line: usize,
}

/// What someone did for a story or a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// 记者, and whoever signs without saying more.
    Reporter,
    /// 通讯员, 实习生.
    Correspondent,
    /// 摄.
    Photographer,
    /// 责编.
    Editor,
    /// 校对.
    Proofreader,
    /// 版式, 美编.
    Layout,
}

impl Role {
    /// The newsroom's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Role::Reporter => "记者",
            Role::Correspondent => "通讯员",
            Role::Photographer => "摄",
            Role::Editor => "责编",
            Role::Proofreader => "校对",
            Role::Layout => "版式",
        }
    }
}

/// The words under one photo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caption {
    /// 图为…; empty if only a photographer is printed.
    pub text: String,
    /// Who took it. Where the caption names nobody, the story's own photographers (文/摄).
    pub photographers: Vec<Byline>,
    /// A credit that names no photographer: 资料图片, 某某公司供图.
    pub credit: Option<String>,
    /// The line on which the caption begins, counted from 1.
    pub line: usize,
    /// All its lines.
    pub lines: Vec<usize>,
}

/// A place where the scan had cut a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The line that broke off.
    pub before: usize,
    /// The line that goes on.
    pub after: usize,
    /// A few characters of both, with `│` between them.
    pub seam: String,
}

/// Reads the plain text of one printed page.
///
/// Any text is taken: what is no newspaper page ends in [`Page::left_over`]. The weekday and the
/// lunar date are not compared here, because that needs a calendar: see [`calendar_warnings`].
pub fn parse(text: &str) -> Page {
    let lines = lines::split(text);
    let mut page = Page { printed_line_count: lines.len(), ..Page::default() };
    let mut ledger = ledger::Ledger::default();
    let rest = masthead::take(&lines, &mut page, &mut ledger);
    let items = kinds::classify(rest, &mut page, &mut ledger);
    story::assemble(&items, &mut page, &mut ledger);
    ledger.close(&mut page);
    warnings::look(&lines, &mut page);
    page
}
