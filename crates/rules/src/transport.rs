//! What carries a log line by line and writes its own words before each: a quote, a container runtime, a CI, Airflow.

/// Non-blank lines at the start of a log that tell what carries it.
const LINES_READ: usize = 32;

/// Likewise, where it takes a line that no program would write with a time.
const LINES_READ_MAX: usize = 2_000;

/// What carries a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A mail or a comment: `> …`.
    Quote,
    /// A container runtime's file: `2026-01-31T12:00:00.123456789Z stderr F …`.
    ContainerRuntime,
    /// Docker Compose: `spark-worker-1  | …`.
    Compose,
    /// `kubectl logs --prefix`: `[pod/orders-driver/spark-kubernetes-driver] …`.
    Kubectl,
    /// The journal of systemd, or a syslog: `Jan 31 12:00:00 host spark-submit[811]: …`.
    Journal,
    /// Livy's server: `26/01/31 12:00:00 INFO LineBufferedStream: …`, before Livy 0.5 with `stdout: ` behind it.
    Livy,
    /// A time before every line, also of one that goes on: `2026-01-31T12:00:00.1234567Z …` (GitHub Actions, `docker logs -t`,
    /// `kubectl logs --timestamps`), `[2026-01-31T12:00:00.123Z] …` (Jenkins).
    Stamp,
    /// A text that is set in as a whole, by so many blanks.
    Margin(usize),
    /// An operator of Airflow that passes on what its program prints: `[2026-01-31, 12:00:00 UTC] {subprocess.py:93} INFO - …`.
    Airflow,
}

impl Transport {
    const ALL: [Self; 7] =
        [Self::Quote, Self::ContainerRuntime, Self::Compose, Self::Kubectl, Self::Journal, Self::Livy, Self::Airflow];

    /// What carries `text`: more than half of its first lines wear the mark.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).take(LINES_READ).collect();
        let carries = |transport: &Self| lines.iter().filter(|line| transport.marks(line)).count() * 2 > lines.len();
        let stamped = || (carries(&Self::Stamp) && is_stamped(text)).then_some(Self::Stamp);
        Self::ALL.into_iter().find(carries).or_else(stamped).or_else(|| margin(&lines).map(Self::Margin))
    }

    /// The line without what the transport wrote before it.
    pub(crate) fn strip(self, line: &str) -> &str {
        match self {
            Self::Quote => after_quote(line),
            Self::Margin(width) => {
                line.get(..width).filter(|start| start.trim_start().is_empty()).map(|_| &line[width..])
            }
            Self::Livy => after_livy(line),
            Self::Stamp => after_stamp(line),
            Self::ContainerRuntime => after_stream(line),
            Self::Compose => after_service(line),
            Self::Kubectl => line.strip_prefix("[pod/").and_then(|rest| rest.split_once("] ")).map(|(_, rest)| rest),
            Self::Journal => after_journal(line),
            Self::Airflow => after_airflow(line).filter(|(source, _)| PASSES_ON.contains(source)).map(|(_, rest)| rest),
        }
        .unwrap_or(line)
    }

    fn marks(self, line: &str) -> bool {
        match self {
            Self::Airflow => after_airflow(line).is_some(),
            _ => self.strip(line).len() < line.len(),
        }
    }
}

/// Sources of Airflow that log what another program printed; what others log is Airflow's own.
const PASSES_ON: &[&str] = &[
    "subprocess.py",
    "spark_submit.py",
    "spark_submit_hook.py",
    "bash_operator.py",
    "bash.py",
    "ssh.py",
    "docker.py",
    "pod_manager.py",
    "pod_launcher.py",
    "logging_mixin.py",
];

/// What is quoted, however often: `> > …`.
fn after_quote(line: &str) -> Option<&str> {
    let mut quoted = None;
    while let Some(rest) = quoted.unwrap_or(line).strip_prefix('>') {
        quoted = Some(rest.strip_prefix(' ').unwrap_or(rest));
    }
    quoted
}

/// The blanks that all lines start with, where there are any.
fn margin(lines: &[&str]) -> Option<usize> {
    let first = lines.first()?;
    let blanks = &first[..first.len() - first.trim_start_matches([' ', '\t']).len()];
    (!blanks.is_empty() && lines.iter().all(|line| line.starts_with(blanks))).then_some(blanks.len())
}

/// The line behind a time in UTC.
fn after_stamp(line: &str) -> Option<&str> {
    let (time, rest) = match line.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => line.split_at(line.find(' ').unwrap_or(line.len())),
    };
    let digits = time.as_bytes();
    let is_time = (20..=32).contains(&digits.len())
        && digits[..4].iter().all(u8::is_ascii_digit)
        && (digits[4], digits[10], digits[13]) == (b'-', b'T', b':')
        && digits.ends_with(b"Z");
    is_time.then(|| rest.strip_prefix(' ').unwrap_or(rest))
}

/// A program's own times stand before entries only: one before a line that goes on, or before another time, is a carrier's.
fn is_stamped(text: &str) -> bool {
    text.lines().take(LINES_READ_MAX).filter_map(after_stamp).any(|rest| {
        let bytes = rest.as_bytes();
        let has_time = bytes.len() > 8
            && bytes[..2].iter().all(u8::is_ascii_digit)
            && (bytes[2] == b'/' && bytes[5] == b'/' || bytes[4] == b'-' && bytes[7] == b'-');
        let goes_on = rest.starts_with(['\t', ' ']) && rest.trim_start().starts_with("at ");
        has_time || goes_on || rest.starts_with("Caused by: ") || rest.starts_with("Traceback (most recent call last)")
    })
}

fn after_stream(line: &str) -> Option<&str> {
    let (time, rest) = line.split_once(' ')?;
    let is_time =
        time.len() >= 20 && time.as_bytes()[10] == b'T' && time.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    let rest = rest.strip_prefix("stderr ").or_else(|| rest.strip_prefix("stdout "))?;
    let rest = rest.strip_prefix(['F', 'P'])?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }.filter(|_| is_time)
}

fn after_service(line: &str) -> Option<&str> {
    let (service, rest) = line.split_once('|')?;
    let name = service.trim_end_matches(' ');
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    (is_name && name.len() < service.len()).then(|| rest.strip_prefix(' ').unwrap_or(rest))
}

fn after_journal(line: &str) -> Option<&str> {
    let (head, rest) = line.split_once("]: ").or_else(|| Some((line.strip_suffix("]:")?, "")))?;
    let words: Vec<_> = head.split_ascii_whitespace().take(6).collect();
    let [month, day, time, _, program] = words[..] else { return None };
    let is_time = time.len() >= 8 && time.as_bytes()[2] == b':' && time.as_bytes()[5] == b':';
    (month.len() == 3 && day.parse::<u8>().is_ok() && is_time && program.contains('[')).then_some(rest)
}

fn after_livy(line: &str) -> Option<&str> {
    let (head, rest) = line.split_once(" INFO LineBufferedStream: ")?;
    // What stands before is a time and nothing else.
    let is_time = head.bytes().all(|byte| byte.is_ascii_digit() || b"/-:,. T".contains(&byte));
    is_time.then(|| rest.strip_prefix("stdout: ").unwrap_or(rest))
}

/// The source that logged the line, and its message.
fn after_airflow(line: &str) -> Option<(&str, &str)> {
    let (_, rest) =
        line.strip_prefix('[').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))?.split_once("] {")?;
    let (source, rest) = rest.split_once("} ")?;
    let (source, _) = source.split_once(':')?;
    let rest = rest.split_once(' ').map(|(_, rest)| rest)?;
    // An empty line ends behind the dash.
    let message = if rest == "-" { "" } else { rest.strip_prefix("- ")? };
    Some((source, message))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_transport_is_known_and_stripped() {
        let lines = [
            (Transport::Quote, "> \tat a.B.c(B.java:1)", "\tat a.B.c(B.java:1)"),
            (
                Transport::ContainerRuntime,
                "2026-01-31T12:00:00.123456789Z stderr F \tat a.B.c(B.java:1)",
                "\tat a.B.c(B.java:1)",
            ),
            (Transport::Compose, "spark-worker-1  | Caused by: a.B: c", "Caused by: a.B: c"),
            (Transport::Kubectl, "[pod/orders-driver/main] \tat a.B.c(B.java:1)", "\tat a.B.c(B.java:1)"),
            (Transport::Journal, "Jan 31 12:00:00 host-1 spark-submit[811]: Caused by: a.B: c", "Caused by: a.B: c"),
            (Transport::Journal, "Jan  1 12:00:00 host-1 spark-submit[811]:", ""),
            (
                Transport::Livy,
                "26/01/31 12:00:00 INFO LineBufferedStream: \tat a.B.c(B.java:1)",
                "\tat a.B.c(B.java:1)",
            ),
            (
                Transport::Livy,
                "26/01/31 12:00:00 INFO LineBufferedStream: stdout: Caused by: a.B: c",
                "Caused by: a.B: c",
            ),
            (Transport::Stamp, "2026-01-31T12:00:00.1234567Z \tat a.B.c(B.java:1)", "\tat a.B.c(B.java:1)"),
            (Transport::Stamp, "2026-01-31T12:00:00.123Z 26/01/31 12:00:00 WARN A: b", "26/01/31 12:00:00 WARN A: b"),
            (Transport::Stamp, "[2026-01-31T12:00:00.123Z] Caused by: a.B: c", "Caused by: a.B: c"),
            (Transport::Airflow, "[2026-01-31, 12:00:00 UTC] {subprocess.py:93} INFO - a.B: c", "a.B: c"),
            (Transport::Airflow, "[2026-01-31 12:00:00,123] {spark_submit.py:490} INFO -", ""),
        ];
        for (transport, line, stripped) in lines {
            assert_eq!(Transport::of(&format!("{line}\n\n{line}\nother\n")), Some(transport), "{line}");
            assert_eq!(transport.strip(line), stripped);
        }
    }

    #[test]
    fn a_margin_is_what_all_lines_share() {
        let text = "    26/01/31 12:00:00 ERROR A: b\n\n    \tat a.B.c(B.java:1)\n    Caused by: d\n";
        assert_eq!(Transport::of(text), Some(Transport::Margin(4)));
        assert_eq!(Transport::Margin(4).strip("    \tat a.B"), "\tat a.B");
        assert_eq!([Transport::Margin(4).strip("  at"), Transport::Margin(2).strip("é at")], ["  at", "é at"]);
        assert_eq!(Transport::of("a.B: c\n\tat d\n\tat e\n"), None);
    }

    #[test]
    fn a_log_that_nothing_carries_stays() {
        let entries = [
            "26/01/31 12:00:00 ERROR Executor: | a",
            "2026-01-31T12:00:00.123Z stderr of the program",
            "2026-01-31T12:00:00.123Z ERROR [main] a.B - c",
            "[2026-01-31T12:00:00.123Z] ERROR at a.B",
            "|    id|  name|",
            "[2026-01-31 12:00:00,123] ERROR {a} - b",
            "id  name",
            "Jan 31 12:00:00 [main]: a",
            "[pods] a",
        ];
        for entry in entries {
            assert_eq!(Transport::of(entry), None, "{entry}");
        }
        assert_eq!(Transport::of("> one\ntwo\n"), None);
        let own = "[2026-01-31, 12:00:00 UTC] {taskinstance.py:1824} ERROR - Task failed with exception";
        assert_eq!((Transport::of(own), Transport::Airflow.strip(own)), (Some(Transport::Airflow), own));
    }

    proptest! {
        #[test]
        fn what_is_stripped_is_the_start(line in "\\PC{0,80}") {
            for transport in Transport::ALL.into_iter().chain([Transport::Stamp, Transport::Margin(3)]) {
                prop_assert!(line.ends_with(transport.strip(&line)));
            }
        }
    }
}
