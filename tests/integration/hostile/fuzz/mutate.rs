//! What can be done to a valid request.

use data_encoding::BASE64URL_NOPAD;
use fastrand::Rng;
use masthead::digest::Digest;
use prost::encoding::{WireType, encode_key};
use prost_types::{FieldDescriptorProto, field_descriptor_proto::Type};

use super::{
    odd::{self, chance, one},
    stock::{KINDS, Stock},
    tree::{Tree, Value, delimited, inner},
};

/// Bytes of a mutated request that are as good as always not passed.
const BYTES_USUALLY_MAX: usize = 1024 * 1024;

/// Changes a part of a message.
pub fn field(random: &mut Rng, request: &mut Tree, stock: &Stock) {
    let index = random.usize(..request.messages());
    let tree = request.nth(index);
    match random.u32(..20) {
        0..8 => strange(random, tree),
        8..10 => {
            if let Some(place) = place(random, tree) {
                tree.fields.remove(place);
            }
        }
        10 => multiply(random, tree),
        11..15 => rename(random, tree, stock),
        15 => retype(random, tree),
        16 => unknown(random, tree),
        17 => random.shuffle(&mut tree.fields),
        18 => nest(random, tree),
        _ => disturb(random, tree),
    }
}

/// Changes the bytes of a message.
pub fn bytes(random: &mut Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return bytes.push(random.u8(..));
    }
    let place = random.usize(..bytes.len());
    match random.u32(..6) {
        0 => bytes.truncate(place),
        1 => bytes[place] ^= 1 << random.u32(..8),
        2 => bytes[place] = random.u8(..),
        3 => bytes.insert(place, random.u8(..)),
        4 => drop(bytes.remove(place)),
        _ => {
            let end = random.usize(place..bytes.len());
            let part = bytes[place..end].to_vec();
            bytes.extend(part);
        }
    }
}

fn place(random: &mut Rng, tree: &Tree) -> Option<usize> {
    (!tree.fields.is_empty()).then(|| random.usize(..tree.fields.len()))
}

/// A known field with an odd value of its type.
fn strange(random: &mut Rng, tree: &mut Tree) {
    if tree.shape.field.is_empty() {
        return;
    }
    let field = one(random, &tree.shape.field);
    let value = odd_value(random, field);
    if chance(random, 80) {
        tree.set(field.name(), value);
    } else {
        tree.fields.push((field.number() as u32, value));
    }
}

fn odd_value(random: &mut Rng, field: &FieldDescriptorProto) -> Value {
    match field.r#type() {
        Type::Message => inner(field).map_or(Value::Bytes(Vec::new()), |shape| {
            let mut tree = Tree::new(shape);
            match shape.name() {
                "Date" => {
                    let (year, month, day) = odd::date(random);
                    for (name, value) in [("year", year), ("month", month), ("day", day)] {
                        tree.set(name, Value::Varint(value as u64));
                    }
                }
                "Timestamp" => {
                    tree.set("seconds", Value::Varint(odd::number(random)));
                    tree.set("nanos", Value::Varint(odd::number(random)));
                }
                "FieldMask" => {
                    for _ in 0..*one(random, &[1, 2, 300]) {
                        tree.fields.push((1, Value::Bytes(mask_path(random).into_bytes())));
                    }
                }
                _ => {}
            }
            Value::Tree(tree)
        }),
        Type::String => Value::Bytes(odd_text(random, field.name()).into_bytes()),
        Type::Bytes => Value::Bytes((0..random.usize(..5_000)).map(|_| random.u8(..)).collect()),
        Type::Double | Type::Fixed64 | Type::Sfixed64 => Value::Fixed64(odd::float(random).to_bits()),
        Type::Float | Type::Fixed32 | Type::Sfixed32 => Value::Fixed32(random.u32(..)),
        _ => Value::Varint(odd::number(random)),
    }
}

fn mask_path(random: &mut Rng) -> String {
    let paths =
        ["", "*", "**", "name", "etag", "headline,title", "headline.text", "body.0", "Headline", "uid"];
    if chance(random, 80) { (*one(random, &paths)).to_owned() } else { odd::text(random) }
}

fn odd_text(random: &mut Rng, name: &str) -> String {
    match name {
        "filter" | "order_by" | "query" => odd::expression(random),
        "cursor" if chance(random, 70) => forged_cursor(random),
        _ => odd::text(random),
    }
}

/// A cursor of a place that is none, sealed as a true one is.
fn forged_cursor(random: &mut Rng) -> String {
    let mut bytes = vec![1, *one(random, b"pcx")];
    bytes.extend(odd::number(random).to_be_bytes());
    bytes.extend(odd::number(random).to_be_bytes());
    bytes.extend([0; 8]);
    let seal = Digest::of_parts([b"cursor".as_slice(), &bytes]);
    bytes.extend(&seal.as_bytes()[..4]);
    BASE64URL_NOPAD.encode(&bytes)
}

/// One field many times.
fn multiply(random: &mut Rng, tree: &mut Tree) {
    let Some(place) = place(random, tree) else { return };
    let field = tree.fields[place].clone();
    let mut one_field = Tree::new(tree.shape);
    one_field.fields.push(field.clone());
    let size = one_field.encode().len().max(1);
    let times = *one(random, &[1, 20, 101, 501, 2_001]);
    tree.fields.extend(std::iter::repeat_n(field, times.min(BYTES_USUALLY_MAX / size)));
}

/// The name of another thing, or one that is none, in a field of texts.
fn rename(random: &mut Rng, tree: &mut Tree, stock: &Stock) {
    let kind = *one(random, &KINDS);
    let mut name = stock.name(random, kind);
    match random.u32(..8) {
        0 => name.push('/'),
        1 => name = name.to_uppercase(),
        2 => name.truncate(name.floor_char_boundary(random.usize(..=name.len()))),
        3 => name.insert_str(name.floor_char_boundary(random.usize(..=name.len())), &odd::text(random)),
        _ => {}
    }
    let texts: Vec<&str> = tree
        .shape
        .field
        .iter()
        .filter(|field| field.r#type() == Type::String)
        .map(|field| field.name())
        .collect();
    if !texts.is_empty() {
        tree.set(one::<&str>(random, &texts), Value::Bytes(name.into_bytes()));
    }
}

/// A field as another wire type.
fn retype(random: &mut Rng, tree: &mut Tree) {
    let Some(place) = place(random, tree) else { return };
    tree.fields[place].1 = match random.u32(..4) {
        0 => Value::Varint(odd::number(random)),
        1 => Value::Fixed64(odd::number(random)),
        2 => Value::Fixed32(random.u32(..)),
        _ => Value::Bytes(vec![random.u8(..)]),
    };
}

/// Fields that nobody knows.
fn unknown(random: &mut Rng, tree: &mut Tree) {
    for _ in 0..*one(random, &[1, 5, 1_000]) {
        let number = *one(random, &[900, 1_000, 19_000, 536_870_911]);
        let value = match random.u32(..4) {
            0 => Value::Varint(random.u64(..)),
            1 => Value::Fixed64(random.u64(..)),
            2 => Value::Fixed32(random.u32(..)),
            _ => Value::Bytes(vec![random.u8(..); random.usize(..100)]),
        };
        tree.fields.push((number, value));
    }
}

/// Messages or groups in each other, deeper than any are meant to be.
fn nest(random: &mut Rng, tree: &mut Tree) {
    let depth = *one(random, &[10, 99, 100, 101, 5_000]);
    let number = match place(random, tree) {
        Some(place) if chance(random, 70) => tree.fields[place].0,
        _ => 1_000,
    };
    let mut field = Vec::new();
    if chance(random, 50) {
        (0..depth).for_each(|_| encode_key(number, WireType::StartGroup, &mut field));
        (0..depth).for_each(|_| encode_key(number, WireType::EndGroup, &mut field));
    } else {
        for _ in 0..depth.min(1_000) {
            let mut outer = Vec::new();
            delimited(number, &field, &mut outer);
            field = outer;
        }
    }
    tree.fields.push((number, Value::Raw(field)));
}

/// One character of a text, such as a token, an etag or a name.
fn disturb(random: &mut Rng, tree: &mut Tree) {
    let Some(place) = place(random, tree) else { return };
    if let Value::Bytes(content) = &mut tree.fields[place].1
        && !content.is_empty()
        && content.is_ascii()
    {
        let at = random.usize(..content.len());
        content[at] = *one(random, b"0aZ_-/=%\x00");
    }
}
