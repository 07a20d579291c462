//! A log of any length, like that of a Spark driver.

use std::fmt::Write as _;

/// What a driver, a master and workers of Spark 4.1.4 printed: SQL, shuffles, Python, streaming.
const RUN: &str = include_str!("healthy-run.txt");
/// In a troubled log, lines between two excerpts of failures.
const LINES_BETWEEN_TROUBLES: u64 = 50;

/// At least `bytes` of log. With excerpts, one of them stands every few lines; without, nothing is wrong in it.
pub(crate) fn log(bytes: usize, troubles: Option<&[String]>) -> String {
    let lines: Vec<_> = RUN.lines().filter(|line| !line.is_empty()).collect();
    let (mut log, mut number) = (String::with_capacity(bytes + (1 << 16)), 0_u64);
    while log.len() < bytes {
        let line = lines[(number % lines.len() as u64) as usize];
        push_varied(&mut log, line, number / lines.len() as u64);
        if let Some(troubles) = troubles
            && number.is_multiple_of(LINES_BETWEEN_TROUBLES)
        {
            // Nothing in it but what fails: its own level and logger.
            let trouble = &troubles[(number / LINES_BETWEEN_TROUBLES) as usize % troubles.len()];
            let _ = writeln!(log, "26/11/27 01:34:10 ERROR Main: {trouble}");
        }
        number += 1;
    }
    log
}

/// The line, with other digits in every round, as the numbers of tasks and the times differ.
fn push_varied(log: &mut String, line: &str, round: u64) {
    // The time stays: it shows where an entry starts.
    let head = if line.starts_with("26/") { 17.min(line.len()) } else { 0 };
    log.push_str(&line[..head]);
    let shift = (round % 10) as u8;
    log.extend(line[head..].chars().map(|letter| match letter {
        '0'..='9' => char::from(b'0' + (letter as u8 - b'0' + shift) % 10),
        other => other,
    }));
    log.push('\n');
}
