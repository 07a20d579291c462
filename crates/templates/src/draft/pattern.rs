//! From a template to a pattern, and to a line that it matches.

use crate::chunk::MASKS;

/// The template up to `chars_max`, cut between words, without masks at its ends.
pub(super) fn fixed_part(template: &str, chars_max: usize) -> &str {
    let mut part = template.trim_end_matches('…').trim_end();
    if let Some((end, _)) = part.char_indices().nth(chars_max) {
        part = &part[..part[..end].rfind(' ').unwrap_or(end)];
    }
    loop {
        let trimmed = part.trim().trim_end_matches([',', ':', '(', '[', '{', '\'', '"', '=']);
        let trimmed = MASKS.iter().fold(trimmed, |text, mask| text.strip_suffix(mask).unwrap_or(text));
        let trimmed = MASKS.iter().fold(trimmed, |text, mask| text.strip_prefix(mask).unwrap_or(text));
        if trimmed.len() == part.len() {
            return part;
        }
        part = trimmed;
    }
}

/// How many letters of the template are fixed.
pub(super) fn letters(template: &str) -> usize {
    words(template).map(str::len).sum()
}

/// The fixed words of a template.
pub(super) fn words(template: &str) -> impl Iterator<Item = &str> {
    pieces(template)
        .filter_map(|(text, mask)| if mask { None } else { Some(text) })
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() >= 3))
}

/// A pattern that matches every line of the template. White space may be of any kind: a trace's line end too.
pub(super) fn regex(template: &str) -> String {
    pieces(template).fold(String::new(), |pattern, (text, mask)| match text {
        "<list>" if mask => pattern + ".{0,400}",
        "<size>" if mask => pattern + r"\S+(?:\s+[A-Za-z]{1,5})?",
        _ if mask => pattern + r"\S+",
        _ => text.chars().fold(pattern, |mut pattern, c| {
            if c.is_whitespace() {
                pattern.push_str(r"\s+");
                return pattern;
            }
            if r"\.+*?()|[]{}^$".contains(c) {
                pattern.push('\\');
            }
            pattern.push(c);
            pattern
        }),
    })
}

/// The template as a line: each mask is replaced by something of its kind that names nobody.
pub(super) fn with_stand_ins(template: &str) -> String {
    pieces(template).fold(String::new(), |line, (text, mask)| {
        line + match text {
            "<num>" if mask => "7",
            "<size>" if mask => "70.0 MiB",
            "<time>" if mask => "2026-01-31",
            "<host>" if mask => "node-1.example.com",
            "<path>" if mask => "/data/in",
            "<uuid>" if mask => "6b1f04c2-8a3d-4f0e-9d5b-71c05e2a94d3",
            "<hex>" if mask => "0x7f",
            "<id>" if mask => "A1B2C3D4E5F6",
            "<name>" if mask => "example_name",
            "<list>" if mask => "a, b",
            _ => text,
        }
    })
}

/// Fixed texts and masks, in order; `true` is a mask.
fn pieces(template: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let next = MASKS.iter().filter_map(|mask| rest.find(mask).map(|at| (at, mask.len()))).min();
        let (text, mask) = match next {
            Some((0, length)) => (&rest[..length], true),
            Some((at, _)) => (&rest[..at], false),
            None => (rest, false),
        };
        rest = &rest[text.len()..];
        Some((text, mask))
    })
}
