//! The one table of what is checked: how bad a finding is, and whether a
//! publisher may waive it. PublishIssue, CheckIssue and the README go by it.

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is published before it is mended, or waived where that is
    /// possible.
    Error,
    /// Somebody should look at it; it blocks nothing.
    Warning,
}

/// What is checked. The API has the same codes in `PublishCheck`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "`PublishCheck` says what each one means")]
pub enum Code {
    NotReviewed,
    CorrectionNote,
    MastheadFact,
    PriceNote,
    PageCount,
    RunningNumber,
    PageEmpty,
    PageTooLarge,
    ArticlePlacedTwice,
    ArticleDeleted,
    ArticleWithdrawn,
    ArticleNotReviewed,
    ArticleWithoutHeadline,
    ArticleWithoutBody,
    ArticleEmbargoed,
    PhotoDeleted,
    PhotoWithoutFile,
    PhotoFileLost,
    PhotoNotCleared,
    PhotoNotReviewed,
    EarlierIssueUnpublished,
    PageWithoutLead,
    HeadlineLength,
    BylineRetired,
    Copy,
    CorrectionOwed,
}

/// What holds for a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in the API, without the prefix: `PAGE_COUNT`.
    pub name: &'static str,
    /// How bad a finding is.
    pub severity: Severity,
    /// Whether a publisher may waive it by naming it. Reviews, rights and files
    /// never.
    pub waivable: bool,
}

const fn error(name: &'static str) -> Rule {
    Rule { name, severity: Severity::Error, waivable: false }
}

const fn waivable_error(name: &'static str) -> Rule {
    Rule { name, severity: Severity::Error, waivable: true }
}

const fn warning(name: &'static str) -> Rule {
    Rule { name, severity: Severity::Warning, waivable: false }
}

impl Code {
    /// Every code, in the order of the table.
    pub const ALL: [Code; 26] = [
        Code::NotReviewed,
        Code::CorrectionNote,
        Code::MastheadFact,
        Code::PriceNote,
        Code::PageCount,
        Code::RunningNumber,
        Code::PageEmpty,
        Code::PageTooLarge,
        Code::ArticlePlacedTwice,
        Code::ArticleDeleted,
        Code::ArticleWithdrawn,
        Code::ArticleNotReviewed,
        Code::ArticleWithoutHeadline,
        Code::ArticleWithoutBody,
        Code::ArticleEmbargoed,
        Code::PhotoDeleted,
        Code::PhotoWithoutFile,
        Code::PhotoFileLost,
        Code::PhotoNotCleared,
        Code::PhotoNotReviewed,
        Code::EarlierIssueUnpublished,
        Code::PageWithoutLead,
        Code::HeadlineLength,
        Code::BylineRetired,
        Code::Copy,
        Code::CorrectionOwed,
    ];

    /// What holds for it: the table.
    pub const fn rule(self) -> Rule {
        match self {
            Code::NotReviewed => error("NOT_REVIEWED"),
            Code::CorrectionNote => error("CORRECTION_NOTE"),
            Code::MastheadFact => error("MASTHEAD_FACT"),
            Code::PriceNote => waivable_error("PRICE_NOTE"),
            Code::PageCount => waivable_error("PAGE_COUNT"),
            Code::RunningNumber => waivable_error("RUNNING_NUMBER"),
            Code::PageEmpty => error("PAGE_EMPTY"),
            Code::PageTooLarge => error("PAGE_TOO_LARGE"),
            Code::ArticlePlacedTwice => error("ARTICLE_PLACED_TWICE"),
            Code::ArticleDeleted => error("ARTICLE_DELETED"),
            Code::ArticleWithdrawn => error("ARTICLE_WITHDRAWN"),
            Code::ArticleNotReviewed => error("ARTICLE_NOT_REVIEWED"),
            Code::ArticleWithoutHeadline => error("ARTICLE_WITHOUT_HEADLINE"),
            Code::ArticleWithoutBody => error("ARTICLE_WITHOUT_BODY"),
            Code::ArticleEmbargoed => error("ARTICLE_EMBARGOED"),
            Code::PhotoDeleted => error("PHOTO_DELETED"),
            Code::PhotoWithoutFile => error("PHOTO_WITHOUT_FILE"),
            Code::PhotoFileLost => error("PHOTO_FILE_LOST"),
            Code::PhotoNotCleared => error("PHOTO_NOT_CLEARED"),
            Code::PhotoNotReviewed => error("PHOTO_NOT_REVIEWED"),
            Code::EarlierIssueUnpublished => warning("EARLIER_ISSUE_UNPUBLISHED"),
            Code::PageWithoutLead => warning("PAGE_WITHOUT_LEAD"),
            Code::HeadlineLength => warning("HEADLINE_LENGTH"),
            Code::BylineRetired => warning("BYLINE_RETIRED"),
            Code::Copy => warning("COPY"),
            Code::CorrectionOwed => warning("CORRECTION_OWED"),
        }
    }
}

/// The names of the codes that a publisher may waive, in the order of the
/// table.
pub fn waivable() -> Vec<&'static str> {
    let rules = Code::ALL.map(Code::rule);
    rules.into_iter().filter(|rule| rule.waivable).map(|rule| rule.name).collect()
}
