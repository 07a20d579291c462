//! Java properties, as `java.util.Properties` reads them.

use paramedic_domain::Configuration;

/// Most bytes of a properties file that are read.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Entries of a properties text: `key value`, `key=value`, `key: value`; `#` and `!` begin comments; a backslash at the
/// end of a line continues it. A later entry of a key wins. Text beyond 4 MiB is not read.
pub fn parse_properties(text: &str) -> Configuration {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut config = Configuration::default();
    let mut lines = text.get(..end).unwrap_or_default().lines();
    while let Some(line) = lines.next() {
        let mut logical = line.trim_start().to_owned();
        if logical.is_empty() || logical.starts_with(['#', '!']) {
            continue;
        }
        while continues(&logical) {
            logical.pop();
            let Some(next) = lines.next() else { break };
            logical.push_str(next.trim_start());
        }
        let (key, value) = split(&logical);
        // Spark trims values (`SparkSubmitUtils`, `Utils.getPropertiesFromFile`).
        config.insert(unescape(key), unescape(value).trim().to_owned());
    }
    config
}

/// An odd number of backslashes ends the line.
fn continues(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Key and value: at the first `=`, `:` or white space that is not escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, character) in line.char_indices() {
        if !escaped && (character == '=' || character == ':' || character.is_whitespace()) {
            let (key, rest) = line.split_at(at);
            let rest = rest.trim_start();
            let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (key, rest.trim_start());
        }
        escaped = character == '\\' && !escaped;
    }
    (line, "")
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => {
                let hex: String = characters.by_ref().take(4).collect();
                plain.push(u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}'));
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_of_an_entry() {
        let config = parse_properties(
            "# comment\n! comment\n\nspark.a 1\nspark.b=2\nspark.c : 3 \n  spark.d   =  4\nspark.long one \\\n   two\nspark.e\nspark.path C\\:\\\\x\\u0041\nspark.a 5\r\n",
        );
        let value = |key: &str| config.get(key).cloned();
        assert_eq!(value("spark.a").as_deref(), Some("5"));
        assert_eq!(value("spark.b").as_deref(), Some("2"));
        assert_eq!(value("spark.c").as_deref(), Some("3"));
        assert_eq!(value("spark.d").as_deref(), Some("4"));
        assert_eq!(value("spark.long").as_deref(), Some("one two"));
        assert_eq!(value("spark.e").as_deref(), Some(""));
        assert_eq!(value("spark.path").as_deref(), Some("C:\\xA"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,200}") {
            let _ = parse_properties(&text);
        }
    }
}
