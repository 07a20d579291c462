//! What is printed.

use std::time::Duration;

use crate::rules::Rules;

/// What a contestant took.
pub(crate) struct Row {
    name: String,
    bytes: usize,
    best: Duration,
}

impl Row {
    pub(crate) fn new(name: String) -> Self {
        Self { name, bytes: 0, best: Duration::MAX }
    }

    pub(crate) fn add(&mut self, bytes: usize, took: Duration) {
        self.bytes = bytes;
        self.best = self.best.min(took);
    }

    fn megabytes_a_second(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.best.as_secs_f64()
    }
}

pub(crate) fn heading(rules: &Rules, log: &str, troubled: bool) {
    let lines = memchr::memchr_iter(b'\n', log.as_bytes()).count();
    let kind = if troubled { "every 50th line a failure or nearly" } else { "nothing wrong in it" };
    println!(
        "\n{:.0} MB, {lines} lines, {kind}; {} rules, {} of them shipped",
        log.len() as f64 / 1e6,
        rules.patterns.len(),
        rules.shipped
    );
}

pub(crate) fn table(rows: &[Row]) {
    let own = rows.iter().find(|row| row.name == "Paramedic").map_or(0.0, Row::megabytes_a_second);
    println!("{:<36} {:>9} {:>6} {:>12}", "", "MB/s", "of MB", "Paramedic is");
    for row in rows.iter().filter(|row| row.bytes > 0) {
        let speed = row.megabytes_a_second();
        println!("{:<36} {speed:>9.1} {:>6.0} {:>11.2}x", row.name, row.bytes as f64 / 1e6, own / speed);
    }
}
