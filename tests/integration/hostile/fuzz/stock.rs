//! What the fuzzer knows of the newsroom: what it has been shown, and so can name.

use std::collections::HashMap;

use fastrand::Rng;
use masthead::pb::State;

use super::{
    odd,
    tree::{Tree, message},
};

/// What has a name.
pub const KINDS: [&str; 10] = [
    "Newspaper",
    "Issue",
    "Page",
    "Article",
    "ArticleRevision",
    "Reporter",
    "Photo",
    "PhotoUpload",
    "Publication",
    "AccessToken",
];

/// Things of a kind that are kept in mind.
const THINGS_MAX: usize = 60;

/// What was seen last takes the place of something seen before.
fn keep<T>(all: &mut Vec<T>, new: T, random: &mut Rng) {
    if all.len() < THINGS_MAX {
        all.push(new);
    } else {
        let place = random.usize(..all.len());
        all[place] = new;
    }
}

/// All that is known.
#[derive(Default)]
pub struct Stock {
    things: HashMap<&'static str, Vec<Tree>>,
    /// Requests that go on where an answer ended, by their method.
    pages: HashMap<String, Vec<Tree>>,
    cursors: Vec<String>,
}

impl Stock {
    /// Learns from an answer to a request.
    pub fn learn(&mut self, random: &mut Rng, method: &str, request: &Tree, answer: &str, bytes: &[u8]) {
        let Some(tree) = Tree::read(message(answer), bytes) else { panic!("{method} answers no {answer}") };
        if let Some(token) = tree.text("next_page_token").filter(|token| !token.is_empty()) {
            let mut next = request.clone();
            next.set("page_token", super::tree::Value::Bytes(token.as_bytes().to_vec()));
            keep(self.pages.entry(method.to_owned()).or_default(), next, random);
        }
        self.see(random, tree);
    }

    /// Learns of all that has a name in a message.
    pub fn see(&mut self, random: &mut Rng, tree: Tree) {
        for field in ["cursor", "next_cursor"] {
            let cursor = tree.text(field).filter(|cursor| !cursor.is_empty());
            cursor.map(str::to_owned).into_iter().for_each(|cursor| keep(&mut self.cursors, cursor, random));
        }
        for (_, inner) in tree.inner() {
            self.see(random, inner.clone());
        }
        let kind = KINDS.into_iter().find(|kind| *kind == tree.shape.name());
        if let Some(kind) = kind.filter(|_| tree.text("name").is_some()) {
            let things = self.things.entry(kind).or_default();
            let known = things.iter().position(|thing| thing.text("name") == tree.text("name"));
            match known {
                Some(place) => things[place] = tree,
                None => keep(things, tree, random),
            }
        }
    }

    /// One thing of a kind.
    pub fn thing(&self, random: &mut Rng, kind: &str) -> Option<&Tree> {
        let things = self.things.get(kind).filter(|things| !things.is_empty())?;
        Some(odd::one(random, things))
    }

    /// One thing of a kind that is as a method wants it, if there is one.
    pub fn fitting(&self, random: &mut Rng, kind: &str, method: &str) -> Option<&Tree> {
        let published = || self.things.get("Publication").into_iter().flatten();
        let is_published =
            |thing: &&Tree| published().any(|entry| entry.text("resource") == thing.text("name"));
        let has = |field: &'static str| move |thing: &&Tree| thing.has(field);
        let all = self.things.get(kind)?.iter();
        let (_, verb) = method.split_once('/').expect("a method");
        let fitting: Vec<&Tree> = match verb {
            "DownloadPublishedPhoto" => {
                all.filter(|photo| photo.number("state") == Some(State::Published as u64)).collect()
            }
            _ if method.starts_with("PublicationService/") => all.filter(is_published).collect(),
            _ if verb.starts_with("Withdraw") || verb == "OweCorrection" => {
                all.filter(is_published).collect()
            }
            _ if verb.starts_with("Undelete") || verb.starts_with("Purge") => {
                all.filter(has("delete_time")).collect()
            }
            _ if verb.ends_with("Schedule") => all.filter(has("schedule")).collect(),
            "CancelOwedCorrection" => all.filter(has("owed_correction")).collect(),
            "DownloadPhoto" | "GetPhotoMetadata" | "ReviewPhoto" => all.filter(has("file")).collect(),
            _ => all.filter(|thing| !thing.has("delete_time")).collect(),
        };
        (!fitting.is_empty()).then(|| *odd::one(random, &fitting))
    }

    /// The name of a thing of a kind; one of nothing, if it knows none.
    pub fn name(&self, random: &mut Rng, kind: &str) -> String {
        let thing = self.thing(random, kind);
        thing.and_then(|thing| thing.text("name")).unwrap_or("nothing/known").to_owned()
    }

    /// The etag of a thing of this name.
    pub fn etag(&self, name: &str) -> Option<&str> {
        let all = self.things.values().flatten();
        all.into_iter().find(|thing| thing.text("name") == Some(name)).and_then(|thing| thing.text("etag"))
    }

    /// A request for a further page.
    pub fn next_page(&self, random: &mut Rng, method: &str) -> Option<&Tree> {
        self.pages.get(method).map(|pages| odd::one(random, pages))
    }

    /// A cursor of any feed.
    pub fn cursor(&self, random: &mut Rng) -> String {
        if self.cursors.is_empty() { String::new() } else { odd::one(random, &self.cursors).clone() }
    }
}
