//! What `paramedic rules backtest` prints.

use paramedic_rules::backtest::{Change, RuleChange};

use super::Answer;
use crate::output::{counted, shown, table};

/// The changed verdicts by class, what each rule gains and loses, and the counts.
pub(super) fn text(answer: &Answer) -> String {
    let backtest = &answer.backtest;
    let mut parts = Vec::new();
    if !backtest.changes.is_empty() {
        let rows: Vec<_> = backtest.changes.iter().map(change).collect();
        let headers = ["from", "to", "failures", "cost", "what changes beside", "such as"];
        parts.push(table(&headers, &rows));
    }
    if !backtest.rules.is_empty() {
        let rows: Vec<_> = backtest.rules.iter().map(rule).collect();
        parts.push(table(&["class", "before", "after", "gained", "lost"], &rows));
    }
    parts.push(counts(answer));
    parts.join("\n")
}

fn change(change: &Change) -> Vec<String> {
    let samples: Vec<_> = change.samples.iter().map(|id| shown(id, 40)).collect();
    let fields = if change.fields.is_empty() { "-".to_owned() } else { change.fields.join(", ") };
    vec![
        change.from.clone(),
        if change.from == change.to { "(same)".to_owned() } else { change.to.clone() },
        change.failures.to_string(),
        money(change.cost_usd),
        fields,
        samples.join(" "),
    ]
}

fn rule((name, rule): (&String, &RuleChange)) -> Vec<String> {
    let number = |sign: &str, count: u64| if count == 0 { "-".to_owned() } else { format!("{sign}{count}") };
    let (gained, lost) = (number("+", rule.gained), number("-", rule.lost));
    vec![name.clone(), rule.before.to_string(), rule.after.to_string(), gained, lost]
}

/// Nothing is shown for what is not known.
fn money(usd: f64) -> String {
    if usd > 0.0 { format!("${usd:.2}") } else { "-".to_owned() }
}

fn counts(answer: &Answer) -> String {
    let backtest = &answer.backtest;
    let compared = counted(usize::try_from(backtest.compared).unwrap_or(usize::MAX), "failure");
    let mut text = format!("{compared} compared with {}, {} changed", answer.baseline, backtest.changed);
    if backtest.changed_cost_usd > 0.0 {
        text.push_str(&format!(" (of {})", money(backtest.changed_cost_usd)));
    }
    text.push_str(&format!(
        "; unclassified: {} before, {} after",
        backtest.unclassified_before, backtest.unclassified_after
    ));
    if answer.without_logs > 0 {
        text.push_str(&format!("\n{} left out: none of their logs is kept", answer.without_logs));
    }
    if answer.not_comparable > 0 {
        text.push_str(&format!(
            "\n{} left out: their verdict rests on an exit code, a setting or a container's end, which is not kept \
             with the logs",
            answer.not_comparable
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use paramedic_domain::{Category, Classification};
    use paramedic_rules::backtest::{Backtest, Comparison};

    use super::*;

    #[test]
    fn changes_come_before_rules_before_counts() {
        let verdict = |class: &str, restartable| Classification {
            class: class.into(),
            rule: (class != "Unclassified").then(|| class.to_owned()),
            category: if class == "Unclassified" { Category::Unclassified } else { Category::Network },
            restartable,
            ..Classification::unclassified()
        };
        let mut backtest = Backtest::default();
        for (id, before, after) in [
            ("one", verdict("Unclassified", false), verdict("PeerIsGone", true)),
            ("two", verdict("Unclassified", false), verdict("PeerIsGone", true)),
            ("three", verdict("OldName", true), verdict("OldName", false)),
            ("four", verdict("OldName", true), verdict("OldName", true)),
        ] {
            backtest.add(&Comparison { id: id.into(), cost_usd: Some(1.25), before, after });
        }
        let backtest = backtest.finished();
        let answer = Answer { baseline: "/tmp/main/rules".into(), without_logs: 3, not_comparable: 1, backtest };
        insta::assert_snapshot!(text(&answer));
    }
}
