//! The proof that an import loses nothing.

use std::collections::{BTreeMap, BTreeSet};

use masthead::import::page::{Became, Byline, FactKind, Field, Page, parse};

use super::sample;

/// Nothing is lost: every line with anything on it is accounted for, and the account is true. The
/// pieces of a line are the whole line, the pieces that claim a field are exactly that field's
/// text, and what claims none is left over or a known wording.
pub fn assert_nothing_is_lost(text: &str) -> Page {
    let page = parse(text);
    let lines: BTreeMap<usize, String> = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| (index + 1, squeezed(line)))
        .collect();
    assert_eq!(page.printed_line_count, lines.len());
    let placed: BTreeSet<usize> = page.placed.iter().map(|line| line.line).collect();
    assert_eq!(placed.len(), page.placed.len(), "a line is placed once");
    let accounted: BTreeSet<usize> =
        placed.iter().copied().chain(page.left_over.iter().map(|left| left.line)).collect();
    assert_eq!(accounted, lines.keys().copied().collect::<BTreeSet<_>>());

    let mut claims: BTreeMap<String, String> = BTreeMap::new();
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut left: Vec<(usize, String)> = Vec::new();
    for line in &page.placed {
        let whole: String = line.parts.iter().map(|part| squeezed(&part.text)).collect();
        assert_eq!(whole, lines[&line.line], "line {} is whole", line.line);
        for part in &line.parts {
            match part.became {
                Became::Wording => assert_is_wording(&part.text),
                Became::Repeated(kind) => {
                    let is_stated = fields(&page).contains_key(&format!("{:?}", Became::Fact(kind)));
                    let of_one_print =
                        kind == FactKind::PublishingBody && page.masthead.publishing_body.is_some();
                    assert!(is_stated || of_one_print, "{kind:?} is stated in {text:?}");
                }
                Became::LeftOver => left.push((line.line, part.text.clone())),
                Became::Staff(_) | Became::Story(_, Field::Byline | Field::Photographer(_)) => {
                    names.entry(field_name(part.became)).or_default().insert(squeezed(&part.text));
                }
                other => claims.entry(format!("{other:?}")).or_default().push_str(&squeezed(&part.text)),
            }
        }
    }
    assert_eq!(claims, fields(&page));
    assert_eq!(names, signers(&page));
    // A line of which nothing found a place is left over as a whole, perhaps in several pieces.
    let mut unplaced: BTreeMap<usize, String> = BTreeMap::new();
    for entry in &page.left_over {
        if placed.contains(&entry.line) {
            assert!(left.contains(&(entry.line, entry.text.clone())), "{entry:?} is in the account");
        } else {
            unplaced.entry(entry.line).or_default().push_str(&squeezed(&entry.text));
        }
    }
    for (line, text) in unplaced {
        assert_eq!(text, lines[&line], "line {line} is left over as printed");
    }
    page
}

/// The text without spaces and without what prints nothing.
fn squeezed(text: &str) -> String {
    let unseen =
        |each: char| each.is_control() || matches!(each, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    text.chars().filter(|each| !each.is_whitespace() && !unseen(*each)).collect()
}

/// What is printed only to say what its neighbour is.
fn assert_is_wording(text: &str) {
    const WORDS: &str = "\
        本报 见习 实习 首席 全媒体 摄影 记者 特约 通讯员 实习生 责任 责编 编辑 本版 值班 校对 \
        版式 美编 版面设计 报道 作者 文 图 摄 农历 今日天气 天气 气温 温度 新闻热线 热线电话 热线 \
        电子邮箱 投稿邮箱 邮箱 信箱 网址 网站 主管单位 主管主办单位 主管主办 主管 主办、出版单位 主办单位 出版单位 主办 出版 社长、总编辑 \
        总编辑 总编 主编 国内统一连续出版物号 国内统一刊号 统一刊号 刊号 引题 肩题 主标题 主题 副标题 副题 版名 风向 风力 \
        今天天气 天气预报 撰文 采写 综合";
    let mut rest = squeezed(text);
    let mut words: Vec<&str> = WORDS.split_whitespace().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in words {
        rest = rest.replace(word, "");
    }
    assert!(!rest.chars().any(char::is_alphanumeric), "“{text}” is more than wording: {rest}");
}

/// The text of every field, under the name by which the account claims it.
fn fields(page: &Page) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = facts(page);
    for (place, story) in page.stories.iter().enumerate() {
        let mut put = |field: Field, text: &str| {
            if !text.is_empty() {
                fields.insert(format!("{:?}", Became::Story(place, field)), squeezed(text));
            }
        };
        for (field, passage) in [
            (Field::Kicker, &story.kicker),
            (Field::Headline, &story.headline),
            (Field::Subheadline, &story.subheadline),
            (Field::Column, &story.column),
            (Field::Dateline, &story.dateline),
            (Field::SourceCredit, &story.source_credit),
        ] {
            put(field, passage.as_ref().map_or("", |passage| &passage.text));
        }
        for (block, passage) in story.blocks.iter().enumerate() {
            put(Field::Block(block), &passage.passage().text);
        }
        for (place, photo) in story.photos.iter().enumerate() {
            put(Field::Caption(place), &photo.text);
            put(Field::PhotoCredit(place), photo.credit.as_deref().unwrap_or_default());
        }
    }
    fields
}

fn field_name(became: Became) -> String {
    match became {
        Became::Staff(_) => "Staff".to_owned(),
        other => format!("{other:?}"),
    }
}

/// The printed names of every list of names that lines claim. Who is in a second list only because
/// of the first (a photographer who signs the story, a story's photographer under its photo) is
/// not claimed there again.
fn signers(page: &Page) -> BTreeMap<String, BTreeSet<String>> {
    let mut signers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut put = |became: Became, name: &str| {
        signers.entry(field_name(became)).or_default().insert(squeezed(name));
    };
    for person in &page.staff {
        put(Became::Staff(0), &person.printed_name);
    }
    for (place, story) in page.stories.iter().enumerate() {
        let is_of_photo = |byline: &Byline| {
            story
                .photos
                .iter()
                .any(|photo| photo.photographers.contains(byline) && photo.lines.contains(&byline.line))
        };
        for byline in story.bylines.iter().filter(|byline| !is_of_photo(byline)) {
            put(Became::Story(place, Field::Byline), &byline.printed_name);
        }
        for (number, photo) in story.photos.iter().enumerate() {
            for byline in photo.photographers.iter().filter(|byline| photo.lines.contains(&byline.line)) {
                put(Became::Story(place, Field::Photographer(number)), &byline.printed_name);
            }
        }
    }
    signers
}

fn facts(page: &Page) -> BTreeMap<String, String> {
    let masthead = &page.masthead;
    let mut facts: BTreeMap<String, String> = BTreeMap::new();
    let mut put = |kind: &str, printed: Option<&str>| {
        if let Some(printed) = printed {
            facts.entry(format!("Fact({kind})")).or_default().push_str(&squeezed(printed));
        }
    };
    put("PublishDate", masthead.publish_date.as_ref().map(|fact| fact.printed.as_str()));
    put("IssueNumber", masthead.issue_number.as_ref().map(|fact| fact.printed.as_str()));
    put("PageCount", masthead.page_count.as_ref().map(|fact| fact.printed.as_str()));
    put("Temperature", masthead.temperature.as_ref().map(|fact| fact.printed.as_str()));
    put("PageNumber", page.number.as_ref().map(|fact| fact.printed.as_str()));
    for (kind, fact) in [
        ("Title", &masthead.title),
        ("SerialCode", &masthead.serial_code),
        ("LunarDate", &masthead.lunar_date),
        ("Weekday", &masthead.weekday),
        ("Weather", &masthead.weather),
        ("Wind", &masthead.wind),
        ("Hotline", &masthead.hotline),
        ("Mailbox", &masthead.mailbox),
        ("SupervisingBody", &masthead.supervising_body),
        ("PublishingBody", &masthead.publishing_body),
        ("ChiefEditor", &masthead.chief_editor),
        ("PriceNote", &masthead.price_note),
        ("Section", &page.section),
    ] {
        put(kind, fact.as_ref().map(|fact| fact.printed.as_str()));
    }
    // One print may name both bodies (主管主办单位).
    if masthead.publishing_body.is_some() && masthead.publishing_body == masthead.supervising_body {
        facts.remove("Fact(PublishingBody)");
    }
    let mut put = |kind: &str, printed: &str| {
        facts.entry(format!("Fact({kind})")).or_default().push_str(&squeezed(printed))
    };
    for site in &masthead.websites {
        put("Website", &site.printed);
    }
    facts
}

/// A small generator of numbers, so that the shuffled pages are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }
}

#[test]
fn nothing_is_lost_from_a_page_in_disorder() {
    let sample = sample();
    let lines: Vec<&str> = sample.lines().collect();
    let mut dice = Dice(4150);
    for _ in 0..400 {
        let mut page = String::new();
        for _ in 0..dice.below(40) {
            let line: Vec<char> = lines[dice.below(lines.len())].chars().collect();
            let (start, end) = (dice.below(line.len()), dice.below(line.len()));
            // Mostly whole lines; now and then a piece of one, or one glued to the next.
            let piece = if dice.below(4) == 0 { &line[start.min(end)..start.max(end)] } else { &line[..] };
            page.extend(piece);
            page.push_str(["\n", "\n\n", "\r\n", "", " ", "　"][dice.below(6)]);
        }
        assert_nothing_is_lost(&page);
    }
}

#[test]
fn nothing_is_lost_from_a_soup_of_words() {
    const WORDS: &str = "\
        ■ □ 记者 本报记者 山城日报记者 通讯员 林晓 林 杰 文 摄 / ／ 、 \
        （ ） ( ) 本报讯 本报北京4月20日电 据 《山城周刊》 来源： 【 】 见闻 图为 图①： \
        ▲左图 。 ， ” “ ： 新桥今日通车 新桥通车，市民出行方便。 \u{feff} \u{0} and APP 新闻热线 主管主办单位： \
        总编辑： CN 第1版 第 期 12 ４ 2023年4月21日 星期五 ℃ ~ 资料图片 一、 é😀";
    let words: Vec<&str> =
        WORDS.split_whitespace().chain(["欧阳 锋", " ", "\u{3000}\u{3000}", "\t"]).collect();
    let mut dice = Dice(12);
    for _ in 0..600 {
        let mut page = String::new();
        for _ in 0..dice.below(60) {
            page.push_str(words[dice.below(words.len())]);
            page.push_str(["", "", "", "\n", "\n\n", " "][dice.below(6)]);
        }
        assert_nothing_is_lost(&page);
    }
}
