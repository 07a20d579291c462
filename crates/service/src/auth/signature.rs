//! Signed requests, for schedulers that sign what they send instead of showing a token: Standard Webhooks
//! (standardwebhooks.com). The sender shows `webhook-id`, `webhook-timestamp` (seconds since the epoch) and
//! `webhook-signature`: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, several parted by spaces.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, PoisonError},
};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::HeaderMap,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use paramedic_domain::{Clock, Role};
use sha2::Sha256;
use tokio::sync::Semaphore;

use super::{Actor, AuthError};
use crate::error::{ApiError, ProblemKind};

/// How far the timestamp may lie from this clock, in seconds; Standard Webhooks' own tolerance.
const WINDOW_S: i64 = 300;
/// Signatures remembered until their window is over. Beyond, requests wait for room: to forget one would let it be replayed.
const REMEMBERED_MAX: usize = 100_000;
/// Largest signed body: it is held whole before it is known who sent it.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bodies held so at once.
const AT_ONCE_MAX: usize = 16;
/// Secrets that are tried on a request.
const SIGNERS_MAX: usize = 8;
/// Shortest secret, in bytes: Standard Webhooks asks for 24 to 64.
const SECRET_BYTES_MIN: usize = 24;
/// Signatures of one request that are looked at: of the new secret and the old, while a sender changes it.
const SIGNATURES_MAX: usize = 4;

/// A secret, ready to make MACs, and whose it is.
type Key = (Actor, Hmac<Sha256>);

/// Those who sign, and what they sent of late.
pub struct Signers {
    keys: Vec<Key>,
    clock: Clock,
    /// The MACs of what was let in, with the second from which on their timestamp is too old anyway.
    seen: Mutex<HashMap<[u8; 32], i64>>,
    at_once: Semaphore,
}

impl std::fmt::Debug for Signers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(actor, _)| actor)).finish()
    }
}

/// What a request shows.
struct Shown {
    id: String,
    timestamp: i64,
    signatures: Vec<Vec<u8>>,
}

impl Signers {
    /// Of a file: `name role whsec_BASE64` a line, `#` starts a comment.
    pub(super) fn load(path: &Path, clock: Clock) -> Result<Self, AuthError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| AuthError::Unreadable { path: path.to_owned(), source })?;
        let malformed = |(line, detail)| AuthError::Malformed { path: path.to_owned(), line, detail };
        Ok(Self::new(parse(&text).map_err(malformed)?, clock))
    }

    fn new(keys: Vec<Key>, clock: Clock) -> Self {
        Self { keys, clock, seen: Mutex::default(), at_once: Semaphore::new(AT_ONCE_MAX) }
    }

    /// Is this a signed request?
    pub(super) fn signs(headers: &HeaderMap) -> bool {
        headers.contains_key("webhook-signature")
    }

    /// Who signed this request; the request with its body is given back.
    pub(super) async fn admit(&self, request: Request) -> Result<(Actor, Request), ApiError> {
        let shown = shown(request.headers())?;
        if self.clock.now().as_microseconds().div_euclid(1_000_000).abs_diff(shown.timestamp) > WINDOW_S.unsigned_abs()
        {
            return Err(refused("the webhook-timestamp is over five minutes from this clock"));
        }
        let _slot = self.at_once.try_acquire().map_err(|_| busy())?;
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
            ApiError::new(ProblemKind::TooLarge, format!("a signed body has at most {BODY_BYTES_MAX} bytes"))
        })?;
        let (actor, mac) =
            self.signer(&shown, &body).ok_or_else(|| refused("no secret known here made this webhook-signature"))?;
        self.remember(mac, shown.timestamp)?;
        Ok((actor, Request::from_parts(parts, Body::from(body))))
    }

    /// Every secret is tried, in constant time each.
    fn signer(&self, shown: &Shown, body: &[u8]) -> Option<(Actor, [u8; 32])> {
        let mut found = None;
        for (actor, keyed) in &self.keys {
            let mut mac = keyed.clone();
            mac.update(format!("{}.{}.", shown.id, shown.timestamp).as_bytes());
            mac.update(body);
            for signature in &shown.signatures {
                if mac.clone().verify_slice(signature).is_ok() {
                    found = Some((actor.clone(), mac.clone().finalize().into_bytes().into()));
                }
            }
        }
        found
    }

    /// The same bytes under the same signature are let in once. A sender that tries again signs again, at another time.
    fn remember(&self, mac: [u8; 32], timestamp: i64) -> Result<(), ApiError> {
        let now = self.clock.now().as_microseconds().div_euclid(1_000_000);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED_MAX {
            seen.retain(|_, end| *end >= now);
        }
        if seen.len() >= REMEMBERED_MAX {
            return Err(busy());
        }
        if seen.insert(mac, timestamp + WINDOW_S).is_some() {
            metrics::counter!("paramedic_webhook_replays_total").increment(1);
            return Err(refused("this request was received before: sign it again to send it again"));
        }
        Ok(())
    }
}

fn shown(headers: &HeaderMap) -> Result<Shown, ApiError> {
    let text = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| value.len() <= 1024);
        value.ok_or_else(|| refused(&format!("send {name}, beside the other headers of Standard Webhooks")))
    };
    let timestamp = text("webhook-timestamp")?;
    let timestamp = timestamp.parse().map_err(|_| refused("webhook-timestamp is no number of seconds"))?;
    let signatures = text("webhook-signature")?.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
    let signatures = signatures.filter_map(|base64| STANDARD.decode(base64).ok()).take(SIGNATURES_MAX).collect();
    Ok(Shown { id: text("webhook-id")?.to_owned(), timestamp, signatures })
}

fn refused(detail: &str) -> ApiError {
    ApiError::new(ProblemKind::Unauthorized, detail)
}

fn busy() -> ApiError {
    ApiError::new(ProblemKind::Overloaded, "too many signed requests at once; sign and send again")
}

fn parse(text: &str) -> Result<Vec<Key>, (usize, String)> {
    let mut signers = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        if !line.trim().is_empty() {
            signers.push(parse_line(line).map_err(|detail| (index + 1, detail))?);
        }
    }
    match signers.len() {
        1..=SIGNERS_MAX => Ok(signers),
        number => Err((1, format!("the file holds {number} secrets; give 1 to {SIGNERS_MAX}"))),
    }
}

fn parse_line(line: &str) -> Result<Key, String> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let [name, role, secret] = fields[..] else {
        return Err(format!("holds {} fields; write `name role whsec_BASE64`", fields.len()));
    };
    let role: Role = role.parse().map_err(|detail| format!("the role: {detail}"))?;
    let secret = secret.strip_prefix("whsec_").and_then(|base64| STANDARD.decode(base64).ok());
    let secret = secret.filter(|secret| secret.len() >= SECRET_BYTES_MIN);
    let secret = secret.ok_or("the secret is none: write `whsec_` and the base64 of 24 random bytes or more")?;
    let mac = Hmac::new_from_slice(&secret).map_err(|_| "the secret cannot be used".to_owned())?;
    Ok((Actor::new(name, role), mac))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };

    use paramedic_domain::Timestamp;

    use super::*;

    const NOW: i64 = 1_770_000_000;
    const FILE: &str = "# who\nmaestro scheduler whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\n";

    fn signers() -> (Signers, Arc<AtomicI64>) {
        let now = Arc::new(AtomicI64::new(NOW));
        let read = now.clone();
        let clock = Clock::from_fn(move || Timestamp::from_microseconds(read.load(Ordering::Relaxed) * 1_000_000));
        (Signers::new(parse(FILE).unwrap(), clock), now)
    }

    fn signed(timestamp: i64, secret: &[u8], body: &'static str, sent: &'static str) -> Request {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(format!("msg_1.{timestamp}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        Request::builder()
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", format!("v0,x {signature}"))
            .body(Body::from(sent))
            .unwrap()
    }

    const SECRET: &[u8] = b"0123456789abcdef01234567";

    #[tokio::test]
    async fn a_request_is_let_in_once_and_with_its_body() {
        let (signers, _) = signers();
        let (actor, request) = signers.admit(signed(NOW, SECRET, "{}", "{}")).await.unwrap();
        assert_eq!(actor, Actor::new("maestro", Role::Scheduler));
        assert_eq!(to_bytes(request.into_body(), 10).await.unwrap(), "{}");
        let again = signers.admit(signed(NOW, SECRET, "{}", "{}")).await.unwrap_err();
        assert!(again.problem().detail.contains("received before"), "{:?}", again.problem());
        assert!(signers.admit(signed(NOW + 1, SECRET, "{}", "{}")).await.is_ok(), "signed again");
    }

    #[tokio::test]
    async fn another_secret_body_or_time_is_refused() {
        let (signers, now) = signers();
        for request in [
            signed(NOW, b"another secret of 24 byt", "{}", "{}"),
            signed(NOW, SECRET, "{}", "{} "),
            signed(NOW - WINDOW_S - 1, SECRET, "{}", "{}"),
            signed(NOW + WINDOW_S + 1, SECRET, "{}", "{}"),
        ] {
            assert_eq!(signers.admit(request).await.unwrap_err().status(), 401);
        }
        // What is forgotten is too old to be let in again.
        signers.admit(signed(NOW, SECRET, "{}", "{}")).await.unwrap();
        now.fetch_add(WINDOW_S + 1, Ordering::Relaxed);
        assert!(signers.admit(signed(NOW, SECRET, "{}", "{}")).await.is_err());
    }

    #[test]
    fn the_standards_own_example_verifies() {
        // From the specification's test vector: secret, id, timestamp and body as published with its libraries.
        let line = "x scheduler whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (_, keyed) = parse_line(line).unwrap();
        let mut mac = keyed;
        mac.update(b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}");
        let signature = STANDARD.decode("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=").unwrap();
        assert!(mac.verify_slice(&signature).is_ok());
    }

    #[test]
    fn a_wrong_line_is_named_without_its_secret() {
        for text in ["", "a scheduler", "a king whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "a agent whsec_c2hvcnQ="] {
            let (_, detail) = parse(text).expect_err(text);
            assert!(!detail.contains("MDEy") && !detail.contains("c2hv"), "{detail}");
        }
    }
}
