//! A template and the id of its group.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::mask::mask;

/// Of a line, so much is masked, in bytes. Longer ones dump plans or data.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// Longest template, in characters: what follows has told nothing new.
pub const TEMPLATE_CHARS_MAX: usize = 300;

/// A line without its variable parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Template(String);

impl Template {
    /// The template of a line.
    pub fn of(line: &str) -> Self {
        let line = &line[..line.floor_char_boundary(LINE_BYTES_MAX)];
        Self(shortened(mask(line)))
    }

    /// The template's text, at most [`TEMPLATE_CHARS_MAX`] characters and a mark that it goes on.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Names the group of failures with this template: 12 hexadecimal digits derived from it.
    pub fn group_id(&self) -> String {
        Sha256::digest(self.0.as_bytes()).iter().take(6).fold(String::new(), |mut id, byte| {
            // Writing to a text cannot fail.
            let _ = write!(id, "{byte:02x}");
            id
        })
    }
}

/// Cut at a space, so that no mask is cut in two.
fn shortened(text: String) -> String {
    let Some((end, _)) = text.char_indices().nth(TEMPLATE_CHARS_MAX) else { return text };
    let end = text[..end].rfind(' ').unwrap_or(end);
    format!("{} …", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_follows_from_the_template_alone() {
        let id = Template::of("com.acme.FeedLate: feed 7 is late").group_id();
        assert_eq!(id, Template::of("com.acme.FeedLate: feed 9 is late").group_id());
        assert_ne!(id, Template::of("com.acme.FeedLost: feed 7 is late").group_id());
        assert_eq!((id.len(), id.bytes().all(|byte| byte.is_ascii_hexdigit())), (12, true));
        // Fixed for ever: rows that are stored name it.
        assert_eq!(Template::of("a").group_id(), "ca978112ca1b");
    }

    #[test]
    fn a_long_line_is_cut_between_words() {
        let template = Template::of(&"word 12 ".repeat(10_000));
        assert!(template.as_str().ends_with(" …") && template.as_str().chars().count() <= TEMPLATE_CHARS_MAX + 2);
        assert!(!template.as_str().trim_end_matches(" …").ends_with("<nu"));
    }
}
