//! What carries a log line by line and writes its own words before each: a quote, a container runtime, Airflow.

/// Non-blank lines at the start of a log that tell what carries it.
const LINES_READ: usize = 32;

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
    /// A text that is set in as a whole, by so many blanks.
    Margin(usize),
    /// An operator of Airflow that passes on what its program prints: `[2026-01-31, 12:00:00 UTC] {subprocess.py:93} INFO - …`.
    Airflow,
}

impl Transport {
    const ALL: [Self; 6] =
        [Self::Quote, Self::ContainerRuntime, Self::Compose, Self::Kubectl, Self::Journal, Self::Airflow];

    /// What carries `text`: more than half of its first lines wear the mark.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).take(LINES_READ).collect();
        let carries = |transport: &Self| lines.iter().filter(|line| transport.marks(line)).count() * 2 > lines.len();
        Self::ALL.into_iter().find(carries).or_else(|| margin(&lines).map(Self::Margin))
    }

    /// The line without what the transport wrote before it.
    pub(crate) fn strip(self, line: &str) -> &str {
        match self {
            Self::Quote => after_quote(line),
            Self::Margin(width) => {
                line.get(..width).filter(|start| start.trim_start().is_empty()).map(|_| &line[width..])
            }
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
            for transport in Transport::ALL.into_iter().chain([Transport::Margin(3)]) {
                prop_assert!(line.ends_with(transport.strip(&line)));
            }
        }
    }
}
