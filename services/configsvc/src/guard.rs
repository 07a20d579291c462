//! Guarded patches: one whose attempts fail more often than others is paused by itself.

use paramedic_domain::{Guard, Patch, Timestamp};
use paramedic_store::{GuardedAttempts, PatchUpdate, Store, StoreError};

/// The actor of the change in the patch's history.
const ACTOR: &str = "guard";
/// One-sided 99 %: it is looked at again and again, and each look may be wrong by chance.
const Z: f64 = 2.326;

/// Pauses the patch where its attempts are surely worse than the others.
pub(crate) async fn look_after(store: &Store, patch: &Patch, now: Timestamp) -> Result<(), StoreError> {
    let Some(guard) = &patch.content.guard else { return Ok(()) };
    let attempts = store.guarded_attempts(patch.id).await?;
    let Some(reason) = verdict(guard, &attempts) else { return Ok(()) };
    // At the version that was judged: a change meanwhile is looked at anew.
    let pause = store.change_patch(patch.id, Some(patch.version), &PatchUpdate::Pause, ACTOR, Some(&reason), now);
    match pause.await {
        Ok(_) => {
            metrics::counter!("paramedic_patch_changes_total", "change" => "guard").increment(1);
            tracing::warn!(patch = %patch.id, reason, "a guarded patch was paused");
            Ok(())
        }
        Err(StoreError::Conflict { .. } | StoreError::WrongStatus { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Why the patch should be paused, if it should. The share of failures with it is judged by the lower end of its Wilson
/// interval (E. B. Wilson, 1927), so that a few failures among few attempts prove nothing; where the jobs have no other
/// attempts to compare with, any failure counts as new.
fn verdict(guard: &Guard, attempts: &GuardedAttempts) -> Option<String> {
    let GuardedAttempts { treated, treated_failed, others, others_failed } = *attempts;
    if treated_failed == 0 || treated < guard.attempts_min {
        return None;
    }
    let share = |failed: u32, all: u32| if all == 0 { 0.0 } else { f64::from(failed) / f64::from(all) };
    let usual = share(others_failed, others);
    if wilson_lower(f64::from(treated_failed), f64::from(treated)) <= usual + guard.failure_share_rise_max {
        return None;
    }
    let percent = |share: f64| (share * 100.0).round();
    Some(format!(
        "{treated_failed} of {treated} attempts with it failed ({} %); without it {others_failed} of {others} ({} %)",
        percent(share(treated_failed, treated)),
        percent(usual),
    ))
}

fn wilson_lower(failed: f64, all: f64) -> f64 {
    let share = failed / all;
    let centre = share + Z * Z / (2.0 * all);
    let spread = Z * (share * (1.0 - share) / all + Z * Z / (4.0 * all * all)).sqrt();
    (centre - spread) / (1.0 + Z * Z / all)
}

#[cfg(test)]
mod tests {
    use paramedic_domain::{AttemptRecord, FailureId, PatchId, PatchStatus};
    use serde_json::json;

    use super::*;

    fn judged(rise: f64, treated: (u32, u32), others: (u32, u32)) -> bool {
        let guard = Guard { failure_share_rise_max: rise, attempts_min: 5 };
        let attempts = GuardedAttempts {
            treated_failed: treated.0,
            treated: treated.1,
            others_failed: others.0,
            others: others.1,
        };
        verdict(&guard, &attempts).is_some()
    }

    #[test]
    fn only_what_is_surely_worse_is_paused() {
        assert!(judged(0.0, (5, 5), (1, 20)));
        assert!(!judged(0.0, (4, 4), (1, 20)), "too few");
        assert!(!judged(0.0, (1, 5), (1, 20)), "may be chance");
        assert!(!judged(0.0, (5, 5), (18, 20)), "they fail anyway");
        assert!(judged(0.0, (30, 100), (10, 100)) && !judged(0.25, (30, 100), (10, 100)));
        assert!(judged(0.0, (5, 5), (0, 0)) && !judged(0.0, (0, 50), (0, 0)));
    }

    #[test]
    fn the_interval_is_wilsons() {
        // By hand: 3 of 10 at z = 2.326.
        assert!((wilson_lower(3.0, 10.0) - 0.0898).abs() < 0.0005, "{}", wilson_lower(3.0, 10.0));
        assert!(wilson_lower(0.0, 10.0).abs() < 1e-12);
    }

    #[tokio::test]
    async fn a_patch_that_makes_its_jobs_fail_is_paused_and_its_history_says_why() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let (id, now) = (PatchId::of("k"), Timestamp::from_microseconds(0));
        let content = serde_json::from_value(json!({
            "scope": {"job": "j"}, "merge": {"spark.executor.cores": "2"}, "source": "right-sizing", "guard": {}
        }));
        let (patch, _) = store.create_patch(id, &content.unwrap(), "ada", now).await.unwrap();
        let record = |attempt: u32, status: &str| -> AttemptRecord {
            let job = json!({"scheduler": "s", "workflow": "w", "job": "j", "run": "r", "attempt": attempt});
            serde_json::from_value(json!({"job": job, "config": {}, "status": status})).unwrap()
        };
        for attempt in 1..=20 {
            store.record_attempt(&record(attempt, "succeeded"), now).await.unwrap();
        }
        for attempt in 21..=26 {
            let failed = record(attempt, "failed");
            store.record_attempt(&failed, now).await.unwrap();
            assert_eq!(store.patch(id, now).await.unwrap().unwrap().status, PatchStatus::Active, "{attempt}");
            store.add_uses(&[], &[(id, FailureId::of(&failed.job.attempt_key()))]).await.unwrap();
            if attempt < 25 {
                look_after(&store, &patch, now).await.unwrap();
            }
        }
        look_after(&store, &patch, now).await.unwrap();
        assert_eq!(store.patch(id, now).await.unwrap().unwrap().status, PatchStatus::Paused);
        look_after(&store, &patch, now).await.unwrap();
        let history = store.patch_history(id, 9, None).await.unwrap().items;
        let told = (history.len(), history[0].actor.as_str(), history[0].reason.as_deref());
        assert_eq!(told, (2, "guard", Some("6 of 6 attempts with it failed (100 %); without it 0 of 20 (0 %)")));
    }
}
