//! `/v1/tokens`: who may ask all three services. Operators only, and only those whose own token reaches every job: who
//! could make a token could make one for anything.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use paramedic_domain::{
    Clock, IssuedToken, NewToken, Page, Problem, Token, TokenId, TokenRotation, Validate, Violation,
};
use paramedic_service::{
    Actor, ApiError, Auth, OptionalJson, Tokens, ValidJson, ValidPath, ValidQuery, digest_of, fresh_secret,
    query::{LIMIT_DEFAULT, LIMIT_MAX},
};
use paramedic_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

#[derive(Clone)]
struct TokenState {
    store: Store,
    clock: Clock,
    /// Those of this server, to hold what was changed at once.
    in_use: Option<Arc<Tokens>>,
}

/// The routes of tokens; `auth` is the server's own, so that what is changed here holds here at once.
pub fn routes(store: Store, auth: &Auth, clock: Clock) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(rotate))
        .routes(routes!(revoke))
        .with_state(TokenState { store, clock, in_use: auth.tokens().cloned() })
}

/// Query of a list of tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct TokenQuery {
    /// Items a page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Validate for TokenQuery {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        if self.limit.is_some_and(|limit| limit == 0 || limit > LIMIT_MAX) {
            violations.push(Violation::at(format!("{pointer}/limit"), format!("must be 1 to {LIMIT_MAX}")));
        }
    }
}

/// Makes a token. The secret is answered here and never again.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", request_body = NewToken, responses(
    (status = 201, body = IssuedToken),
    (status = 403, body = Problem),
    (status = 409, body = Problem, description = "There are as many tokens as there may be"),
    (status = 422, body = Problem),
))]
async fn create(
    State(state): State<TokenState>,
    actor: Actor,
    ValidJson(content): ValidJson<NewToken>,
) -> Result<impl IntoResponse, ApiError> {
    actor.require(&[])?;
    let now = state.clock.now();
    if content.expires_at.is_some_and(|end| end <= now) {
        let violation = Violation::at("/expires_at", "is in the past: the token would never be taken");
        return Err(ApiError::invalid(vec![violation]));
    }
    let secret = fresh_secret().map_err(ApiError::internal)?;
    let digest = digest_of(secret.reveal());
    let created = state.store.create_token(TokenId::fresh(), &content, digest, &actor.name, now).await;
    let token = created.map_err(store_error)?;
    tracing::info!(token = %token.id, name = token.name, role = %token.role, actor = actor.name, "token made");
    state.hold().await;
    Ok((StatusCode::CREATED, Json(IssuedToken { token, secret })))
}

/// Tokens without their secrets, newest first, revoked ones too.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens", params(TokenQuery), responses(
    (status = 200, body = Page<Token>),
    (status = 403, body = Problem),
))]
async fn list(
    State(state): State<TokenState>,
    actor: Actor,
    ValidQuery(query): ValidQuery<TokenQuery>,
) -> Result<Json<Page<Token>>, ApiError> {
    actor.require(&[])?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    let listed = state.store.list_tokens(limit, query.cursor.as_deref(), state.clock.now());
    listed.await.map(Json).map_err(store_error)
}

/// Gives a token another secret, answered here and never again. The old one is still taken for `grace_s`.
#[utoipa::path(post, path = "/v1/tokens/{id}/rotate", tag = "tokens", params(("id" = TokenId, Path)),
    request_body = Option<TokenRotation>,
    responses(
        (status = 200, body = IssuedToken),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is revoked"),
    ))]
async fn rotate(
    State(state): State<TokenState>,
    actor: Actor,
    ValidPath(id): ValidPath<TokenId>,
    OptionalJson(rotation): OptionalJson<TokenRotation>,
) -> Result<Json<IssuedToken>, ApiError> {
    actor.require(&[])?;
    let secret = fresh_secret().map_err(ApiError::internal)?;
    let now = state.clock.now();
    let until = now.plus_seconds(i64::from(rotation.grace_s));
    let rotated = state.store.rotate_token(id, digest_of(secret.reveal()), until, &actor.name, now).await;
    let token = rotated.map_err(store_error)?;
    tracing::info!(token = %id, name = token.name, grace_s = rotation.grace_s, actor = actor.name, "token rotated");
    state.hold().await;
    Ok(Json(IssuedToken { token, secret }))
}

/// Takes a token back, for ever: at once here, within a second on every other server.
#[utoipa::path(post, path = "/v1/tokens/{id}/revoke", tag = "tokens", params(("id" = TokenId, Path)), responses(
    (status = 200, body = Token),
    (status = 403, body = Problem),
    (status = 404, body = Problem),
))]
async fn revoke(
    State(state): State<TokenState>,
    actor: Actor,
    ValidPath(id): ValidPath<TokenId>,
) -> Result<Json<Token>, ApiError> {
    actor.require(&[])?;
    let token = state.store.revoke_token(id, &actor.name, state.clock.now()).await.map_err(store_error)?;
    tracing::info!(token = %id, name = token.name, actor = actor.name, "token revoked");
    state.hold().await;
    Ok(Json(token))
}

impl TokenState {
    /// Holds what was changed. Where the store does not answer now, the server reads it a moment later by itself.
    async fn hold(&self) {
        if let Some(tokens) = &self.in_use
            && let Err(error) = tokens.refresh(&self.store).await
        {
            tracing::warn!(%error, "a changed token will hold a moment later");
        }
    }
}

fn store_error(error: StoreError) -> ApiError {
    match error {
        StoreError::TooMany { .. } | StoreError::RevokedToken { .. } => ApiError::conflict(error.to_string()),
        error => crate::http::store_error(error),
    }
}
