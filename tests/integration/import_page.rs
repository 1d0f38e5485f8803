//! `masthead import page`: what a printed page in plain text becomes.

#[path = "import_page/account.rs"]
mod account;
#[path = "import_page/scanned.rs"]
mod scanned;

use account::assert_nothing_is_lost;
use masthead::import::page::{
    Block, Caption, Fact, Page, Reason, Role, Story, StoryRole, Temperature, WarningKind, calendar_warnings,
    parse, report,
};

fn sample() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/front-page.txt");
    std::fs::read_to_string(path).expect("the sample page is in the repository")
}

/// The words of a fact; none if the page does not state it.
fn words(fact: &Option<Fact<String>>) -> &str {
    fact.as_ref().map_or("", |fact| &fact.value)
}

fn story<'a>(page: &'a Page, headline: &str) -> &'a Story {
    let named = |story: &&Story| story.headline.as_ref().is_some_and(|own| own.text == headline);
    page.stories.iter().find(named).unwrap_or_else(|| panic!("no story “{headline}” in {page:#?}"))
}

fn people(story: &Story) -> String {
    let people: Vec<_> =
        story.bylines.iter().map(|byline| format!("{} {}", byline.role.word(), byline.name)).collect();
    people.join("，")
}

fn paragraphs(story: &Story) -> Vec<&str> {
    let text = |block: &'_ Block| matches!(block, Block::Paragraph(_));
    story.blocks.iter().filter(|block| text(block)).map(|block| block.passage().text.as_str()).collect()
}

fn headings(story: &Story) -> Vec<&str> {
    let text = |block: &'_ Block| matches!(block, Block::Heading(_));
    story.blocks.iter().filter(|block| text(block)).map(|block| block.passage().text.as_str()).collect()
}

fn labels(story: &Story) -> Vec<&str> {
    let text = |block: &'_ Block| matches!(block, Block::Label(_));
    story.blocks.iter().filter(|block| text(block)).map(|block| block.passage().text.as_str()).collect()
}

fn photographers(photo: &Caption) -> Vec<&str> {
    photo.photographers.iter().map(|byline| byline.name.as_str()).collect()
}

fn kinds(page: &Page) -> Vec<WarningKind> {
    page.warnings.iter().map(|warning| warning.kind).collect()
}

#[test]
fn the_sample_page_needs_no_editor() {
    let page = assert_nothing_is_lost(&sample());
    assert_eq!(page.left_over, []);
    assert_eq!(page.warnings, []);
    assert_eq!(calendar_warnings(&page, "星期五", "癸卯年三月初二"), []);
    assert_eq!(page.stories.len(), 7);
}

#[test]
fn the_sample_masthead_gives_every_fact() {
    let page = parse(&sample());
    let masthead = &page.masthead;
    assert_eq!(words(&masthead.title), "青屿日报");
    assert_eq!(words(&masthead.serial_code), "CN00-0001");
    assert_eq!(words(&masthead.weekday), "星期五");
    assert_eq!(words(&masthead.lunar_date), "癸卯年三月初二");
    assert_eq!(words(&masthead.weather), "多云转阴");
    assert_eq!(words(&masthead.wind), "东北风3-4级");
    assert_eq!(words(&masthead.hotline), "0000-8123456");
    assert_eq!(words(&masthead.mailbox), "desk@qingyu-daily.example");
    assert_eq!(words(&masthead.supervising_body), "中共青屿市委宣传部");
    assert_eq!(words(&masthead.publishing_body), "青屿市融媒体中心");
    assert_eq!(words(&masthead.chief_editor), "温如许");
    assert_eq!(words(&masthead.price_note), "免费阅读");
    assert_eq!(masthead.websites[0].value, "http://www.qingyu-daily.example");
    assert_eq!(masthead.publish_date.as_ref().unwrap().value.to_string(), "2023-04-21");
    assert_eq!(masthead.issue_number.as_ref().unwrap().value, 1208);
    assert_eq!(masthead.page_count.as_ref().unwrap().value, 4);
    let range = Temperature { low_celsius: 17, high_celsius: 22 };
    assert_eq!(masthead.temperature.as_ref().unwrap().value, range);
    assert_eq!((page.page_number(), words(&page.section)), (1, "要闻"));
    let staff: Vec<_> = page.staff.iter().map(|person| (person.role, person.name.as_str())).collect();
    assert_eq!(staff, [(Role::Editor, "顾青禾"), (Role::Proofreader, "周木"), (Role::Layout, "许望舒")]);
}

#[test]
fn a_kicker_stays_above_and_a_subheadline_below_its_headline() {
    let page = parse(&sample());
    let lead = story(&page, "铆足干劲抓项目 凝心聚力开新局");
    assert_eq!(lead.kicker.as_ref().unwrap().text, "全市一季度重点项目推进会召开");
    assert_eq!(lead.subheadline.as_ref().unwrap().text, "42个项目进入冲刺阶段，年度投资计划完成三成");
    assert_eq!(lead.role, StoryRole::Lead);
    assert_eq!(people(lead), "记者 林知远，记者 陈小满");
}

#[test]
fn a_sentence_that_the_scan_cut_is_one_again() {
    let page = parse(&sample());
    let lead = story(&page, "铆足干劲抓项目 凝心聚力开新局");
    assert!(paragraphs(lead)[2].contains("每一个项目都有人盯"));
    assert_eq!((lead.joins[0].before, lead.joins[0].after), (27, 29));
}

#[test]
fn a_feature_keeps_its_section_heads_and_labels() {
    let page = parse(&sample());
    let feature = story(&page, "小渔网织出大产业");
    assert_eq!(headings(feature), ["旧渔排换新装 海上长出“金饭碗”", "年轻人回村来 渔家有了新行当"]);
    assert_eq!(labels(feature), ["一线见闻", "做法", "一线见闻", "做法"]);
    assert_eq!(people(feature), "记者 苏一禾，摄 沈行舟");
    assert_eq!(
        photographers(&feature.photos[0]),
        ["沈行舟"],
        "who photographed for the story took its photo"
    );
}

#[test]
fn a_photo_story_is_signed_by_its_photographers() {
    let page = parse(&sample());
    let photo_story = story(&page, "家门口看展览 非遗走进社区");
    assert_eq!(photo_story.role, StoryRole::PhotoStory);
    assert_eq!(photo_story.photos[0].text, "图为小朋友在传承人的指导下学习制作漆扇。");
    assert_eq!(photographers(&photo_story.photos[0]), ["许望舒", "沈行舟"]);
    assert_eq!(people(photo_story), "摄 许望舒，摄 沈行舟");
    assert_eq!(paragraphs(photo_story).len(), 1);
}

const HEAD: &str = "云岭日报\n2023年4月21日\n";

#[test]
fn every_usual_signature_is_read() {
    for (signature, expected) in [
        ("■记者 甲乙 丙丁 通讯员 戊己", "记者 甲乙，记者 丙丁，通讯员 戊己"),
        ("■本报记者　林晓", "记者 林晓"),
        ("本报记者 林晓 文/摄", "记者 林晓，摄 林晓"),
        ("本报记者 林晓/文 王一/摄", "记者 林晓，摄 王一"),
        ("（记者 林晓）", "记者 林晓"),
        ("□记者 林 杰", "记者 林杰"),
        ("文/林晓　图/王一", "记者 林晓，摄 王一"),
        ("见习记者：林晓、王一", "记者 林晓，记者 王一"),
        ("■记者\n林晓", "记者 林晓"),
        ("■据《云岭周刊》 记者 林晓", "记者 林晓"),
    ] {
        let page = assert_nothing_is_lost(&format!(
            "{HEAD}\n新桥今日通车\n\n{signature}\n\n本报讯 新桥今天上午通车，两岸居民出行更方便了。\n"
        ));
        assert_eq!(people(story(&page, "新桥今日通车")), expected, "{signature}");
    }
}

#[test]
fn signatures_in_brackets_are_taken_off_the_text() {
    let page = assert_nothing_is_lost(&format!(
        "{HEAD}\n新桥今日通车\n本报讯（记者 林晓 通讯员 王一）新桥通车。\n居民奔走相告。\n\
         义诊走进社区\n昨天，社区举行义诊。（记者 陈远山）\n",
    ));
    let bridge = story(&page, "新桥今日通车");
    assert_eq!(
        (people(bridge).as_str(), bridge.dateline.as_ref().unwrap().text.as_str()),
        ("记者 林晓，通讯员 王一", "本报讯")
    );
    assert_eq!(paragraphs(bridge), ["新桥通车。", "居民奔走相告。"]);
    let clinic = story(&page, "义诊走进社区");
    assert_eq!((people(clinic).as_str(), paragraphs(clinic)), ("记者 陈远山", vec!["昨天，社区举行义诊。"]));
}

/// The first story signs for itself, the second has a source and no headline.
fn page_with_lead(top: &str) -> String {
    format!(
        "{HEAD}\n{top}\n\n县医院开展义诊活动\n\n■记者 林晓\n\n\
         本报讯 昨天，县医院在春风行动中组织专家下乡义诊，为村民送去健康。\n\n\
         ■据《云岭周刊》\n\n近年来，茶园变成了花园，游客多了，村民的收入也高了。\n"
    )
}

#[test]
fn the_lead_headline_at_the_top_joins_the_story_without_one() {
    let page = assert_nothing_is_lost(&page_with_lead("茶园变花园 村民笑开颜"));
    let lead = story(&page, "茶园变花园 村民笑开颜");
    assert_eq!(lead.source_credit.as_ref().unwrap().text, "据《云岭周刊》");
    assert_eq!(lead.role, StoryRole::Lead);
    assert_eq!(story(&page, "县医院开展义诊活动").kicker, None);
    assert_eq!(kinds(&page), [WarningKind::LeadHeadline]);
    assert_eq!(page.warnings[0].line, 4, "the guess is reported where the headline is printed");
}

#[test]
fn a_kicker_of_the_first_story_is_not_taken_for_the_lead_headline() {
    let page = assert_nothing_is_lost(&page_with_lead("春风行动送健康下乡"));
    let first = &page.stories[0];
    assert_eq!(first.lines[0], 4);
    assert_eq!(page.stories[1].headline, None);
    assert!(kinds(&page).contains(&WarningKind::NoHeadline));
    assert!(!kinds(&page).contains(&WarningKind::LeadHeadline));
}

#[test]
fn several_photo_stories_stay_apart() {
    let page = assert_nothing_is_lost(&format!(
        "{HEAD}\n湖光山色\n图为市民在湖边散步。\n本报记者 林晓 摄\n\n\
         春到校园\n孩子们在操场上放风筝。 王一 摄\n\n\
         渔歌唱晚\n渔船归港，码头热闹起来。图为渔民卸下鲜鱼。（陈远山 摄）\n"
    ));
    let seen: Vec<_> = page
        .stories
        .iter()
        .map(|story| (story.role, story.photos[0].text.as_str(), photographers(&story.photos[0])))
        .collect();
    assert_eq!(
        seen,
        [
            (StoryRole::PhotoStory, "图为市民在湖边散步。", vec!["林晓"]),
            (StoryRole::PhotoStory, "孩子们在操场上放风筝。", vec!["王一"]),
            (StoryRole::PhotoStory, "图为渔民卸下鲜鱼。", vec!["陈远山"]),
        ]
    );
}

#[test]
fn a_stray_foreign_word_is_reported_with_its_line() {
    let page = assert_nothing_is_lost(&format!(
        "{HEAD}\n新桥今日通车\n■记者 林晓\n本报讯 新桥通车 and 开放，市民用APP买票，“e云岭”上线。\n"
    ));
    let seen: Vec<_> = page.warnings.iter().map(|warning| (warning.line, warning.kind)).collect();
    assert_eq!(seen, [(6, WarningKind::ForeignWord)]);
}

#[test]
fn a_story_that_breaks_off_is_reported() {
    let page =
        assert_nothing_is_lost(&format!("{HEAD}\n新桥今日通车\n■记者 林晓\n本报讯 新桥通车，两岸居民\n"));
    assert_eq!(kinds(&page), [WarningKind::UnfinishedStory]);
    assert_eq!(page.warnings[0].line, 6);
}

#[test]
fn a_weekday_in_a_story_that_is_not_its_dates_is_reported_with_its_line() {
    let page = assert_nothing_is_lost(&format!(
        "{HEAD}\n新桥今日通车\n■记者 林晓\n本报讯 4月20日（星期四），新桥验收。4月22日（周五），新桥通车。\n"
    ));
    let seen: Vec<_> = page.warnings.iter().map(|warning| (warning.line, warning.kind)).collect();
    assert_eq!(seen, [(6, WarningKind::Weekday)]);
}

#[test]
fn a_weekday_and_a_lunar_date_that_are_wrong_are_reported() {
    let page = parse("云岭日报\n2023年4月21日 星期四\n农历癸卯年三月初三\n");
    let warnings = calendar_warnings(&page, "星期五", "癸卯年三月初二");
    let seen: Vec<_> = warnings.iter().map(|warning| (warning.line, warning.kind)).collect();
    assert_eq!(seen, [(2, WarningKind::Weekday), (3, WarningKind::LunarDate)]);
    assert_eq!(
        calendar_warnings(&parse("云岭日报\n星期四\n"), "星期五", ""),
        [],
        "without a date there is no truth"
    );
}

#[test]
fn masthead_facts_come_in_any_order_and_width() {
    let page = assert_nothing_is_lost(
        "A02版 民生\n２０２３年４月２１日　周五\n总编辑：林　远\nCN 00—0012　第８８期　本期八版\n\
         云 岭 晚 报\n零售每份1元 晴 微风 -2～5℃\n新闻热线\n0000-1234567\n\n新桥通车\n■记者 林晓\n本报讯 新桥通车。\n",
    );
    let masthead = &page.masthead;
    assert_eq!(masthead.title.as_ref().unwrap().value, "云岭晚报");
    assert_eq!(masthead.publish_date.as_ref().unwrap().value.to_string(), "2023-04-21");
    assert_eq!(masthead.weekday.as_ref().unwrap().value, "星期五");
    assert_eq!(masthead.chief_editor.as_ref().unwrap().value, "林远");
    assert_eq!(masthead.serial_code.as_ref().unwrap().value, "CN 00—0012");
    assert_eq!(
        (masthead.issue_number.as_ref().unwrap().value, masthead.page_count.as_ref().unwrap().value),
        (88, 8)
    );
    assert_eq!(masthead.price_note.as_ref().unwrap().value, "零售每份1元");
    assert_eq!(
        masthead.temperature.as_ref().unwrap().value,
        Temperature { low_celsius: -2, high_celsius: 5 }
    );
    assert_eq!(masthead.hotline.as_ref().unwrap().value, "0000-1234567");
    assert_eq!((page.page_number(), page.section.as_ref().unwrap().value.as_str()), (2, "民生"));
}

#[test]
fn what_has_no_field_is_left_over_with_a_reason() {
    let page = assert_nothing_is_lost(
        "云岭日报\n扫码关注更多新闻\n2023年4月21日 邮发代号：00-1\n\n新桥通车\n■记者 林晓\n本报讯 新桥通车。\n\
         （下转第2版）\n———\n同心同德 再创辉煌\n",
    );
    let seen: Vec<_> = page.left_over.iter().map(|left| (left.line, left.reason)).collect();
    assert_eq!(
        seen,
        [
            (2, Reason::Notice),
            (3, Reason::NoField),
            (8, Reason::Jump),
            (9, Reason::NothingToRead),
            (10, Reason::NoText)
        ]
    );
}

#[test]
fn a_page_without_a_masthead_still_gives_its_stories() {
    let page = assert_nothing_is_lost(
        "【民生在线】\n夜间公交增开三条线路\n■记者 林晓\n本报讯 夜间公交增开三条线路。\n",
    );
    assert_eq!(page.masthead, Default::default());
    assert_eq!(story(&page, "夜间公交增开三条线路").column.as_ref().unwrap().text, "民生在线");
}

#[test]
fn line_ends_marks_of_order_and_tabs_change_nothing() {
    let plain = parse(&sample());
    let windows = parse(&format!("\u{feff}{}", sample().replace('\n', "\r\n").replace('　', "\t")));
    assert_eq!(windows.stories.len(), plain.stories.len());
    assert_eq!(windows.names(), plain.names());
    assert_eq!((windows.left_over, windows.warnings), (vec![], vec![]));
}

#[test]
fn text_that_is_no_page_is_left_over() {
    for text in [
        "",
        "\n \n\t\n",
        "fn main() {\n    println!(\"hello\");\n}\n",
        "\u{0}\u{1}\n\u{200b}\n",
        "{\"a\": [1, 2]}",
    ] {
        let page = assert_nothing_is_lost(text);
        assert_eq!(page.stories, [], "{text:?}");
        assert_eq!(page.left_over.len(), page.printed_line_count, "{text:?}");
    }
}

#[test]
fn control_characters_are_taken_out_and_reported() {
    let page = assert_nothing_is_lost("新桥\u{0}通车\n■记者 林晓\n本报讯 新桥\u{7}通车。\n");
    assert_eq!(story(&page, "新桥通车").lines, [1, 2, 3]);
    assert_eq!(kinds(&page), [WarningKind::ControlCharacters, WarningKind::ControlCharacters]);
}

#[test]
fn a_very_long_line_is_read_in_a_moment() {
    let sentence = "图书馆今天开放（记者说）and 摄影展“很好看”，市民纷纷前往 ";
    for text in [
        sentence.repeat(5_000_000 / sentence.len()),
        format!("新桥通车\n■记者 林晓\n本报讯 {}", sentence.repeat(5_000_000 / sentence.len())),
        "林 ".repeat(1_000_000),
        "（".repeat(1_000_000),
        "图为".repeat(500_000),
    ] {
        let started = std::time::Instant::now();
        let page = parse(&text);
        assert!(page.placed.len() + page.left_over.len() >= 1);
        assert!(started.elapsed().as_secs() < 20, "took {:?}", started.elapsed());
    }
}

#[test]
fn many_short_lines_are_read_in_a_moment() {
    for line in [
        "新桥通车 市民高兴\n",
        "【见闻】\n",
        "■记者 林晓\n",
        "市民高兴\n“是\n",
        "林晓 摄\n",
        "图为新桥\n",
        "第1期\n",
    ] {
        let text = line.repeat(150_000 / line.len());
        let started = std::time::Instant::now();
        let page = parse(&text);
        assert_eq!(page.printed_line_count, text.lines().count());
        assert!(started.elapsed().as_secs() < 20, "{line:?} took {:?}", started.elapsed());
    }
}

#[test]
fn the_report_tells_every_line_that_was_left_over() {
    let page = parse("云岭日报\n扫码关注更多新闻\n2023年4月21日\n\n新桥通车\n■记者 林晓\n本报讯 新桥通车\n");
    let text: Vec<String> = report::lines(&page).into_iter().map(|line| line.text).collect();
    let whole = text.join("\n");
    for expected in [
        "云岭日报",
        "扫码关注更多新闻",
        "Left over (1)",
        "新桥通车",
        "林晓",
        "does not end",
        "Faults of the copy (1)",
    ] {
        assert!(whole.contains(expected), "{expected} is in\n{whole}");
    }
}
