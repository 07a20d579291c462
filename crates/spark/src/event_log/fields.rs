//! Fields of an event, found by their names without parsing what stands between them.
//!
//! Spark writes events without spaces, and most of a line (accumulators, stack traces, call sites) says nothing here. A name is
//! searched for with its quotes: inside a text they are escaped, so that a name cannot be met there, and where it is the value
//! of another field no colon follows.

use memchr::memmem::Finder;

/// The rest of an event, or of a part of it.
#[derive(Clone, Copy)]
pub(super) struct Fields<'l> {
    part: &'l [u8],
    from: usize,
}

impl<'l> Fields<'l> {
    /// The fields of a line; none where it is cut off.
    pub(super) fn of(line: &'l [u8]) -> Option<Self> {
        line.trim_ascii_end().ends_with(b"}").then_some(Self { part: line, from: 0 })
    }

    /// What follows a name, up to the line's end: the fields of an object, and of what stands behind it.
    pub(super) fn within(&mut self, name: &Finder<'_>) -> Option<Self> {
        let at = self.value(name)?;
        Some(Self { part: self.part.get(at..)?, from: 0 })
    }

    /// A number; one below zero, which some Spark versions wrote, is none.
    pub(super) fn not_negative(&mut self, name: &Finder<'_>) -> Option<u64> {
        Some(self.number(name)?.max(0).cast_unsigned())
    }

    /// A number.
    pub(super) fn number(&mut self, name: &Finder<'_>) -> Option<i64> {
        let at = self.value(name)?;
        let text = self.part.get(at..)?;
        let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |digits| (true, digits));
        let mut number: Option<i64> = None;
        for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
            number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(i64::from(digit - b'0')));
        }
        number.map(|number| if negative { -number } else { number })
    }

    /// A text as it stands there, escapes and all.
    pub(super) fn text(&mut self, name: &Finder<'_>) -> Option<&'l [u8]> {
        self.within(name)?.leading_text()
    }

    /// The text that this part begins with.
    pub(super) fn leading_text(&self) -> Option<&'l [u8]> {
        let text = self.part.strip_prefix(b"\"")?;
        let mut end = 0;
        loop {
            end += memchr::memchr(b'"', text.get(end..)?)?;
            let escapes = text.get(..end)?.iter().rev().take_while(|byte| **byte == b'\\').count();
            if escapes % 2 == 0 {
                return text.get(..end);
            }
            end += 1;
        }
    }

    /// Whether there is such a field.
    pub(super) fn has(&mut self, name: &Finder<'_>) -> bool {
        self.value(name).is_some()
    }

    /// Where the value of a name begins: the next one, or, as versions differ in the order, one before.
    fn value(&mut self, name: &Finder<'_>) -> Option<usize> {
        let at = self.value_from(name, self.from).or_else(|| self.value_from(name, 0))?;
        self.from = at;
        Some(at)
    }

    fn value_from(&self, name: &Finder<'_>, mut from: usize) -> Option<usize> {
        loop {
            let end = from + name.find(self.part.get(from..)?)? + name.needle().len();
            let rest = self.part.get(end..)?;
            let spaces = rest.len() - rest.trim_ascii_start().len();
            if rest.get(spaces) == Some(&b':') {
                let value = rest.get(spaces + 1..)?;
                return Some(end + spaces + 1 + (value.len() - value.trim_ascii_start().len()));
            }
            from = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finder(name: &str) -> Finder<'static> {
        Finder::new(&format!("\"{name}\"")).into_owned()
    }

    #[test]
    fn fields_are_found_in_any_order_and_not_in_texts() {
        let line = br#"{"b" : 7,"text":"say \"a\":1 \\","name":"a","a":-12,"inner":{"c":3}} "#;
        let mut fields = Fields::of(line).unwrap();
        assert_eq!(fields.number(&finder("a")), Some(-12));
        assert_eq!(fields.not_negative(&finder("a")), Some(0));
        assert_eq!(fields.number(&finder("b")), Some(7));
        assert_eq!(fields.text(&finder("text")), Some(br#"say \"a\":1 \\"#.as_slice()));
        assert_eq!(fields.text(&finder("name")), Some(b"a".as_slice()));
        assert_eq!(fields.within(&finder("inner")).unwrap().number(&finder("c")), Some(3));
        assert_eq!(fields.number(&finder("d")), None);
        assert!(fields.has(&finder("inner")) && !fields.has(&finder("c:")));
    }

    #[test]
    fn a_line_that_is_cut_off_has_no_fields() {
        assert!(Fields::of(br#"{"a":1,"b":"#).is_none());
        assert_eq!(Fields::of(br#"{"a":}"#).unwrap().number(&finder("a")), None);
        assert_eq!(Fields::of(br#"{"a":"unclosed}"#).unwrap().text(&finder("a")), None);
        assert_eq!(Fields::of(br#"{"a":999999999999999999999}"#).unwrap().number(&finder("a")), Some(i64::MAX));
    }
}
