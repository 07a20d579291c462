//! How a recommendation comes about: the table of contents of this service.

use std::{sync::Arc, time::Instant};

use paramedic_domain::{
    Action, AttemptRecord, Category, Configuration, HostSample, Job, Policy, Prediction, Recommendation,
    RecommendationId, RecommendationRequest,
};
use paramedic_spark::{MemoryModel, MemorySettings, SparkConfigError, memory::KEYS};

use crate::{
    escalation,
    explanation::{self, Grounds},
    facts::Facts,
    features::FeatureSpace,
    freedom::Freedom,
    guardrails::Guardrails,
    model::Model,
    objective::Predictor,
    search::{Search, SearchError},
    settings::RecommenderSettings,
};

/// What the pipeline works on, gathered beforehand; nothing below reads a store or a clock but for the deadline.
#[derive(Clone)]
pub struct Inputs {
    /// The request.
    pub request: RecommendationRequest,
    /// Earlier attempts of the job, newest first.
    pub attempts: Vec<AttemptRecord>,
    /// What the host agent saw of the application.
    pub samples: Vec<HostSample>,
    /// The bounds that no patch may leave.
    pub policy: Policy,
    /// The champion.
    pub model: Option<Arc<Model>>,
    /// What could not be read.
    pub degraded: Vec<String>,
}

/// Why there is no recommendation.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The configuration is none that Spark would start with.
    #[error(transparent)]
    Configuration(#[from] SparkConfigError),
}

/// The id of the recommendation for a request: a repetition of the request finds the first answer.
pub fn recommendation_id(request: &RecommendationRequest) -> RecommendationId {
    // Serializing plain maps and strings cannot fail; if it did, only the idempotency would be lost.
    RecommendationId::of(&serde_json::to_vec(request).unwrap_or_default())
}

/// Recommends.
pub fn recommend(inputs: Inputs, settings: &RecommenderSettings) -> Result<Recommendation, PipelineError> {
    let started = Instant::now();
    let id = recommendation_id(&inputs.request);
    let memory = MemorySettings::read(&inputs.request.config)?;
    let failed = memory.model();
    let facts = Facts::gather(&inputs.request, &failed, &inputs.attempts, &inputs.samples);
    let policy = policy_of_retry(inputs.policy, &inputs.request.job);
    let guardrails = Guardrails::new(&facts, &failed, &inputs.request.config, &policy);
    let freedom = Freedom::of(&facts, &failed, &inputs.request.config, &policy, &settings.search);
    let freedom = freedom.inspect_err(|error| tracing::error!(%error, "the search space is not valid")).ok();
    let case = Case {
        request: &inputs.request,
        facts: &facts,
        memory: &memory,
        failed: &failed,
        guardrails: &guardrails,
        settings,
        started,
    };
    let mut degraded = inputs.degraded;
    let proposal = if let Some(model) = &inputs.model {
        case.propose_by_model(model, freedom.as_ref(), id).unwrap_or_else(|error| {
            tracing::error!(%error, "the model failed; escalating plainly");
            degraded.push("model_failed".to_owned());
            case.propose_plainly(freedom.as_ref())
        })
    } else {
        degraded.push("model_missing".to_owned());
        case.propose_plainly(freedom.as_ref())
    };
    Ok(case.answer(id, proposal, inputs.model.as_deref(), degraded))
}

/// The policy with the scoped bounds that hold for the next attempt only.
fn policy_of_retry(mut policy: Policy, job: &Job) -> Policy {
    let retry = Job { attempt: job.attempt.saturating_add(1), ..job.clone() };
    policy.scoped_bounds.retain(|scoped| scoped.scope.matches(&retry));
    policy
}

/// One request, read.
struct Case<'a> {
    request: &'a RecommendationRequest,
    facts: &'a Facts,
    memory: &'a MemorySettings,
    failed: &'a MemoryModel,
    guardrails: &'a Guardrails<'a>,
    settings: &'a RecommenderSettings,
    started: Instant,
}

/// What is proposed, before it is written down.
struct Proposal {
    action: Action,
    config: Configuration,
    predicted: Option<Prediction>,
    baseline: Option<Prediction>,
    alternatives: Vec<paramedic_domain::Alternative>,
    evaluations: u32,
    feasible: bool,
    deadline_reached: bool,
}

impl Case<'_> {
    fn propose_by_model(
        &self,
        model: &Model,
        freedom: Option<&Freedom>,
        id: RecommendationId,
    ) -> Result<Proposal, SearchError> {
        let features = FeatureSpace::new(self.facts, self.reference(), self.settings.prices);
        let predictor = Predictor::new(model, features);
        let baseline = self.baseline(&predictor)?;
        let deadline = self.settings.search.deadline();
        let expired = || self.started.elapsed() >= deadline;
        let search = freedom.map(|freedom| Search {
            facts: self.facts,
            config: &self.request.config,
            memory: self.memory,
            failed: self.failed,
            freedom,
            predictor: &predictor,
            guardrails: self.guardrails,
            objective: &self.settings.objective,
            settings: &self.settings.search,
            reference_cost_usd: baseline.cost_usd,
            // The low half of the id: the same request searches the same way.
            seed: self.settings.search.seed ^ id.as_uuid().as_u64_pair().1,
            expired: &expired,
        });
        let found = search.map_or(Ok(None), |search| search.run())?;
        let action = self.decide(found.as_ref().map(|found| found.predicted), baseline);
        let unchanged = action != Action::RetryWithConfig;
        let predicted = found.as_ref().map(|found| found.predicted);
        let shown = if action == Action::RetryUnchanged { Some(baseline) } else { predicted };
        let most = self.settings.objective.max_failure_probability;
        Ok(Proposal {
            action,
            config: found
                .as_ref()
                .filter(|_| !unchanged)
                .map_or_else(|| self.request.config.clone(), |found| found.config.clone()),
            predicted: shown,
            baseline: Some(baseline),
            evaluations: found.as_ref().map_or(0, |found| found.evaluations),
            deadline_reached: found.as_ref().is_some_and(|found| found.deadline_reached),
            alternatives: found.map_or_else(Vec::new, |found| found.alternatives),
            feasible: shown.is_some_and(|shown| shown.failure_probability <= most),
        })
    }

    /// The three actions.
    fn decide(&self, best: Option<Prediction>, baseline: Prediction) -> Action {
        let settings = &self.settings.objective;
        let hopeless = |prediction: Prediction| prediction.failure_probability >= settings.disable_retry_probability;
        let unclassified = self.request.classification.category == Category::Unclassified;
        match best {
            _ if self.facts.elsewhere.is_some() => Action::RetryUnchanged,
            Some(best)
                if unclassified
                    && baseline.failure_probability <= best.failure_probability + settings.unchanged_margin =>
            {
                if hopeless(baseline) {
                    Action::DoNotRetry
                } else {
                    Action::RetryUnchanged
                }
            }
            Some(best) if hopeless(best) => Action::DoNotRetry,
            Some(_) => Action::RetryWithConfig,
            None if unclassified && !hopeless(baseline) => Action::RetryUnchanged,
            None => Action::DoNotRetry,
        }
    }

    /// An unchanged retry. What the cluster has refused it refuses again, and what Spark requires it requires again.
    fn baseline(&self, predictor: &Predictor<'_>) -> Result<Prediction, SearchError> {
        let predicted = predictor.predict(std::slice::from_ref(&self.reference()))?.pop();
        let mut baseline = predicted.unwrap_or(Prediction { failure_probability: 1.0, cost_usd: 0.0 });
        if self.facts.over_request {
            baseline.failure_probability = 1.0;
        }
        Ok(baseline)
    }

    fn reference(&self) -> MemoryModel {
        reference(self.facts, self.failed, &self.request.config)
    }

    fn propose_plainly(&self, freedom: Option<&Freedom>) -> Proposal {
        let escalated = freedom.filter(|_| self.facts.elsewhere.is_none()).and_then(|freedom| {
            escalation::escalate(self.facts, self.failed, &self.request.config, freedom, self.guardrails)
        });
        let action = match &escalated {
            Some(_) => Action::RetryWithConfig,
            None if self.facts.restartable || self.facts.elsewhere.is_some() => Action::RetryUnchanged,
            None => Action::DoNotRetry,
        };
        Proposal {
            action,
            feasible: escalated.is_some(),
            config: escalated.unwrap_or_else(|| self.request.config.clone()),
            predicted: None,
            baseline: None,
            alternatives: Vec::new(),
            evaluations: 0,
            deadline_reached: false,
        }
    }

    fn answer(
        &self,
        id: RecommendationId,
        proposal: Proposal,
        model: Option<&Model>,
        mut degraded: Vec<String>,
    ) -> Recommendation {
        if proposal.deadline_reached {
            degraded.push("search_deadline".to_owned());
        }
        let grounds = Grounds {
            facts: self.facts,
            failed: self.failed,
            original: &self.request.config,
            config: &proposal.config,
            predicted: proposal.predicted,
            baseline: proposal.baseline,
            alternatives: &proposal.alternatives,
            prices: self.settings.prices,
            action: proposal.action,
        };
        Recommendation {
            recommendation_id: id,
            action: proposal.action,
            model_version: model.map(|model| model.manifest().version.clone()),
            patch: self.request.config.patch_to(&proposal.config),
            explanation: explanation::explain(&grounds, &self.settings.objective),
            config: proposal.config,
            predicted: proposal.predicted,
            baseline: proposal.baseline,
            alternatives: proposal.alternatives,
            evaluations: proposal.evaluations,
            elapsed_ms: self.started.elapsed().as_secs_f64() * 1e3,
            feasible: proposal.feasible,
            degraded,
        }
    }
}

/// What candidates are compared with: what failed, or, where more was requested than there is, what there is.
pub(crate) fn reference(facts: &Facts, failed: &MemoryModel, config: &Configuration) -> MemoryModel {
    let within = || -> Option<MemoryModel> {
        let most = facts.maximum_bytes.filter(|_| facts.over_request)?;
        let mut config = config.clone();
        let key = if failed.local { "spark.driver.memory" } else { "spark.executor.memory" };
        config.insert(key.to_owned(), paramedic_spark::size::format_mebibytes((most / 1_048_576.0) as u64));
        MemoryModel::of(&config).ok()
    };
    within().unwrap_or_else(|| failed.clone())
}

/// The part of a configuration that the memory model reads.
pub(crate) fn slim(config: &Configuration) -> Configuration {
    KEYS.iter().filter_map(|key| Some((*key, config.get(*key)?.as_str()))).collect()
}
