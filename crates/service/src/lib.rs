//! What every service repeats: problem documents, authorization, limits, health, telemetry, shutdown, the client.
//!
//! A service builds an [`OpenApiRouter`](utoipa_axum::router::OpenApiRouter) of its own routes and hands it to
//! [`serve`], which adds everything else. Handlers take [`ValidJson`], [`ValidQuery`], [`ValidPath`] and [`Actor`], and
//! answer [`ApiError`] when they cannot do what was asked.

mod auth;
pub mod client;
mod connection;
mod error;
mod extract;
mod health;
mod observe;
mod openapi;
pub mod query;
mod server;
pub mod telemetry;
mod tls;

pub use auth::{AccessArguments, Actor, Auth, AuthError, OpenRoute, Signers, Tokens, digest_of, fresh_secret};
pub use client::{Client, ClientError, Timeouts};
pub use error::{ApiError, ProblemKind};
pub use extract::{JsonBody, OptionalJson, ValidJson, ValidPath, ValidQuery, valid_json};
pub use health::Readiness;
pub use query::{AuditQuery, FailureQuery, PatchQuery, RightSizingQuery, SavingsQuery, UnclassifiedQuery};
pub use server::{ServeError, ServeOptions, ServerLimits, router, serve, serve_beside, shutdown_signal};
pub use tls::{Tls, TlsError};
