//! The scanned front page that the import was written for. It is no part of the repository; where
//! it is absent, these tests say so and pass.

use masthead::import::page::{Reason, StoryRole, Temperature, WarningKind, calendar_warnings, parse};

use super::account::assert_nothing_is_lost;
use super::{headings, labels, people, photographers, words};

fn scanned_page() -> Option<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/input/fuqing-qiaoxiang-2023-04-21.txt");
    let text = std::fs::read_to_string(path).ok();
    if text.is_none() {
        eprintln!("SKIPPED: the scanned page is not here ({path})");
    }
    text
}

#[test]
fn the_scanned_page_gives_its_masthead() {
    let Some(text) = scanned_page() else { return };
    let page = assert_nothing_is_lost(&text);
    let masthead = &page.masthead;
    assert_eq!(words(&masthead.title), "福清僑鄉報");
    assert_eq!(words(&masthead.serial_code), "CN-35(Q)第0001号");
    assert_eq!(words(&masthead.hotline), "85501111");
    assert_eq!(words(&masthead.chief_editor), "吴凌峰");
    assert_eq!(words(&masthead.supervising_body), "中共福清市委宣传部");
    assert_eq!(words(&masthead.publishing_body), "福清市融媒体中心");
    assert_eq!(words(&masthead.mailbox), "fqqb@163.com");
    assert_eq!(words(&masthead.weekday), "星期五");
    assert_eq!(words(&masthead.lunar_date), "癸卯年三月初二");
    assert_eq!(words(&masthead.weather), "多云转阴");
    assert_eq!(words(&masthead.wind), "东北风3-4级转<3级");
    assert_eq!(words(&masthead.price_note), "免费阅读");
    assert_eq!(masthead.publish_date.as_ref().unwrap().value.to_string(), "2023-04-21");
    assert_eq!(masthead.issue_number.as_ref().unwrap().value, 4150);
    assert_eq!(masthead.page_count.as_ref().unwrap().value, 4);
    assert_eq!(
        masthead.temperature.as_ref().unwrap().value,
        Temperature { low_celsius: 17, high_celsius: 22 }
    );
    let sites: Vec<_> = masthead.websites.iter().map(|site| site.value.as_str()).collect();
    assert_eq!(sites, ["http://fqqb.com", "http://www.fqxww.com"]);
    assert_eq!(calendar_warnings(&page, "星期五", "癸卯年三月初二"), []);
}

#[test]
fn the_scanned_page_gives_its_stories() {
    let Some(text) = scanned_page() else { return };
    let page = parse(&text);
    let seen: Vec<_> = page
        .stories
        .iter()
        .map(|story| {
            (story.working_headline(), people(story), story.subheadline.as_ref().map(|sub| sub.lines[0]))
        })
        .collect();
    let expected = [
        ("2022年度市政府党组成员述责述廉会议召开", "记者 陈岚", None),
        ("住建部调研组来融 调研指导生活垃圾分类工作", "记者 黄海玲", None),
        ("福清全民健身园项目获批", "记者 陈凯婷", Some(57)),
        ("整改薄弱环节 提升安全水平", "记者 薛晓娟", Some(67)),
        ("福清：“智慧党建”赋能提效 基层党建“触网蝶变”", "", None),
        ("擦亮服务窗口 优化政务环境", "摄 高晶晶，摄 洪婷婷", None),
        ("学深悟透强党性 担当作为建新功", "记者 滕端钦", Some(133)),
    ];
    assert_eq!(seen, expected.map(|(headline, people, sub)| (headline.to_owned(), people.to_owned(), sub)));
    assert!(page.stories.iter().all(|story| story.kicker.is_none()));
    assert_eq!(page.stories[5].photos.len(), 1);
    assert_eq!(photographers(&page.stories[5].photos[0]), ["高晶晶", "洪婷婷"]);
    assert!(page.stories[5].photos[0].text.starts_with("图为"));
}

#[test]
fn the_scanned_feature_has_its_source_labels_and_section_head() {
    let Some(text) = scanned_page() else { return };
    let page = parse(&text);
    let feature = &page.stories[4];
    assert_eq!(feature.role, StoryRole::Lead);
    assert_eq!(feature.source_credit.as_ref().unwrap().text, "据《福州日报》");
    assert_eq!(labels(feature), ["经典案例", "经验做法", "经典案例", "经验做法", "经典案例", "经验做法"]);
    assert_eq!(headings(feature), ["服务基层治理 有“数据”更有“依据”"]);
}

#[test]
fn the_scanned_page_asks_for_exactly_the_checks_that_it_needs() {
    let Some(text) = scanned_page() else { return };
    let page = parse(&text);
    let joins: Vec<_> =
        page.stories.iter().flat_map(|story| &story.joins).map(|join| (join.before, join.after)).collect();
    assert_eq!(joins, [(93, 95), (102, 104), (112, 114), (139, 141), (141, 143)]);
    let seen: Vec<_> = page.warnings.iter().map(|warning| (warning.line, warning.kind)).collect();
    let expected =
        [(29, WarningKind::LeadHeadline), (39, WarningKind::ForeignWord), (143, WarningKind::LostPassage)];
    assert_eq!(seen, expected);
    let left: Vec<_> = page.left_over.iter().map(|left| (left.line, left.reason)).collect();
    assert_eq!(left, [(22, Reason::Notice), (145, Reason::NoText), (147, Reason::NoText)]);
}
