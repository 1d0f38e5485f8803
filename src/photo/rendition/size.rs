//! The sizes that a rendition may have: named ones, which the operator sets, and
//! a ladder of widths, so that nobody can have a picture made in every size there
//! is.

use std::str::FromStr;

use serde::Serialize;

use crate::{
    config::{PHOTO_SIDE_PX_MAX, RENDITION_NAME_CHARS_MAX, RENDITION_QUALITY_DEFAULT, RENDITION_WIDTHS_PX},
    wire::Check,
};

/// How large a rendition may be, and how it gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// The width in pixels at most.
    pub width_px: u32,
    /// The height in pixels at most.
    pub height_px: u32,
    /// Whether the picture is cut to the proportions of the size; else all of it
    /// is shown.
    pub fills: bool,
    /// The quality of the JPEG, 1 to 100.
    pub quality: u8,
}

/// A size by the name that callers ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSize {
    name: String,
    size: Size,
}

impl FromStr for NamedSize {
    type Err = String;

    /// Reads `NAME=WIDTHxHEIGHT`, with `!` behind it for a size that is filled
    /// and `@QUALITY` at the end.
    fn from_str(text: &str) -> Result<NamedSize, String> {
        let form = || "must look like web=1600x1600, thumbnail=320x320! or web=1600x1600@80".to_owned();
        let (name, rest) = text.split_once('=').ok_or_else(form)?;
        let (sides, quality) = match rest.split_once('@') {
            Some((sides, quality)) => (sides, quality.parse().map_err(|_| form())?),
            None => (rest, RENDITION_QUALITY_DEFAULT),
        };
        let (sides, fills) = sides.strip_suffix('!').map_or((sides, false), |sides| (sides, true));
        let (width, height) = sides.split_once('x').ok_or_else(form)?;
        let side = |text: &str| text.parse().map_err(|_| form());
        let size = Size { width_px: side(width)?, height_px: side(height)?, fills, quality };
        check(name, &size)?;
        Ok(NamedSize { name: name.to_owned(), size })
    }
}

fn check(name: &str, size: &Size) -> Result<(), String> {
    let is_word = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_word || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err("the name must be of lower-case letters, digits and hyphens, a letter first".to_owned());
    }
    if name.len() > RENDITION_NAME_CHARS_MAX {
        return Err(format!("the name has more than {RENDITION_NAME_CHARS_MAX} characters"));
    }
    if name.strip_prefix('w').is_some_and(|rest| rest.parse::<u32>().is_ok()) {
        return Err("names such as w320 stand for widths".to_owned());
    }
    if !(1..=100).contains(&size.quality) {
        return Err("the quality must be 1 to 100".to_owned());
    }
    let sides = 1..=PHOTO_SIDE_PX_MAX;
    if !sides.contains(&size.width_px) || !sides.contains(&size.height_px) {
        return Err(format!("width and height must be 1 to {PHOTO_SIDE_PX_MAX}"));
    }
    Ok(())
}

/// The sizes that one server makes.
#[derive(Clone, Debug)]
pub struct Sizes(Vec<NamedSize>);

impl Sizes {
    /// The named sizes, of which the last of a name counts, and the ladder.
    pub fn new(named: &[NamedSize]) -> Sizes {
        let ladder = RENDITION_WIDTHS_PX.map(|width_px| NamedSize {
            name: format!("w{width_px}"),
            size: Size {
                width_px,
                height_px: PHOTO_SIDE_PX_MAX,
                fills: false,
                quality: RENDITION_QUALITY_DEFAULT,
            },
        });
        let mut sizes: Vec<NamedSize> = Vec::new();
        for named in named.iter().cloned().chain(ladder) {
            match sizes.iter_mut().find(|known| known.name == named.name) {
                Some(known) => *known = named,
                None => sizes.push(named),
            }
        }
        Sizes(sizes)
    }

    /// Reads the field `rendition` of a request; none for the original.
    pub fn read(&self, check: &mut Check, name: &str) -> Option<Size> {
        if name.is_empty() {
            return None;
        }
        let found = self.0.iter().find(|known| known.name == name);
        if found.is_none() {
            let names: Vec<&str> = self.0.iter().map(|known| known.name.as_str()).collect();
            check.add("rendition", format!("must be empty for the original, or one of {}", names.join(", ")));
        }
        found.map(|known| known.size)
    }
}
