//! Text in metadata: character sets that are declared, or not, and times.

use encoding_rs::{GBK, UTF_16BE, UTF_16LE, mem::decode_latin1};

use super::VALUE_CHARS_MAX;

/// A text without what no text may hold, at the length that is kept.
pub fn clip(text: &str) -> String {
    let is_kept = |character: &char| !character.is_control() || matches!(character, '\n' | '\t');
    let mut kept = text.trim().chars().map(|character| if character == '\r' { '\n' } else { character });
    let clipped: String = kept.by_ref().filter(is_kept).take(VALUE_CHARS_MAX).collect();
    if kept.next().is_some() { format!("{clipped}…") } else { clipped }
}

/// A character set that says nothing of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// GBK, as Chinese agencies send it.
    Gbk,
    /// ISO 8859-1.
    Latin1,
}

impl Charset {
    /// The likeliest character set of bytes that declare none.
    pub fn guess(bytes: &[u8]) -> Charset {
        if std::str::from_utf8(bytes).is_ok() {
            Charset::Utf8
        } else if is_like_gbk(bytes) {
            Charset::Gbk
        } else {
            Charset::Latin1
        }
    }

    /// The text of bytes in this character set.
    pub fn decode(self, bytes: &[u8]) -> String {
        match self {
            Charset::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Charset::Gbk => GBK.decode_without_bom_handling(bytes).0.into_owned(),
            Charset::Latin1 => decode_latin1(bytes).into_owned(),
        }
    }
}

/// Whether bytes are like Chinese text in GBK: high bytes in pairs, most of them
/// from the characters of GB 2312, where both bytes are high. In Latin-1 high
/// bytes mostly stand alone.
fn is_like_gbk(bytes: &[u8]) -> bool {
    let (mut pairs, mut common) = (0, 0);
    let mut rest = bytes.iter();
    while let Some(lead) = rest.next() {
        if lead.is_ascii() {
            continue;
        }
        let (0x81..=0xfe, Some(trail @ (0x40..=0x7e | 0x80..=0xfe))) = (*lead, rest.next()) else {
            return false;
        };
        pairs += 1;
        common += usize::from((0xa1..=0xf7).contains(lead) && *trail >= 0xa1);
    }
    pairs > 0 && common * 5 >= pairs * 4
}

/// Text of bytes that declare no character set.
pub fn undeclared(bytes: &[u8]) -> String {
    Charset::guess(bytes).decode(bytes)
}

/// The text of an Exif comment, behind the eight bytes that name its character
/// set (CIPA DC-008, UserComment).
pub fn exif_comment(bytes: &[u8], is_little: bool) -> String {
    let Some((charset, text)) = bytes.split_first_chunk::<8>() else { return String::new() };
    match charset {
        b"UNICODE\0" => {
            let encoding = if is_little { UTF_16LE } else { UTF_16BE };
            encoding.decode(text).0.into_owned()
        }
        b"ASCII\0\0\0" | [0, 0, 0, 0, 0, 0, 0, 0] => undeclared(text),
        _ => String::new(),
    }
}

/// A time of Exif (`2023:04:20 15:04:05`) with its offset, as ISO 8601 has it;
/// empty if it is none.
pub fn exif_time(time: &str, offset: &str) -> String {
    let Some((date, clock)) = time.trim().split_once(' ') else { return String::new() };
    let date = date.replace(':', "-");
    iso_time(&format!("{date}T{}{}", clock.trim(), offset.trim()))
}

/// A date (`20230420`) and a time (`150405+0800`) of IIM, as ISO 8601 has them;
/// empty if they are none. A part of a date that is unknown is zero.
pub fn iim_time(date: &str, time: &str) -> String {
    let (Some(year), Some(month), Some(day)) = (date.get(0..4), date.get(4..6), date.get(6..8)) else {
        return String::new();
    };
    match (month, day) {
        ("00", _) => return iso_time(year),
        (_, "00") => return iso_time(&format!("{year}-{month}")),
        _ => {}
    }
    let date = format!("{year}-{month}-{day}");
    let clock = match (time.get(0..2), time.get(2..4), time.get(4..6)) {
        (Some(hour), Some(minute), Some(second)) => format!("T{hour}:{minute}:{second}"),
        _ => String::new(),
    };
    let zone = match (time.get(6..9), time.get(9..11)) {
        (Some(hours), Some(minutes)) => format!("{hours}:{minutes}"),
        _ => String::new(),
    };
    let whole = iso_time(&format!("{date}{clock}{zone}"));
    if whole.is_empty() { iso_time(&date) } else { whole }
}

/// A time as ISO 8601 has it, to the second, if it is one of the forms that
/// [`super::Embedded::create_time`] has; empty otherwise.
pub fn iso_time(text: &str) -> String {
    let text = text.trim();
    let (date, clock) = text.split_once(['T', ' ']).map_or((text, None), |(date, clock)| (date, Some(clock)));
    if !is_date(date) {
        return String::new();
    }
    let Some(clock) = clock else { return date.to_owned() };
    let zone_at = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let (time, zone) = clock.split_at(zone_at);
    let time = time.split_once('.').map_or(time, |(seconds, _)| seconds);
    let time = if time.len() == 5 { format!("{time}:00") } else { time.to_owned() };
    let zone = if is_zone(zone) { zone } else { "" };
    if date.len() == 10 && is_clock(&time) { format!("{date}T{time}{zone}") } else { date.to_owned() }
}

fn number(text: &str, digits: usize, range: std::ops::RangeInclusive<u32>) -> bool {
    text.len() == digits
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse().is_ok_and(|number| range.contains(&number))
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    match parts[..] {
        [year] => number(year, 4, 1..=9999),
        [year, month] => number(year, 4, 1..=9999) && number(month, 2, 1..=12),
        [year, month, day] => number(year, 4, 1..=9999) && number(month, 2, 1..=12) && number(day, 2, 1..=31),
        _ => false,
    }
}

fn is_clock(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    matches!(parts[..], [hour, minute, second]
        if number(hour, 2, 0..=23) && number(minute, 2, 0..=59) && number(second, 2, 0..=60))
}

fn is_zone(text: &str) -> bool {
    let Some(clock) = text.strip_prefix(['+', '-']) else { return text == "Z" };
    matches!(clock.split_once(':'), Some((hours, minutes))
        if number(hours, 2, 0..=14) && number(minutes, 2, 0..=59))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undeclared_text_is_taken_for_what_it_is_like() {
        let gbk = GBK.encode("新华社记者 林知远 摄").0;
        assert_eq!(undeclared(&gbk), "新华社记者 林知远 摄");
        assert_eq!(undeclared("福清侨乡报 é".as_bytes()), "福清侨乡报 é");
        assert_eq!(undeclared(b"Caf\xe9 M\xfcller, S\xe3o Paulo"), "Café Müller, São Paulo");
        assert_eq!(undeclared(b"Gar\xe7on \xe0 la cr\xe8me"), "Garçon à la crème");
    }

    #[test]
    fn times_keep_the_zone_and_nothing_that_is_no_time() {
        assert_eq!(exif_time("2023:04:20 15:04:05", "+08:00"), "2023-04-20T15:04:05+08:00");
        assert_eq!(exif_time("2023:04:20 15:04:05", ""), "2023-04-20T15:04:05");
        assert_eq!(exif_time("    :  :     :  :  ", ""), "");
        assert_eq!(iim_time("20230420", "150405+0800"), "2023-04-20T15:04:05+08:00");
        assert_eq!(iim_time("20230400", ""), "2023-04");
        assert_eq!(iim_time("20230420", "nonsense"), "2023-04-20");
        assert_eq!(iso_time("2023-04-20T15:04:05.123Z"), "2023-04-20T15:04:05Z");
        assert_eq!(iso_time("2023-04-20T15:04+08:00"), "2023-04-20T15:04:00+08:00");
        assert_eq!(iso_time("2023-13-20"), "");
        assert_eq!(iso_time("昨天"), "");
    }
}
