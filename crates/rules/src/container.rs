//! The ends of containers that Spark, YARN and Kubernetes tell in text.

use std::sync::LazyLock;

use paramedic_domain::{ContainerEnd, ContainerRole};
use regex::Regex;

/// Most ends that are read in one block.
const ENDS_MAX: usize = 64;

#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)
        container\ name:\ (?<container>\S+)
        | (?:termination\ reason|brief\ reason|^\s*[Rr]eason|"reason"):\s+"?(?<reason>[A-Za-z]+)
        | (?:exit\ code|exitCode|Exit\ Code|[Ee]xit\ status|Exited\ with\ code):?\s+(?<code>-?\d{1,4})\b
        | executor\ with\ id\ (?<executor>\w+)
        | Lost\ executor\ (?<lost>\w+)"#,
    )
    .expect("the pattern is constant")
});

/// The patterns by which a rule on containers finds the entries to look at: they hold what a pattern's literal search needs.
pub(crate) fn reason_pattern(reasons: &[String]) -> String {
    let reasons: Vec<_> = reasons.iter().map(|reason| regex::escape(reason)).collect();
    format!(r#"(?:[Rr]eason"?: +"?)(?:{})\b"#, reasons.join("|"))
}

/// As [`reason_pattern`], for exit codes and YARN's exit statuses.
pub(crate) fn code_pattern(codes: &[i32]) -> String {
    let codes: Vec<_> = codes.iter().map(i32::to_string).collect();
    format!(r"(?:exit code|exitCode|Exit Code|[Ee]xit status|Exited with code):? +(?:{})\b", codes.join("|"))
}

/// The ends that an entry tells, in order. A new container, or a second reason or code, begins a new end.
pub(crate) fn container_ends(text: &str) -> Vec<ContainerEnd> {
    let fallback = role_of_entry(text);
    let empty = |role| ContainerEnd { role, executor_id: None, reason: None, exit_code: None };
    let mut ends: Vec<ContainerEnd> = Vec::new();
    let mut open = empty(fallback);
    for token in TOKEN.captures_iter(text).take(ENDS_MAX * 4) {
        let of = |name| token.name(name).map(|found| found.as_str());
        if let Some(name) = of("container") {
            close(&mut ends, &mut open, empty(role_of_container(name, fallback)));
        } else if let Some(id) = of("executor").or_else(|| of("lost")) {
            let same = open.executor_id.as_deref().is_none_or(|known| known == id);
            if !same {
                close(&mut ends, &mut open, empty(fallback));
            }
            open.role = ContainerRole::Executor;
            open.executor_id = Some(id.to_owned());
        } else if let Some(reason) = of("reason") {
            if open.reason.as_deref().is_some_and(|known| known != reason) {
                let next = ContainerEnd { reason: None, ..open.clone() };
                close(&mut ends, &mut open, next);
            }
            open.reason = Some(reason.to_owned());
        } else if let Some(code) = of("code").and_then(|code| code.parse().ok()) {
            if open.exit_code.is_some_and(|known| known != code) {
                let next = empty(open.role);
                close(&mut ends, &mut open, next);
            }
            open.exit_code = Some(code);
        }
    }
    close(&mut ends, &mut open, empty(fallback));
    ends.truncate(ENDS_MAX);
    ends
}

fn close(ends: &mut Vec<ContainerEnd>, open: &mut ContainerEnd, next: ContainerEnd) {
    let closed = std::mem::replace(open, next);
    if closed.reason.is_some() || closed.exit_code.is_some() {
        ends.push(closed);
    }
}

/// Spark's own names of its containers.
fn role_of_container(name: &str, fallback: ContainerRole) -> ContainerRole {
    if name.contains("driver") {
        ContainerRole::Driver
    } else if name.contains("executor") {
        ContainerRole::Executor
    } else if fallback == ContainerRole::Other {
        ContainerRole::Other
    } else {
        // A sidecar or a template's own name: the entry says whose pod it is.
        fallback
    }
}

/// Whose container an entry is about: YARN's application master is the driver's in cluster mode, its others executors'.
fn role_of_entry(text: &str) -> ContainerRole {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["spark-kubernetes-driver", "AM Container for", "driver pod", "-driver "]) {
        ContainerRole::Driver
    } else if says(&["xecutor", "Container marked as failed", "YarnAllocator"]) {
        ContainerRole::Executor
    } else {
        ContainerRole::Other
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end(text: &str) -> (ContainerRole, Option<String>, Option<String>, Option<i32>) {
        let ends = container_ends(text);
        let end = ends.first().unwrap().clone();
        (end.role, end.executor_id, end.reason, end.exit_code)
    }

    #[test]
    fn kubernetes_states_are_read() {
        let text = "ERROR TaskSchedulerImpl: Lost executor 4 on 10.0.0.7: \nThe executor with id 4 exited with exit code \
                    137(SIGKILL, possible container OOM).\n\nThe API gave the following container statuses:\n\n\t \
                    container name: spark-kubernetes-executor\n\t container state: terminated\n\t exit code: 137\n\t \
                    termination reason: OOMKilled\n";
        let ends = container_ends(text);
        assert_eq!(ends[0].executor_id.as_deref(), Some("4"));
        let last = ends.last().unwrap();
        assert_eq!(
            (last.role, last.reason.as_deref(), last.exit_code),
            (ContainerRole::Executor, Some("OOMKilled"), Some(137))
        );
        let driver =
            "\t container name: spark-kubernetes-driver\n\t exit code: 137\n\t termination reason: OOMKilled\n";
        assert_eq!(end(driver), (ContainerRole::Driver, None, Some("OOMKilled".to_owned()), Some(137)));
    }

    #[test]
    fn yarn_statuses_are_read() {
        let executor = "WARN YarnAllocator: Container marked as failed: container_1_01_07 on host: w. Exit status: 143. \
                        Diagnostics: x";
        assert_eq!(end(executor), (ContainerRole::Executor, None, None, Some(143)));
        let master = "AM Container for appattempt_1_0042_000002 exited with  exitCode: -104";
        assert_eq!(end(master), (ContainerRole::Driver, None, None, Some(-104)));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\\PC|exit code: 1|Lost executor 3|termination reason: Error){0,40}") {
            prop_assert!(container_ends(&text).len() <= ENDS_MAX);
        }
    }
}
