//! From a place within a YAML scalar's value to the place in its file: columns are told where the author reads them.

/// A place in a file, with its line drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// From 1.
    pub(super) line: u64,
    /// In characters, from 1.
    pub(super) column: u64,
    /// The line, and under it a mark at the column.
    pub(super) excerpt: String,
}

/// How much of a line is drawn before and after the mark, in characters.
const DRAWN_BEFORE: usize = 90;
const DRAWN_AFTER: usize = 50;

/// The place of the value's byte `offset`, for a scalar that starts at `line` and `column` (from 1) of `text`. `None`
/// where the scalar is written in a way that cannot be followed (an alias, a tag).
pub(super) fn in_scalar(text: &str, (line, column): (u64, u64), value: &str, offset: usize) -> Option<Spot> {
    let start = byte_of(text, line, column)?;
    let at = match text[start..].chars().next()? {
        '|' | '>' => in_block(text, start, value, offset)?,
        '\'' => start + 1 + walk(&text[start + 1..], value, offset, single_quoted)?,
        '"' => start + 1 + walk(&text[start + 1..], value, offset, double_quoted)?,
        _ if indented_first_line(text, start) => in_block(text, header_before(text, start)?, value, offset)?,
        _ => start + walk(&text[start..], value, offset, plain)?,
    };
    Some(spot(text, at))
}

fn byte_of(text: &str, line: u64, column: u64) -> Option<usize> {
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let start = text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
    let column = text[start..].char_indices().map(|(at, _)| at).chain([text.len() - start]).nth(column)?;
    Some(start + column)
}

/// Nothing but spaces before it on its line, and the line before ends in a block scalar's header.
fn indented_first_line(text: &str, start: usize) -> bool {
    header_before(text, start).is_some()
}

fn header_before(text: &str, start: usize) -> Option<usize> {
    let line_start = text[..start].rfind('\n')? + 1;
    let blank = text[line_start..start].trim().is_empty();
    let before = text[..line_start].trim_end();
    let header = before.rfind(['|', '>'])?;
    let is_header = before[header + 1..].chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '+'));
    (blank && is_header).then_some(header)
}

/// One character of a quoted scalar: what it stands for, and its length in bytes; `None` for what stands for nothing.
type Decode = fn(&str) -> (Option<char>, usize);

fn plain(rest: &str) -> (Option<char>, usize) {
    let c = rest.chars().next();
    (c, c.map_or(1, char::len_utf8))
}

fn single_quoted(rest: &str) -> (Option<char>, usize) {
    if rest.starts_with("''") { (Some('\''), 2) } else { plain(rest) }
}

fn double_quoted(rest: &str) -> (Option<char>, usize) {
    let Some(escaped) = rest.strip_prefix('\\') else { return plain(rest) };
    let hexadecimal = |digits: usize| {
        let code = escaped.get(1..=digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        (code.and_then(char::from_u32), digits + 2)
    };
    match escaped.chars().next() {
        Some('n') => (Some('\n'), 2),
        Some('t') => (Some('\t'), 2),
        Some('r') => (Some('\r'), 2),
        Some('0') => (Some('\0'), 2),
        Some('e') => (Some('\u{1b}'), 2),
        Some('x') => hexadecimal(2),
        Some('u') => hexadecimal(4),
        Some('U') => hexadecimal(8),
        Some('\n') => (None, 2 + escaped[1..].len() - escaped[1..].trim_start_matches([' ', '\t']).len()),
        Some(c) => (Some(c), 1 + c.len_utf8()),
        None => (None, 1),
    }
}

/// Follows a scalar's text and its value in step, up to the value's byte `offset`: bytes of the text. A line end with
/// the blanks around it is folded, as in all flow scalars.
fn walk(text: &str, value: &str, offset: usize, decode: Decode) -> Option<usize> {
    let (mut at, mut done) = (0, 0);
    while done < offset {
        let blanks = text[at..].len() - text[at..].trim_start_matches([' ', '\t', '\n', '\r']).len();
        if text[at..at + blanks].contains('\n') {
            at += blanks;
            done += value[done..].len() - value[done..].trim_start_matches([' ', '\n']).len();
            continue;
        }
        let (c, length) = decode(text.get(at..)?);
        if let Some(c) = c {
            value.get(done..)?.starts_with(c).then_some(())?;
            done += c.len_utf8();
        }
        at += length;
        (at <= text.len()).then_some(())?;
    }
    Some(at)
}

/// In a block scalar whose header stands at `header`. Folded ones are followed by words, literal ones by lines.
fn in_block(text: &str, header: usize, value: &str, offset: usize) -> Option<usize> {
    let body = header + text[header..].find('\n')? + 1;
    let first = text[body..].lines().find(|line| !line.trim().is_empty())?;
    let indentation = first.len() - first.trim_start_matches(' ').len();
    if text[header..].starts_with('>') {
        let blanks = text[body..].len() - text[body..].trim_start().len();
        return Some(body + blanks + walk(&text[body + blanks..], value, offset, plain)?);
    }
    let before = value.get(..offset)?;
    let number = before.matches('\n').count();
    let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
    let line_start = body + text[body..].split_inclusive('\n').take(number).map(str::len).sum::<usize>();
    let line = text.get(line_start + indentation..)?.lines().next()?;
    (value.lines().nth(number).unwrap_or("") == line).then_some(line_start + indentation + column)
}

fn spot(text: &str, at: usize) -> Spot {
    let at = text.floor_char_boundary(at);
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let column = text[line_start..at].chars().count();
    Spot {
        line: text[..line_start].matches('\n').count() as u64 + 1,
        column: column as u64 + 1,
        excerpt: drawn(line, column),
    }
}

/// The part of a line around a column (from 0), and a mark under it.
fn drawn(line: &str, column: usize) -> String {
    let characters: Vec<_> = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let from = column.saturating_sub(DRAWN_BEFORE);
    let to = (column + DRAWN_AFTER).min(characters.len());
    let part: String = characters.get(from..to).unwrap_or_default().iter().collect();
    let (left, right) = (if from > 0 { "…" } else { "" }, if to < characters.len() { "…" } else { "" });
    let blanks = part.len() - part.trim_start().len();
    let (part, blanks) = if from == 0 { (part[blanks..].to_owned(), blanks) } else { (part, 0) };
    let mark = " ".repeat((column - from + left.chars().count()).saturating_sub(blanks));
    format!("{left}{part}{right}\n{mark}^")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_saphyr::Spanned;

    use super::*;

    #[derive(serde::Deserialize)]
    struct File {
        regex: Spanned<String>,
    }

    /// The character at the value's `wanted`, and the place that is told.
    fn found(text: &str, wanted: &str) -> Option<(u64, u64, char)> {
        let file: File = serde_saphyr::from_str(text).unwrap();
        let at = file.regex.referenced;
        let offset = file.regex.value.find(wanted).unwrap();
        let spot = in_scalar(text, (at.line(), at.column()), &file.regex.value, offset)?;
        let line = text.lines().nth(usize::try_from(spot.line).unwrap() - 1).unwrap();
        Some((spot.line, spot.column, line.chars().nth(usize::try_from(spot.column).unwrap() - 1).unwrap()))
    }

    #[test]
    fn every_style_of_scalar_is_followed() {
        for (text, line, column) in [
            ("a: 1\nregex: one (two\n", 2, 12),
            ("regex: 'it''s (two'\n", 1, 15),
            ("regex: \"tab\\t\\u0041\\\\ (two\"\n", 1, 23),
            ("regex: |\n  first\n  second (two\n", 3, 10),
            ("regex: |-\n    first (two\n", 2, 11),
            ("regex: >-\n  first\n  second (two\n", 3, 10),
            ("regex: 'first\n  second (two'\n", 2, 10),
            ("{regex: 'größer (two'}\n", 1, 17),
        ] {
            assert_eq!(found(text, "("), Some((line, column, '(')), "{text}");
        }
    }

    #[test]
    fn a_long_line_is_drawn_around_the_mark() {
        let line = format!("      regex: '{}({}'", "a".repeat(100), "b".repeat(100));
        let column = line.find('(').unwrap();
        let drawn = drawn(&line, column);
        let (shown, mark) = drawn.split_once('\n').unwrap();
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{drawn}");
        assert_eq!(shown.chars().nth(mark.chars().count() - 1), Some('('), "{drawn}");
        assert_eq!(super::drawn("    a(b", 5), "a(b\n ^");
    }

    proptest! {
        #[test]
        fn any_place_in_any_text_is_told_or_not(
            text in "(\\PC|\n|'|\"|\\||>){0,60}", line in 0_u64..5, column in 0_u64..30,
            value in "(\\PC|\n){0,20}", offset in 0_usize..30,
        ) {
            if value.is_char_boundary(offset.min(value.len())) {
                let _ = in_scalar(&text, (line, column), &value, offset.min(value.len()));
            }
        }
    }
}
