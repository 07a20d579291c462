//! The tokens in use, by digest: those of a file, and those of the store as it was read last.

use std::{
    collections::HashMap,
    fmt,
    num::NonZeroU32,
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use governor::{DefaultDirectRateLimiter, Quota, clock::Clock as _};
use paramedic_domain::{
    Clock, Timestamp, TokenId,
    token::{Credential, CredentialSet, CredentialSource, TokenDigest},
};
use subtle::ConstantTimeEq as _;

use super::{Actor, AuthError, file, secret::digest_of};
use crate::error::{ApiError, ProblemKind};

type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// The tokens in use. Only digests are held.
pub struct Tokens {
    /// Of a file, or a process' own: they stay as they are.
    fixed: Table,
    /// Of the store.
    stored: RwLock<Arc<Table>>,
    clock: Clock,
    /// Requests a second of one token; any number where it is not given.
    rate_max: Option<NonZeroU32>,
    /// Everyone on this machine is let in until the store holds a token.
    open: bool,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("fixed", &self.fixed).field("stored", &self.stored()).finish_non_exhaustive()
    }
}

/// Entries by the first bytes of their digest.
#[derive(Default)]
struct Table {
    version: Option<u64>,
    any_made: bool,
    entries: HashMap<u64, Vec<Entry>>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.values().flatten().map(|entry| &entry.actor)).finish()
    }
}

struct Entry {
    actor: Actor,
    digest: TokenDigest,
    until: Option<Timestamp>,
    id: Option<TokenId>,
    usage: Arc<Usage>,
}

/// What is counted of one token; it outlives a reading of the store.
struct Usage {
    /// In microseconds since the epoch; 0 before the first use.
    last_used: AtomicI64,
    /// Up to where the store knows.
    noted: AtomicI64,
    limiter: Option<DefaultDirectRateLimiter>,
}

impl Usage {
    fn new(rate_max: Option<NonZeroU32>) -> Arc<Self> {
        let limiter = rate_max.map(|rate| DefaultDirectRateLimiter::direct(Quota::per_second(rate)));
        Arc::new(Self { last_used: AtomicI64::new(0), noted: AtomicI64::new(0), limiter })
    }
}

impl Tokens {
    /// None yet. `rate_max` bounds the requests a second of each.
    pub fn new(clock: Clock, rate_max: Option<NonZeroU32>) -> Self {
        Self { fixed: Table::default(), stored: RwLock::default(), clock, rate_max, open: false }
    }

    /// Those of a tokens file, with no bound on their requests.
    pub fn load(path: &Path) -> Result<Self, AuthError> {
        Self::new(Clock::system(), None).and_file(path)
    }

    /// And those of a tokens file.
    pub fn and_file(self, path: &Path) -> Result<Self, AuthError> {
        Ok(file::load(path)?.into_iter().fold(self, |tokens, (actor, digest)| tokens.and_digest(actor, digest)))
    }

    /// One more token, that no file holds: a process' own.
    #[must_use]
    pub fn and(self, actor: Actor, token: &str) -> Self {
        self.and_digest(actor, digest_of(token))
    }

    fn and_digest(mut self, actor: Actor, digest: TokenDigest) -> Self {
        let usage = Usage::new(self.rate_max);
        self.fixed.insert(Entry { actor, digest, until: None, id: None, usage });
        self
    }

    /// And everyone on this machine, until the store holds a token.
    #[must_use]
    pub(super) fn and_local(self) -> Self {
        Self { open: true, ..self }
    }

    /// Is everyone on this machine let in? From the first token on nobody is, also once all are revoked.
    pub(super) fn open(&self) -> bool {
        self.open && !self.stored().any_made
    }

    /// Is there none that could be shown?
    pub(super) fn is_empty(&self) -> bool {
        self.fixed.entries.is_empty() && self.stored().entries.is_empty()
    }

    /// Who shows this token, if it is one, may still be used, and is not used too often.
    pub(super) fn admit(&self, token: &str) -> Result<Actor, ApiError> {
        let digest = digest_of(token);
        let stored = self.stored();
        let entry = self.fixed.find(digest).or_else(|| stored.find(digest)).ok_or_else(unknown)?;
        let now = self.clock.now();
        if entry.until.is_some_and(|end| end <= now) {
            return Err(ApiError::new(ProblemKind::Unauthorized, "the token's time is over: ask for another one"));
        }
        entry.usage.last_used.fetch_max(now.as_microseconds(), Ordering::Relaxed);
        limit(entry)?;
        Ok(entry.actor.clone())
    }

    /// Reads the store where it has changed since, and says whether it had.
    pub async fn refresh(&self, source: &impl CredentialSource) -> Result<bool, SourceError> {
        let Some(set) = source.credentials(self.stored().version).await? else { return Ok(false) };
        let table = self.table(set);
        *self.stored.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        Ok(true)
    }

    /// Tells the store which tokens were used since it was told last.
    pub(super) async fn note_uses(&self, source: &impl CredentialSource) -> Result<(), SourceError> {
        let stored = self.stored();
        let used = |entry: &Entry| {
            let at = entry.usage.last_used.load(Ordering::Relaxed);
            let news = at > entry.usage.noted.load(Ordering::Relaxed);
            entry.id.filter(|_| news).map(|id| (id, Timestamp::from_microseconds(at)))
        };
        let uses: Vec<_> = stored.entries.values().flatten().filter_map(used).collect();
        if uses.is_empty() {
            return Ok(());
        }
        source.note_uses(&uses).await?;
        let noted: HashMap<_, _> = uses.into_iter().collect();
        for entry in stored.entries.values().flatten() {
            if let Some(at) = entry.id.and_then(|id| noted.get(&id)) {
                entry.usage.noted.fetch_max(at.as_microseconds(), Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn stored(&self) -> Arc<Table> {
        self.stored.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The table of what was read; what was counted of a token goes on.
    fn table(&self, set: CredentialSet) -> Table {
        let before = self.stored();
        let mut usages: HashMap<TokenId, Arc<Usage>> =
            before.entries.values().flatten().filter_map(|entry| Some((entry.id?, entry.usage.clone()))).collect();
        let mut table = Table { version: Some(set.version), any_made: set.any_made, entries: HashMap::new() };
        for Credential { id, name, role, scope, digest, until } in set.credentials {
            let usage = usages.entry(id).or_insert_with(|| Usage::new(self.rate_max)).clone();
            let actor = Actor { name, role, scope: Arc::new(scope) };
            table.insert(Entry { actor, digest, until, id: Some(id), usage });
        }
        table
    }
}

impl Table {
    fn insert(&mut self, entry: Entry) {
        self.entries.entry(bucket(entry.digest)).or_default().push(entry);
    }

    /// The entry of this digest. The map is entered by the digest of what was sent: how long that takes tells something of
    /// a hash that the sender can compute itself, and nothing of a token. The digests are compared in constant time.
    fn find(&self, digest: TokenDigest) -> Option<&Entry> {
        let candidates = self.entries.get(&bucket(digest))?;
        candidates.iter().find(|entry| bool::from(entry.digest.0.ct_eq(&digest.0)))
    }
}

fn bucket(digest: TokenDigest) -> u64 {
    digest.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn unknown() -> ApiError {
    ApiError::new(ProblemKind::Unauthorized, "the token is not known here: it was revoked, or never made")
}

/// One limiter a token: there are never more of them than tokens.
fn limit(entry: &Entry) -> Result<(), ApiError> {
    let Some(limiter) = &entry.usage.limiter else { return Ok(()) };
    let Err(until) = limiter.check() else { return Ok(()) };
    metrics::counter!("paramedic_rate_limited_total", "token" => entry.actor.name.clone()).increment(1);
    let wait: Duration = until.wait_time_from(limiter.clock().now());
    let detail = format!("`{}` asks more often than it may; ask again later", entry.actor.name);
    Err(ApiError::new(ProblemKind::RateLimited, detail).retry_after(wait))
}

#[cfg(test)]
mod tests {
    use paramedic_domain::Role;

    use super::*;

    fn tokens() -> Tokens {
        Tokens::new(Clock::system(), None).and(Actor::new("airflow", Role::Scheduler), "secret")
    }

    #[test]
    fn a_token_names_its_actor_and_others_nobody() {
        let tokens = tokens();
        assert_eq!(tokens.admit("secret").unwrap(), Actor::new("airflow", Role::Scheduler));
        for wrong in ["Secret", "", &digest_of("secret").to_hex()] {
            assert_eq!(tokens.admit(wrong).unwrap_err().status(), 401, "{wrong}");
        }
        assert!(!format!("{tokens:?}").contains(&digest_of("secret").to_hex()[..4]));
    }

    #[test]
    fn a_token_that_asks_too_often_waits_and_others_do_not() {
        let tokens = Tokens::new(Clock::system(), NonZeroU32::new(2))
            .and(Actor::new("greedy", Role::Viewer), "greedy")
            .and(Actor::new("modest", Role::Viewer), "modest");
        // Refilled by two a second: of twenty at once some are refused, however slow this machine is.
        let answers: Vec<_> = (0..20).map(|_| tokens.admit("greedy").map_err(|error| error.status())).collect();
        assert!(answers[..2].iter().all(Result::is_ok));
        assert!(answers.iter().any(|answer| answer.as_ref().is_err_and(|status| *status == 429)), "{answers:?}");
        assert!(tokens.admit("modest").is_ok());
    }
}
