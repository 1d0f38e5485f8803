//! Numbers, dates and temperatures at the front of a text, in figures or in characters.
//!
//! All functions take folded characters (see `characters::fold`) and answer how many of them they
//! took, with the value.

use chrono::NaiveDate;

use super::Temperature;

/// A number of at most nine figures, 4150 or 四一五〇 or 二十一.
pub(super) fn number(text: &[char]) -> Option<(usize, u32)> {
    let figures = text.iter().take_while(|character| character.is_ascii_digit()).count();
    if figures > 0 {
        let value = (figures <= 9).then(|| text[..figures].iter().collect::<String>())?;
        return Some((figures, value.parse().ok()?));
    }
    let taken = text.iter().take_while(|character| chinese_figure(**character).is_some()).count();
    if taken == 0 || taken > 9 {
        return None;
    }
    Some((taken, chinese_number(&text[..taken])?))
}

fn chinese_figure(character: char) -> Option<u32> {
    let place = "〇一二三四五六七八九十百".chars().position(|figure| figure == character);
    match (place, character) {
        (Some(value), _) => u32::try_from(value).ok(),
        (None, '零' | '○') => Some(0),
        (None, '两') => Some(2),
        _ => None,
    }
}

fn chinese_number(characters: &[char]) -> Option<u32> {
    let figures: Vec<u32> = characters.iter().filter_map(|each| chinese_figure(*each)).collect();
    if figures.iter().all(|figure| *figure < 10) {
        return Some(figures.iter().fold(0, |sum, figure| sum * 10 + figure));
    }
    let (mut sum, mut last) = (0, 0);
    for figure in figures {
        match figure {
            10 | 11 => {
                let unit = if figure == 10 { 10 } else { 100 };
                sum += last.max(u32::from(last == 0 && unit == 10)) * unit;
                last = 0;
            }
            small => last = small,
        }
    }
    Some(sum + last)
}

/// 2023年4月21日, 二〇二三年四月二十一日, 2023-04-21, 2023.4.21, 2023/4/21.
pub(super) fn date(text: &[char]) -> Option<(usize, NaiveDate)> {
    let (mut at, year) = number(text)?;
    if at != 4 {
        return None;
    }
    at += spaces(&text[at..]);
    let separator = *text.get(at)?;
    let (after_month, after_day) = match separator {
        '年' => ('月', Some('日')),
        '-' | '.' | '/' => (separator, None),
        _ => return None,
    };
    at += 1 + spaces(&text[at + 1..]);
    let (taken, month) = number(&text[at..])?;
    at += taken + spaces(&text[at + taken..]);
    if *text.get(at)? != after_month {
        return None;
    }
    at += 1 + spaces(&text[at + 1..]);
    let (taken, day) = number(&text[at..])?;
    at += taken;
    if let Some(mark) = after_day {
        at += spaces(&text[at..]);
        if *text.get(at)? != mark {
            return None;
        }
        at += 1;
    }
    Some((at, NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?))
}

pub(super) fn spaces(text: &[char]) -> usize {
    text.iter().take_while(|character| **character == ' ').count()
}

/// 星期五, 周五, 礼拜天: always answered as 星期N, Sunday as 星期日.
pub(super) fn weekday(text: &[char]) -> Option<(usize, String)> {
    let word = ["星期", "礼拜", "周", "週"].into_iter().find(|word| starts_with(text, word))?;
    let length = word.chars().count();
    let day = *text.get(length)?;
    let day = if day == '天' { '日' } else { day };
    "一二三四五六日".contains(day).then(|| (length + 1, format!("星期{day}")))
}

/// 农历癸卯年三月初二, with or without the word 农历 and the year: the date without the word, and
/// how long the word is.
pub(super) fn lunar_date(text: &[char]) -> Option<(usize, usize)> {
    let word = ["农历", "農曆", "夏历", "阴历"].into_iter().find(|word| starts_with(text, word));
    let mut start = word.map_or(0, |word| word.chars().count());
    while matches!(text.get(start), Some(' ' | ':')) && start > 0 {
        start += 1;
    }
    let mut at = start + cyclic_year(&text[start..]);
    let has_year = at > start;
    at += spaces(&text[at..]);
    at += usize::from(matches!(text.get(at), Some('闰' | '閏')));
    at += lunar_month(&text[at..])?;
    at += spaces(&text[at..]);
    let opens_like_a_day = matches!(text.get(at), Some('初' | '廿'));
    at += lunar_day(&text[at..])?;
    (word.is_some() || has_year || opens_like_a_day).then_some((start, at))
}

/// 癸卯年, 癸卯兔年, 癸卯（兔）年.
fn cyclic_year(text: &[char]) -> usize {
    let is_cyclic = text.len() > 2
        && "甲乙丙丁戊己庚辛壬癸".contains(text[0])
        && "子丑寅卯辰巳午未申酉戌亥".contains(text[1]);
    if !is_cyclic {
        return 0;
    }
    text.iter().take(6).position(|character| *character == '年').map_or(0, |place| place + 1)
}

fn lunar_month(text: &[char]) -> Option<usize> {
    let length = text.iter().take(3).position(|character| *character == '月')?;
    let name: String = text[..length].iter().collect();
    let known = ["正", "冬", "腊", "臘", "十一", "十二"].contains(&name.as_str())
        || (length == 1 && "一二三四五六七八九十".contains(text[0]));
    known.then_some(length + 1)
}

fn lunar_day(text: &[char]) -> Option<usize> {
    let first = *text.first()?;
    let figure_at =
        |place: usize| text.get(place).is_some_and(|character| "一二三四五六七八九十".contains(*character));
    match first {
        '初' => figure_at(1).then_some(2),
        '廿' | '十' | '卅' => Some(1 + usize::from(figure_at(1))),
        '二' | '三' if text.get(1) == Some(&'十') => Some(2 + usize::from(figure_at(2))),
        _ => None,
    }
}

/// 17℃~22℃, 17~22℃, -3至5度, 最高气温22℃ 最低气温17℃.
pub(super) fn temperature(text: &[char]) -> Option<(usize, Temperature)> {
    let mut at = limit_word(text);
    let (taken, first, _) = degrees(&text[at..])?;
    at += taken + spaces(&text[at + taken..]);
    if matches!(text.get(at), Some('~' | '-' | '/' | '至' | '到' | ',' | '、')) {
        at += 1;
        at += text[at..].iter().take_while(|character| **character == '-').count().saturating_sub(1);
        at += spaces(&text[at..]);
    } else if limit_word(&text[at..]) == 0 {
        return None;
    }
    at += limit_word(&text[at..]);
    let (taken, second, has_unit) = degrees(&text[at..])?;
    has_unit.then_some((
        at + taken,
        Temperature { low_celsius: first.min(second), high_celsius: first.max(second) },
    ))
}

fn limit_word(text: &[char]) -> usize {
    let mut at = ["最高", "最低"].iter().find(|word| starts_with(text, word)).map_or(0, |_| 2);
    if at == 0 {
        return 0;
    }
    at += ["气温", "温度"].iter().find(|word| starts_with(&text[at..], word)).map_or(0, |_| 2);
    at + text[at..].iter().take_while(|each| matches!(each, ' ' | ':')).count()
}

fn degrees(text: &[char]) -> Option<(usize, i32, bool)> {
    let mut at = 0;
    let mut sign = 1;
    if starts_with(text, "零下") {
        (at, sign) = (2, -1);
    } else if text.first() == Some(&'-') {
        (at, sign) = (1, -1);
    }
    let (taken, value) = number(&text[at..])?;
    at += taken;
    let unit = ["摄氏度", "℃", "°C", "度", "°", "C"]
        .into_iter()
        .find(|unit| starts_with(&text[at..], unit))
        .map_or(0, |unit| unit.chars().count());
    let value = i32::try_from(value).ok().filter(|value| *value < 100)?;
    Some((at + unit, sign * value, unit > 0))
}

/// Whether the text begins with the word.
pub(super) fn starts_with(text: &[char], word: &str) -> bool {
    let mut characters = text.iter();
    word.chars().all(|expected| characters.next() == Some(&expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn characters(text: &str) -> Vec<char> {
        text.chars().map(super::super::characters::fold).collect()
    }

    #[test]
    fn numbers_are_read_in_figures_and_in_characters() {
        for (text, value) in [
            ("4150期", 4150),
            ("二十一日", 21),
            ("十", 10),
            ("四一五〇", 4150),
            ("一百零八", 108),
            ("４版", 4),
        ] {
            assert_eq!(number(&characters(text)).map(|found| found.1), Some(value), "{text}");
        }
        assert_eq!(number(&characters("9999999999")), None);
    }

    #[test]
    fn dates_are_read_in_every_usual_form() {
        let expected = NaiveDate::from_ymd_opt(2023, 4, 21);
        for text in [
            "2023年4月21日",
            "２０２３ 年 ４ 月 ２１ 日",
            "二〇二三年四月二十一日",
            "2023-04-21",
            "2023.4.21",
        ] {
            assert_eq!(date(&characters(text)).map(|found| found.1), expected, "{text}");
        }
        assert_eq!(date(&characters("2023年13月1日")), None);
        assert_eq!(date(&characters("2023年度")), None);
    }

    #[test]
    fn temperatures_may_be_below_zero_and_either_way_round() {
        for (text, low, high) in [
            ("17℃~22℃", 17, 22),
            ("22～17℃", 17, 22),
            ("-3℃~-1℃", -3, -1),
            ("零下3至5度", -3, 5),
            ("最高气温22℃ 最低气温17℃", 17, 22),
            ("17—22℃", 17, 22),
        ] {
            let found = temperature(&characters(text)).map(|found| found.1);
            assert_eq!(found, Some(Temperature { low_celsius: low, high_celsius: high }), "{text}");
        }
        assert_eq!(temperature(&characters("3-4级")), None);
    }

    #[test]
    fn lunar_dates_need_a_sign_that_they_are_lunar() {
        for text in ["农历癸卯年三月初二", "癸卯年闰二月廿九", "农历 三月十五", "腊月廿三"]
        {
            let found = lunar_date(&characters(text));
            assert_eq!(found.map(|found| found.1), Some(characters(text).len()), "{text}");
        }
        assert_eq!(lunar_date(&characters("三月十五")), None);
    }
}
