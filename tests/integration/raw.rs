//! A line to the server without the generated clients: any bytes to any method,
//! and messages by the names of their fields. So one table can drive every
//! resource, and a test can send what no client would.

use std::{collections::BTreeMap, fmt, sync::OnceLock};

use bytes::{Buf, BufMut, Bytes};
use masthead::admin::Role;
use prost::{
    Message as _,
    encoding::{DecodeContext, decode_key, skip_field},
};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet, MethodDescriptorProto};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use crate::newsroom::{Newsroom, reason};

/// What message and details of a status take together, at most.
const STATUS_BYTES_MAX: usize = 4096;

/// What would show a caller the inside of the service.
const INNER_WORDS: [&str; 7] = ["sqlx", "postgres", "select ", "insert ", "src/", "panicked", "constraint"];

/// Hands bytes through as they are.
#[derive(Clone, Copy)]
struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Plain;
    type Decoder = Plain;

    fn encoder(&mut self) -> Plain {
        Plain
    }

    fn decoder(&mut self) -> Plain {
        Plain
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// A line, as a person or a stranger has it.
#[derive(Clone)]
pub struct Line {
    channel: Channel,
    authorization: Option<MetadataValue<Ascii>>,
}

impl Line {
    /// The line of someone who shows no token.
    pub async fn of_a_stranger(newsroom: &Newsroom) -> Line {
        Line::at(&newsroom.address()).await
    }

    /// The line of a stranger to a server at `HOST:PORT`.
    pub async fn at(address: &str) -> Line {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let channel = endpoint.tcp_nodelay(true).connect().await.expect("a server");
        Line { channel, authorization: None }
    }

    /// The line of a person.
    pub async fn of(newsroom: &Newsroom, person: &str, role: Role) -> Line {
        let token = newsroom.token(person, role).await;
        Line::of_a_stranger(newsroom).await.showing(&format!("Bearer {token}"))
    }

    /// The same line with this `authorization` header.
    pub fn showing(&self, authorization: &str) -> Line {
        let value = MetadataValue::try_from(authorization.as_bytes()).expect("a header");
        Line { authorization: Some(value), ..self.clone() }
    }

    /// Sends messages to a method, given as `Service/Method`; every message of
    /// the answer, the first one of a watch. Whatever the error is, it keeps the promises of all errors.
    pub async fn send(&self, method: &str, messages: Vec<Vec<u8>>) -> Result<Vec<Bytes>, Status> {
        let answer = self.exchange(method, messages).await;
        if let Err(status) = &answer {
            assert_presentable(method, status);
        }
        answer
    }

    /// The same, whatever the error is.
    pub async fn exchange(&self, method: &str, messages: Vec<Vec<u8>>) -> Result<Vec<Bytes>, Status> {
        let mut client = Grpc::new(self.channel.clone());
        client.ready().await.expect("a connection");
        let mut request = Request::new(futures::stream::iter(messages));
        if let Some(value) = &self.authorization {
            request.metadata_mut().insert("authorization", value.clone());
        }
        let path = format!("/masthead.v1.{method}").parse().expect("a path");
        let mut stream = client.streaming(request, path, Plain).await?.into_inner();
        let mut answers = Vec::new();
        // A watch does not end by itself.
        let answers_max = if method.contains("/Watch") { 1 } else { usize::MAX };
        while answers.len() < answers_max
            && let Some(answer) = stream.message().await?
        {
            answers.push(answer);
        }
        Ok(answers)
    }

    /// Sends one message; the one that answers it.
    pub async fn call(&self, method: &str, message: Vec<u8>) -> Result<Bytes, Status> {
        Ok(self.send(method, vec![message]).await?.into_iter().next().expect("an answer"))
    }
}

/// Every error says by error info what it is, is small enough for every client,
/// and shows nothing of the inside.
pub fn assert_presentable(method: &str, status: &Status) {
    assert!(!reason(status).is_empty(), "{method}: {status:?}");
    let size = status.message().len() + status.details().len();
    assert!(size <= STATUS_BYTES_MAX, "{method}: {size} bytes in {status:?}");
    let shown = format!("{} {}", status.message(), String::from_utf8_lossy(status.details())).to_lowercase();
    let inner = INNER_WORDS.iter().find(|word| shown.contains(**word));
    assert_eq!(inner, None, "{method}: {status:?}");
}

/// The descriptors of the API.
pub fn descriptors() -> &'static FileDescriptorSet {
    static SET: OnceLock<FileDescriptorSet> = OnceLock::new();
    SET.get_or_init(|| FileDescriptorSet::decode(masthead::DESCRIPTOR_SET).expect("descriptors"))
}

/// Every method of the API as `Service/Method`, as the proto has it.
pub fn methods() -> Vec<(String, &'static MethodDescriptorProto)> {
    let ours = descriptors().file.iter().filter(|file| file.package() == "masthead.v1");
    let services = ours.flat_map(|file| &file.service);
    let methods = services.flat_map(|service| {
        service.method.iter().map(move |method| (format!("{}/{}", service.name(), method.name()), method))
    });
    methods.collect()
}

fn shape(name: &str) -> Option<&'static DescriptorProto> {
    let mut messages = descriptors().file.iter().flat_map(|file| &file.message_type);
    messages.find(|message| message.name() == name)
}

/// A message of the API by the names of its fields, each kept as encoded.
#[derive(Clone, PartialEq)]
pub struct Message {
    shape: &'static DescriptorProto,
    fields: BTreeMap<u32, Vec<u8>>,
}

impl Message {
    /// An empty message of this name: `GetReporterRequest`.
    pub fn new(name: &str) -> Message {
        let shape = shape(name).unwrap_or_else(|| panic!("the proto has no message {name}"));
        Message { shape, fields: BTreeMap::new() }
    }

    /// The request of a method about a thing whose name `names` gives for its
    /// kind; what else the method needs is not in it.
    pub fn about(method: &MethodDescriptorProto, names: impl Fn(&str) -> String) -> Message {
        let message = Message::new(method.input_type().trim_start_matches(".masthead.v1."));
        let kind = kind_of(method);
        match named_field(method).as_deref() {
            Some("parent") => message.with("parent", &names(parent_of(method))),
            Some("name") => message.with("name", &names(kind)),
            Some("names[0]") => message.with("names", &names(kind)),
            Some(_) => {
                let resource = Message::new(kind).with("name", &names(kind)).with("etag", "*");
                message.holding(&kind.to_lowercase(), &resource)
            }
            None => message,
        }
    }

    /// The message in these bytes.
    pub fn read(name: &str, mut bytes: &[u8]) -> Message {
        let mut message = Message::new(name);
        while !bytes.is_empty() {
            let start = bytes;
            let (number, wire_type) = decode_key(&mut bytes).expect("a key");
            skip_field(wire_type, number, &mut bytes, DecodeContext::default()).expect("a field");
            let length = start.len() - bytes.len();
            message.fields.entry(number).or_default().extend_from_slice(&start[..length]);
        }
        message
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.fields.values().flatten().copied().collect()
    }

    /// Whether messages of its name have this field.
    pub fn knows(&self, field: &str) -> bool {
        self.shape.field.iter().any(|known| known.name() == field)
    }

    /// The names of all fields that such a message can have.
    pub fn known(&self) -> Vec<&'static str> {
        self.shape.field.iter().map(|field| field.name()).collect()
    }

    /// The descriptors of all fields that such a message can have.
    pub fn fields(&self) -> &'static [FieldDescriptorProto] {
        &self.shape.field
    }

    /// The names of the fields that are set.
    pub fn set(&self) -> Vec<&'static str> {
        let set = self.shape.field.iter().filter(|field| self.fields.contains_key(&(field.number() as u32)));
        set.map(|field| field.name()).collect()
    }

    /// A field as encoded; nothing if it is not set.
    pub fn field(&self, name: &str) -> &[u8] {
        self.fields.get(&self.number(name)).map(Vec::as_slice).unwrap_or_default()
    }

    /// A text field.
    pub fn text(&self, name: &str) -> String {
        let items = self.items(name);
        items.last().map(|bytes| String::from_utf8(bytes.clone()).expect("a text")).unwrap_or_default()
    }

    /// The contents of a field of texts, bytes or messages.
    pub fn items(&self, name: &str) -> Vec<Vec<u8>> {
        let mut records = self.field(name);
        let mut items = Vec::new();
        while !records.is_empty() {
            decode_key(&mut records).expect("a key");
            let length = prost::decode_length_delimiter(&mut records).expect("a length");
            items.push(records[..length].to_vec());
            records.advance(length);
        }
        items
    }

    /// With this field as another message has it.
    pub fn like(mut self, other: &Message, field: &str) -> Message {
        let number = self.number(field);
        self.fields.remove(&number);
        self.fields.extend(other.fields.get(&number).map(|records| (number, records.clone())));
        self
    }

    /// Without this field.
    pub fn without(mut self, field: &str) -> Message {
        let number = self.number(field);
        self.fields.remove(&number);
        self
    }

    /// With a text.
    pub fn with(self, field: &str, text: &str) -> Message {
        self.put(field, |number, records| {
            if !text.is_empty() {
                prost::encoding::string::encode(number, &text.to_owned(), records);
            }
        })
    }

    /// With a boolean.
    pub fn flagged(self, field: &str, flag: bool) -> Message {
        self.put(field, |number, records| {
            if flag {
                prost::encoding::bool::encode(number, &flag, records);
            }
        })
    }

    /// With a number.
    pub fn numbered(self, field: &str, value: i32) -> Message {
        self.put(field, |number, records| {
            if value != 0 {
                prost::encoding::int32::encode(number, &value, records);
            }
        })
    }

    /// With a message.
    pub fn holding(self, field: &str, message: &Message) -> Message {
        self.put(field, |number, records| {
            prost::encoding::bytes::encode(number, &message.encode(), records);
        })
    }

    /// With an update mask.
    pub fn masked(self, paths: &[&str]) -> Message {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        self.put("update_mask", |number, records| {
            prost::encoding::message::encode(number, &prost_types::FieldMask { paths }, records);
        })
    }

    fn put(mut self, field: &str, write: impl FnOnce(u32, &mut Vec<u8>)) -> Message {
        let number = self.number(field);
        let mut records = Vec::new();
        write(number, &mut records);
        self.fields.remove(&number);
        if !records.is_empty() {
            self.fields.insert(number, records);
        }
        self
    }

    fn number(&self, field: &str) -> u32 {
        let known = self.shape.field.iter().find(|known| known.name() == field);
        known.unwrap_or_else(|| panic!("{} has no field {field}", self.shape.name())).number() as u32
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct(self.shape.name());
        for name in self.set() {
            fields.field(name, &format_args!("{}", self.field(name).escape_ascii()));
        }
        fields.finish()
    }
}

/// The kind of resource that a method is about: `Reporter`.
pub fn kind_of(method: &MethodDescriptorProto) -> &'static str {
    // What is owed is owed by an article, and one names the article whose
    // revisions it compares.
    if method.name().ends_with("Correction") || method.name() == "CompareArticleRevisions" {
        return "Article";
    }
    // What is rebuilt are the indexes of articles first of all.
    if ["RebuildSearchIndex", "GetServiceStatus"].contains(&method.name()) {
        return "Article";
    }
    let kinds = [
        "AuditEvent",
        "AccessToken",
        "Newspaper",
        "Publication",
        "ArticleRevision",
        "Reporter",
        "PhotoUpload",
        "Photo",
        "Page",
        "Article",
        "Issue",
        "Change",
    ];
    let found = kinds.into_iter().find(|kind| method.name().contains(kind));
    found.unwrap_or_else(|| panic!("{} is about nothing known", method.name()))
}

/// The kind of what a method lists or makes resources under.
pub fn parent_of(method: &MethodDescriptorProto) -> &'static str {
    match kind_of(method) {
        own if ["Reviews", "Usages"].iter().any(|listed| method.name().ends_with(listed)) => own,
        "Issue" => "Newspaper",
        "Page" => "Issue",
        "ArticleRevision" => "Article",
        "PhotoUpload" => "Photo",
        kind => panic!("{kind} has no parent"),
    }
}

/// The path of the field by which a request says what it is about.
pub fn named_field(method: &MethodDescriptorProto) -> Option<String> {
    let message = Message::new(method.input_type().trim_start_matches(".masthead.v1."));
    if message.knows("name") {
        return Some("name".into());
    }
    if message.knows("names") {
        return Some("names[0]".into());
    }
    if method.name().starts_with("Update") {
        return Some(format!("{}.name", kind_of(method).to_lowercase()));
    }
    message.knows("parent").then(|| "parent".into())
}

/// Whether the API has a message of this name.
pub fn has_message(name: &str) -> bool {
    shape(name).is_some()
}
