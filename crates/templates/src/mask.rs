//! Masks the variable parts of a line: numbers, sizes, times, hosts, paths, ids, quoted names, lists.

use crate::chunk::{self, holds_mask};

/// Longest quoted text that counts as one name, in bytes.
const QUOTED_BYTES_MAX: usize = 200;

/// The line with every variable part replaced by its kind in angle brackets: `task 3 of /data/x` is
/// `task <num> of <path>`. White space becomes single spaces.
///
/// Masking what is masked changes nothing. The time it takes is linear in the line's length.
pub fn mask(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            masked.push(' ');
            rest = rest.trim_start();
        } else if let Some(content) = quoted(first, rest, masked.chars().next_back()) {
            masked.push(first);
            masked.push_str(&name_of_quoted(content));
            masked.push(first);
            rest = &rest[content.len() + 2 * first.len_utf8()..];
        } else if is_delimiter(first) {
            masked.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            let (chunk, after) = next_chunk(rest);
            let unit = unit_after(chunk, after);
            masked.push_str(unit.map_or(&chunk::masked(chunk), |_| "<size>"));
            rest = unit.unwrap_or(after);
        }
    }
    with_lists_masked(&masked)
}

/// Ends a chunk: what stands between two of these is masked as one.
fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || "()[]{}\"'`=,;|".contains(c)
}

fn next_chunk(text: &str) -> (&str, &str) {
    let mut end = text.find(is_delimiter).unwrap_or(text.len());
    // `=` is part of a path: `/orders/day=2026-01-31/part-0`.
    if text[end..].starts_with('=') && text[..end].contains('/') {
        end = text.find(|c| c != '=' && is_delimiter(c)).unwrap_or(text.len());
    }
    text.split_at(end)
}

/// What is left after a size written as two words, such as `35.3 MiB`.
fn unit_after<'t>(number: &str, after: &'t str) -> Option<&'t str> {
    if !chunk::is_number(number) || !after.starts_with([' ', '\t']) {
        return None;
    }
    let unit = next_chunk(after.trim_start_matches([' ', '\t'])).0.trim_end_matches(chunk::TRAILING);
    let end = unit.as_ptr() as usize - after.as_ptr() as usize + unit.len();
    chunk::is_byte_unit(unit).then(|| &after[end..])
}

/// The text between the quotation marks that `rest` starts with, where they quote one word.
fn quoted(mark: char, rest: &str, before: Option<char>) -> Option<&str> {
    if !matches!(mark, '\'' | '"' | '`')
        || !before.is_none_or(|before| before == ' ' || "([{=,:.;'\"`".contains(before))
    {
        return None;
    }
    let inside = &rest[mark.len_utf8()..];
    let near = &inside[..inside.floor_char_boundary(QUOTED_BYTES_MAX)];
    let content = &near[..near.find(mark)?];
    let next = inside[content.len() + mark.len_utf8()..].chars().next();
    let ends = next.is_none_or(|next| next.is_whitespace() || ")]},.:;!?".contains(next));
    (ends && !content.is_empty() && !content.contains(char::is_whitespace)).then_some(content)
}

/// What is quoted names something of the user's; a setting's key is the system's own word.
fn name_of_quoted(content: &str) -> String {
    let setting = ["spark.", "hive.", "fs.", "yarn.", "hadoop.", "dfs."].iter().any(|start| content.starts_with(start));
    if holds_mask(content) || (setting && !content.contains(|c: char| c.is_ascii_digit() || "/:=".contains(c))) {
        content.to_owned()
    } else {
        "<name>".to_owned()
    }
}

/// Brackets around things separated by commas hold a list, whose length varies too.
fn with_lists_masked(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut open: Vec<(char, usize)> = Vec::new();
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => open.push((closing(c), written.len() + 1)),
            ')' | ']' | '}' if open.last().is_some_and(|(closing, _)| *closing == c) => {
                if let Some((_, start)) = open.pop()
                    && written[start..].contains(',')
                {
                    written.truncate(start);
                    written.push_str("<list>");
                }
            }
            _ => {}
        }
        written.push(c);
    }
    written
}

const fn closing(opening: char) -> char {
    match opening {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_has_its_mask() {
        for (line, masked) in [
            ("Task 3 in stage 1.0 failed 4 times", "Task <num> in stage <num> failed <num> times"),
            ("used 35.3 MiB of 512m.", "used <size> of <size>."),
            ("Connection to node-1.example.com:7077 refused", "Connection to <host> refused"),
            ("10.0.0.1 and ip-10-0-0-1.ec2.internal/10.0.0.1:8020", "<host> and <host>/<host>"),
            ("at 2026-01-31T12:00:00.123Z, 26/01/31 12:00:01", "at <time>, <time> <time>"),
            ("s3a://bucket/a/b=1/x.parquet is gone", "s3a://<path> is gone"),
            ("open /data/in/a.csv, file:/tmp/x or orders_1.csv", "open <path>, file:<path> or <path>"),
            ("id 6b1f04c2-8a3d-4f0e-9d5b-71c05e2a94d3", "id <uuid>"),
            ("Foo@4817ac33 at 0x00007f0beb662000", "Foo@<hex> at <hex>"),
            ("KeyError: 'customer'", "KeyError: '<name>'"),
            ("set 'spark.rpc.message.maxSize'", "set 'spark.rpc.message.maxSize'"),
            ("don't read `a`.`b`", "don't read `<name>`.`<name>`"),
            ("given columns [a, b, c]", "given columns [<list>]"),
            ("application_1700000000000_0001 of daily_sales", "<name> of <name>"),
            (
                "org.apache.spark.SparkException: [X_Y] S3 of log4j",
                "org.apache.spark.SparkException: [X_Y] S3 of log4j",
            ),
            ("calling o66.collectToPython on worker12", "calling o<num>.collectToPython on worker<num>"),
            ("Request ID: RAV5MXX3B9Z3ZHTG", "Request ID: <id>"),
            ("  two \t spaces ", "two spaces"),
        ] {
            assert_eq!(mask(line), masked);
        }
    }

    const PIECES: &str = "(?:[ -~é]|<num>|<size>|<path>|<name>|<list>| MB|://|3\\.5|0x1f|'|\t){0,60}";

    proptest! {
        #[test]
        fn masking_what_is_masked_changes_nothing(line in PIECES) {
            let once = mask(&line);
            prop_assert_eq!(mask(&once), once);
        }

        #[test]
        fn masking_grows_a_line_at_most_by_the_masks(line in "[ -~]{0,200}") {
            prop_assert!(mask(&line).len() <= 6 * line.len() + 8);
        }

        #[test]
        fn lines_that_differ_in_variable_parts_only_are_masked_alike(
            numbers in [0_u64..1_000_000_000, 0..99],
            host in "(?:ip-[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}|[a-z]{2,8}-[0-9]{1,2}\\.[a-z]{2,6}\\.internal|10\\.[0-9]{1,3}\\.0\\.[1-9])",
            path in "(?:/[a-z0-9_.-]{0,11}[a-z0-9]){2,5}",
            hex in "[0-9a-f]{8}",
            size in "[1-9][0-9]{0,3}\\.[0-9] [KMGT]i?B",
        ) {
            let [first, second] = numbers;
            let uuid = format!("{hex}-8a3d-4f0e-9d5b-71c05e2a94d3");
            let line = format!(
                "Task {first} on {host}:{} read s3a:/{path} into {path} ({size}) for {uuid} in {second}.5 s: Feed late",
                40_000 + second
            );
            let expected = "Task <num> on <host> read s3a://<path> into <path> (<size>) for <uuid> in <num> s: Feed late";
            prop_assert_eq!(mask(&line), expected);
        }
    }

    #[test]
    fn a_long_line_of_quotation_marks_takes_no_longer_than_its_length() {
        let line = "'a ".repeat(200_000);
        let started = std::time::Instant::now();
        assert!(!mask(&line).is_empty());
        assert!(started.elapsed() < std::time::Duration::from_secs(10));
    }
}
