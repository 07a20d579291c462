//! Who asks, and what they may do: bearer tokens of named actors, each with a role and a scope.

mod arguments;
mod file;
mod follow;
mod secret;
mod signature;
mod tokens;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use paramedic_domain::{
    Clock, Job, Role, Scope,
    token::{CredentialSource, covers_job, covers_scope},
};

use crate::error::{ApiError, ProblemKind};

pub use arguments::AccessArguments;
pub use secret::{digest_of, fresh_secret};
pub use signature::Signers;
pub use tokens::Tokens;

/// Who sent a request. Handlers take it as an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The token's name; `local` where no tokens are in use.
    pub name: String,
    /// The token's role.
    pub role: Role,
    /// The jobs that the token may act for.
    pub scope: Arc<Scope>,
}

impl Actor {
    /// Of this name and role, for every job.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self { name: name.into(), role, scope: Arc::default() }
    }

    /// Everyone, on a loopback address without tokens.
    pub fn local() -> Self {
        Self::new("local", Role::Operator)
    }

    /// Passes where the token's scope holds this job.
    pub fn require_job(&self, job: &Job) -> Result<(), ApiError> {
        if covers_job(&self.scope, job) { Ok(()) } else { Err(self.out_of_scope("this job")) }
    }

    /// Passes where the token's scope holds every job that a patch of this scope reaches.
    pub fn require_scope(&self, patch: &Scope) -> Result<(), ApiError> {
        if covers_scope(&self.scope, patch) { Ok(()) } else { Err(self.out_of_scope("every job that this reaches")) }
    }

    fn out_of_scope(&self, what: &str) -> ApiError {
        let scope = serde_json::to_string(&*self.scope).unwrap_or_default();
        ApiError::forbidden(format!("`{}` may act for {scope} only, which does not hold {what}", self.name))
    }

    /// Passes one of these roles, and the operator always; with no role given, only an operator for every job.
    pub fn require(&self, roles: &[Role]) -> Result<(), ApiError> {
        if self.role == Role::Operator && roles.is_empty() && !self.scope.is_empty() {
            return Err(self.out_of_scope("every job"));
        }
        if self.role == Role::Operator || roles.contains(&self.role) {
            return Ok(());
        }
        let allowed: Vec<_> = roles.iter().chain([&Role::Operator]).map(|role| role.as_str()).collect();
        Err(ApiError::forbidden(format!(
            "`{}` has the role {}; this needs {}",
            self.name,
            self.role.as_str(),
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

/// How requests are authorized.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Everyone is the operator `local`. Only for a loopback address.
    Open,
    /// Every request needs one of these tokens.
    Tokens(Arc<Tokens>),
    /// Every request needs one of these tokens, or the signature of one of these secrets.
    Signed(Arc<Tokens>, Arc<Signers>),
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

    /// The tokens of the file, where one is given, and those that `source` holds, now and from now on: what changes there
    /// holds here within half a second. `own` are more, that only this process knows.
    ///
    /// A loopback address without a file is open until the first token is made. Any other needs a token to start.
    pub async fn start(
        address: SocketAddr,
        access: &AccessArguments,
        own: Option<(Actor, &str)>,
        source: impl CredentialSource,
        clock: Clock,
    ) -> Result<Self, AuthError> {
        let mut tokens = Tokens::new(clock.clone(), access.rate_max());
        if let Some(path) = &access.tokens {
            tokens = tokens.and_file(path)?;
        } else if address.ip().is_loopback() {
            tokens = tokens.and_local();
        }
        tokens.refresh(&source).await.map_err(AuthError::Source)?;
        if tokens.is_empty() && !address.ip().is_loopback() {
            return Err(AuthError::TokensNeeded(address));
        }
        if let Some((actor, token)) = own {
            tokens = tokens.and(actor, token);
        }
        let tokens = Arc::new(tokens);
        let auth = match &access.webhook_secrets {
            Some(path) => Self::Signed(tokens.clone(), Arc::new(Signers::load(path, clock)?)),
            None => Self::Tokens(tokens.clone()),
        };
        tokio::spawn(follow::follow(Arc::downgrade(&tokens), source));
        Ok(auth)
    }

    /// The tokens in use, where there are any.
    pub fn tokens(&self) -> Option<&Arc<Tokens>> {
        match self {
            Self::Open => None,
            Self::Tokens(tokens) | Self::Signed(tokens, _) => Some(tokens),
        }
    }

    fn actor(&self, headers: &HeaderMap) -> Result<Actor, ApiError> {
        match self.tokens() {
            None => local_actor(headers),
            Some(tokens) if tokens.open() => local_actor(headers),
            Some(tokens) => tokens.admit(bearer(headers)?),
        }
    }

    /// Who sent the request, which is given back.
    async fn admit(&self, request: Request) -> Result<(Actor, Request), ApiError> {
        match self {
            Self::Signed(_, signers) if Signers::signs(request.headers()) => signers.admit(request).await,
            _ => Ok((self.actor(request.headers())?, request)),
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

/// Who may ask for what without being told apart: for callers that cannot show a token.
#[derive(Clone, Debug)]
pub struct OpenRoute {
    /// The route, as it is declared.
    pub route: &'static str,
    /// In whose name it is served.
    pub actor: Actor,
}

/// Adds the [`Actor`] to the request, or refuses it.
pub(crate) async fn authorize(
    State((auth, open)): State<(Auth, Arc<[OpenRoute]>)>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let open = open.iter().find(|open| Some(open.route) == route);
    let admitted = match open {
        Some(open) if !request.headers().contains_key(header::AUTHORIZATION) => Ok((open.actor.clone(), request)),
        _ => auth.admit(request).await,
    };
    match admitted {
        Ok((actor, mut request)) => {
            tracing::Span::current().record("actor", actor.name.as_str());
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// Why nobody could be told apart.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Not a loopback address, and no tokens.
    #[error(
        "{0} can be reached from other machines, so every request needs a token: make the first one by `paramedic tokens \
         create --database-url URL --name admin --role operator`, or give a tokens file, one `name role sha256-hex` a \
         line, as `printf 'airflow scheduler %s\\n' \"$(printf %s \"$token\" | sha256sum | cut -d' ' -f1)\" >> tokens`"
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
    /// The tokens of the store cannot be read.
    #[error("the tokens cannot be read: {0}")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
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
        let viewer = Actor::new("eve", Role::Viewer);
        assert!(Actor::local().require(&[]).is_ok());
        assert!(viewer.require(&[Role::Viewer]).is_ok());
        let scope = Scope { workflow: Some("w".into()), ..Scope::default() };
        let scoped = Actor { scope: scope.into(), ..Actor::new("ada", Role::Operator) };
        assert!(scoped.require(&[Role::Viewer]).is_ok());
        assert_eq!(scoped.require(&[]).unwrap_err().status(), 403);
        let error = viewer.require(&[Role::Scheduler]).unwrap_err();
        assert_eq!(error.problem().detail, "`eve` has the role viewer; this needs scheduler or operator");
    }
}
