//! What follows from a class, a recommendation and a patch.

use paramedic_domain::{Action, Classification, Recommendation};

/// What became of the recommended configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// A stored patch carries it to the retry.
    Yes,
    /// No patch does: a retry would run unchanged.
    No,
}

/// What the scheduler should do. What the rules alone say stands wherever the recommender has nothing better, and a
/// failure that its rule calls restartable is always retried.
pub(crate) fn action(
    classification: &Classification,
    recommendation: Option<&Recommendation>,
    carried: Carried,
) -> Action {
    let of_the_rules = if classification.restartable { Action::RetryUnchanged } else { Action::DoNotRetry };
    match recommendation.map(|recommendation| recommendation.action) {
        None | Some(Action::DoNotRetry) => of_the_rules,
        Some(Action::RetryWithConfig) if carried == Carried::No => of_the_rules,
        Some(action) => action,
    }
}

/// What is given of what was decided, and what is withheld: a job held out as control is retried unchanged, as it would be
/// if nobody looked after it.
pub(crate) const fn given(decided: Action, control: bool) -> (Action, Option<Action>) {
    if control { (Action::RetryUnchanged, Some(decided)) } else { (decided, None) }
}

#[cfg(test)]
mod tests {
    use paramedic_domain::{Configuration, RecommendationId};

    use super::*;

    fn recommendation(action: Action) -> Recommendation {
        Recommendation {
            recommendation_id: RecommendationId::of(b"request"),
            action,
            model_version: None,
            config: Configuration::default(),
            patch: serde_json::from_str("[]").unwrap(),
            predicted: None,
            baseline: None,
            alternatives: vec![],
            explanation: vec![],
            evaluations: 0,
            elapsed_ms: 0.0,
            feasible: true,
            degraded: vec![],
        }
    }

    #[test]
    fn the_whole_table() {
        use Action::{DoNotRetry, RetryUnchanged, RetryWithConfig};
        for (restartable, recommended, carried, expected) in [
            (false, None, Carried::No, DoNotRetry),
            (true, None, Carried::No, RetryUnchanged),
            (false, Some(DoNotRetry), Carried::No, DoNotRetry),
            (true, Some(DoNotRetry), Carried::No, RetryUnchanged),
            (false, Some(RetryUnchanged), Carried::No, RetryUnchanged),
            (false, Some(RetryWithConfig), Carried::Yes, RetryWithConfig),
            (true, Some(RetryWithConfig), Carried::Yes, RetryWithConfig),
            (false, Some(RetryWithConfig), Carried::No, DoNotRetry),
            (true, Some(RetryWithConfig), Carried::No, RetryUnchanged),
        ] {
            let classification = Classification { restartable, ..Classification::unclassified() };
            let recommendation = recommended.map(recommendation);
            let action = action(&classification, recommendation.as_ref(), carried);
            assert_eq!(action, expected, "{restartable} {recommended:?} {carried:?}");
        }
    }
}
