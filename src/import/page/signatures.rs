//! The grammar of a signature (署名): who, and what they did.
//!
//! `记者 甲 乙 通讯员 丙`, `本报记者 甲 文/摄`, `本报记者 甲/文 乙/摄`, `文/甲 图/乙`, `甲 乙 摄`,
//! `责编 甲 校对 乙`. The role of the desk (记者, 通讯员) stands before the names. The work (文, 摄)
//! stands after them, or, if the last word is a name, before them.

use std::ops::Range;

use super::Role;
use super::characters::fold;
use super::surnames::{is_double, opens_with_surname};
use crate::text::is_han;

/// A signature taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) people: Vec<Person>,
    /// The places of the words that are not names, in bytes.
    pub(super) wording: Vec<Range<usize>>,
    /// The places of the houses that reporters are said to be of (山城日报记者), in bytes.
    pub(super) houses: Vec<Range<usize>>,
}

/// One person who signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    /// The place of the printed name, in bytes.
    pub(super) place: Range<usize>,
    /// One role, or two for words and pictures.
    pub(super) roles: Vec<Role>,
}

impl Signature {
    /// Whether everyone in it has this one role.
    pub(super) fn is_all(&self, role: Role) -> bool {
        self.people.iter().all(|person| person.roles == [role])
    }

    /// Whether it names only people who made the page, not a story.
    pub(super) fn is_staff(&self) -> bool {
        self.people.iter().all(|person| {
            person.roles.iter().all(|role| matches!(role, Role::Editor | Role::Proofreader | Role::Layout))
        })
    }
}

/// How sure it already is that the text signs something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// An ornament or brackets say so: a name need not have a usual surname.
    Marked,
    /// Nothing says so but the words themselves.
    Bare,
}

#[derive(Clone, Copy, PartialEq)]
enum Word {
    Role(Role),
    /// 山城日报, before 记者.
    House,
    /// 文: wrote.
    Wrote,
    /// 摄: photographed.
    Photographed,
    /// 文图: both in one word.
    Both,
    /// 报道: says nothing about who.
    Filler,
    Name,
}

type Token = (Word, Range<usize>);

/// The longest signature that is looked at, in bytes.
const SIGNATURE_BYTES_MAX: usize = 400;

/// Reads a text that is a signature from its first to its last word. `None` if any word of it is
/// neither a name nor a role nor a work.
pub(super) fn read(text: &str, trust: Trust) -> Option<Signature> {
    if text.len() > SIGNATURE_BYTES_MAX {
        return None;
    }
    let tokens = join_spread_names(text, tokens(text)?)?;
    let names_staff = tokens.iter().any(|(word, _)| matches!(word, Word::Role(_)));
    let trust = if trust == Trust::Marked || text.starts_with("本报") { Trust::Marked } else { trust };
    let names: Vec<String> = tokens
        .iter()
        .filter(|(word, _)| *word == Word::Name)
        .map(|(_, place)| without_spaces(&text[place.clone()]))
        .collect();
    let says_something = names_staff || tokens.iter().any(|(word, _)| *word != Word::Name);
    let needs_surname = trust == Trust::Bare || !says_something;
    let are_names = names.iter().all(|name| is_name(name, needs_surname));
    if names.is_empty() || !are_names || (!says_something && trust == Trust::Bare) {
        return None;
    }
    let people = people(text, &tokens);
    let places = |wanted: fn(Word) -> bool| -> Vec<Range<usize>> {
        tokens.iter().filter(|(word, _)| wanted(*word)).map(|(_, place)| place.clone()).collect()
    };
    let houses = places(|word| word == Word::House);
    let wording = places(|word| !matches!(word, Word::Name | Word::House));
    Some(Signature { people, wording, houses })
}

/// Whether the text is a role and nothing else (■记者): the names stand on the next line.
pub(super) fn is_role_alone(text: &str) -> bool {
    text.len() <= SIGNATURE_BYTES_MAX
        && tokens(text).is_some_and(|tokens| {
            matches!(tokens[..], [(Word::Role(Role::Reporter | Role::Correspondent | Role::Editor), _)])
        })
}

fn is_separator(character: char) -> bool {
    character.is_whitespace() || matches!(fold(character), ',' | '/' | ';' | ':' | '、' | '|' | '&' | '+')
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let word_length = rest.find(is_separator).unwrap_or(rest.len());
        if word_length == 0 {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        }
        split_word(text, at..at + word_length, &mut tokens)?;
        at += word_length;
    }
    Some(tokens)
}

/// One word between spaces may hold a role, a name and a work: 本报记者甲乙摄.
fn split_word(text: &str, place: Range<usize>, tokens: &mut Vec<Token>) -> Option<()> {
    let mut place = place;
    let word = &text[place.clone()];
    if let Some(work) = work(word) {
        tokens.push((work, place));
        return Some(());
    }
    if let Some((role, words)) = role(word) {
        let (start, end) = (place.start + words.start, place.start + words.end);
        if words.start > 0 {
            tokens.push((Word::House, place.start..start));
        }
        tokens.push((Word::Role(role), start..end));
        place.start = end;
        return if place.is_empty() { Some(()) } else { split_word(text, place, tokens) };
    }
    let tail =
        ["摄影报道", "摄影", "摄"].into_iter().find(|tail| word.len() > tail.len() && word.ends_with(tail));
    let name_end = place.end - tail.map_or(0, str::len);
    let name = &text[place.start..name_end];
    let is_possible =
        name.chars().count() <= 15 && name.chars().all(|each| is_han(each) || matches!(each, '·' | '•'));
    if !is_possible {
        return None;
    }
    tokens.push((Word::Name, place.start..name_end));
    if let Some(tail) = tail {
        tokens.push((work(tail)?, name_end..place.end));
    }
    Some(())
}

fn work(word: &str) -> Option<Word> {
    Some(match word {
        "文" | "撰文" | "文字" | "撰稿" => Word::Wrote,
        "摄" | "图" | "摄影" | "图片" | "供图" => Word::Photographed,
        "文图" | "图文" | "摄影报道" | "文并摄" => Word::Both,
        "报道" | "采写" | "整理" | "综合" | "综合报道" | "供稿" | "采访" => Word::Filler,
        _ => return None,
    })
}

/// The role at the front of a word, and where it lies, in bytes; what is before it is a house.
fn role(word: &str) -> Option<(Role, Range<usize>)> {
    const WORDS: &[(&str, Role)] = &[
        ("摄影记者", Role::Photographer),
        ("特约通讯员", Role::Correspondent),
        ("本报通讯员", Role::Correspondent),
        ("通讯员", Role::Correspondent),
        ("实习生", Role::Correspondent),
        ("作者", Role::Reporter),
        ("责任编辑", Role::Editor),
        ("本版责编", Role::Editor),
        ("本版编辑", Role::Editor),
        ("版面编辑", Role::Editor),
        ("值班编辑", Role::Editor),
        ("美术编辑", Role::Layout),
        ("编辑", Role::Editor),
        ("责编", Role::Editor),
        ("责任校对", Role::Proofreader),
        ("本版校对", Role::Proofreader),
        ("校对", Role::Proofreader),
        ("版面设计", Role::Layout),
        ("版式", Role::Layout),
        ("美编", Role::Layout),
        ("组版", Role::Layout),
        ("排版", Role::Layout),
        ("视觉", Role::Layout),
    ];
    let worded = WORDS.iter().find(|(front, _)| word.starts_with(front));
    worded.map(|(front, role)| (*role, 0..front.len())).or_else(|| reporter(word))
}

/// 记者 with what kind of reporter it is in front: 本报见习记者, 山城日报全媒体记者.
fn reporter(word: &str) -> Option<(Role, Range<usize>)> {
    const KINDS: [&str; 13] = [
        "本报",
        "本刊",
        "本台",
        "本网",
        "见习",
        "实习",
        "首席",
        "特约",
        "特派",
        "全媒体",
        "融媒体",
        "融媒",
        "驻站",
    ];
    let mut front = &word[..word.find("记者")?];
    let length = front.len() + "记者".len();
    while let Some(kind) = KINDS.iter().find(|kind| front.ends_with(**kind)) {
        front = &front[..front.len() - kind.len()];
    }
    let is_house = (3..=8).contains(&front.chars().count()) && front.ends_with(['报', '社', '台', '网']);
    (front.is_empty() || is_house).then_some((Role::Reporter, front.len()..length))
}

fn without_spaces(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

/// Single characters with spaces between them are one name spread out (林 杰); four are two names.
/// A single character after a surname of two is the rest of that name.
fn join_spread_names(text: &str, tokens: Vec<Token>) -> Option<Vec<Token>> {
    let mut joined: Vec<Token> = Vec::new();
    let mut singles: Vec<Range<usize>> = Vec::new();
    for (word, place) in tokens {
        let is_single = word == Word::Name && text[place.clone()].chars().count() == 1;
        let only_space = |from: usize| text[from..place.start].chars().all(char::is_whitespace);
        if is_single && singles.last().is_none_or(|last| only_space(last.end)) {
            match joined.last_mut() {
                Some((Word::Name, name))
                    if singles.is_empty()
                        && text[name.clone()].chars().count() == 2
                        && is_double(&text[name.clone()])
                        && only_space(name.end) =>
                {
                    name.end = place.end;
                }
                _ => singles.push(place),
            }
            continue;
        }
        flush_singles(&mut singles, &mut joined)?;
        if is_single {
            singles.push(place);
        } else {
            joined.push((word, place));
        }
    }
    flush_singles(&mut singles, &mut joined)?;
    Some(joined)
}

fn flush_singles(singles: &mut Vec<Range<usize>>, joined: &mut Vec<Token>) -> Option<()> {
    let group = match singles.len() {
        0 => return Some(()),
        1 => return None,
        3 => 3,
        even if even % 2 == 0 => 2,
        _ => return None,
    };
    for name in singles.chunks(group) {
        joined.push((Word::Name, name[0].start..name[group - 1].end));
    }
    singles.clear();
    Some(())
}

fn is_name(name: &str, needs_surname: bool) -> bool {
    let count = name.chars().count();
    if name.contains(['·', '•']) {
        return count >= 3;
    }
    let most = if needs_surname && !is_double(name) { 3 } else { 4 };
    (2..=most).contains(&count) && (!needs_surname || opens_with_surname(name))
}

fn is_work(word: Word) -> bool {
    matches!(word, Word::Wrote | Word::Photographed | Word::Both)
}

/// Gives everyone their roles.
fn people(text: &str, tokens: &[Token]) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::new();
    let works: Vec<usize> = (0..tokens.len()).filter(|at| is_work(tokens[*at].0)).collect();
    let last_name = tokens.iter().rposition(|(word, _)| *word == Word::Name).unwrap_or(0);
    let work_leads = works.first().is_some_and(|first| *first < last_name)
        && works.last().is_some_and(|last| *last < last_name);
    // One work at the very end speaks of everyone (记者 甲 通讯员 乙 文/摄).
    let speaks_of_all = works.first().is_some_and(|first| *first > last_name);
    let mut desk = Role::Reporter;
    let mut leading: Vec<Word> = Vec::new();
    let mut open = 0;
    for (at, (word, place)) in tokens.iter().enumerate() {
        match *word {
            Word::Role(role) => {
                desk = role;
                leading.clear();
                open = if speaks_of_all { open } else { people.len() };
            }
            Word::Name => {
                let name = without_spaces(&text[place.clone()]);
                let roles = roles(desk, &leading);
                people.push(Person { name, place: place.clone(), roles });
            }
            Word::Filler | Word::House => {}
            work if work_leads => {
                if at == 0 || !is_work(tokens[at - 1].0) {
                    leading.clear();
                }
                leading.push(work);
            }
            work => {
                let again = at > 0 && is_work(tokens[at - 1].0);
                let from = if again { open } else { open.min(people.len()) };
                for person in &mut people[from..] {
                    let desk = person.roles.first().copied().unwrap_or(Role::Reporter);
                    add_work(person, desk, work, again);
                }
                let more_follow = tokens.get(at + 1).is_some_and(|next| is_work(next.0));
                open = if more_follow { open } else { people.len() };
            }
        }
    }
    people
}

fn roles(desk: Role, works: &[Word]) -> Vec<Role> {
    let photographed = works.iter().any(|work| matches!(work, Word::Photographed | Word::Both));
    let wrote = works.is_empty() || works.iter().any(|work| matches!(work, Word::Wrote | Word::Both));
    let mut roles = Vec::new();
    if wrote {
        roles.push(desk);
    }
    if photographed && desk != Role::Photographer {
        roles.push(Role::Photographer);
    }
    if roles.is_empty() {
        roles.push(desk);
    }
    roles
}

/// A work after the name. The second of two works (文/摄) adds to the first.
fn add_work(person: &mut Person, desk: Role, work: Word, is_second: bool) {
    let works: &[Word] = match (is_second, work) {
        (true, Word::Photographed | Word::Wrote) => &[Word::Both],
        (_, Word::Photographed) => &[Word::Photographed],
        (_, Word::Both) => &[Word::Both],
        _ => &[Word::Wrote],
    };
    let desk = if desk == Role::Photographer { Role::Reporter } else { desk };
    person.roles = roles(desk, works);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(text: &str) -> Vec<String> {
        read(text, Trust::Marked)
            .map(|signature| signature.people)
            .unwrap_or_default()
            .into_iter()
            .map(|person| {
                let roles: Vec<_> = person.roles.iter().map(|role| role.word()).collect();
                format!("{}:{}", person.name, roles.join("+"))
            })
            .collect()
    }

    #[test]
    fn roles_stand_before_names_and_works_behind_them() {
        for (text, people) in [
            ("记者 林晓 陈远山", "林晓:记者 陈远山:记者"),
            ("记者 林晓 通讯员 王一", "林晓:记者 王一:通讯员"),
            ("本报记者 林晓 文/摄", "林晓:记者+摄"),
            ("本报记者 林晓/文 王一/摄", "林晓:记者 王一:摄"),
            ("本报记者 林晓 文 王一 摄", "林晓:记者 王一:摄"),
            ("文/林晓 图/王一", "林晓:记者 王一:摄"),
            ("文/图 林晓", "林晓:记者+摄"),
            ("记者 林晓 通讯员 王一 文/摄", "林晓:记者+摄 王一:通讯员+摄"),
            ("记者 林晓 王一 摄", "林晓:摄 王一:摄"),
            ("本报见习记者林晓摄", "林晓:摄"),
            ("记者 林晓 摄影 王一", "林晓:记者 王一:摄"),
            ("责编：林晓　校对：王一　版式：陈远山", "林晓:责编 王一:校对 陈远山:版式"),
        ] {
            assert_eq!(signed(text).join(" "), people, "{text}");
        }
    }

    #[test]
    fn spread_names_are_one_name() {
        assert_eq!(signed("记者 林 晓 陈远山"), ["林晓:记者", "陈远山:记者"]);
        assert_eq!(signed("记者 林　晓　王　一"), ["林晓:记者", "王一:记者"]);
        assert_eq!(signed("记者 欧阳 山 林晓"), ["欧阳山:记者", "林晓:记者"]);
        assert_eq!(signed("记者 阿依古丽·买买提"), ["阿依古丽·买买提:记者"]);
    }

    #[test]
    fn words_that_are_no_names_are_no_signature() {
        for text in ["记者节座谈会召开", "高质量 高水平", "编辑部搬了新家", "记者 在现场看到了许多感人的场面"]
        {
            assert_eq!(read(text, Trust::Bare), None, "{text}");
        }
        assert!(is_role_alone("本报记者") && !is_role_alone("记者 林晓"));
    }
}
