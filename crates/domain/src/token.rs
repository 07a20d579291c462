//! Tokens: who may ask for what, until when.

use std::{error::Error, fmt, future::Future, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Job, Role, Scope,
    classification::wire_enum,
    time::Timestamp,
    validation::{Validate, Violation, validate_name},
};

/// What every token begins with, so that people, log masking and secret scanners know one when they see it.
pub const TOKEN_PREFIX: &str = "pmd_";
/// Longest time that the old secret of a rotated token is still taken, in seconds: a week to roll it out.
pub const ROTATION_GRACE_S_MAX: u32 = 7 * 24 * 3600;

crate::id::id!(
    /// One token. New for each: it is no secret, and names the token where the secret must not stand.
    TokenId
);

impl TokenId {
    /// A token that nobody else will name. Ordered by time.
    #[expect(clippy::disallowed_methods, reason = "a token is not derived from anything that could be guessed")]
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }
}

/// `POST /v1/tokens`: a token to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Whose it is; stands as the author of what is done with it.
    #[schema(example = "airflow")]
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The jobs for which it may do so; every job where it names none. Reading is not narrowed.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// It is refused from then on; never where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl Validate for NewToken {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        validate_name(&self.name, &format!("{pointer}/name"), violations);
        self.scope.validate(&format!("{pointer}/scope"), violations);
        if self.scope.after_attempt.is_some() {
            violations.push(Violation::at(format!("{pointer}/scope/after_attempt"), "a token has none: leave it out"));
        }
    }
}

/// `POST /v1/tokens/{id}/rotate`. The body may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRotation {
    /// How long the old secret is still taken, in seconds, up to a week; not at all where it is not given.
    #[serde(default)]
    #[schema(maximum = 604_800)]
    pub grace_s: u32,
}

impl Validate for TokenRotation {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        if self.grace_s > ROTATION_GRACE_S_MAX {
            let detail = format!("is over {ROTATION_GRACE_S_MAX} s, a week");
            violations.push(Violation::at(format!("{pointer}/grace_s"), detail));
        }
    }
}

wire_enum! {
    /// Is a token taken?
    TokenStatus {
        /// It is.
        Active = "active",
        /// Its time is over.
        Expired = "expired",
        /// It was taken back, for ever.
        Revoked = "revoked",
    }
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Names it.
    pub id: TokenId,
    /// See [`NewToken::name`].
    pub name: String,
    /// See [`NewToken::role`].
    pub role: Role,
    /// See [`NewToken::scope`].
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// Is it taken?
    pub status: TokenStatus,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// See [`NewToken::expires_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it last got another secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// When a request last showed it, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// A token and its secret, answered once: only the secret's digest is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedToken {
    /// The token.
    pub token: Token,
    /// What `Authorization: Bearer` carries. It is not shown again.
    pub secret: TokenSecret,
}

/// The secret of a token. Shown on the wire, and nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct TokenSecret(String);

impl TokenSecret {
    /// Of this text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, to be shown to its owner once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// The SHA-256 of a token's secret.
///
/// A plain hash is right here, where a password would need a slow one: a secret has 256 random bits, so that no list of
/// likely ones can be tried, and a request is checked in under a microsecond.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    /// From 64 hexadecimal digits.
    pub fn from_hex(hex: &str) -> Option<Self> {
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut digest = [0; 32];
        for (index, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(digest))
    }

    /// As 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        self.0.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<digest>")
    }
}

/// What a server checks a request's token against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The token.
    pub id: TokenId,
    /// See [`NewToken::name`].
    pub name: String,
    /// See [`NewToken::role`].
    pub role: Role,
    /// See [`NewToken::scope`].
    pub scope: Scope,
    /// Of its secret, or of the one before while that is still taken.
    pub digest: TokenDigest,
    /// It is refused from then on.
    pub until: Option<Timestamp>,
}

/// Every credential that may be taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialSet {
    /// Grows with every change of a token.
    pub version: u64,
    /// Was ever a token made? Where one was, nobody is let in without, also when all are revoked by now.
    pub any_made: bool,
    /// The credentials: two of a token that is being rotated.
    pub credentials: Vec<Credential>,
}

/// Where credentials are kept. The store is one; the servers read it again and again.
pub trait CredentialSource: Send + Sync + 'static {
    /// The credentials, or nothing where `known` is still their version.
    fn credentials(
        &self,
        known: Option<u64>,
    ) -> impl Future<Output = Result<Option<CredentialSet>, Box<dyn Error + Send + Sync>>> + Send;

    /// These tokens were shown at these times.
    fn note_uses(
        &self,
        uses: &[(TokenId, Timestamp)],
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send;
}

/// May a token of this scope act for this job?
pub fn covers_job(scope: &Scope, job: &Job) -> bool {
    scope.matches(job)
}

/// May a token of this scope touch a patch of that scope? It may where every job that the patch can reach is in its own:
/// each field that it names, the patch names too, with the same value.
pub fn covers_scope(scope: &Scope, patch: &Scope) -> bool {
    fn same(wanted: Option<&String>, given: Option<&String>) -> bool {
        wanted.is_none() || wanted == given
    }
    same(scope.scheduler.as_ref(), patch.scheduler.as_ref())
        && same(scope.cluster.as_ref(), patch.cluster.as_ref())
        && same(scope.workflow.as_ref(), patch.workflow.as_ref())
        && same(scope.job.as_ref(), patch.job.as_ref())
        && same(scope.run.as_ref(), patch.run.as_ref())
        && same(scope.user.as_ref(), patch.user.as_ref())
        && scope.labels.iter().all(|(label, value)| patch.labels.get(label) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(json: &str) -> Scope {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_patch_is_covered_where_it_reaches_no_job_outside() {
        let own = scope(r#"{"scheduler": "airflow", "labels": {"team": "sales"}}"#);
        for (patch, covered) in [
            (r#"{"scheduler": "airflow", "labels": {"team": "sales", "tier": "1"}}"#, true),
            (r#"{"scheduler": "airflow", "workflow": "w", "labels": {"team": "sales"}, "after_attempt": 1}"#, true),
            (r#"{"scheduler": "airflow"}"#, false),
            (r#"{"scheduler": "maestro", "labels": {"team": "sales"}}"#, false),
            (r#"{"labels": {"team": "sales"}}"#, false),
            ("{}", false),
        ] {
            assert_eq!(covers_scope(&own, &scope(patch)), covered, "{patch}");
            assert!(covers_scope(&Scope::default(), &scope(patch)), "no scope covers everything");
        }
    }

    #[test]
    fn neither_a_secret_nor_a_digest_is_ever_printed() {
        let secret = TokenSecret::new("pmd_0123".to_owned());
        let digest = TokenDigest::from_hex(&"ab".repeat(32)).unwrap();
        assert_eq!(digest.to_hex(), "ab".repeat(32));
        let shown = format!("{secret:?} {digest:?}");
        assert!(!shown.contains("0123") && !shown.contains("ab"), "{shown}");
        assert_eq!(TokenDigest::from_hex(&"ab".repeat(31)), None);
        assert_eq!(TokenDigest::from_hex(&"xy".repeat(32)), None);
    }
}
