//! The field's nouns and the wire contract of Paramedic.
//!
//! Every type that crosses a service boundary stands here once: the services serialize it, the client deserializes it,
//! and the OpenAPI documents are generated from it. Nothing here performs input or output.

pub mod attempt;
pub mod audit;
pub mod classification;
pub mod configuration;
pub mod container;
pub mod evidence;
pub mod failure;
pub mod freeze;
pub mod id;
pub mod inbox;
pub mod job;
pub mod ledger;
pub mod log;
pub mod model;
pub mod mutation;
pub mod page;
pub mod patch;
pub mod patch_values;
pub mod policy;
pub mod problem;
pub mod recommendation;
pub mod right_sizing;
pub mod role;
pub mod rule;
pub mod savings;
pub mod scope;
pub mod shadow;
pub mod time;
pub mod token;
pub mod validation;

pub use attempt::{AttemptRecord, AttemptStatus, OutcomeReceipt, OutcomeReport};
pub use audit::{AuditEntry, AuditKind};
pub use classification::{Category, Classification, Evidence, MemorySide};
pub use configuration::Configuration;
pub use container::{ContainerEnd, ContainerRole};
pub use evidence::{
    AttemptEvidence, ClusterLimits, EventLogSummary, HostSample, LargestTask, RunQueueCause, RunningAtFailure,
    StageSummary, TaskQuantiles,
};
pub use failure::{Action, Decision, FailureReport, PatchReference};
pub use freeze::{Freeze, NewFreeze};
pub use id::{FailureId, FreezeId, PatchId, RecommendationId};
pub use inbox::{LogExcerpt, TellingExcerpt, UnclassifiedDetail, UnclassifiedGroup, UnclassifiedSample};
pub use job::{AttemptKey, Job};
pub use ledger::{LedgerLine, LedgerOutcome};
pub use log::{LogKind, LogSource};
pub use mutation::{
    AppliedPatch, ExplainedKey, ExplainedPatch, Explanation, LostValue, MutateRequest, MutateResponse, Provenance,
    SkipCode, SkippedPatch,
};
pub use page::Page;
pub use patch::{Guard, NewPatch, Owner, Patch, PatchChange, PatchStatus};
pub use patch_values::own_values;
pub use policy::{Bound, Policy, ScopedBounds};
pub use problem::Problem;
pub use recommendation::{Alternative, Prediction, Recommendation, RecommendationRequest};
pub use role::Role;
pub use rule::{MatchRequest, MatchResponse, RuleSetSummary};
pub use scope::Scope;
pub use time::{Clock, Timestamp};
pub use token::{IssuedToken, NewToken, Token, TokenId, TokenRotation, TokenSecret, TokenStatus};
pub use validation::{Validate, Violation};
