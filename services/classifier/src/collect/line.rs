//! A log as rules get it: without secrets, and without lines that are too long.

use std::borrow::Cow;

use paramedic_fetch::CutText;
use paramedic_redaction::mask_text;

use super::CollectError;

/// Texts longer than this are worked on off the threads that serve requests, in bytes.
const INLINE_BYTES_MAX: usize = 256 * 1024;

/// The text with its secrets masked, so that no evidence and no capture can hold one, and its long lines clipped.
pub(super) async fn for_rules(log: CutText, line_bytes_max: usize) -> Result<CutText, CollectError> {
    // Masked first: a clipped line may have lost the word that tells a secret.
    let large = log.text.len() > INLINE_BYTES_MAX;
    let work = move || CutText { text: clip(masked(log.text), line_bytes_max), whole: log.whole };
    if !large {
        return Ok(work());
    }
    Ok(tokio::task::spawn_blocking(work).await?)
}

fn masked(text: String) -> String {
    match mask_text(&text) {
        Cow::Owned(masked) => masked,
        Cow::Borrowed(_) => text,
    }
}

/// Clips lines at whole characters; of a longer one its two ends are kept, with a mark between. Three quarters of what is kept are a line's start.
pub(super) fn clip(text: String, line_bytes_max: usize) -> String {
    if text.len() <= line_bytes_max || text.split('\n').all(|line| line.len() <= line_bytes_max) {
        return text;
    }
    let mut clipped = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let content = line.strip_suffix('\n').unwrap_or(line);
        if content.len() <= line_bytes_max {
            clipped.push_str(line);
            continue;
        }
        let start = content.floor_char_boundary(line_bytes_max / 4 * 3);
        let end = content.ceil_char_boundary(content.len() - line_bytes_max / 4);
        clipped.push_str(content.get(..start).unwrap_or_default());
        clipped.push_str(&format!(" [{} bytes left out] ", end - start));
        clipped.push_str(content.get(end..).unwrap_or_default());
        clipped.push_str(line.get(content.len()..).unwrap_or_default());
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_keep_their_ends_and_short_ones_stay() {
        let text = format!("short\n{}é{}\r\nshort", "a".repeat(89), "b".repeat(200));
        let clipped = clip(text, 120);
        assert_eq!(clipped, format!("short\n{} [173 bytes left out] {}\r\nshort", "a".repeat(89), "b".repeat(29)));
        assert_eq!(clip("a\nb\n".to_owned(), 1), "a\nb\n");
    }

    #[test]
    fn lines_stay_as_many_and_characters_whole() {
        for bytes_max in 4..60 {
            let text = "é€😀".repeat(40) + "\n\n" + &"x€".repeat(40);
            let clipped = clip(text.clone(), bytes_max);
            assert_eq!(clipped.lines().count(), text.lines().count());
            assert!(clipped.lines().all(|line| line.len() <= bytes_max + 40), "{bytes_max}");
        }
    }
}
