//! The content of an article between its message and its type.

use crate::{
    article::{self, Block, Content, Format, PhotoUse, Span},
    config, pb, photo,
    wire::{self, Check, byline},
};

/// Reads the content of an article that a caller sent.
pub fn read(check: &mut Check, article: pb::Article) -> Content {
    let headline = config::HEADLINE_CHARS_MAX;
    let content = Content {
        kicker: check.line("article.kicker", article.kicker, headline),
        headline: check.required_line("article.headline", article.headline, headline),
        subheadline: check.line("article.subheadline", article.subheadline, headline),
        column: check.line("article.column", article.column, config::NAME_CHARS_MAX),
        dateline: check.line("article.dateline", article.dateline, config::NAME_CHARS_MAX),
        bylines: byline::read(check, "article.bylines", article.bylines, config::ARTICLE_BYLINES_MAX),
        source_credit: check.line("article.source_credit", article.source_credit, config::CREDIT_CHARS_MAX),
        body: body(check, article.body),
        photos: photos(check, article.photos),
        keywords: check.list_of_lines(
            "article.keywords",
            article.keywords,
            config::KEYWORDS_MAX,
            config::KEYWORD_CHARS_MAX,
        ),
        language_code: check.language("article.language_code", article.language_code),
        place: check.line("article.place", article.place, config::CREDIT_CHARS_MAX),
        event_date: check.date("article.event_date", article.event_date),
        embargo_time: check.time("article.embargo_time", article.embargo_time),
        corrects: match article.corrects.as_str() {
            "" => None,
            name => Some(check.article("article.corrects", name)),
        },
    };
    check.count(
        "article.photos and photos in article.body",
        content.photos().len(),
        config::ARTICLE_PHOTOS_MAX,
    );
    content
}

fn body(check: &mut Check, blocks: Vec<pb::Block>) -> Vec<Block> {
    if !check.count("article.body", blocks.len(), config::BODY_BLOCKS_MAX) {
        return Vec::new();
    }
    let mut characters = 0;
    let mut body = Vec::with_capacity(blocks.len());
    for (index, given) in blocks.into_iter().enumerate() {
        let field = format!("article.body[{index}]");
        match given.kind {
            Some(kind) => {
                let block = block(check, &field, kind);
                characters += count_characters(&block);
                body.push(block);
            }
            None => check.add(field, "must say what kind of block it is"),
        }
    }
    if characters > config::BODY_CHARS_MAX {
        check.add(
            "article.body",
            format!("has {characters} characters, more than {}", config::BODY_CHARS_MAX),
        );
    }
    body
}

fn block(check: &mut Check, field: &str, kind: pb::block::Kind) -> Block {
    match kind {
        pb::block::Kind::Paragraph(paragraph) => {
            let field = format!("{field}.paragraph");
            let text =
                check.required_lines(&format!("{field}.text"), paragraph.text, config::PARAGRAPH_CHARS_MAX);
            let spans = spans(check, &format!("{field}.spans"), paragraph.spans, &text);
            Block::Paragraph { text, spans }
        }
        pb::block::Kind::Heading(heading) => {
            let text = check.required_line(
                &format!("{field}.heading.text"),
                heading.text,
                config::HEADLINE_CHARS_MAX,
            );
            let level = check.number(&format!("{field}.heading.level"), heading.level, 0, 3).max(1);
            Block::Heading { text, level }
        }
        pb::block::Kind::Label(label) => {
            let text =
                check.required_line(&format!("{field}.label.text"), label.text, config::LABEL_CHARS_MAX);
            Block::Label { text }
        }
        pb::block::Kind::Quote(quote) => {
            let text =
                check.required_lines(&format!("{field}.quote.text"), quote.text, config::QUOTE_CHARS_MAX);
            let attribution = check.line(
                &format!("{field}.quote.attribution"),
                quote.attribution,
                config::CREDIT_CHARS_MAX,
            );
            Block::Quote { text, attribution }
        }
        pb::block::Kind::List(list) => {
            let field = format!("{field}.list.items");
            if list.items.is_empty() {
                check.add(&field, "must not be empty");
            }
            let items =
                check.list_of_lines(&field, list.items, config::LIST_ITEMS_MAX, config::ITEM_CHARS_MAX);
            Block::List { items, ordered: list.ordered }
        }
        pb::block::Kind::Table(table) => {
            Block::Table { rows: rows(check, &format!("{field}.table.rows"), table) }
        }
        pb::block::Kind::Photo(photo) => {
            Block::Photo { photo: photo_use(check, &format!("{field}.photo"), photo) }
        }
    }
}

fn rows(check: &mut Check, field: &str, table: pb::Table) -> Vec<Vec<String>> {
    let width = table.rows.first().map_or(0, |row| row.cells.len());
    if width == 0 {
        check.add(field, "must have a first row with cells");
    }
    if !check.count(field, table.rows.len(), config::TABLE_ROWS_MAX) {
        return Vec::new();
    }
    let mut rows = Vec::with_capacity(table.rows.len());
    for (index, row) in table.rows.into_iter().enumerate() {
        let field = format!("{field}[{index}].cells");
        if row.cells.len() != width {
            check.add(&field, format!("has {} cells; the first row has {width}", row.cells.len()));
        }
        if !check.count(&field, row.cells.len(), config::TABLE_CELLS_MAX) {
            continue;
        }
        let cells = row.cells.into_iter().enumerate();
        rows.push(
            cells
                .map(|(n, cell)| check.lines(&format!("{field}[{n}]"), cell, config::CELL_CHARS_MAX))
                .collect(),
        );
    }
    rows
}

/// Reads spans into the one order that equal formatting has: by start, the
/// longer first.
fn spans(check: &mut Check, field: &str, given: Vec<pb::Span>, text: &str) -> Vec<Span> {
    if given.is_empty() || !check.count(field, given.len(), config::SPANS_MAX) {
        return Vec::new();
    }
    let characters = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let mut spans = Vec::with_capacity(given.len());
    for (index, span) in given.into_iter().enumerate() {
        let field = format!("{field}[{index}]");
        let end = i64::from(span.start) + i64::from(span.length);
        if span.start < 0 || span.length < 1 || end > characters {
            check.add(&field, format!("must lie within the {characters} characters of the text"));
        }
        if let Some(format) = format(check, &field, span.format) {
            spans.push(Span { start: span.start, length: span.length, format });
        }
    }
    spans.sort_by_key(|span| (span.start, -i64::from(span.length)));
    if spans_cross(&spans) {
        check.add(field, "spans may nest but not cross");
    }
    spans
}

/// Whether two spans overlap without one holding the other. `spans` are by
/// start, the longer first, so that the ends of the open ones only shrink.
fn spans_cross(spans: &[Span]) -> bool {
    let mut open: Vec<i64> = Vec::new();
    for span in spans {
        let (start, end) = (i64::from(span.start), i64::from(span.start) + i64::from(span.length));
        while open.last().is_some_and(|outer| *outer <= start) {
            open.pop();
        }
        if open.last().is_some_and(|outer| *outer < end) {
            return true;
        }
        open.push(end);
    }
    false
}

fn format(check: &mut Check, field: &str, format: Option<pb::span::Format>) -> Option<Format> {
    match format {
        Some(pb::span::Format::Bold(true)) => Some(Format::Bold),
        Some(pb::span::Format::Italic(true)) => Some(Format::Italic),
        Some(pb::span::Format::LinkUrl(url)) => {
            let field = format!("{field}.link_url");
            let is_link = ["http://", "https://", "mailto:"].iter().any(|scheme| url.starts_with(scheme));
            if !is_link || url.contains(char::is_whitespace) {
                check.add(&field, "must be an absolute http, https or mailto URL");
            }
            Some(Format::Link(check.required_line(&field, url, config::URL_CHARS_MAX)))
        }
        _ => {
            check.add(field, "must say how it is set: bold, italic or link_url");
            None
        }
    }
}

fn photos(check: &mut Check, photos: Vec<pb::PhotoUse>) -> Vec<PhotoUse> {
    if !check.count("article.photos", photos.len(), config::ARTICLE_PHOTOS_MAX) {
        return Vec::new();
    }
    let photos = photos.into_iter().enumerate();
    photos.map(|(index, photo)| photo_use(check, &format!("article.photos[{index}]"), photo)).collect()
}

fn photo_use(check: &mut Check, field: &str, given: pb::PhotoUse) -> PhotoUse {
    PhotoUse {
        photo: check.photo(&format!("{field}.photo"), &given.photo),
        caption: check.lines(&format!("{field}.caption"), given.caption, config::CAPTION_CHARS_MAX),
        credit_line: check.line(&format!("{field}.credit_line"), given.credit_line, config::CREDIT_CHARS_MAX),
    }
}

fn count_characters(block: &Block) -> usize {
    let count = |text: &String| text.chars().count();
    match block {
        Block::Paragraph { text, .. } | Block::Heading { text, .. } | Block::Label { text } => count(text),
        Block::Quote { text, attribution } => count(text) + count(attribution),
        Block::List { items, .. } => items.iter().map(count).sum(),
        Block::Table { rows } => rows.iter().flatten().map(count).sum(),
        Block::Photo { photo } => count(&photo.caption) + count(&photo.credit_line),
    }
}

/// A message that has the content and nothing else.
impl From<Content> for pb::Article {
    fn from(content: Content) -> pb::Article {
        pb::Article {
            kicker: content.kicker,
            headline: content.headline,
            subheadline: content.subheadline,
            column: content.column,
            dateline: content.dateline,
            bylines: content.bylines.into_iter().map(pb::Byline::from).collect(),
            source_credit: content.source_credit,
            body: content.body.into_iter().map(pb::Block::from).collect(),
            photos: content.photos.into_iter().map(pb::PhotoUse::from).collect(),
            keywords: content.keywords,
            language_code: content.language_code,
            place: content.place,
            event_date: content.event_date.map(wire::date),
            embargo_time: content.embargo_time.map(wire::timestamp),
            corrects: content.corrects.map(article::name).unwrap_or_default(),
            ..pb::Article::default()
        }
    }
}

impl From<Block> for pb::Block {
    fn from(block: Block) -> pb::Block {
        let kind = match block {
            Block::Paragraph { text, spans } => {
                let spans = spans.into_iter().map(pb::Span::from).collect();
                pb::block::Kind::Paragraph(pb::Paragraph { text, spans })
            }
            Block::Heading { text, level } => pb::block::Kind::Heading(pb::Heading { text, level }),
            Block::Label { text } => pb::block::Kind::Label(pb::Label { text }),
            Block::Quote { text, attribution } => pb::block::Kind::Quote(pb::Quote { text, attribution }),
            Block::List { items, ordered } => pb::block::Kind::List(pb::BulletList { items, ordered }),
            Block::Table { rows } => {
                let rows = rows.into_iter().map(|cells| pb::table::Row { cells }).collect();
                pb::block::Kind::Table(pb::Table { rows })
            }
            Block::Photo { photo } => pb::block::Kind::Photo(photo.into()),
        };
        pb::Block { kind: Some(kind) }
    }
}

impl From<Span> for pb::Span {
    fn from(span: Span) -> pb::Span {
        let format = match span.format {
            Format::Bold => pb::span::Format::Bold(true),
            Format::Italic => pb::span::Format::Italic(true),
            Format::Link(url) => pb::span::Format::LinkUrl(url),
        };
        pb::Span { start: span.start, length: span.length, format: Some(format) }
    }
}

impl From<PhotoUse> for pb::PhotoUse {
    fn from(used: PhotoUse) -> pb::PhotoUse {
        pb::PhotoUse { photo: photo::name(used.photo), caption: used.caption, credit_line: used.credit_line }
    }
}
