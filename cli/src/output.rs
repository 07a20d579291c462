//! What commands print.

use std::io::{self, Write as _};

use serde::Serialize;

/// Prints a text to standard output; a missing newline at its end is added.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

/// A table: columns as wide as their widest cell, two spaces apart.
pub(crate) fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headers.iter().map(|header| header.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
    for row in std::iter::once(&headers).chain(rows) {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A number of things: `1 error`, `2 errors`.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A text from elsewhere, safe to show on a terminal: no control character, at most `characters_max` long.
pub(crate) fn shown(text: &str, characters_max: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(characters_max)
        .map(|c| {
            if c == '\t' {
                ' '
            } else if c.is_control() {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    if text.chars().nth(characters_max).is_some() {
        shown.push('…');
    }
    shown
}

/// Tells the caller something on standard error, which may be closed.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "paramedic: {text}");
}

/// Says, where a list goes on, how to see its next page.
pub(crate) fn tell_next_page(cursor: Option<&str>) {
    if let Some(cursor) = cursor {
        tell(&format!("there are more: --cursor {cursor}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let text = table(&["id", "name"], &[vec!["1".into(), "größer".into()], vec!["100".into(), String::new()]]);
        assert_eq!(text, "id   name\n1    größer\n100\n");
    }

    #[test]
    fn a_terminal_gets_no_control_sequence() {
        assert_eq!(shown("\u{1b}[31mred\tx", 80), "\u{fffd}[31mred x");
        assert_eq!(shown("abcdef", 3), "abc…");
    }
}
