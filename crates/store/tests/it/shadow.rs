//! What a challenger would have decided.

use paramedic_domain::{
    Action, AttemptRecord,
    AttemptStatus::{Failed, Succeeded},
    RecommendationId,
    shadow::ShadowDecision,
};

use crate::{
    Database,
    samples::{at, attempt, job},
};

fn decision(request: &str, challenger: &str) -> ShadowDecision {
    ShadowDecision {
        recommendation_id: RecommendationId::of(request.as_bytes()),
        challenger: challenger.into(),
        champion: "base-1".into(),
        action: Action::RetryWithConfig,
        champion_action: Action::DoNotRetry,
        same_config: false,
        predicted: None,
        of_given: None,
        champion_of_given: None,
    }
}

pub(crate) async fn decisions_are_joined_with_the_first_attempt_that_followed(Database { store, .. }: Database) {
    let (first, second) = (decision("a", "c"), decision("b", "c"));
    store.record_shadow(&first, at(1)).await.unwrap();
    store.record_shadow(&second, at(2)).await.unwrap();
    // The first answer wins, and another challenger's are its own.
    store.record_shadow(&ShadowDecision { same_config: true, ..first.clone() }, at(3)).await.unwrap();
    store.record_shadow(&decision("a", "d"), at(4)).await.unwrap();
    for (number, status) in [(2, Failed), (3, Succeeded)] {
        let followed = Some(first.recommendation_id);
        let record = AttemptRecord { recommendation_id: followed, ..attempt(job("j", number), status) };
        store.record_attempt(&record, at(5)).await.unwrap();
    }
    let newest = store.shadow_decisions("c", 1, None).await.unwrap();
    assert_eq!(newest.items, [(second, None)]);
    let rest = store.shadow_decisions("c", 9, newest.next_cursor.as_deref()).await.unwrap();
    assert_eq!((rest.items, rest.next_cursor), (vec![(first, Some(Failed))], None));
}
