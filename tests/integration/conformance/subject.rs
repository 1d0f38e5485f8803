//! The table of resources, and how the standard methods of each are called.
//! Everything else about them is read off the proto.

use masthead::pb;
use prost::Message as _;
use tonic::Status;

use crate::{
    newsroom::{PAPER, date, paragraph},
    raw::{Line, Message, has_message},
};

/// What samples refer to.
pub struct Scene {
    pub article: String,
    pub photo: String,
    pub reporter: String,
}

/// One resource with standard methods.
pub struct Subject {
    /// Its message: `Reporter`.
    pub kind: &'static str,
    /// What it belongs to; empty if to nothing.
    pub parent: &'static str,
    /// A well-formed name that nothing has.
    pub missing: &'static str,
    /// Lists begin with the newest one.
    pub newest_first: bool,
    /// Its table, and how row `n` copied from another one must differ from it.
    pub table: &'static str,
    pub copy: &'static str,
    /// A resource with all writable fields set, each to another value for
    /// another number.
    sample: fn(&Scene, i32) -> Vec<u8>,
    /// A resource with what creation needs and nothing else.
    least: fn() -> Vec<u8>,
}

const RANDOM_ID: &str = "jsonb_build_object('id', gen_random_uuid())";

pub const SUBJECTS: [Subject; 6] = [
    Subject {
        kind: "Newspaper",
        parent: "",
        missing: "newspapers/no-such-paper",
        newest_first: false,
        table: "newspapers",
        copy: "jsonb_build_object('id', 'copy' || n, 'uid', gen_random_uuid())",
        sample: |_, n| newspaper(n).encode_to_vec(),
        least: || pb::Newspaper { title: "报".into(), ..Default::default() }.encode_to_vec(),
    },
    Subject {
        kind: "Issue",
        parent: "newspapers/evening-post",
        missing: "newspapers/evening-post/issues/no-such-issue",
        newest_first: true,
        table: "issues",
        copy: "jsonb_build_object('id', 'copy' || n, 'uid', gen_random_uuid())",
        sample: |_, n| issue(n).encode_to_vec(),
        least: || pb::Issue { publish_date: Some(date(2026, 2, 3)), ..Default::default() }.encode_to_vec(),
    },
    Subject {
        kind: "Page",
        parent: "newspapers/morning-post/issues/9000",
        missing: "newspapers/morning-post/issues/9000/pages/777",
        newest_first: false,
        table: "pages",
        copy: "jsonb_build_object('number', 400 + n)",
        sample: |scene, n| page(scene, n).encode_to_vec(),
        least: Vec::new,
    },
    Subject {
        kind: "Article",
        parent: "",
        missing: "articles/00000000-0000-7000-8000-000000000000",
        newest_first: false,
        table: "articles",
        copy: RANDOM_ID,
        sample: |scene, n| article(scene, n).encode_to_vec(),
        least: || {
            pb::Article { newspaper: PAPER.into(), headline: "题".into(), ..Default::default() }
                .encode_to_vec()
        },
    },
    Subject {
        kind: "Reporter",
        parent: "",
        missing: "reporters/00000000-0000-7000-8000-000000000000",
        newest_first: false,
        table: "reporters",
        copy: RANDOM_ID,
        sample: |_, n| reporter(n).encode_to_vec(),
        least: || pb::Reporter { display_name: "名".into(), ..Default::default() }.encode_to_vec(),
    },
    Subject {
        kind: "Photo",
        parent: "",
        missing: "photos/00000000-0000-7000-8000-000000000000",
        newest_first: false,
        table: "photos",
        copy: RANDOM_ID,
        sample: |scene, n| photo(scene, n).encode_to_vec(),
        least: Vec::new,
    },
];

impl Subject {
    /// The field that holds it in requests: `reporter`.
    pub fn field(&self) -> String {
        self.kind.to_lowercase()
    }

    pub fn sample(&self, scene: &Scene, number: i32) -> Message {
        Message::read(self.kind, &(self.sample)(scene, number))
    }

    pub fn least(&self) -> Message {
        Message::read(self.kind, &(self.least)())
    }

    /// Whether it has this standard method.
    pub fn can(&self, verb: &str) -> bool {
        has_message(&format!("{verb}{}Request", self.kind))
    }

    /// The empty request of a standard method.
    pub fn request(&self, verb: &str) -> Message {
        let plural = if verb == "List" { "s" } else { "" };
        let request = Message::new(&format!("{verb}{}{plural}Request", self.kind));
        if request.knows("parent") { request.with("parent", self.parent) } else { request }
    }

    /// The request of an update.
    pub fn update(&self, given: &Message) -> Message {
        self.request("Update").holding(&self.field(), given)
    }

    /// The method that creates one, and its request. Where the caller chooses
    /// the id, it is made of the number. Pages are made by updates.
    pub fn creation(&self, given: &Message, number: i32) -> (&'static str, Message) {
        if !self.can("Create") {
            let page = given.clone().with("name", &format!("{}/pages/{number}", self.parent));
            return ("Update", self.update(&page).flagged("allow_missing", true));
        }
        let request = self.request("Create").holding(&self.field(), given);
        match self.id_field() {
            Some(field) => ("Create", request.with(&field, &format!("sample-{number:03}"))),
            None => ("Create", request),
        }
    }

    /// The field of the id that the caller chooses.
    pub fn id_field(&self) -> Option<String> {
        let field = format!("{}_id", self.field());
        (self.can("Create") && self.request("Create").knows(&field)).then_some(field)
    }

    /// The full name of a standard method.
    pub fn method(&self, verb: &str) -> String {
        let service = if self.kind == "Page" { "Issue" } else { self.kind };
        let plural = if verb == "List" { "s" } else { "" };
        format!("{service}Service/{verb}{}{plural}", self.kind)
    }

    /// Calls a standard method that answers with the resource, or with nothing.
    pub async fn call(&self, line: &Line, verb: &str, request: &Message) -> Result<Message, Status> {
        let answer = line.call(&self.method(verb), request.encode()).await?;
        Ok(Message::read(self.kind, &answer))
    }

    /// Calls List: the resources, and the token of the next page.
    pub async fn list(&self, line: &Line, request: &Message) -> Result<(Vec<Message>, String), Status> {
        let answer = line.call(&self.method("List"), request.encode()).await?;
        let answer = Message::read(&format!("List{}sResponse", self.kind), &answer);
        let items = answer.items(&format!("{}s", self.field()));
        let items = items.iter().map(|item| Message::read(self.kind, item)).collect();
        Ok((items, answer.text("next_page_token")))
    }

    /// Calls List until its last page.
    pub async fn list_all(&self, line: &Line, request: &Message) -> Vec<Message> {
        let (mut all, mut token) = self.list(line, request).await.expect("a first page");
        while !token.is_empty() {
            let request = request.clone().with("page_token", &token);
            let (items, next) = self.list(line, &request).await.expect("a page");
            all.extend(items);
            token = next;
        }
        all
    }
}

fn newspaper(n: i32) -> pb::Newspaper {
    let zones = ["Asia/Shanghai", "Asia/Urumqi", "Asia/Macau"];
    pb::Newspaper {
        title: format!("第{n}报"),
        serial_code: format!("CN-99(Q)第{n:04}号"),
        supervising_body: format!("主管单位{n}"),
        publishing_body: format!("主办单位{n}"),
        chief_editor: format!("总编辑{n}"),
        hotline: format!("0000-{n}"),
        website: format!("https://paper{n}.example"),
        email: format!("desk{n}@paper.example"),
        time_zone: zones[n as usize % zones.len()].into(),
        language_code: ["zh-Hans", "zh-Hant"][n as usize % 2].into(),
        price_note: format!("零售{n}元"),
        review_stages: 1 + n % 3,
        ..Default::default()
    }
}

fn issue(n: i32) -> pb::Issue {
    let weather = pb::Weather {
        condition: format!("多云{n}"),
        wind: format!("东北风{n}级"),
        low_celsius: Some(-n),
        high_celsius: Some(n),
    };
    pb::Issue {
        number: n,
        publish_date: Some(date(2026, 1 + n / 28, 1 + n % 28)),
        weather: Some(weather),
        price_note: format!("零售{n}元"),
        planned_page_count: n,
        ..Default::default()
    }
}

fn page(scene: &Scene, n: i32) -> pb::Page {
    let placement = pb::Placement {
        article: scene.article.clone(),
        role: pb::placement::Role::Lead.into(),
        headline: format!("主题{n}"),
        kicker: format!("引题{n}"),
        byline: format!("署名{n}"),
    };
    pb::Page {
        section: format!("要闻{n}"),
        editor: format!("编辑{n}"),
        placements: vec![placement; 1 + n as usize % 3],
        ..Default::default()
    }
}

fn article(scene: &Scene, n: i32) -> pb::Article {
    pb::Article {
        newspaper: PAPER.into(),
        kicker: format!("引题{n}"),
        headline: format!("主题{n}"),
        subheadline: format!("副题{n}"),
        column: format!("栏目{n}"),
        dateline: format!("本报讯{n}"),
        bylines: bylines(scene, n),
        source_credit: format!("来源{n}"),
        body: body(scene, n),
        photos: vec![photo_use(scene, n)],
        keywords: vec![format!("词{n}"), "共同".into()],
        language_code: ["zh-Hans", "zh-Hant"][n as usize % 2].into(),
        place: format!("某地{n}"),
        event_date: Some(date(2026, 1, 1 + n % 28)),
        corrects: scene.article.clone(),
        ..Default::default()
    }
}

/// Every kind of block, and every format of a span.
fn body(scene: &Scene, n: i32) -> Vec<pb::Block> {
    use pb::{block::Kind, span::Format};
    let span = |start, length, format| pb::Span { start, length, format: Some(format) };
    let spans = vec![
        span(0, 4, Format::Bold(true)),
        span(1, 2, Format::Italic(true)),
        span(4, 1, Format::LinkUrl(format!("https://paper{n}.example/"))),
    ];
    let row = |cells: &[String]| pb::table::Row { cells: cells.to_vec() };
    let table = vec![row(&["项".into(), "数".into()]), row(&[format!("{n}"), String::new()])];
    let kinds = [
        Kind::Paragraph(pb::Paragraph { text: "一二三四五".into(), spans }),
        Kind::Heading(pb::Heading { text: format!("小标题{n}"), level: 1 + n % 3 }),
        Kind::Label(pb::Label { text: format!("案例{n}") }),
        Kind::Quote(pb::Quote { text: format!("引语{n}\n第二行"), attribution: "某人".into() }),
        Kind::List(pb::BulletList { items: vec![format!("第{n}项")], ordered: n % 2 == 0 }),
        Kind::Table(pb::Table { rows: table }),
        Kind::Photo(photo_use(scene, n)),
    ];
    let blocks = kinds.into_iter().map(|kind| pb::Block { kind: Some(kind) });
    std::iter::once(paragraph(&format!("第{n}段𠮷"))).chain(blocks).collect()
}

fn photo_use(scene: &Scene, n: i32) -> pb::PhotoUse {
    pb::PhotoUse {
        photo: scene.photo.clone(), caption: format!("说明{n}"), credit_line: format!("摄影{n}")
    }
}

fn bylines(scene: &Scene, n: i32) -> Vec<pb::Byline> {
    let staff = pb::Byline {
        reporter: scene.reporter.clone(),
        printed_name: format!("笔名{n}"),
        role: pb::byline::Role::Reporter.into(),
    };
    let outsider =
        pb::Byline { reporter: String::new(), printed_name: format!("通讯员{n}"), role: 2 + n % 3 };
    vec![staff, outsider]
}

fn reporter(n: i32) -> pb::Reporter {
    pb::Reporter {
        display_name: format!("林{n}"),
        pen_names: vec![format!("笔名{n}"), "秋声".into()],
        press_card_number: format!("K{n:04}"),
        desk: format!("部门{n}"),
        email: format!("person{n}@paper.example"),
        phone: format!("000-{n}"),
        retired: n % 2 == 1,
        ..Default::default()
    }
}

fn photo(scene: &Scene, n: i32) -> pb::Photo {
    pb::Photo {
        caption: format!("说明{n}\n第二行"),
        bylines: bylines(scene, n),
        credit_line: format!("摄影{n}"),
        copyright_notice: format!("版权{n}"),
        usage_terms: format!("条款{n}"),
        keywords: vec![format!("关键词{n}"), "龙舟".into()],
        place: format!("地点{n}"),
        ..Default::default()
    }
}
