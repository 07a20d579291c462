//! The task that keeps the memory up to date, writes uses down, and looks after guarded patches.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use paramedic_store::Store;

use super::Live;
use crate::guard;

/// Between two looks at the revision, where no word comes sooner: well within the second in which a change elsewhere
/// must be seen.
const POLL: Duration = Duration::from_millis(400);
/// Polls between two looks at what expired and what guards itself: some ten seconds.
const UPKEEP_POLLS: u32 = 25;
/// Upkeeps between two looks for attempts to forget: some hour.
const FORGET_UPKEEPS: u32 = 360;
/// For how long it is kept which attempts started with a patch, after either has ended: a patch may be resumed or renewed.
const ENDED_KEPT_S: i64 = 30 * 24 * 3_600;

/// Follows the store until nobody asks any more.
pub(crate) async fn follow(live: Weak<Live>, store: Store) {
    let mut signals = store.change_signals();
    let mut away = false;
    for round in 0_u32.. {
        let Some(live) = live.upgrade() else { return };
        let refreshed = live.refresh().await;
        tell(&mut away, refreshed.as_ref().err());
        if refreshed.is_ok() {
            if let Err(error) = live.flush().await {
                tracing::warn!(%error, "uses of patches could not be written; they are kept");
            }
            if round.is_multiple_of(UPKEEP_POLLS) {
                upkeep(&live).await;
            }
            if round.is_multiple_of(UPKEEP_POLLS * FORGET_UPKEEPS) {
                forget(&live).await;
            }
        }
        drop(live);
        signals.wait(POLL).await;
    }
}

async fn upkeep(live: &Arc<Live>) {
    let now = live.clock.now();
    live.sweep(now);
    for patch in live.guarded() {
        if let Err(error) = guard::look_after(&live.store, &patch.patch, now).await {
            tracing::warn!(%error, patch = %patch.patch.id, "a guarded patch could not be looked after");
        }
    }
}

async fn forget(live: &Live) {
    let ended_before = live.clock.now().plus_seconds(-ENDED_KEPT_S);
    if let Err(error) = live.store.forget_patched_attempts(ended_before).await {
        tracing::warn!(%error, "old attempts of patches could not be forgotten");
    }
}

/// Once when it goes away, once when it is back.
fn tell(away: &mut bool, error: Option<&paramedic_store::StoreError>) {
    match error {
        Some(error) if !*away => tracing::error!(%error, "the store is away: mutate goes on from memory"),
        None if *away => tracing::info!("the store is back"),
        _ => {}
    }
    *away = error.is_some();
    metrics::gauge!("paramedic_config_store_away").set(if *away { 1.0 } else { 0.0 });
}
