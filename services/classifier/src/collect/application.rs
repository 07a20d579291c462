//! The application's id, where the report leaves it out: logs name it.

use paramedic_domain::LogSource;

/// How much of the end of a text is looked through, in bytes.
const SEARCHED_BYTES_MAX: usize = 1024 * 1024;

/// The last id in the first text that names one: a task's log that tells of several submissions ends with the one that
/// failed.
pub(super) fn id_in(logs: &[LogSource]) -> Option<String> {
    logs.iter().filter_map(|log| log.text.as_deref()).find_map(last_id)
}

fn last_id(text: &str) -> Option<String> {
    let end = text.get(text.floor_char_boundary(text.len().saturating_sub(SEARCHED_BYTES_MAX))..)?;
    let words = end.rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
    words.filter(|word| is_id(word)).map(str::to_owned).next()
}

/// YARN's `application_1700000000000_0042`, the standalone master's `app-20260131120000-0001`, Kubernetes' `spark-` and 32
/// hexadecimal digits.
fn is_id(word: &str) -> bool {
    let digits = |text: &str, least: usize| text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit());
    let two = |rest: &str, separator, first, second| {
        rest.split_once(separator).is_some_and(|(a, b)| digits(a, first) && digits(b, second))
    };
    if let Some(rest) = word.strip_prefix("application_") {
        two(rest, '_', 13, 4)
    } else if let Some(rest) = word.strip_prefix("app-") {
        two(rest, '-', 14, 4)
    } else {
        let hex = |rest: &str| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
        word.strip_prefix("spark-").is_some_and(hex)
    }
}

#[cfg(test)]
mod tests {
    use paramedic_domain::LogKind;

    use super::*;

    #[test]
    fn the_last_id_that_a_log_names_is_found() {
        let in_text =
            |text: &str| id_in(&[LogSource { log: LogKind::Scheduler, text: Some(text.to_owned()), url: None }]);
        for (text, id) in [
            (
                "INFO Client: Submitted application application_1700000000000_0042\n",
                Some("application_1700000000000_0042"),
            ),
            ("Connected to Spark cluster with app ID app-20260131120000-0001", Some("app-20260131120000-0001")),
            (
                "spark-app-selector -> spark-0123456789abcdef0123456789abcdef, x",
                Some("spark-0123456789abcdef0123456789abcdef"),
            ),
            ("application_1700000000000_0001 … application_1700000000000_0002", Some("application_1700000000000_0002")),
            ("my-app-20260131120000-0001 spark-submit app-name application_x_1 spark-shell", None),
        ] {
            assert_eq!(in_text(text).as_deref(), id, "{text}");
        }
    }
}
