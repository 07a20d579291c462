//! Secrets in text.

mod assignment;
mod pem;
mod scheme;
mod shape;
mod trigger;
mod url;
mod value;

use std::{borrow::Cow, ops::Range};

use crate::REDACTED;
use trigger::Trigger;

/// The text with every secret in it replaced. Lines stay lines.
///
/// Takes time linear in the text's length: what is looked at around a telling word is bounded.
pub fn mask_text(text: &str) -> Cow<'_, str> {
    let mut masked = Masked { text, kept: String::new(), until: 0 };
    let mut from = 0;
    // A URL's password stands behind a name, in which a secret of its own may stand: that comes first.
    let mut password: Option<Range<usize>> = None;
    loop {
        let found = trigger::find(text, from);
        let passed = |at: &Range<usize>| found.as_ref().is_none_or(|found| found.start >= at.start);
        if let Some(behind_name) = password.take_if(|at| passed(at)) {
            masked.hide(Some(behind_name));
            from = from.max(masked.until);
            continue;
        }
        let Some(found) = found else { break };
        let (start, end) = (found.start, found.end);
        if start >= masked.until {
            match found.trigger {
                Trigger::Word(word) => masked.hide(assignment::secret(text, start..end, word)),
                Trigger::Query => masked.hide(assignment::query_secret(text, start..end)),
                Trigger::Scheme => masked.hide(scheme::secret(text, start..end)),
                Trigger::Basic => masked.hide(scheme::basic(text, end)),
                Trigger::UserInfo => password = password.or_else(|| url::password(text, end)),
                Trigger::OracleThin => password = password.or_else(|| url::oracle_password(text, end)),
                Trigger::Shape(shape) => masked.hide(shape::secret(text, start..end, shape)),
                Trigger::Pem => pem::lines(text, end).into_iter().for_each(|line| masked.hide(Some(line))),
            }
        }
        from = end.max(masked.until);
    }
    masked.finish()
}

/// What is masked so far.
struct Masked<'t> {
    text: &'t str,
    kept: String,
    until: usize,
}

impl<'t> Masked<'t> {
    /// Hides a secret, which begins behind those before it, or within the last.
    fn hide(&mut self, secret: Option<Range<usize>>) {
        let Some(secret) = secret else { return };
        let Some(hidden) = self.text.get(secret.clone()) else { return };
        if hidden.is_empty() || hidden == REDACTED {
            return;
        }
        if secret.start < self.until {
            self.until = self.until.max(secret.end);
            return;
        }
        self.kept.push_str(self.text.get(self.until..secret.start).unwrap_or_default());
        self.kept.push_str(REDACTED);
        self.until = secret.end;
    }

    fn finish(mut self) -> Cow<'t, str> {
        if self.until == 0 {
            return Cow::Borrowed(self.text);
        }
        self.kept.push_str(self.text.get(self.until..).unwrap_or_default());
        Cow::Owned(self.kept)
    }
}

/// What follows `from` in its line, at most so many bytes of it.
fn line_after(text: &str, from: usize, bytes_max: usize) -> &str {
    let rest = text.get(from..).unwrap_or_default();
    let rest = rest.get(..rest.floor_char_boundary(bytes_max)).unwrap_or_default();
    let end = rest.bytes().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// How many bytes at the start of `text` are such.
fn run(text: &str, is_such: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(|byte| !is_such(byte)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
