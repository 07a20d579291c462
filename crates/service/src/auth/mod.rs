//! Who asks, and what they may do: bearer tokens of named actors, each with a role.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use paramedic_domain::Role;
use serde::{Deserialize, de::IntoDeserializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::{ApiError, ProblemKind};

/// Who sent a request. Handlers take it as an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The token's name; `local` where no tokens are in use.
    pub name: String,
    /// The token's role.
    pub role: Role,
}

impl Actor {
    /// Everyone, on a loopback address without tokens.
    pub fn local() -> Self {
        Self { name: "local".to_owned(), role: Role::Operator }
    }

    /// Passes one of these roles, and the operator always.
    pub fn require(&self, roles: &[Role]) -> Result<(), ApiError> {
        if self.role == Role::Operator || roles.contains(&self.role) {
            return Ok(());
        }
        let allowed: Vec<_> = roles.iter().chain([&Role::Operator]).map(|role| role_name(*role)).collect();
        Err(ApiError::forbidden(format!(
            "`{}` has the role {}; this needs {}",
            self.name,
            role_name(self.role),
            allowed.join(" or ")
        )))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Actor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| ApiError::internal("the authorization layer is missing"))
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Scheduler => "scheduler",
        Role::Agent => "agent",
        Role::RuleAuthor => "rule_author",
        Role::Operator => "operator",
        Role::Viewer => "viewer",
    }
}

/// How requests are authorized.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Everyone is the operator `local`. Only for a loopback address.
    Open,
    /// Every request needs one of these tokens.
    Tokens(Arc<Tokens>),
}

impl Auth {
    /// Tokens where a file is given; without one everyone is the operator, which only a loopback address allows.
    pub fn for_address(address: SocketAddr, tokens_file: Option<&Path>) -> Result<Self, AuthError> {
        match tokens_file {
            Some(path) => Ok(Self::Tokens(Arc::new(Tokens::load(path)?))),
            None if address.ip().is_loopback() => Ok(Self::Open),
            None => Err(AuthError::TokensNeeded(address)),
        }
    }

    fn actor(&self, headers: &HeaderMap) -> Result<Actor, ApiError> {
        match self {
            Self::Open => local_actor(headers),
            Self::Tokens(tokens) => {
                let token = bearer(headers)?;
                tokens
                    .actor(token)
                    .ok_or_else(|| ApiError::new(ProblemKind::Unauthorized, "the token is not in the tokens file"))
            }
        }
    }
}

/// Without tokens only the machine itself may ask: a `Host` of another name means that a browser was lured here by a
/// name that resolves to this machine, or that a proxy exposes the port.
fn local_actor(headers: &HeaderMap) -> Result<Actor, ApiError> {
    let Some(host) = headers.get(header::HOST) else { return Ok(Actor::local()) };
    let host = host.to_str().unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host });
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let loopback = name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if loopback {
        return Ok(Actor::local());
    }
    Err(ApiError::forbidden("this service runs without tokens and answers only to localhost; give it a tokens file"))
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let missing = || ApiError::new(ProblemKind::Unauthorized, "send `Authorization: Bearer <token>`");
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(missing()) }
}

/// Adds the [`Actor`] to the request, or refuses it.
pub(crate) async fn authorize(State(auth): State<Auth>, mut request: Request, next: Next) -> Response {
    match auth.actor(request.headers()) {
        Ok(actor) => {
            tracing::Span::current().record("actor", actor.name.as_str());
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

struct Entry {
    actor: Actor,
    digest: [u8; 32],
}

/// The tokens in use: their digests only. One `name role sha256-hex` a line; `#` starts a comment. The same name may
/// stand twice, so that a token can be replaced without a gap.
pub struct Tokens(Vec<Entry>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|entry| &entry.actor)).finish()
    }
}

impl Tokens {
    /// Reads a tokens file.
    pub fn load(path: &Path) -> Result<Self, AuthError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| AuthError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|(line, detail)| AuthError::Malformed { path: path.to_owned(), line, detail })
    }

    /// One more token, that no file holds: a process' own.
    #[must_use]
    pub fn and(mut self, actor: Actor, token: &str) -> Self {
        self.0.push(Entry { actor, digest: Sha256::digest(token.as_bytes()).into() });
        self
    }

    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            if !line.trim().is_empty() {
                entries.push(parse_entry(line).map_err(|detail| (index + 1, detail))?);
            }
        }
        if entries.is_empty() {
            return Err((1, "the file holds no token".to_owned()));
        }
        Ok(Self(entries))
    }

    /// The actor of this token. Takes equally long whichever entry it is, and whether it is one.
    fn actor(&self, token: &str) -> Option<Actor> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let mut found = None;
        for entry in &self.0 {
            if bool::from(entry.digest.ct_eq(&digest)) {
                found = Some(entry);
            }
        }
        found.map(|entry| entry.actor.clone())
    }
}

fn parse_entry(line: &str) -> Result<Entry, String> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let [name, role, digest] = fields[..] else {
        return Err(format!("holds {} fields; write `name role sha256-hex`", fields.len()));
    };
    let deserializer: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = role.into_deserializer();
    let role = Role::deserialize(deserializer).map_err(|error| format!("the role: {error}"))?;
    let digest = parse_digest(digest).ok_or("the digest is no SHA-256 in hex (64 hexadecimal digits)")?;
    Ok(Entry { actor: Actor { name: name.to_owned(), role }, digest })
}

fn parse_digest(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Not a loopback address, and no tokens.
    #[error(
        "{0} can be reached from other machines, so every request needs a token: give a tokens file, one \
         `name role sha256-hex` a line. To make a token: `token=$(openssl rand -hex 32); echo \"$token\"; \
         printf 'airflow scheduler %s\\n' \"$(printf %s \"$token\" | sha256sum | cut -d' ' -f1)\" >> tokens`"
    )]
    TokensNeeded(SocketAddr),
    /// The tokens file cannot be read.
    #[error("the tokens file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of the tokens file is wrong.
    #[error("{}:{line}: {detail}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        detail: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of `secret`.
    const DIGEST: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    #[test]
    fn a_token_names_its_actor_and_others_nobody() {
        let tokens = Tokens::parse(&format!("# who\nairflow scheduler {DIGEST} # rotated in May\n")).unwrap();
        assert_eq!(tokens.actor("secret"), Some(Actor { name: "airflow".into(), role: Role::Scheduler }));
        assert_eq!(tokens.actor("Secret"), None);
        assert_eq!(tokens.actor(DIGEST), None);
        assert!(!format!("{tokens:?}").contains("2bb8"));
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, line) in [
            ("", 1),
            ("\nairflow scheduler", 2),
            ("a king 00", 1),
            (&format!("a agent {DIGEST}\nb agent {}", &DIGEST[1..]), 2),
        ] {
            assert_eq!(Tokens::parse(text).unwrap_err().0, line, "{text}");
        }
    }

    #[test]
    fn an_address_that_others_reach_needs_tokens() {
        assert!(matches!(Auth::for_address("127.0.0.1:0".parse().unwrap(), None), Ok(Auth::Open)));
        assert!(matches!(Auth::for_address("[::1]:0".parse().unwrap(), None), Ok(Auth::Open)));
        let error = Auth::for_address("0.0.0.0:80".parse().unwrap(), None).unwrap_err();
        assert!(error.to_string().contains("sha256sum"), "{error}");
    }

    #[test]
    fn without_tokens_only_local_names_are_served() {
        for (host, local) in [
            ("localhost:8080", true),
            ("127.0.0.1", true),
            ("[::1]:80", true),
            ("evil.example:8080", false),
            ("10.0.0.1", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            assert_eq!(Auth::Open.actor(&headers).is_ok(), local, "{host}");
        }
    }

    #[test]
    fn the_operator_may_everything_and_others_what_is_named() {
        let viewer = Actor { name: "eve".into(), role: Role::Viewer };
        assert!(Actor::local().require(&[]).is_ok());
        assert!(viewer.require(&[Role::Viewer]).is_ok());
        let error = viewer.require(&[Role::Scheduler]).unwrap_err();
        assert_eq!(error.problem().detail, "`eve` has the role viewer; this needs scheduler or operator");
    }
}
