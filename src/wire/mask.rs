//! Update masks (aip.dev/134, aip.dev/161), applied to encoded messages: a
//! field named in the mask is taken from the given message, every other one
//! stays. One rule for all resources, with no list of assignments to forget a
//! field in.

use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
};

use prost::{
    Message,
    encoding::{DecodeContext, decode_key, skip_field},
};
use prost_types::{FieldMask, FileDescriptorSet};

use crate::{
    error::{Error, Result},
    wire::Check,
};

/// A resource message and its fields that callers may write. An update ignores
/// all other fields, as aip.dev/203 asks.
#[derive(Debug)]
pub struct Writable {
    /// The name of the message: `Article`.
    pub message: &'static str,
    /// The names of the fields.
    pub fields: &'static [&'static str],
}

/// The numbers of the fields to take from `given`.
pub fn selected(
    check: &mut Check,
    mask: Option<&FieldMask>,
    given: &impl Message,
    writable: &Writable,
) -> Vec<u32> {
    let numbers = field_numbers(writable.message);
    let all = || writable.fields.iter().filter_map(|field| numbers.get(*field).copied()).collect();
    let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else {
        let set = records(&given.encode_to_vec()).unwrap_or_default();
        let writable: Vec<u32> = all();
        return set.into_keys().filter(|number| writable.contains(number)).collect();
    };
    if mask.paths == ["*"] {
        return all();
    }
    let mut chosen = Vec::new();
    for (index, path) in mask.paths.iter().enumerate() {
        match numbers.get(path.as_str()) {
            Some(number) if writable.fields.contains(&path.as_str()) => chosen.push(*number),
            Some(_) => {}
            None => check.add(format!("update_mask.paths[{index}]"), complaint(path, writable)),
        }
    }
    chosen
}

fn complaint(path: &str, writable: &Writable) -> String {
    if path == "*" {
        return "`*` must be the only path".to_owned();
    }
    if path.contains('.') {
        return "only top-level fields can be named; name the whole field".to_owned();
    }
    format!("{} has no field of this name; writable fields: {}", writable.message, writable.fields.join(", "))
}

/// The current message with the chosen fields as they are in `given`.
pub fn merge<M: Message + Default>(current: &M, given: &M, chosen: &[u32]) -> Result<M> {
    let encoded = (current.encode_to_vec(), given.encode_to_vec());
    let failed =
        |error: prost::DecodeError| Error::Internal(format!("a message is not its own encoding: {error}"));
    let mut merged = Vec::with_capacity(encoded.0.len() + encoded.1.len());
    for (number, bytes) in records(&encoded.0).map_err(failed)? {
        if !chosen.contains(&number) {
            merged.extend_from_slice(&bytes);
        }
    }
    for (number, bytes) in records(&encoded.1).map_err(failed)? {
        if chosen.contains(&number) {
            merged.extend_from_slice(&bytes);
        }
    }
    M::decode(merged.as_slice()).map_err(failed)
}

/// The encoded records of a message by field number, each with its key.
fn records(message: &[u8]) -> std::result::Result<BTreeMap<u32, Vec<u8>>, prost::DecodeError> {
    let mut records: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut rest = message;
    while !rest.is_empty() {
        let start = rest;
        let (number, wire_type) = decode_key(&mut rest)?;
        skip_field(wire_type, number, &mut rest, DecodeContext::default())?;
        let length = start.len() - rest.len();
        records.entry(number).or_default().extend_from_slice(&start[..length]);
    }
    Ok(records)
}

/// The field names of a message of `masthead.v1` and their numbers.
fn field_numbers(message: &str) -> &'static HashMap<String, u32> {
    static MESSAGES: OnceLock<HashMap<String, HashMap<String, u32>>> = OnceLock::new();
    static NONE: OnceLock<HashMap<String, u32>> = OnceLock::new();
    let messages = MESSAGES.get_or_init(|| {
        // The set is compiled in; a test decodes it.
        let set = FileDescriptorSet::decode(crate::DESCRIPTOR_SET).unwrap_or_default();
        let ours = set.file.into_iter().filter(|file| file.package() == "masthead.v1");
        ours.flat_map(|file| file.message_type)
            .map(|message| {
                let fields =
                    message.field.iter().map(|field| (field.name().to_owned(), field.number() as u32));
                (message.name().to_owned(), fields.collect())
            })
            .collect()
    });
    messages.get(message).unwrap_or_else(|| NONE.get_or_init(HashMap::new))
}
