//! Messages as trees of fields, made and read by the descriptors of the API, so
//! that any of their parts can be changed before they are encoded.

use std::{collections::HashMap, sync::OnceLock};

use bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

use crate::raw::descriptors;

/// Every message of the descriptors by its full name.
#[derive(Default)]
struct Shapes {
    messages: HashMap<String, &'static DescriptorProto>,
    enums: HashMap<String, &'static EnumDescriptorProto>,
}

impl Shapes {
    fn add(&mut self, scope: &str, message: &'static DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for inner in &message.nested_type {
            self.add(&name, inner);
        }
        for inner in &message.enum_type {
            self.enums.insert(format!("{name}.{}", inner.name()), inner);
        }
        self.messages.insert(name, message);
    }
}

fn shapes() -> &'static Shapes {
    static SHAPES: OnceLock<Shapes> = OnceLock::new();
    SHAPES.get_or_init(|| {
        let mut shapes = Shapes::default();
        for file in &descriptors().file {
            let scope = format!(".{}", file.package());
            for message in &file.message_type {
                shapes.add(&scope, message);
            }
            for inner in &file.enum_type {
                shapes.enums.insert(format!("{scope}.{}", inner.name()), inner);
            }
        }
        shapes
    })
}

/// The message of this full name: `.masthead.v1.Article`.
pub fn message(name: &str) -> &'static DescriptorProto {
    shapes().messages.get(name).copied().unwrap_or_else(|| panic!("the proto has no message {name}"))
}

/// The numbers of an enum of this full name.
pub fn numbers(name: &str) -> Vec<i32> {
    let shape = shapes().enums.get(name).unwrap_or_else(|| panic!("the proto has no enum {name}"));
    shape.value.iter().map(|value| value.number()).collect()
}

/// The names of an enum of this full name.
pub fn names(name: &str) -> Vec<&'static str> {
    let shape = shapes().enums.get(name).unwrap_or_else(|| panic!("the proto has no enum {name}"));
    shape.value.iter().map(|value| value.name()).collect()
}

/// A message.
#[derive(Clone, Debug)]
pub struct Tree {
    /// What it may hold.
    pub shape: &'static DescriptorProto,
    /// What it holds, in the order of sending.
    pub fields: Vec<(u32, Value)>,
}

/// The value of a field.
#[derive(Clone, Debug)]
pub enum Value {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(Vec<u8>),
    Tree(Tree),
    /// A field as encoded, its key before it.
    Raw(Vec<u8>),
}

impl Tree {
    /// An empty one.
    pub fn new(shape: &'static DescriptorProto) -> Tree {
        Tree { shape, fields: Vec::new() }
    }

    /// The message in these bytes; none if they are not such a message.
    pub fn read(shape: &'static DescriptorProto, mut bytes: &[u8]) -> Option<Tree> {
        let mut tree = Tree::new(shape);
        while !bytes.is_empty() {
            let (number, wire_type) = decode_key(&mut bytes).ok()?;
            let value = match wire_type {
                WireType::Varint => Value::Varint(decode_varint(&mut bytes).ok()?),
                WireType::SixtyFourBit => Value::Fixed64(bytes.try_get_u64_le().ok()?),
                WireType::ThirtyTwoBit => Value::Fixed32(bytes.try_get_u32_le().ok()?),
                WireType::LengthDelimited => {
                    let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
                    let (content, rest) = bytes.split_at_checked(length)?;
                    bytes = rest;
                    match tree.field(number).and_then(inner) {
                        Some(shape) => Value::Tree(Tree::read(shape, content)?),
                        None => Value::Bytes(content.to_vec()),
                    }
                }
                WireType::StartGroup | WireType::EndGroup => return None,
            };
            tree.fields.push((number, value));
        }
        Some(tree)
    }

    /// The descriptor of a field.
    pub fn field(&self, number: u32) -> Option<&'static FieldDescriptorProto> {
        self.shape.field.iter().find(|field| field.number() as u32 == number)
    }

    /// Whether a field is set.
    pub fn has(&self, name: &str) -> bool {
        let field = self.shape.field.iter().find(|field| field.name() == name);
        field.is_some_and(|field| self.fields.iter().any(|(number, _)| *number == field.number() as u32))
    }

    /// The text of a field.
    pub fn text(&self, name: &str) -> Option<&str> {
        let number = self.shape.field.iter().find(|field| field.name() == name)?.number() as u32;
        self.fields.iter().find_map(|(own, value)| match value {
            Value::Bytes(bytes) if *own == number => std::str::from_utf8(bytes).ok(),
            _ => None,
        })
    }

    /// The number of a field, or of an enum's value in it.
    pub fn number(&self, name: &str) -> Option<u64> {
        let number = self.shape.field.iter().find(|field| field.name() == name)?.number() as u32;
        self.fields.iter().find_map(|(own, value)| match value {
            Value::Varint(value) if *own == number => Some(*value),
            _ => None,
        })
    }

    /// Sets a field instead of what it holds.
    pub fn set(&mut self, name: &str, value: Value) {
        let field = self.shape.field.iter().find(|field| field.name() == name);
        let Some(number) = field.map(|field| field.number() as u32) else { return };
        self.fields.retain(|(own, _)| *own != number);
        self.fields.push((number, value));
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, value) in &self.fields {
            match value {
                Value::Varint(value) => {
                    encode_key(*number, WireType::Varint, &mut bytes);
                    encode_varint(*value, &mut bytes);
                }
                Value::Fixed64(value) => {
                    encode_key(*number, WireType::SixtyFourBit, &mut bytes);
                    bytes.extend(value.to_le_bytes());
                }
                Value::Fixed32(value) => {
                    encode_key(*number, WireType::ThirtyTwoBit, &mut bytes);
                    bytes.extend(value.to_le_bytes());
                }
                Value::Bytes(content) => delimited(*number, content, &mut bytes),
                Value::Tree(tree) => delimited(*number, &tree.encode(), &mut bytes),
                Value::Raw(field) => bytes.extend(field),
            }
        }
        bytes
    }

    /// How many messages it consists of.
    pub fn messages(&self) -> usize {
        1 + self.inner().map(|(_, tree)| tree.messages()).sum::<usize>()
    }

    /// One of the messages that it consists of, the first of which is itself.
    pub fn nth(&mut self, index: usize) -> &mut Tree {
        let Some(mut left) = index.checked_sub(1) else { return self };
        let mut place = None;
        for (at, tree) in self.inner() {
            let count = tree.messages();
            if left < count {
                place = Some(at);
                break;
            }
            left -= count;
        }
        match place.map(|at| &mut self.fields[at].1) {
            Some(Value::Tree(tree)) => tree.nth(left),
            _ => panic!("it has fewer messages"),
        }
    }

    /// Its fields that are messages.
    pub fn inner(&self) -> impl Iterator<Item = (usize, &Tree)> {
        self.fields.iter().enumerate().filter_map(|(at, (_, value))| match value {
            Value::Tree(tree) => Some((at, tree)),
            _ => None,
        })
    }
}

/// Writes a field whose length stands before it.
pub fn delimited(number: u32, content: &[u8], bytes: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, bytes);
    encode_varint(content.len() as u64, bytes);
    bytes.extend(content);
}

/// The shape of a field that is a message.
pub fn inner(field: &FieldDescriptorProto) -> Option<&'static DescriptorProto> {
    (field.r#type() == Type::Message).then(|| message(field.type_name()))
}

/// Whether a field is a list.
pub fn is_list(field: &FieldDescriptorProto) -> bool {
    field.label() == Label::Repeated
}
