//! Articles that nobody wrote: made of real words in the frequencies of a real
//! language, so that searching them costs what searching a paper does. The same seed
//! makes the same articles, each from its number alone.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use masthead::{
    article::{Block, Content},
    byline::{Byline, BylineRole},
};
use uuid::Uuid;

/// The first day of the paper.
const FIRST_DAY: (i32, u32, u32) = (1986, 1, 1);

/// How long it has appeared.
const DAYS: u64 = 40 * 365;

/// Reporters who sign.
pub const REPORTERS: usize = 200;

/// Short words between the others, the most frequent first.
const PARTICLES: [&str; 30] = [
    "的", "在", "了", "和", "是", "有", "将", "对", "为", "与", "等", "中", "上", "不", "也", "从", "到",
    "以", "被", "向", "并", "就", "都", "及", "还", "把", "让", "由", "已", "其",
];

/// Words that a local paper prints every day, the most frequent first.
const DAILY: [&str; 60] = [
    "全市",
    "工作",
    "发展",
    "建设",
    "群众",
    "项目",
    "服务",
    "企业",
    "社区",
    "活动",
    "记者",
    "昨日",
    "今年",
    "经济",
    "学校",
    "农村",
    "干部",
    "产业",
    "居民",
    "交通",
    "安全",
    "文化",
    "学生",
    "医院",
    "环境",
    "市场",
    "投资",
    "乡镇",
    "生产",
    "改造",
    "道路",
    "治理",
    "生态",
    "教育",
    "村民",
    "旅游",
    "志愿者",
    "开展",
    "推进",
    "举行",
    "提升",
    "组织",
    "加强",
    "完成",
    "启动",
    "侨胞",
    "港口",
    "海洋",
    "渔业",
    "龙舟",
    "春耕",
    "防汛",
    "台风",
    "晚会",
    "展览",
    "比赛",
    "捐赠",
    "表彰",
    "调研",
    "签约",
];

const COLUMNS: [&str; 12] =
    ["要闻", "侨乡新闻", "社会", "经济", "科教", "文体", "副刊", "法治", "健康", "读者来信", "时评", "乡村"];

const PLACES: [&str; 10] = [
    "云浦镇",
    "石桥街道",
    "东澳村",
    "梅岭乡",
    "港头镇",
    "北林街道",
    "沙塘村",
    "南屿镇",
    "龙亭乡",
    "西埔街道",
];

const SURNAMES: [char; 20] = [
    '林', '陈', '黄', '郑', '王', '张', '李', '吴', '刘', '杨', '郭', '何', '施', '翁', '薛', '余', '俞',
    '叶', '方', '魏',
];

/// An article as it comes out.
pub struct Generated {
    pub id: Uuid,
    pub content: Content,
    pub creator: String,
    pub state: &'static str,
    pub create_time: DateTime<Utc>,
}

/// Makes the articles of one seed.
pub struct Generator {
    seed: u64,
    words: Vec<&'static str>,
    /// How often each word and all before it stand in a text, of 1.
    shares: Vec<f64>,
    pub reporters: Vec<(Uuid, String)>,
}

impl Generator {
    pub fn new(seed: u64) -> Generator {
        let mut random = Random::new(seed, u64::MAX);
        let mut words = vocabulary(&mut random);
        words.splice(0..0, DAILY);
        // Zipf's law: the word of rank n is n times as rare as the first.
        let weights: Vec<f64> = (0..words.len()).map(|rank| 1.0 / (rank as f64 + 8.0)).collect();
        let total: f64 = weights.iter().sum();
        let shares = weights.iter().scan(0.0, |sum, weight| {
            *sum += weight / total;
            Some(*sum)
        });
        let shares = shares.collect();
        let reporters = (0..REPORTERS)
            .map(|_| {
                let given = words[60 + random.below(20_000)];
                (
                    random.uuid(0),
                    format!("{}{}", random.one(&SURNAMES), given.chars().take(2).collect::<String>()),
                )
            })
            .collect();
        Generator { seed, words, shares, reporters }
    }

    /// The article with this number, of so many: the lowest is the oldest.
    pub fn article(&self, number: u64, count: u64) -> Generated {
        let mut random = Random::new(self.seed, number);
        let day = first_day() + Days::new(number * DAYS / count.max(1));
        let minute = TimeDelta::minutes(random.below(600) as i64);
        let create_time = day.and_hms_opt(8, 0, 0).unwrap_or_default().and_utc() + minute;
        let bylines: Vec<usize> = (0..1 + random.below(2)).map(|_| random.below(REPORTERS)).collect();
        let content = self.content(&mut random, day, &bylines);
        let state = match random.below(1000) {
            0..=3 => "draft",
            4..=7 => "reviewed",
            8..=9 => "withdrawn",
            _ => "published",
        };
        let id = random.uuid(create_time.timestamp_millis() as u64);
        let creator = self.reporters[bylines[0]].1.clone();
        Generated { id, content, creator, state, create_time }
    }

    /// A word that about one article in a thousand holds.
    #[allow(dead_code, reason = "for the bench, which shares this file")]
    pub fn rare_word(&self, random: &mut Random) -> &'static str {
        self.words[20_000 + random.below(5_000)]
    }

    fn content(&self, random: &mut Random, day: NaiveDate, bylines: &[usize]) -> Content {
        let headline = self.text(random, 4, 9, "");
        let body = (0..1 + random.below(5)).map(|_| {
            let sentences: Vec<String> =
                (0..2 + random.below(3)).map(|_| self.text(random, 8, 22, "，") + "。").collect();
            Block::Paragraph { text: sentences.concat(), spans: Vec::new() }
        });
        let body = body.collect();
        let bylines = bylines.iter().map(|reporter| Byline {
            reporter: Some(self.reporters[*reporter].0),
            printed_name: self.reporters[*reporter].1.clone(),
            role: BylineRole::Reporter,
        });
        Content {
            kicker: if random.below(4) == 0 { self.text(random, 4, 8, "") } else { String::new() },
            headline,
            column: (*random.one(&COLUMNS)).to_owned(),
            dateline: "本报讯".to_owned(),
            bylines: bylines.collect(),
            body,
            keywords: (0..random.below(4)).map(|_| self.word(random).to_owned()).collect(),
            place: (*random.one(&PLACES)).to_owned(),
            event_date: Some(day),
            ..Content::default()
        }
    }

    /// Some words, with a particle here and there, and marks between clauses.
    fn text(&self, random: &mut Random, words_min: usize, words_max: usize, mark: &str) -> String {
        let mut text = String::new();
        for index in 0..words_min + random.below(words_max - words_min + 1) {
            if index > 0 && index % 6 == 0 {
                text.push_str(mark);
            } else if random.below(3) == 0 {
                text.push_str(PARTICLES[random.below(PARTICLES.len()).min(random.below(PARTICLES.len()))]);
            }
            text.push_str(self.word(random));
        }
        text
    }

    fn word(&self, random: &mut Random) -> &'static str {
        let share = random.share();
        let rank = self.shares.partition_point(|before| *before < share);
        self.words[rank.min(self.words.len() - 1)]
    }
}

fn first_day() -> NaiveDate {
    let (year, month, day) = FIRST_DAY;
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

/// The words of two and more characters that a dictionary for conversion knows, in
/// the order of the dice.
fn vocabulary(random: &mut Random) -> Vec<&'static str> {
    let all = hanconv::RawDictionary::STPhrases.iter().map(|(word, _)| word);
    let mut words: Vec<&str> = all.filter(|word| (2..=4).contains(&word.chars().count())).collect();
    for last in (1..words.len()).rev() {
        words.swap(last, random.below(last + 1));
    }
    words
}

/// SplitMix64: small, and the same on every machine and in every release.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64, number: u64) -> Random {
        Random(seed.wrapping_add(number.wrapping_mul(0xD1B5_4A32_D192_ED03)))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn share(&mut self) -> f64 {
        self.next() as f64 / u64::MAX as f64
    }

    pub fn one<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A UUID v7 of this millisecond (RFC 9562 section 5.7).
    fn uuid(&mut self, milliseconds: u64) -> Uuid {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.next().to_be_bytes());
        random[8..].copy_from_slice(&self.next().to_be_bytes()[..2]);
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
    }
}
