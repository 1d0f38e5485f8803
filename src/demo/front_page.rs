//! Prints a published issue in the terminal, as a reader would like to see it.

use std::collections::HashMap;

use console::style;

use crate::{
    demo::newsroom::Pulled,
    pb::{self, block::Kind},
    text::{display_width, truncate_to_width, wrap},
};

/// The width of the print in terminal columns.
const COLUMNS: usize = 76;

/// Lines of text that are shown of each story.
const STORY_LINES: usize = 3;

/// Prints the issue and where it stands in the ledger.
pub fn print(pulled: &Pulled) {
    let issue = &pulled.issue;
    let photos: HashMap<&str, &pb::PublishedPhoto> =
        issue.photos.iter().map(|photo| (photo.name.as_str(), photo)).collect();
    masthead(issue);
    for page in &issue.pages {
        page_head(page);
        for placed in &page.placements {
            story(placed, &photos);
        }
    }
    ledger(pulled);
}

fn masthead(published: &pb::PublishedIssue) {
    let newspaper = published.newspaper.clone().unwrap_or_default();
    let issue = published.issue.clone().unwrap_or_default();
    rule('═');
    centred(&spaced(&newspaper.title), true);
    centred(&day_line(&issue), false);
    centred(&weather_line(&issue), false);
    rule('─');
    let price = if issue.price_note.is_empty() { &newspaper.price_note } else { &issue.price_note };
    let facts = [
        labelled("主管单位: ", &newspaper.supervising_body),
        labelled("主办、出版单位: ", &newspaper.publishing_body),
        labelled("总编辑: ", &newspaper.chief_editor),
        newspaper.serial_code.clone(),
        if issue.number > 0 { format!("第{}期", issue.number) } else { String::new() },
        if issue.planned_page_count > 0 {
            format!("今日{}版", issue.planned_page_count)
        } else {
            String::new()
        },
        price.clone(),
        labelled("新闻热线: ", &newspaper.hotline),
        newspaper.website.clone(),
        newspaper.email.clone(),
    ];
    let stated: Vec<&str> = facts.iter().map(String::as_str).filter(|fact| !fact.is_empty()).collect();
    for line in flow(&stated) {
        println!("{}", style(line).dim());
    }
    rule('═');
}

/// 2023年4月21日 星期五 农历癸卯年三月初二
fn day_line(issue: &pb::Issue) -> String {
    let date = issue.publish_date.unwrap_or_default();
    let lunar = issue.lunar_date.as_ref().map(|lunar| lunar.text.as_str()).unwrap_or_default();
    let day = format!("{}年{}月{}日", date.year, date.month, date.day);
    join(&[&day, &issue.weekday, &labelled("农历", lunar)])
}

fn weather_line(issue: &pb::Issue) -> String {
    let weather = issue.weather.clone().unwrap_or_default();
    let range = weather.low_celsius.zip(weather.high_celsius);
    let range = range.map(|(low, high)| format!("{low}℃~{high}℃")).unwrap_or_default();
    join(&[&weather.condition, &weather.wind, &range])
}

fn page_head(page: &pb::PublishedPage) {
    let page = page.page.clone().unwrap_or_default();
    let number = page.name.rsplit('/').next().unwrap_or_default().to_owned();
    println!("{}", style(join(&[&format!("第{number}版"), &page.section, &page.editor])).dim());
    println!();
}

fn story(placed: &pb::published_page::PublishedPlacement, photos: &HashMap<&str, &pb::PublishedPhoto>) {
    let article = placed.article.clone().unwrap_or_default();
    let placement = placed.placement.clone().unwrap_or_default();
    let or = |here: String, own: &String| if here.is_empty() { own.clone() } else { here };
    let kicker = or(placement.kicker, &article.kicker);
    if !kicker.is_empty() {
        println!("{}", style(kicker).dim());
    }
    for line in wrap(&or(placement.headline, &article.headline), COLUMNS) {
        println!("{}", style(line).bold());
    }
    if !article.subheadline.is_empty() {
        println!("  {}", article.subheadline);
    }
    let byline = or(placement.byline, &byline(&article));
    if !byline.is_empty() {
        println!("{}", style(byline).cyan());
    }
    let opening = format!("{} {}", article.dateline, opening(&article));
    let lines = wrap(opening.trim(), COLUMNS - 2);
    for (index, line) in lines.iter().take(STORY_LINES).enumerate() {
        // With the line after it, the last one is too long, and so is cut and
        // marked as cut.
        let next = lines.get(index + 1).filter(|_| index + 1 == STORY_LINES);
        let line = next.map(|next| truncate_to_width(&format!("{line}{next}"), COLUMNS - 2));
        println!("  {}", line.as_ref().unwrap_or(&lines[index]));
    }
    for used in &article.photos {
        photo(used, photos);
    }
    println!();
}

/// ■记者 陈岚 / ■据《福州日报》
fn byline(article: &pb::Article) -> String {
    let mut signed: Vec<(&str, Vec<&str>)> = Vec::new();
    for byline in &article.bylines {
        let word = match byline.role() {
            pb::byline::Role::Correspondent => "通讯员",
            pb::byline::Role::Photographer => "摄影",
            pb::byline::Role::Editor => "责编",
            pb::byline::Role::Proofreader => "校对",
            pb::byline::Role::Reporter | pb::byline::Role::Unspecified => "记者",
        };
        match signed.last_mut() {
            Some((role, names)) if *role == word => names.push(&byline.printed_name),
            _ => signed.push((word, vec![&byline.printed_name])),
        }
    }
    let mut parts: Vec<String> =
        signed.into_iter().map(|(word, names)| format!("{word} {}", names.join(" "))).collect();
    if !article.source_credit.is_empty() {
        parts.push(format!("据《{}》", article.source_credit));
    }
    if parts.is_empty() { String::new() } else { format!("■{}", parts.join(" ")) }
}

/// The first text of a body, for the first lines.
fn opening(article: &pb::Article) -> String {
    let paragraphs = article.body.iter().filter_map(|block| match &block.kind {
        Some(Kind::Paragraph(paragraph)) => Some(paragraph.text.as_str()),
        _ => None,
    });
    paragraphs.collect()
}

fn photo(used: &pb::PhotoUse, photos: &HashMap<&str, &pb::PublishedPhoto>) {
    let Some(photo) = photos.get(used.photo.as_str()) else { return };
    let caption = if used.caption.is_empty() { &photo.caption } else { &used.caption };
    let credit = if used.credit_line.is_empty() { &photo.credit_line } else { &used.credit_line };
    let file = photo.file.clone().unwrap_or_default();
    println!(
        "  {}",
        style(format!("▣ {}×{} px, {}", file.width_px, file.height_px, file.content_type)).dim()
    );
    for line in wrap(caption, COLUMNS - 4) {
        println!("    {line}");
    }
    println!("    {}", style(credit).cyan());
}

fn ledger(pulled: &Pulled) {
    let entry = &pulled.entry;
    rule('═');
    println!("{} {} by {}", style("Ledger").bold(), entry.name, entry.publisher);
    println!("  sha256 {} ({} bytes, checked)", entry.sha256, entry.size_bytes);
    println!("  hash   {}", entry.hash);
    if !entry.acknowledged.is_empty() {
        println!("  acknowledged {}", entry.acknowledged.join(", "));
    }
    let total: usize = pulled.photo_bytes.iter().sum();
    println!("  photos pulled: {}, {total} bytes, digests checked", pulled.photo_bytes.len());
    println!();
}

fn rule(line: char) {
    println!("{}", line.to_string().repeat(COLUMNS));
}

fn centred(text: &str, bold: bool) {
    let margin = " ".repeat(COLUMNS.saturating_sub(display_width(text)) / 2);
    if bold { println!("{margin}{}", style(text).bold()) } else { println!("{margin}{text}") }
}

/// Letter-spaced, as mastheads are set.
fn spaced(title: &str) -> String {
    title.chars().map(String::from).collect::<Vec<_>>().join(" ")
}

fn labelled(label: &str, value: &str) -> String {
    if value.is_empty() { String::new() } else { format!("{label}{value}") }
}

fn join(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("  ")
}

/// Sets pieces into lines without breaking one.
fn flow(pieces: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(line) if display_width(line) + 2 + display_width(piece) <= COLUMNS => {
                line.push_str("  ");
                line.push_str(piece);
            }
            _ => lines.push((*piece).to_owned()),
        }
    }
    lines
}
