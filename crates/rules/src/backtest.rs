//! What a change of the rules would have changed: verdicts before and after, over failures that happened.

use std::collections::BTreeMap;

use paramedic_domain::Classification;
use serde::Serialize;

/// Most ids that are kept as samples of one change.
const SAMPLES_MAX: usize = 3;

/// One failure with both verdicts.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Names the failure.
    pub id: String,
    /// What the failed attempt cost, in US dollars, where it is known.
    pub cost_usd: Option<f64>,
    /// As it was, or as the baseline says.
    pub before: Classification,
    /// As the changed rules say.
    pub after: Classification,
}

/// Failures whose verdict changes in the same way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The class before.
    pub from: String,
    /// The class after.
    pub to: String,
    /// What else changes: `category`, `memory_side`, `restartable`, `remedy`.
    pub fields: Vec<&'static str>,
    /// How many failures.
    pub failures: u64,
    /// What they cost together, in US dollars, as far as it is known.
    pub cost_usd: f64,
    /// Some of them.
    pub samples: Vec<String>,
}

/// What a rule decides before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleChange {
    /// Failures that it decided.
    pub before: u64,
    /// Failures that it decides.
    pub after: u64,
    /// Those that it decides newly.
    pub gained: u64,
    /// Those that it decides no more.
    pub lost: u64,
}

/// What changes over a set of failures. Feed it with [`Backtest::add`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Backtest {
    /// Failures that were compared.
    pub compared: u64,
    /// Those whose verdict changes.
    pub changed: u64,
    /// What the changed ones cost together, in US dollars, as far as it is known.
    pub changed_cost_usd: f64,
    /// Unclassified before, and after.
    pub unclassified_before: u64,
    /// Unclassified after.
    pub unclassified_after: u64,
    /// The changes, those of most failures first.
    pub changes: Vec<Change>,
    /// By class, those that change only.
    pub rules: BTreeMap<String, RuleChange>,
}

impl Backtest {
    /// Counts one failure.
    pub fn add(&mut self, comparison: &Comparison) {
        let Comparison { before, after, .. } = comparison;
        self.compared += 1;
        self.unclassified_before += u64::from(before.rule.is_none());
        self.unclassified_after += u64::from(after.rule.is_none());
        let (from, to) = (before.class.clone(), after.class.clone());
        self.rules.entry(from.clone()).or_default().before += 1;
        self.rules.entry(to.clone()).or_default().after += 1;
        if from != to {
            self.rules.entry(from).or_default().lost += 1;
            self.rules.entry(to).or_default().gained += 1;
        }
        let fields = changed_fields(before, after);
        if before.class != after.class || !fields.is_empty() {
            self.changed += 1;
            self.changed_cost_usd += comparison.cost_usd.unwrap_or(0.0);
            self.count(comparison, fields);
        }
    }

    fn count(&mut self, comparison: &Comparison, fields: Vec<&'static str>) {
        let (from, to) = (&comparison.before.class, &comparison.after.class);
        let same = |change: &Change| change.from == *from && change.to == *to && change.fields == fields;
        let at = self.changes.iter().position(same).unwrap_or_else(|| {
            let (from, to) = (from.clone(), to.clone());
            self.changes.push(Change { from, to, fields, failures: 0, cost_usd: 0.0, samples: Vec::new() });
            self.changes.len() - 1
        });
        let change = &mut self.changes[at];
        change.failures += 1;
        change.cost_usd += comparison.cost_usd.unwrap_or(0.0);
        if change.samples.len() < SAMPLES_MAX {
            change.samples.push(comparison.id.clone());
        }
    }

    /// Puts the changes in order, and leaves out what does not change.
    #[must_use]
    pub fn finished(mut self) -> Self {
        self.rules.retain(|_, rule| rule.gained > 0 || rule.lost > 0);
        self.changes.sort_by(|one, other| {
            let key = |change: &Change| (std::cmp::Reverse(change.failures), change.from.clone(), change.to.clone());
            key(one).cmp(&key(other))
        });
        self
    }
}

/// What decides on the retry, beside the class.
fn changed_fields(before: &Classification, after: &Classification) -> Vec<&'static str> {
    let fields = [
        ("category", before.category != after.category),
        ("memory_side", before.memory_side != after.memory_side),
        ("restartable", before.restartable != after.restartable),
        ("remedy", before.remedy != after.remedy),
    ];
    fields.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use paramedic_domain::Category;

    use super::*;

    fn verdict(class: &str, restartable: bool) -> Classification {
        let rule = (class != "Unclassified").then(|| class.to_owned());
        let category = if rule.is_some() { Category::Network } else { Category::Unclassified };
        Classification { class: class.into(), rule, category, restartable, ..Classification::unclassified() }
    }

    fn comparison(id: &str, before: Classification, after: Classification) -> Comparison {
        Comparison { id: id.into(), cost_usd: Some(2.5), before, after }
    }

    #[test]
    fn changes_are_counted_by_class_and_field() {
        let mut backtest = Backtest::default();
        for id in ["a", "b", "c", "d"] {
            backtest.add(&comparison(id, verdict("Unclassified", false), verdict("New", false)));
        }
        backtest.add(&comparison("e", verdict("Same", true), verdict("Same", true)));
        backtest.add(&comparison("f", verdict("Same", true), verdict("Same", false)));
        let backtest = backtest.finished();
        assert_eq!((backtest.compared, backtest.changed, backtest.changed_cost_usd), (6, 5, 12.5));
        assert_eq!((backtest.unclassified_before, backtest.unclassified_after), (4, 0));
        let told: Vec<_> = backtest.changes.iter().map(|c| (c.to.as_str(), c.failures, c.fields.join(" "))).collect();
        assert_eq!(told, [("New", 4, "category".to_owned()), ("Same", 1, "restartable".to_owned())]);
        assert_eq!(backtest.changes[0].samples, ["a", "b", "c"]);
        let names: Vec<_> = backtest.rules.iter().map(|(name, rule)| (name.as_str(), rule.gained, rule.lost)).collect();
        assert_eq!(names, [("New", 4, 0), ("Unclassified", 0, 4)]);
    }
}
