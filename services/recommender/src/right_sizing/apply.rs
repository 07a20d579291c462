//! Looking for proposals in the store, and taking their next step as ordinary patches.

use paramedic_domain::{
    FailureId, Job, NewPatch, Owner, Page, Patch, PatchId, PatchStatus, Policy, Scope, own_values,
    right_sizing::{RightSizingApplied, RightSizingProposal, RightSizingRequest},
};
use paramedic_service::Client;
use paramedic_store::{JobFilter, JobName, PatchFilter, StoreError};

use super::Case;
use crate::RecommenderState;

/// Attempts of one job that are looked at.
const ATTEMPTS_MAX: u32 = 60;
/// Patches of one job that are looked at.
const PATCHES_MAX: u32 = 100;
/// Jobs that one request applies to.
const APPLIED_MAX: u32 = 100;
const DAY_S: i64 = 24 * 3600;
/// Who wants these patches.
const SOURCE: &str = "right-sizing";

/// The proposals for the jobs that the filter names, by name.
pub(crate) async fn proposals(
    state: &RecommenderState,
    filter: &JobFilter,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Page<RightSizingProposal>, StoreError> {
    let page = jobs(state, filter, limit, cursor).await?;
    let policy = state.store.policy().await?.map_or_else(Policy::default, |(policy, _)| policy);
    let mut items = Vec::new();
    for job in page.items {
        items.extend(proposal(state, job, policy.clone()).await?.map(|(_, proposal)| proposal));
    }
    Ok(Page { items, next_cursor: page.next_cursor })
}

/// Takes the next step for each job that the request names.
pub(crate) async fn apply(
    state: &RecommenderState,
    configsvc: &Client,
    request: RightSizingRequest,
) -> Result<Vec<RightSizingApplied>, StoreError> {
    let filter = JobFilter { scheduler: request.scheduler, workflow: request.workflow, job: request.job };
    let page = jobs(state, &filter, APPLIED_MAX, None).await?;
    let policy = state.store.policy().await?.map_or_else(Policy::default, |(policy, _)| policy);
    let mut applied = Vec::new();
    for job in page.items {
        let Some((newest, proposal)) = proposal(state, job, policy.clone()).await? else { continue };
        if newest.is_control(state.settings.control_share) {
            applied.push(RightSizingApplied {
                proposal,
                patch: None,
                refused: Some("the job is held out as control".to_owned()),
            });
            continue;
        }
        applied.push(step(state, configsvc, &newest, proposal).await?);
    }
    Ok(applied)
}

async fn jobs(
    state: &RecommenderState,
    filter: &JobFilter,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Page<JobName>, StoreError> {
    let settings = &state.settings.right_sizing;
    let since = state.clock.now().plus_seconds(-i64::from(settings.days) * DAY_S);
    state.store.jobs_that_succeed(filter, since, settings.runs_min, limit, cursor).await
}

/// The proposal for a job, with its newest attempt.
async fn proposal(
    state: &RecommenderState,
    name: JobName,
    policy: Policy,
) -> Result<Option<(Job, RightSizingProposal)>, StoreError> {
    let JobName { scheduler, workflow, job } = name;
    let of = Job {
        scheduler,
        workflow,
        job,
        cluster: None,
        run: String::new(),
        attempt: 1,
        user: None,
        labels: std::collections::BTreeMap::new(),
    };
    let attempts = state.store.attempts_of_job(&of, ATTEMPTS_MAX).await?;
    let (model, settings) = (state.models.champion(), state.settings.clone());
    // The search asks the model some hundred times: off the threads that serve.
    let found = tokio::task::spawn_blocking(move || {
        let case = Case { attempts: &attempts, model: model.as_deref(), policy: &policy, settings: &settings };
        case.propose().and_then(|proposal| Some((attempts.first()?.job.clone(), proposal)))
    });
    found.await.map_err(|error| StoreError::Unavailable(Box::new(error)))
}

/// One step as a patch: for the job as it is now, in place of the step before.
async fn step(
    state: &RecommenderState,
    configsvc: &Client,
    newest: &Job,
    proposal: RightSizingProposal,
) -> Result<RightSizingApplied, StoreError> {
    let now = state.clock.now();
    let attempt = FailureId::of(&newest.attempt_key());
    let config = state.store.attempt(attempt).await?.map(|record| record.config).unwrap_or_default();
    let mut ran_with = state.store.patches_of_attempt(attempt, now).await?;
    ran_with.retain(|patch| patch.content.shows_in(&config));
    let before = in_force(state, newest).await?;
    let patch = NewPatch {
        scope: Scope {
            scheduler: Some(newest.scheduler.clone()),
            workflow: Some(newest.workflow.clone()),
            job: Some(newest.job.clone()),
            ..Scope::default()
        },
        merge: proposal.values.clone(),
        source: SOURCE.to_owned(),
        reason: Some(proposal.explanation.join(" ")),
        expires_at: Some(now.plus_seconds(i64::from(state.settings.right_sizing.patch_days) * DAY_S)),
        only_if: own_values(proposal.values.keys().map(String::as_str), &config, &ran_with)
            .into_iter()
            .filter(|(_, value)| value.is_some())
            .collect(),
        supersedes: before.map(|patch| patch.id),
        ..NewPatch::default()
    };
    // The newest attempt names the step: until another has ended, it is the same.
    let key = format!("right-sizing:{attempt}");
    let created = match configsvc.create_patch(&patch, Some(&key)).await {
        Err(error) if error.problem().is_some_and(|problem| problem.status == 409) => {
            configsvc.patch(PatchId::of(&key)).await.map(|found| found.ok_or_else(|| error.to_string()))
        }
        created => created.map(Ok),
    };
    let (patch, refused) = match created {
        Ok(Ok(patch)) if patch.status == PatchStatus::Active => (Some(patch), None),
        Ok(Ok(patch)) => (None, Some(format!("this step was taken before, and is {} by now", patch.status))),
        Ok(Err(detail)) => (None, Some(detail)),
        Err(error) => (None, Some(error.to_string())),
    };
    if patch.is_some() {
        metrics::counter!("paramedic_right_sizing_steps_total").increment(1);
    }
    Ok(RightSizingApplied { proposal, patch, refused })
}

/// The step that applies to the job now.
async fn in_force(state: &RecommenderState, job: &Job) -> Result<Option<Patch>, StoreError> {
    let filter = PatchFilter {
        status: Some(PatchStatus::Active),
        scheduler: Some(job.scheduler.clone()),
        workflow: Some(job.workflow.clone()),
        job: Some(job.job.clone()),
        source: Some(SOURCE.to_owned()),
        ..PatchFilter::default()
    };
    let page = state.store.list_patches(&filter, PATCHES_MAX, None, state.clock.now()).await?;
    Ok(page.items.into_iter().find(|patch| patch.is_for_job(job) && patch.content.owner() == Owner::RightSizing))
}
