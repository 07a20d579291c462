//! Follows the store's tokens: a token that is revoked anywhere is refused here within a second.

use std::{
    sync::Weak,
    time::{Duration, Instant},
};

use paramedic_domain::token::CredentialSource;

use super::tokens::Tokens;

/// Between two looks at the version, one row each.
const LOOK_INTERVAL: Duration = Duration::from_millis(400);
/// Between two reports of which tokens were used.
const NOTE_INTERVAL: Duration = Duration::from_secs(30);

/// Reads the tokens again whenever they have changed, until nobody uses them any more. While the store does not answer,
/// what was read last holds: a database that is down must not lock the schedulers out. The gauge tells for how long.
pub(super) async fn follow(tokens: Weak<Tokens>, source: impl CredentialSource) {
    let (mut read, mut noted, mut failing) = (Instant::now(), Instant::now(), false);
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let Some(tokens) = tokens.upgrade() else { return };
        match tokens.refresh(&source).await {
            Ok(changed) => {
                read = Instant::now();
                failing = false;
                if changed {
                    tracing::info!("the tokens have changed: read again");
                }
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "the tokens cannot be read: those read last hold on");
                }
                failing = true;
            }
        }
        metrics::gauge!("paramedic_tokens_age_seconds").set(read.elapsed().as_secs_f64());
        if noted.elapsed() >= NOTE_INTERVAL {
            noted = Instant::now();
            if let Err(error) = tokens.note_uses(&source).await {
                tracing::debug!(%error, "the tokens' last uses could not be stored: they will be next time");
            }
        }
    }
}
