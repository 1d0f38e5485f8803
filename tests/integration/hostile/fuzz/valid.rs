//! Requests that a client could mean, made by the descriptors of the API.

use chrono::Utc;
use fastrand::Rng;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, MethodDescriptorProto, field_descriptor_proto::Type,
};
use uuid::Uuid;

use super::{
    odd::{self, chance, one},
    stock::{KINDS, Stock},
    tree::{Tree, Value, inner, is_list, message, names, numbers},
};
use crate::{
    newsroom::PAPER,
    raw::{kind_of, named_field, parent_of},
};

/// Messages in each other at most.
const DEPTH_MAX: usize = 6;

const WORDS: [&str; 12] =
    ["演练", "本市", "要闻", "副刊", "林知秋", "晨讯", "头条", "记者", "春天", "Morning", "2026", "第一版"];

/// Fields that the service writes and passes over in requests.
const WRITTEN: [&str; 23] = [
    "uid",
    "creator",
    "create_time",
    "update_time",
    "delete_time",
    "expire_time",
    "store_time",
    "reviews",
    "state",
    "schedule",
    "latest_publication",
    "content_digest",
    "return_reason",
    "file",
    "embedded",
    "weekday",
    "lunar_date",
    "pinyin",
    "uploader",
    "owed_correction",
    "merged_into",
    "received_bytes",
    "revision_count",
];

/// What a request is made with.
pub struct Maker<'a> {
    pub random: &'a mut Rng,
    pub stock: &'a Stock,
    pub method: &'a str,
    pub descriptor: &'static MethodDescriptorProto,
}

impl Maker<'_> {
    /// The messages of a request.
    pub fn request(&mut self) -> Vec<Tree> {
        if self.method.ends_with("/UploadPhoto") {
            return self.upload();
        }
        if chance(self.random, 50)
            && let Some(next) = self.stock.next_page(self.random, self.method)
        {
            return vec![next.clone()];
        }
        let shape = message(self.descriptor.input_type());
        let mut request = self.message(shape, 0);
        self.choose_one_way(&mut request);
        vec![request]
    }

    /// A file in a few parts.
    fn upload(&mut self) -> Vec<Tree> {
        let shape = message(self.descriptor.input_type());
        let start = message(".masthead.v1.UploadPhotoStart");
        let picture = crate::newsroom::picture();
        let mut first = Tree::new(start);
        if chance(self.random, 40) {
            let upload = self.stock.name(self.random, "PhotoUpload");
            first.set("upload", Value::Bytes(upload.into_bytes()));
        } else {
            first.set("name", Value::Bytes(self.stock.name(self.random, "Photo").into_bytes()));
        }
        if chance(self.random, 30) {
            first.set("size_bytes", Value::Varint(picture.len() as u64));
        }
        let mut messages = vec![Tree::new(shape)];
        messages[0].set("start", Value::Tree(first));
        for chunk in picture.chunks(1 + picture.len() / self.random.usize(1..4)) {
            let mut part = Tree::new(shape);
            part.set("chunk", Value::Bytes(chunk.to_vec()));
            messages.push(part);
        }
        messages
    }

    /// A published issue is asked for by one thing or another.
    fn choose_one_way(&mut self, request: &mut Tree) {
        if !request.shape.name().ends_with("GetPublishedIssueRequest")
            && !request.shape.name().ends_with("StreamPublishedIssueRequest")
        {
            return;
        }
        let ways: [&[&str]; 5] = [
            &["name"],
            &["publication"],
            &["newspaper"],
            &["newspaper", "number"],
            &["newspaper", "publish_date"],
        ];
        let way = *one(self.random, &ways);
        let all = ["name", "publication", "newspaper", "number", "publish_date"];
        let fields = request.shape.field.iter();
        let dropped: Vec<u32> = fields
            .filter(|field| all.contains(&field.name()) && !way.contains(&field.name()))
            .map(|field| field.number() as u32)
            .collect();
        request.fields.retain(|(number, _)| !dropped.contains(number));
        if way == ["publication"] {
            let name = self.stock.name(self.random, "Publication");
            request.set("publication", Value::Bytes(name.into_bytes()));
        }
    }

    /// A message of this shape.
    fn message(&mut self, shape: &'static DescriptorProto, depth: usize) -> Tree {
        let known = KINDS.contains(&shape.name());
        if known
            && chance(self.random, 60)
            && let Some(thing) = self.stock.thing(self.random, shape.name())
        {
            let mut thing = thing.clone();
            self.match_etag(&mut thing);
            return thing;
        }
        let mut tree = Tree::new(shape);
        let chosen: Vec<u32> = (0..shape.oneof_decl.len()).map(|_| self.random.u32(..)).collect();
        for field in &shape.field {
            if !chance(self.random, likelihood(field.name(), depth)) || !is_chosen(shape, field, &chosen) {
                continue;
            }
            let count = if is_list(field) { self.random.usize(1..3) } else { 1 };
            for _ in 0..count {
                if let Some(value) = self.value(shape, field, depth) {
                    tree.fields.push((field.number() as u32, value));
                }
            }
        }
        self.match_etag(&mut tree);
        tree
    }

    /// Gives the etag of what is named, more often than not.
    fn match_etag(&mut self, tree: &mut Tree) {
        if !tree.shape.field.iter().any(|field| field.name() == "etag") {
            return;
        }
        let current = tree.text("name").and_then(|name| self.stock.etag(name)).unwrap_or_default();
        let etag = if chance(self.random, 50) { current.to_owned() } else { "*".to_owned() };
        tree.set("etag", Value::Bytes(etag.into_bytes()));
    }

    /// A value of a field, in a message of this shape.
    pub fn value(
        &mut self,
        shape: &'static DescriptorProto,
        field: &FieldDescriptorProto,
        depth: usize,
    ) -> Option<Value> {
        let value = match field.r#type() {
            Type::Message => return self.tree(shape, field, depth).map(Value::Tree),
            Type::String => Value::Bytes(self.text(shape, field).into_bytes()),
            Type::Bytes => Value::Bytes(crate::newsroom::picture()),
            Type::Bool => Value::Varint(self.random.u64(..2)),
            // The first one says that nothing is said.
            Type::Enum => Value::Varint(*one(self.random, &numbers(field.type_name())[1..]) as u64),
            Type::Double => Value::Fixed64(f64::to_bits(self.random.f64())),
            Type::Float => Value::Fixed32(f32::to_bits(self.random.f32())),
            Type::Fixed64 | Type::Sfixed64 => Value::Fixed64(self.random.u64(..100)),
            Type::Fixed32 | Type::Sfixed32 => Value::Fixed32(self.random.u32(..100)),
            _ => Value::Varint(self.number(field.name())),
        };
        Some(value)
    }

    fn tree(
        &mut self,
        shape: &'static DescriptorProto,
        field: &FieldDescriptorProto,
        depth: usize,
    ) -> Option<Tree> {
        let own = inner(field)?;
        let mut tree = Tree::new(own);
        match field.type_name() {
            ".google.protobuf.Timestamp" => {
                let seconds = Utc::now().timestamp() + self.random.i64(-100_000..10_000_000);
                tree.set("seconds", Value::Varint(seconds as u64));
            }
            ".google.type.Date" => {
                tree.set("year", Value::Varint(2026));
                tree.set("month", Value::Varint(self.random.u64(1..=12)));
                // Those are months.
                if !self.method.ends_with("/GetReporterStatistics") {
                    tree.set("day", Value::Varint(self.random.u64(1..=28)));
                }
            }
            ".google.protobuf.FieldMask" => {
                // Of the resource that stands beside it.
                let resource =
                    shape.field.iter().filter_map(inner).find(|inner| KINDS.contains(&inner.name()));
                for _ in 0..self.random.usize(1..4) {
                    let path = resource.map_or("*", |resource| one(self.random, &resource.field).name());
                    tree.fields.push((1, Value::Bytes(path.as_bytes().to_vec())));
                }
            }
            _ if depth >= DEPTH_MAX => return None,
            _ => return Some(self.message(own, depth + 1)),
        }
        Some(tree)
    }

    fn number(&mut self, name: &str) -> u64 {
        match name {
            "stage" => 1,
            "year" => 2026,
            "month" => self.random.u64(1..=12),
            "page_size" => self.random.u64(..8),
            "review_stages" => self.random.u64(1..=3),
            "offset" | "start" => self.random.u64(..3),
            "length" | "end" => self.random.u64(..200),
            "number" | "base_revision" | "revision" => self.random.u64(..5),
            _ => self.random.u64(..10),
        }
    }

    fn text(&mut self, shape: &DescriptorProto, field: &FieldDescriptorProto) -> String {
        let kind = match field.name() {
            "name" if KINDS.contains(&shape.name()) => shape.name(),
            "name" | "names" if named_field(self.descriptor).is_some() => kind_of(self.descriptor),
            "parent" if parent_is_paper(self.descriptor) && chance(self.random, 70) => {
                return PAPER.to_owned();
            }
            "parent" if named_field(self.descriptor).as_deref() == Some("parent") => {
                parent_of(self.descriptor)
            }
            // That in which most things are.
            "newspaper" if chance(self.random, 70) => return PAPER.to_owned(),
            "newspaper" => "Newspaper",
            "issue" => "Issue",
            "page" => "Page",
            "article" | "corrects" => "Article",
            "reporter" | "into" => "Reporter",
            "photo" => "Photo",
            "upload" => "PhotoUpload",
            "publication" => "Publication",
            "resource" => *one(self.random, &["Article", "Issue"]),
            name => return self.words(name),
        };
        if chance(self.random, 70)
            && let Some(thing) = self.stock.fitting(self.random, kind, self.method)
        {
            return thing.text("name").unwrap_or_default().to_owned();
        }
        self.stock.name(self.random, kind)
    }

    fn words(&mut self, name: &str) -> String {
        match name {
            "request_id" => Uuid::from_u128(self.random.u128(..)).to_string(),
            "cursor" => self.stock.cursor(self.random),
            "filter" | "order_by" | "query" if chance(self.random, 30) => odd::expression(self.random),
            "filter" | "order_by" | "page_token" => String::new(),
            "newspaper_id" | "issue_id" => format!("n{}", self.random.u32(..1_000_000)),
            "acknowledge" => {
                let checks = names(".masthead.v1.PublishCheck");
                one(self.random, &checks).trim_start_matches("PUBLISH_CHECK_").to_owned()
            }
            "time_zone" => "Asia/Shanghai".into(),
            "language_code" => "zh-CN".into(),
            "email" => "news@example.org".into(),
            "website" | "link_url" => "https://example.org/a".into(),
            "content_type" => "image/jpeg".into(),
            "sha256" => masthead::digest::Digest::of(&crate::newsroom::picture()).to_string(),
            "rendition" => (*one(self.random, &["", "thumbnail", "web", "320", "640"])).into(),
            _ => (*one(self.random, &WORDS)).repeat(self.random.usize(1..3)),
        }
    }
}

fn parent_is_paper(method: &MethodDescriptorProto) -> bool {
    named_field(method).as_deref() == Some("parent") && parent_of(method) == "Newspaper"
}

/// Whether a field is the one that is chosen of those that exclude each other.
fn is_chosen(shape: &DescriptorProto, field: &FieldDescriptorProto, chosen: &[u32]) -> bool {
    let Some(group) = field.oneof_index.filter(|_| !field.proto3_optional()) else { return true };
    let rivals: Vec<_> = shape.field.iter().filter(|rival| rival.oneof_index == Some(group)).collect();
    rivals[chosen[group as usize] as usize % rivals.len()].number() == field.number()
}

/// How likely a field is to be set, in percent.
fn likelihood(name: &str, depth: usize) -> u32 {
    match name {
        "name" | "names" | "parent" | "newspaper" | "newspaper_id" | "issue_id" | "reason" | "stage" => 100,
        "text" | "revision" | "upload" | "size_bytes" | "into" => 100,
        // What is for something particular, or makes others pointless.
        "page_token" => 0,
        "validate_only" | "show_deleted" | "show_retired" | "allow_missing" | "update_mask" => 25,
        "filter" | "order_by" | "acknowledge" | "request_id" | "cursor" | "from_now" => 25,
        "publish_time" | "embargo_time" | "since_my_review" | "corrects" | "retired" | "publication" => 10,
        "license_start_date" | "license_end_date" | "event_date" | "remove_orphans" => 10,
        "captured_from" | "captured_until" | "from_date" | "until_date" | "from" | "until" => 15,
        "clearance" | "rights" | "crop" | "focal_point" => 20,
        written if depth > 0 && WRITTEN.contains(&written) => 2,
        _ => 90,
    }
}
