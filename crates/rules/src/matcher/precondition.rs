//! What must hold before a rule's pattern is tried: the exit code, the configuration.

use std::borrow::Cow;

use memchr::{memchr, memmem};
use paramedic_domain::{Configuration, LogKind};

use super::{Outcome, Patterns};
use crate::{rule::Rule, set::LogText};

/// The outcome of a rule whose conditions do not hold; `None` where they do.
pub(super) fn unmet(
    rule: &Rule,
    patterns: &Patterns,
    exit_code: Option<i32>,
    config: &Configuration,
) -> Option<Outcome> {
    if !rule.exit_code.is_empty() && !exit_code.is_some_and(|code| rule.exit_code.contains(&code)) {
        return Some(Outcome::OtherExitCode);
    }
    let value = |key: &str| config.get(key).map_or("", String::as_str);
    let (key, _) = patterns.config.iter().find(|(key, regex)| !regex.is_match(value(key)))?;
    Some(Outcome::OtherConfiguration(key.clone()))
}

/// The configuration, and what the driver's logs show of it beyond (`spark.logConf`): `spark.key=value` lines.
pub(super) fn with_dumped<'c>(config: &'c Configuration, logs: &[LogText]) -> Cow<'c, Configuration> {
    let mut config = Cow::Borrowed(config);
    let drivers = logs.iter().filter(|log| matches!(log.log, LogKind::DriverStderr | LogKind::DriverStdout));
    for line in drivers.flat_map(|log| lines_from(&log.text, "spark.")) {
        if let Some((key, value)) = line.split_once('=')
            && !key.contains(' ')
            && !config.contains_key(key)
        {
            config.to_mut().insert(key.to_owned(), value.to_owned());
        }
    }
    config
}

/// The lines that start with `start`, without line ends.
fn lines_from<'t>(text: &'t str, start: &str) -> impl Iterator<Item = &'t str> {
    let after_line_end = format!("\n{start}");
    let mut from = 0;
    let mut first = text.starts_with(start);
    std::iter::from_fn(move || {
        if !std::mem::take(&mut first) {
            from += memmem::find(&text.as_bytes()[from..], after_line_end.as_bytes())? + 1;
        }
        let line = &text[from..];
        let end = memchr(b'\n', line.as_bytes()).unwrap_or(line.len());
        from += end;
        Some(line[..end].trim_end_matches('\r'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_are_those_that_start_so(text in "(?:spark\\.|a=b|\r?\n|é| ){0,30}") {
            let plainly: Vec<_> = text.lines().filter(|line| line.starts_with("spark.")).collect();
            prop_assert_eq!(lines_from(&text, "spark.").collect::<Vec<_>>(), plainly);
        }
    }
}
